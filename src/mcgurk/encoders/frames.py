"""Frames of a video column, from files or arrays, a few at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mcgurk.data.column import Column, Lazy, Ragged
from mcgurk.errors import DataError

Timed = tuple[float, np.ndarray]


def video_rows(column: Column) -> Iterator[int]:
    """Numbers of the present rows of a video column, after its shape was found possible."""
    if not isinstance(column, Lazy):
        step = column.item if isinstance(column, Ragged) else column.item[1:]
        if column.values.dtype != np.uint8 or not (len(step) == 2 or (len(step) == 3 and step[2] in (1, 3))):
            raise DataError(
                f"a video array needs uint8 frames (height, width) or (height, width, 1 or 3); got {column.values.dtype} {step}: "
                "give 0 to 255 as uint8, channels last"
            )
    yield from (int(row) for row in np.flatnonzero(column.present))


def timed_frames(
    column: Column, row: int, *, n_frames: int | None, fps: float | None, size: int | tuple[int, int] | None = None
) -> Iterator[Timed]:
    """(seconds, uint8 frame) of one row: ``n_frames`` middles of equal parts, or ``fps`` a second, or all.

    A file's frames come as (height, width, 3) with the times at which they are shown; an array's frames come as they are, with the
    column's times, or at 25 a second where it has none.
    """
    if isinstance(column, Lazy):
        from mcgurk.data.video import iter_video

        yield from iter_video(column.items[row], n_frames=n_frames, fps=fps, size=size)
        return
    frames = column.row(row) if isinstance(column, Ragged) else column.values[row]
    times = column.row_times(row) if isinstance(column, Ragged) else None
    times = np.arange(len(frames)) / 25.0 if times is None else times
    for place in _places(times, n_frames, fps):
        yield float(times[place]), frames[place]


def _places(times: np.ndarray, n_frames: int | None, fps: float | None) -> np.ndarray:
    if n_frames is not None and fps is not None:
        raise DataError(f"n_frames={n_frames} and fps={fps} were both given; give one")
    if not len(times) or (n_frames is None and fps is None):
        return np.arange(len(times))
    if n_frames is not None:
        if n_frames < 1:
            raise DataError(f"n_frames {n_frames} was given; expected a positive whole number")
        return ((np.arange(n_frames) + 0.5) * len(times) / n_frames).astype(int)
    if not fps or fps < 0:
        raise DataError(f"fps {fps} was given; expected frames a second above 0")
    step = np.median(np.diff(times)) if len(times) > 1 else 0.0
    wanted = times[0] + np.arange(max(int(np.ceil((times[-1] + step - times[0]) * fps - 1e-6)), 1)) / fps
    return np.maximum(np.searchsorted(times, wanted + 1e-9, side="right") - 1, 0)
