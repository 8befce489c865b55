"""A series as a vector: its course read off at equally spaced moments."""

from __future__ import annotations

import warnings

import numpy as np

from mcgurk.data.column import Column, Dense
from mcgurk.encoders.series_rows import channels, series_rows
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.nn.component import Encoder


class Resampled(Encoder):
    """The values of every channel at ``steps`` equally spaced moments from the first step to the last, on straight lines between steps.

    Words said fast and slowly become vectors of one length whose cells mean the same part of the word: what linear models, kernels and
    trees need to see an order in time.

    When not to use it: for an event at an unknown place of a long series (it must stand at the same part of every row); for how long
    something takes, which is lost here (``series_stats`` keeps it).

    Args:
        steps: moments.

    Shapes: series (T, *step) -> Dense (n, steps d), moment after moment, d channels of a step; float64. A channel without an observed step,
    and a row without steps, gives zeros, and a warning (M06) counts such rows; steps not observed (NaN) are passed over, as the moments
    between two steps are. By time where the column has times, else by step.

    Raises:
        DataError: strings, paths or bytes; ``steps`` below 1.

    Source: H. Sakoe, S. Chiba, IEEE Transactions on Acoustics, Speech, and Signal Processing 26, 1978, section I (linear time
    normalisation).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> Resampled(steps=3).prepare(Ragged.of([np.array([[0.0], [1.0], [4.0], [9.0], [16.0]]), np.array([[2.0]])])).values.tolist()
        [[0.0, 4.0, 16.0], [2.0, 2.0, 2.0]]
    """

    kinds = ("series",)

    def __init__(self, steps: int = 8) -> None:
        super().__init__()
        self.steps = steps

    def prepare(self, column: Column) -> Dense:
        if self.steps < 1:
            raise DataError(f"steps={self.steps} was given; give at least one moment")
        width = channels(column)
        out = np.zeros((len(column), self.steps, width))
        blank = 0
        for row, values, times in series_rows(column):
            seen = ~np.isnan(values)
            blank += not seen.any(axis=0).all()
            if len(values):
                clock = np.arange(len(values), dtype=np.float64) if times is None else times
                moments = np.linspace(clock[0], clock[-1], self.steps)
                for c in np.flatnonzero(seen.any(axis=0)):
                    out[row, :, c] = np.interp(moments, clock[seen[:, c]], values[seen[:, c], c])
        if blank:
            told = (
                f"{blank} of {len(column)} rows have a channel without an observed step, which stands at 0 there; mark such rows absent, or"
            )
            warnings.warn(McgurkWarning(f"{told} take 'series_stats', which tells how much was missing", code="M06"), stacklevel=2)
        return Dense(out.reshape(len(column), -1), column.present, "vector")
