"""What encoders of series share: every present row as (steps, channels) float64 with NaN at steps that were not observed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.errors import DataError


def channels(column: Column) -> int:
    """Channels of a step, flattened."""
    if isinstance(column, Lazy):
        raise DataError(f"an encoder of series got {column.kind} items; give arrays of steps, or choose an encoder of {column.kind}")
    step = column.item if isinstance(column, Ragged) else column.item[1:]
    return int(np.prod(step, dtype=int))


def series_rows(column: Column) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """(row, (T, d) values, (T,) times or None) of the present rows; a Dense column is n series of equal length, (n, T) or (n, T, d)."""
    d = channels(column)
    for row in np.flatnonzero(column.present):
        if isinstance(column, Dense):
            yield int(row), np.asarray(column.values[row], dtype=np.float64).reshape(-1, d), None
        elif isinstance(column, Ragged):
            yield int(row), column.row(int(row)).astype(np.float64).reshape(-1, d), column.row_times(int(row))
