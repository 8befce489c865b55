"""Praat TextGrid files, long and short text form, to tiers and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from mcgurk.data.source import fail
from mcgurk.data.tier import Tier
from mcgurk.errors import DataError

# Praat's own rule: what counts are free-standing numbers, flags and quoted strings; all other words and comments (!) are decoration.
_TOKEN = re.compile(r'"(?:[^"]|"")*+(?:"|\Z)|![^\n]*|[^\s"]+')
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?%?\Z")
_REMEDY = "save it again in Praat as a text file"


def read(text: str, name: str) -> list[Tier]:
    """The tiers of a TextGrid; intervals without a label are gaps and left out, points have ``end == start``.

    Raises:
        MediaError: F05, it is no TextGrid or ends early.

    Source: the Praat manual, "TextGrid file formats".
    """
    tokens = _Tokens(text, name)
    if tokens.string() != "ooTextFile" or tokens.string() != "TextGrid":
        fail("F05", name, "does not start as a TextGrid", _REMEDY)
    tokens.number()
    tokens.number()
    if tokens.next() != "<exists>":
        return []
    tiers = []
    for _ in range(tokens.count()):
        kind, tier = tokens.string(), tokens.string()
        tokens.number()
        tokens.number()
        if kind not in ("IntervalTier", "TextTier"):
            fail("F05", name, f"holds a tier of the unknown class {kind!r}", _REMEDY)
        rows = []
        for _ in range(tokens.count()):
            start = tokens.number()
            end = tokens.number() if kind == "IntervalTier" else start
            rows.append((start, end, tokens.string()))
        kept = [row for row in rows if row[2].strip() or kind == "TextTier"]
        tiers.append(Tier(tier, np.array([r[0] for r in kept]), np.array([r[1] for r in kept]), [r[2] for r in kept]))
    return _distinct(tiers)


def _distinct(tiers: list[Tier]) -> list[Tier]:
    """Praat allows two tiers of one name; here the second gets a number."""
    seen: dict[str, int] = {}
    out = []
    for tier in tiers:
        seen[tier.name] = seen.get(tier.name, 0) + 1
        out.append(tier if seen[tier.name] == 1 else Tier(f"{tier.name} ({seen[tier.name]})", tier.start, tier.end, tier.label))
    return out


class _Tokens:
    """Strings, numbers and flags in the order they stand."""

    def __init__(self, text: str, name: str) -> None:
        self.name, self.text, self.place = name, text, 0
        self.rest = self._walk()

    def _walk(self) -> Iterator[str]:
        for match in _TOKEN.finditer(self.text):
            token, self.place = match.group(), match.start()
            if token[0] == '"' or token in ("<exists>", "<absent>") or _NUMBER.match(token):
                yield token

    def next(self) -> str:
        token = next(self.rest, None)
        if token is None:
            fail("F05", self.name, "ends before its tiers do", "get the whole file again")
        return token

    def string(self) -> str:
        token = self.next()
        if len(token) < 2 or token[0] != '"' or token[-1] != '"':
            fail("F05", self.name, f"a quoted text was expected and {token[:30]!r} found", _REMEDY, at=self._line())
        return token[1:-1].replace('""', '"')

    def number(self) -> float:
        token = self.next()
        if token[0] in '"<':
            fail("F05", self.name, f"a number was expected and {token[:30]!r} found", _REMEDY, at=self._line())
        return float(token.rstrip("%"))

    def count(self) -> int:
        value = self.number()
        if value != value or not 0 <= value <= len(self.text) or value != int(value):
            fail("F05", self.name, f"a count was expected and {value:g} found", _REMEDY, at=self._line())
        return int(value)

    def _line(self) -> str:
        return f"line {self.text.count(chr(10), 0, self.place) + 1}"


def write(tiers: Sequence[Tier]) -> str:
    """The long text form; gaps between intervals become empty intervals, as Praat wants them.

    Raises:
        DataError: a tier mixes points and intervals, or its intervals overlap: a TextGrid holds neither.
    """
    last = max((float(t.end.max()) for t in tiers if len(t)), default=1.0) or 1.0
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {last!r}", "tiers? <exists>"]
    lines += [f"size = {len(tiers)}", "item []:"]
    for number, tier in enumerate(tiers, 1):
        points = len(tier) > 0 and bool((tier.end == tier.start).all())
        rows = list(zip(tier.start.tolist(), tier.end.tolist(), tier.label)) if points else _filled(tier, last)
        lines += [
            f"    item [{number}]:",
            f'        class = "{"TextTier" if points else "IntervalTier"}"',
            f"        name = {_quoted(tier.name)}",
        ]
        lines += ["        xmin = 0", f"        xmax = {last!r}", f"        {'points' if points else 'intervals'}: size = {len(rows)}"]
        for k, (start, end, label) in enumerate(rows, 1):
            lines += [f"        {'points' if points else 'intervals'} [{k}]:"]
            lines += [f"            number = {start!r}"] if points else [f"            xmin = {start!r}", f"            xmax = {end!r}"]
            lines += [f"            {'mark' if points else 'text'} = {_quoted(label)}"]
    return "\n".join(lines) + "\n"


def _filled(tier: Tier, last: float) -> list[tuple[float, float, str]]:
    """The intervals with the gaps between them."""
    rows: list[tuple[float, float, str]] = []
    here = 0.0
    for start, end, label in zip(tier.start.tolist(), tier.end.tolist(), tier.label):
        if start < here - 1e-9 or end <= start:
            raise DataError(
                f"tier {tier.name!r}: interval {label[:30]!r} at {start:.3f} s overlaps or has no length; a TextGrid cannot hold it"
            )
        if start > here + 1e-9:
            rows.append((here, start, ""))
        rows.append((max(start, here), end, label))
        here = end
    if last > here + 1e-9 or not rows:
        rows.append((here, last, ""))
    return rows


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
