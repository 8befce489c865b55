"""Estimates with intervals: the corrected resampled t for repeated folds, a bootstrap over units for one given split, Holm for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from mcgurk.functional.intervals import corrected_resampled_t, holm

LEVEL = 0.95
DRAWS = 2000


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, its standard error and the two-sided p of being 0."""

    value: float
    low: float
    high: float
    error: float
    p: float

    @property
    def clear(self) -> int:
        """1 or -1 where the interval leaves out 0, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def within(self, least: float, most: float) -> Estimate:
        """The interval cut to what the figure can be."""
        return replace(self, low=max(self.low, least), high=min(self.high, most)) if np.isfinite(self.low) else self


def resampled(values: np.ndarray, ratio: float, among: int = 1) -> Estimate:
    """The mean over folds with the corrected resampled t interval; a single fold has no interval.

    The intervals of ``among`` estimates hold all at once with 95 %: each is taken at 1 - .05 / among (Bonferroni).

    Example:
        >>> e = resampled(np.array([0.02, 0.04, 0.03, 0.05, 0.01]), ratio=0.25)
        >>> round(e.value, 3), round(e.low, 3), round(e.high, 3)
        (0.03, 0.001, 0.059)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return Estimate(float(known[0]) if len(known) else np.nan, np.nan, np.nan, np.nan, np.nan)
    found = corrected_resampled_t(known, ratio, level=level(among))
    return Estimate(found.estimate, found.low, found.high, found.se, found.p_value)


def level(among: int) -> float:
    """The level of each of ``among`` intervals that hold all at once with 95 %, whatever their dependence (Bonferroni)."""
    return 1 - (1 - LEVEL) / among


def drawn(value: float, draws: np.ndarray, among: int = 1) -> Estimate:
    """A bootstrap's percentile interval; p counts draws on the other side of 0.

    One of several (``among``) is normal around the value: so far out there are too few draws to count.
    """
    draws = draws[np.isfinite(draws)]
    if len(draws) < 2:
        return Estimate(value, np.nan, np.nan, np.nan, np.nan)
    error = float(draws.std(ddof=1))
    low, high = np.quantile(draws, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    if among > 1:
        low, high = value + error * NormalDist().inv_cdf(0.5 + level(among) / 2) * np.array([-1, 1])
    side = min((draws <= 0).sum(), (draws >= 0).sum())
    p = min(1.0, 2 * (1 + side) / (1 + len(draws)))
    return Estimate(value, float(low), float(high), error, float(p))


def weights(units: int, seed: int, draws: int = DRAWS) -> np.ndarray:
    """(draws, units) how often each unit is drawn, units drawn with replacement."""
    return np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=draws).astype(np.float64)


def adjusted(p: Sequence[float]) -> np.ndarray:
    """Holm's adjusted p values; NaN stays NaN and does not count."""
    values = np.asarray(p, dtype=np.float64)
    out = np.full(len(values), np.nan)
    known = ~np.isnan(values)
    if known.any():
        out[known] = holm(values[known])
    return out
