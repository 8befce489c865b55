"""The spectrum of a series: how its variance is spread over frequencies."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Column, Dense, Ragged
from mcgurk.encoders.series_rows import channels, series_rows
from mcgurk.errors import DataError
from mcgurk.functional.series import periodogram, spectral_shape
from mcgurk.nn.component import Encoder

SHAPE = ("centroid", "spread", "entropy", "peak_frequency", "peak_share")


class SeriesSpectrum(Encoder):
    """Log power in equal bands from 0 to 1/2 cycle a step, and the spectrum's centroid, spread, entropy and highest peak.

    Steps that were not observed (NaN) are left out of the sums, not filled. With ``window`` the same is said of consecutive windows, as
    a sequence: a spectrogram of bands.

    When not to use it: for unequally spaced steps, or series of fewer steps than bands (bands without a frequency hold the floor).

    Args:
        bands: equal bands of frequency.
        window: steps in a window; None for one vector a row.
        hop: steps between windows (default: half a window).

    Shapes: series (T, *step) -> Dense (n, d (bands + 5)); with ``window`` Ragged, K = 1 + max(T - window, 0) // hop windows, timed at
    their middles where the column has times, else at their middle step.

    Raises:
        DataError: strings, paths or bytes; a window of fewer than 4 steps.

    Source: P. D. Welch, IEEE Transactions on Audio and Electroacoustics 15, 1967 (windows); A. Schuster, 1898 (periodogram).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> wave = np.cos(np.arange(64) * np.pi / 4)[:, None]
        >>> SeriesSpectrum(bands=4).prepare(Ragged.of([wave])).values[0, 4 + 3].item()
        0.125
    """

    kinds = ("series",)

    def __init__(self, bands: int = 16, window: int | None = None, hop: int | None = None) -> None:
        super().__init__()
        self.bands = bands
        self.window = window
        self.hop = hop

    def prepare(self, column: Column) -> Dense | Ragged:
        width = channels(column) * (self.bands + len(SHAPE))
        if self.window is None:
            out = np.zeros((len(column), width))
            for row, values, _ in series_rows(column):
                out[row] = self._describe(values) if len(values) else 0.0
            return Dense(out, column.present, "vector")
        if self.window < 4:
            raise DataError(f"windows of {self.window} steps; give at least 4")
        hop = self.hop or max(self.window // 2, 1)
        steps, times, lengths = [np.zeros((0, width))], [np.zeros(0)], np.zeros(len(column), dtype=np.int64)
        for row, values, clock in series_rows(column):
            starts = range(0, max(len(values) - self.window, 0) + 1, hop) if len(values) else range(0)
            pieces = [slice(start, start + self.window) for start in starts]
            seconds = np.arange(len(values), dtype=np.float64) if clock is None else clock
            lengths[row] = len(pieces)
            steps += [self._describe(values[piece])[None] for piece in pieces]
            times += [np.array([(seconds[piece][0] + seconds[piece][-1]) / 2]) for piece in pieces]
        return Ragged(np.concatenate(steps), np.concatenate([[0], np.cumsum(lengths)]), column.present, np.concatenate(times), "series")

    def _describe(self, values: np.ndarray) -> np.ndarray:
        frequency, power = periodogram(values)
        place = np.minimum((2 * frequency * self.bands).astype(int), self.bands - 1)
        bands = np.zeros((self.bands, values.shape[1]))
        np.add.at(bands, place, power)
        count = np.maximum(np.bincount(place, minlength=self.bands), 1)[:, None]
        return np.concatenate([np.log(bands / count + 1e-12), spectral_shape(frequency, power)]).T.ravel()
