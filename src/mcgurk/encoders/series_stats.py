"""Statistics of a series, channel by channel, over the steps that were observed."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Column, Dense
from mcgurk.encoders.series_rows import channels, series_rows
from mcgurk.functional.series import autocorrelation, octave_shares, periodogram
from mcgurk.nn.component import Encoder

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PLAIN = ("mean", "sd", "least", "most", *(f"q{round(100 * q):02d}" for q in QUANTILES), "slope", "mean_change", "crossings", "missing")


class SeriesStats(Encoder):
    """Per channel: mean, standard deviation, extremes, quantiles, slope, mean absolute change, share of steps at which the series
    crosses its mean, share of missing steps, autocorrelations, share of power per octave; per row: log(1 + steps) and log(1 + duration).

    A NaN is a step that was not observed: it takes part in nothing but "missing". A channel without an observed step, and a row
    without steps, gives zeros. The slope is per second where the column has times, per step otherwise; autocorrelations and octaves
    count steps, so they mean something for steps that are about equally spaced.

    When not to use it: for the shape of an event at some unknown place; take a trainable convolution or a warping distance.

    Args:
        lags: steps at which autocorrelations are taken.
        octaves: octaves of the spectrum, from 1/2 cycle a step downward.

    Shapes: series (T, *step) -> Dense (n, d (13 + lags + octaves) + 2), d channels of a step, channel by channel; float64.

    Raises:
        DataError: strings, paths or bytes.

    Source: B. D. Fulcher, N. S. Jones, IEEE Transactions on Knowledge and Data Engineering 26, 2014 (features instead of shapes).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> encoder = SeriesStats(lags=(1,), octaves=2)
        >>> out = encoder.prepare(Ragged.of([np.array([[1.0], [np.nan], [3.0]]), None]))
        >>> dict(zip(encoder.names(1), out.values[0].round(2).tolist()))["missing"]
        0.33
    """

    kinds = ("series",)

    def __init__(self, lags: tuple[int, ...] = (1, 2, 4, 8), octaves: int = 4) -> None:
        super().__init__()
        self.lags = lags
        self.octaves = octaves

    def names(self, channels: int) -> tuple[str, ...]:
        """What each number is, for a series of that many channels."""
        one = (*_PLAIN, *(f"autocorrelation_{lag}" for lag in self.lags), *(f"octave_{i + 1}" for i in range(self.octaves)))
        inner = one if channels == 1 else tuple(f"{name}[{c}]" for c in range(channels) for name in one)
        return (*inner, "log_steps", "log_duration")

    def prepare(self, column: Column) -> Dense:
        d = channels(column)
        out = np.zeros((len(column), d * (len(_PLAIN) + len(self.lags) + self.octaves) + 2))
        for row, values, times in series_rows(column):
            if len(values):
                clock = np.arange(len(values), dtype=np.float64) if times is None else times
                out[row, :-2] = self._describe(values, clock).T.ravel()
                out[row, -2:] = np.log1p(len(values)), np.log1p(max(clock[-1] - clock[0], 0.0))
        return Dense(out, column.present, "vector")

    def _describe(self, x: np.ndarray, clock: np.ndarray) -> np.ndarray:
        """(T, d) -> (features, d)."""
        seen = ~np.isnan(x)
        plain = np.zeros((len(_PLAIN), x.shape[1]))
        for c in range(x.shape[1]):
            if seen[:, c].any():
                plain[:-1, c] = _channel(x[seen[:, c], c], clock[seen[:, c]], np.flatnonzero(seen[:, c]))
        plain[-1] = 1.0 - seen.mean(axis=0)
        return np.concatenate([plain, autocorrelation(x, self.lags), octave_shares(*periodogram(x), self.octaves)])


def _channel(x: np.ndarray, clock: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Everything of :data:`_PLAIN` but the share of missing steps; changes and crossings only between neighbouring steps."""
    centred = clock - clock.mean()
    deviation = x - x.mean()
    span = centred @ centred
    near = np.diff(step) == 1
    change = np.abs(np.diff(x))[near]
    crossed = (np.diff(deviation >= 0) != 0)[near]
    return np.array([
        x.mean(), x.std(), x.min(), x.max(), *np.quantile(x, QUANTILES), centred @ deviation / span if span > 0 else 0.0,
        change.mean() if len(change) else 0.0, crossed.mean() if len(crossed) else 0.0,
    ])  # fmt: skip
