"""Tiers as a table: one row an interval, columns start, end, label and, for several tiers, tier."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence

from mcgurk.data.source import fail
from mcgurk.data.tier import Tier, collect

_NAMES = {
    "start": ("start", "begin", "onset", "begin time", "start_s", "xmin"),
    "end": ("end", "offset", "end time", "end_s", "xmax"),
    "label": ("label", "text", "annotation", "value", "mark"),
    "tier": ("tier", "speaker", "name"),
}
DEFAULT = "intervals"


def read(text: str, name: str) -> list[Tier]:
    """Rows of a comma, tab or semicolon separated file with a header; times in seconds, decimal commas allowed beside semicolons.

    Raises:
        MediaError: F05, a column is missing or a time is no number.
    """
    header = text.split("\n", 1)[0]
    mark = max("\t;,", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=mark))
    except csv.Error as error:
        fail("F05", name, f"cannot be read as a table ({error})", "save it again as CSV")
    if not rows:
        fail("F05", name, "the file is empty", "give a header with start, end and label")
    titles = [cell.strip().lower() for cell in rows[0]]
    at = {key: next((titles.index(n) for n in names if n in titles), None) for key, names in _NAMES.items()}
    if missing := [key for key in ("start", "end", "label") if at[key] is None]:
        fail("F05", name, f"has no column {missing[0]!r}, only {', '.join(rows[0])[:80]}", "name the columns tier, start, end, label")
    out = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = {key: row[k] if k is not None and k < len(row) else "" for key, k in at.items()}
        times = [_time(cells[key], mark) for key in ("start", "end")]
        if times[0] is None or times[1] is None:
            remedy = "write seconds such as 1.25"
            fail("F05", name, f"start {cells['start'][:20]!r} or end {cells['end'][:20]!r} is no number", remedy, at=f"row {number}")
        out.append((cells["tier"] or DEFAULT, times[0], times[1], cells["label"]))
    return collect(out) or [Tier(DEFAULT, [], [], [])]  # type: ignore[arg-type]


def _time(text: str, mark: str) -> float | None:
    try:
        value = float(text.replace(",", ".") if mark == ";" else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def write(tiers: Sequence[Tier]) -> str:
    """``tier,start,end,label`` with every digit of the times, so that they come back exactly."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("tier", "start", "end", "label"))
    for tier in tiers:
        table.writerows((tier.name, repr(s), repr(e), label) for s, e, label in zip(tier.start.tolist(), tier.end.tolist(), tier.label))
    return out.getvalue()
