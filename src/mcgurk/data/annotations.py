"""Annotation files at the edge: ELAN .eaf, Praat TextGrid, WebVTT, SRT and CSV to tiers and back."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mcgurk.data import elan, subtitles, textgrid, tier_csv
from mcgurk.data.media import read_text
from mcgurk.data.source import Source, fail, name_of
from mcgurk.data.tier import MediaLink, Tier
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.files import atomic_write

__all__ = ["Annotations", "MediaLink", "Tier", "read_annotations", "tidy", "write_annotations"]

SLACK = 0.040
_SUFFIXES = {".eaf": "eaf", ".textgrid": "textgrid", ".vtt": "vtt", ".srt": "srt", ".csv": "csv", ".tsv": "csv", ".txt": "csv"}


@dataclasses.dataclass(frozen=True, slots=True)
class Annotations:
    """The tiers of one file by name, and the media it says it belongs to."""

    tiers: dict[str, Tier]
    media: tuple[MediaLink, ...] = ()


def read_annotations(
    source: Source,
    *,
    format: str | None = None,
    duration: float | None = None,
    overlap: str = "error",
    root: str | os.PathLike[str] | None = None,
) -> Annotations:
    """Read one annotation file; every tier is put in order and checked by :func:`tidy`.

    Times are seconds. ELAN: hierarchies become flat tiers, and annotations without times of their own share their parent's span
    equally. TextGrid: empty intervals are gaps, not annotations. WebVTT: cues of a voice ``<v Name>`` become the tier of that name.
    Media an .eaf names are resolved inside ``root`` (or the file's folder) or reported as outside; they are never opened.

    Args:
        source: path or bytes.
        format: "eaf", "textgrid", "vtt", "srt" or "csv"; by extension, then by content, when None.
        duration: the medium's length in seconds; times past it are then faults.
        overlap: "error" or "keep": may intervals of one tier overlap?
        root: folder the file must lie in, links resolved.

    Raises:
        MediaError: F01 to F03, F09, F04 no annotation format, F05 damaged, F12 and B limits.
        DataError: T02, T03, T04 (see :func:`tidy`).

    Example:
        >>> from mcgurk.data.annotations import read_annotations
        >>> read_annotations(b"WEBVTT\\n\\n00:01.000 --> 00:02.500\\nba\\n").tiers["cues"]
        Tier('cues', 1 interval from 1.000 to 2.500 s)
    """
    if overlap not in ("error", "keep"):
        raise DataError(f"overlap {overlap!r} was given; expected 'error' or 'keep'")
    name = name_of(source)
    if format is None:
        format = _format_of(source, root)
    if format == "eaf":
        folder = root if root is not None else None if isinstance(source, bytes) else Path(os.fsdecode(source)).parent
        tiers, media = elan.read(source, folder, root)
    elif format in ("textgrid", "vtt", "srt", "csv"):
        text = read_text(source, root=root)
        read = {"textgrid": textgrid.read, "vtt": subtitles.read_vtt, "srt": subtitles.read_srt, "csv": tier_csv.read}[format]
        tiers, media = read(text, name), ()
    else:
        raise DataError(f"format {format!r} was given; expected eaf, textgrid, vtt, srt or csv")
    return Annotations({tier.name: tidy(tier, duration=duration, overlap=overlap, source=name) for tier in tiers}, media)


def write_annotations(path: str | os.PathLike[str], tiers: Iterable[Tier] | Annotations, *, format: str | None = None) -> None:
    """Write tiers to a file, whole or not at all; times come back within half a millisecond.

    Raises:
        DataError: an unknown format, two tiers of one name, several tiers for SRT, or labels the format cannot hold.

    Example:
        >>> from mcgurk.data.annotations import Tier, write_annotations
        >>> write_annotations("words.TextGrid", [Tier("words", [0.0], [0.4], ["ba"])])  # doctest: +SKIP
    """
    media = tiers.media if isinstance(tiers, Annotations) else ()
    listed = list(tiers.tiers.values() if isinstance(tiers, Annotations) else tiers)
    names = [tier.name for tier in listed]
    if len(set(names)) < len(names):
        raise DataError(f"two tiers are called {next(n for n in names if names.count(n) > 1)!r}; give each its own name")
    kind = format or _SUFFIXES.get(Path(path).suffix.lower())
    if kind == "eaf":
        atomic_write(path, elan.write(listed, media))
    elif kind in ("textgrid", "vtt", "srt", "csv"):
        write = {"textgrid": textgrid.write, "vtt": subtitles.write_vtt, "srt": subtitles.write_srt, "csv": tier_csv.write}[kind]
        atomic_write(path, write(listed))
    else:
        raise DataError(f"{Path(path).name}: no annotation format is known by this name; use .eaf, .TextGrid, .vtt, .srt or .csv")


def _format_of(source: Source, root: str | os.PathLike[str] | None) -> str:
    suffix = "" if isinstance(source, bytes) else Path(os.fsdecode(source)).suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    start = read_text(source, root=root)[:2000].lstrip("\ufeff \r\n")
    if start.startswith("WEBVTT"):
        return "vtt"
    if "ANNOTATION_DOCUMENT" in start:
        return "eaf"
    if "ooTextFile" in start:
        return "textgrid"
    if "-->" in start:
        return "srt"
    fail("F04", name_of(source), "is no annotation format known here", "give .eaf, .TextGrid, .vtt, .srt or .csv, or say format=")


def tidy(tier: Tier, *, duration: float | None = None, overlap: str = "error", source: str = "annotations") -> Tier:
    """The tier in order of time, small faults mended with a warning, large ones refused.

    Up to 40 ms (one frame at 25 a second) is what rounding and clocks explain: a start below zero, an end past ``duration`` and an
    overlap with the next interval are clipped by that much and said. Anything more is an error that names the interval.

    Raises:
        DataError: T02 a time is negative or not finite, or an end is before its start; T03 past the end; T04 overlapping.

    Example:
        >>> import warnings
        >>> from mcgurk.data.annotations import Tier, tidy
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     tidy(Tier("w", [1.0, 0.0], [2.0, 1.02], ["b", "a"])).end.tolist()
        [1.0, 2.0]
    """
    start, end, label = tier.start, tier.end, tier.label

    def where(k: int) -> str:
        return f"{source}: tier {tier.name!r}, interval {label[k][:30]!r} from {start[k]:.3f} to {end[k]:.3f} s"

    def note(code: str, count: int, what: str) -> None:
        text = f"{source}: tier {tier.name!r}: {count} {'interval' if count == 1 else 'intervals'} {what}"
        warnings.warn(McgurkWarning(text, code=code), stacklevel=4)

    wrong = ~np.isfinite(start) | ~np.isfinite(end) | (start < -SLACK) | (end < start)
    if wrong.any():
        reason = "has a negative time, or one that is no number, or ends before it starts; mend it in the annotation tool"
        raise DataError(f"{where(int(np.argmax(wrong)))} {reason}", code="T02")
    if (np.diff(start) < 0).any():
        order = np.lexsort((end, start))
        start, end, label = start[order], end[order], tuple(label[k] for k in order)
        note("T01", int((np.diff(tier.start) < 0).sum()), "out of order: sorted by time")
    if (start < 0).any():
        note("T02", int((start < 0).sum()), f"up to {-start.min() * 1e3:.0f} ms before zero: clipped")
        start, end = np.maximum(start, 0), np.maximum(end, 0)
    if duration is not None and (end > duration).any():
        if (late := end > duration + SLACK).any():
            k = int(np.argmax(late))
            raise DataError(f"{where(k)} lies past the end at {duration:.3f} s; give the medium it belongs to", code="T03")
        note("T03", int((end > duration).sum()), f"up to {(end.max() - duration) * 1e3:.0f} ms past the end: clipped")
        start, end = np.minimum(start, duration), np.minimum(end, duration)
    if overlap == "error" and len(start) > 1:
        excess = np.maximum.accumulate(end)[:-1] - start[1:]
        if (large := excess > SLACK + 1e-9).any():
            k = int(np.argmax(large)) + 1
            raise DataError(f"{where(k)} overlaps the one before it; mend it, split the tier, or say overlap='keep'", code="T04")
        if (small := excess > 1e-9).any():
            note("T04", int(small.sum()), f"up to {excess.max() * 1e3:.0f} ms into the next: clipped")
            end = np.concatenate([np.minimum(end[:-1], np.maximum(start[1:], start[:-1])), end[-1:]])
    return Tier(tier.name, start, end, label)
