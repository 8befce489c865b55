"""WebVTT and SRT subtitles to tiers and back."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from mcgurk.data.source import fail
from mcgurk.data.tier import Tier, collect
from mcgurk.errors import DataError

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?\Z")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?\s++([^<>]*+)>")  # possessive: what is no voice is seen once, so hostile text takes linear time
_TAG = re.compile(r"<[^<>]*>")
_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
CUES = "cues"


def read_vtt(text: str, name: str) -> list[Tier]:
    """The cues of a WebVTT file: a tier for each voice, and "cues" for those without one. Style, region and note blocks are passed over.

    Raises:
        MediaError: F05, no WEBVTT header or a cue without valid times.

    Source: W3C, WebVTT: The Web Video Text Tracks Format.
    """
    blocks = _blocks(text)
    if not blocks or not re.match(r"WEBVTT(\s|$)", blocks[0][1]):
        fail("F05", name, "does not start with WEBVTT", "save it again as WebVTT, or say format='srt'")
    rows = []
    for line, block in blocks:
        cue = _cue(block, line, name, needed=not re.match(r"(WEBVTT|NOTE|STYLE|REGION)(\s|$)", block))
        if cue is not None:
            start, end, body = cue
            voice = _VOICE.search(body)
            speaker = html.unescape(voice.group(1).strip()) if voice else CUES
            rows.append((speaker or CUES, start, end, html.unescape(_TAG.sub("", body))))
    return collect(rows) or [Tier(CUES, [], [], [])]  # type: ignore[arg-type]


def read_srt(text: str, name: str) -> list[Tier]:
    """The cues of an SRT file as the one tier "cues"; formatting tags are left as they stand.

    Raises:
        MediaError: F05, a cue without valid times.
    """
    cues = [_cue(block, line, name, needed=True) for line, block in _blocks(text)]
    return collect([(CUES, *cue) for cue in cues if cue is not None]) or [Tier(CUES, [], [], [])]  # type: ignore[arg-type]


def _blocks(text: str) -> list[tuple[int, str]]:
    """(line number, block) for each run of lines that are not blank."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    blocks, line = [], 1
    pending: list[str] = []
    for number, row in enumerate([*text.split("\n"), ""], 1):
        if row.strip():
            line = line if pending else number
            pending.append(row)
        elif pending:
            blocks.append((line, "\n".join(pending)))
            pending = []
    return blocks


def _cue(block: str, line: int, name: str, *, needed: bool) -> tuple[float, float, str] | None:
    """(start, end, text) of a block; the times stand in its first or second line."""
    lines = block.split("\n")
    for k, row in enumerate(lines[:2]):
        if "-->" in row:
            match = _TIMES.match(row)
            if match is None:
                fail("F05", name, f"no valid times in {row[:60]!r}", "write them as 00:01:02.500 --> 00:01:03.000", at=f"line {line + k}")
            groups = match.groups()
            return _seconds(groups[:4]), _seconds(groups[4:]), "\n".join(lines[k + 1 :])
    if needed:
        fail(
            "F05",
            name,
            f"a cue without times: {lines[0][:60]!r}",
            "remove the blank line inside the cue, or add its times",
            at=f"line {line}",
        )
    return None


def _seconds(groups: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = groups
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return whole + int((fraction or "0").ljust(3, "0")) / 1000


def write_vtt(tiers: Sequence[Tier]) -> str:
    """All tiers as one WebVTT file in order of time; a tier other than "cues" is written as a voice.

    Raises:
        DataError: a label holds a blank line, which would end its cue, or a tier's name holds ">" or a line break.
    """
    rows = sorted((s, e, k, i) for k, tier in enumerate(tiers) for i, (s, e) in enumerate(zip(tier.start.tolist(), tier.end.tolist())))
    parts = ["WEBVTT\n"]
    for start, end, k, i in rows:
        tier = tiers[k]
        body = _escaped(_body(tier, i))
        if tier.name != CUES:
            if not tier.name.strip() or re.search(r"[\n\r]", tier.name):
                raise DataError(f"tier {tier.name!r} cannot be a WebVTT voice; give it a name of one line")
            body = f"<v {_escaped(tier.name)}>{body}"
        parts.append(f"{_clock(start)} --> {_clock(end)}\n{body}\n")
    return "\n".join(parts)


def write_srt(tiers: Sequence[Tier]) -> str:
    """One tier as SRT.

    Raises:
        DataError: more than one tier, or a label with a blank line.
    """
    if len(tiers) != 1:
        raise DataError(f"SRT holds one tier and {len(tiers)} were given; write WebVTT, or one file for each tier")
    tier = tiers[0]
    rows = zip(tier.start.tolist(), tier.end.tolist(), range(len(tier)))
    return "\n".join(f"{i + 1}\n{_clock(s, ',')} --> {_clock(e, ',')}\n{_body(tier, i)}\n" for s, e, i in rows)


def _body(tier: Tier, i: int) -> str:
    label = tier.label[i]
    if not label.strip() or _BLANK.search(label) or label != label.strip("\n") or "\r" in label or "-->" in label.split("\n")[0]:
        raise DataError(f"tier {tier.name!r}: label {label[:30]!r} is empty, holds a blank line or '-->'; subtitles cannot hold it")
    return label


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str = ".") -> str:
    """``01:02:03.004``."""
    total = round(seconds * 1000)
    return f"{total // 3_600_000:02d}:{total // 60_000 % 60:02d}:{total // 1000 % 60:02d}{point}{total % 1000:03d}"
