"""The part of every row's stream that lies between two moments."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.data.column import Ragged
from mcgurk.errors import DataError


def cut(column: Ragged, start: Any, end: Any) -> Ragged:
    """The steps of each row with ``start <= t < end``, their times counted from ``start``: one word of a sentence, one turn of a talk.

    Cut after encoding where an encoder needs what stands around (slopes, means over the whole recording), before it where that would tell
    too much.

    When not to use it: for many windows of one recording, or streams to be pooled by a rule (:class:`mcgurk.data.Grid`).

    Args:
        column: with times.
        start, end: (n,) seconds; rows whose column is absent are not looked at.

    Shapes: Ragged (N, *step) -> Ragged of the same rows with fewer steps; a row without a step in its part is present and empty.

    Raises:
        DataError: D00 without times or for bounds of another shape, T02 where a part ends before it starts.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged, cut
        >>> said = Ragged.of([np.arange(5)], times=[np.arange(5) / 10])
        >>> part = cut(said, [0.1], [0.3])
        >>> part.values.tolist(), part.times.round(3).tolist()
        ([1, 2], [0.0, 0.1])
    """
    if column.times is None:
        raise DataError("this column has no times, so no part of it can be named; give times, or an encoder that does")
    start, end = (np.asarray(bound, dtype=np.float64) for bound in (start, end))
    if start.shape != (len(column),) or end.shape != start.shape:
        raise DataError(f"start has shape {start.shape} and end {end.shape}; expected one number a row, ({len(column)},)")
    wrong = np.flatnonzero(column.present & ~(start <= end))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(f"the part of row {row} ends at {end[row]:g} s, before it starts at {start[row]:g} s; correct it", code="T02")
    rows = np.repeat(np.arange(len(column)), column.lengths)
    kept = (column.times >= start[rows]) & (column.times < end[rows])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(column)))]).astype(np.int64)
    return Ragged(column.values[kept], offsets, column.present, (column.times - start[rows])[kept], column.kind)
