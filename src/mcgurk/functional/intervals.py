"""Closed-form intervals and tests: repeated cross-validation, proportions, many comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval.

    ``se`` is the standard error, ``p_value`` the two-sided p of "the truth is 0" where the method gives one, else NaN.
    """

    estimate: float
    low: float
    high: float
    level: float
    se: float = float("nan")
    p_value: float = float("nan")


def corrected_resampled_t(differences: Any, rho: float, *, level: float = 0.95) -> Interval:
    """Nadeau and Bengio's interval for a mean difference over repeated cross-validation or repeated splits.

    ``mean +- t_{R-1} sqrt((1/R + rho) s^2)``, ``rho = n_test / n_train``. Training sets overlap, so the R differences are correlated and
    the ordinary t interval is far too short; the added rho stands for that correlation.

    Not for: one train/test split (bootstrap the test rows instead); claims about other populations than the one resampled.

    Args:
        differences: (R,) paired differences, one a fold of a repetition (R = folds times repetitions), R >= 2.
        rho: n_test / n_train of a fold; 1 / (k - 1) for k folds.

    Raises:
        DataError: fewer than two differences (S01), rho not positive.

    Source: Nadeau, Bengio 2003, Machine Learning 52:239-281; Bouckaert, Frank 2004, PAKDD (repeated k-fold).

    Example:
        >>> i = corrected_resampled_t([1.0, 2.0, 3.0, 4.0], rho=1 / 9)
        >>> round(i.low, 3), round(i.high, 3), round(i.p_value, 4)
        (0.031, 4.969, 0.0485)
    """
    d = _check.vector(differences, "differences")
    if len(d) < 2:
        raise DataError(f"{len(d)} difference was given; an interval needs at least 2: use more folds or repetitions", code="S01")
    rho = _check.positive(rho, "rho")
    mean, se = float(d.mean()), float(np.sqrt((1.0 / len(d) + rho) * d.var(ddof=1)))
    half = float(stats.t.ppf(0.5 + _level(level) / 2.0, len(d) - 1)) * se
    if se == 0.0:
        return Interval(mean, mean, mean, level, 0.0, 1.0 if mean == 0.0 else 0.0)
    return Interval(mean, mean - half, mean + half, level, se, float(2.0 * stats.t.sf(abs(mean) / se, len(d) - 1)))


def wilson(successes: float, n: float, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion: inside [0, 1], usable for few rows and for 0 or n successes.

    Not for: clustered rows (use the cluster bootstrap).

    Source: Wilson 1927, JASA 22:209-212.

    Example:
        >>> i = wilson(8, 10)
        >>> round(i.low, 4), round(i.high, 4)
        (0.4902, 0.9433)
    """
    n = _check.positive(n, "n")
    if not 0 <= successes <= n:
        raise DataError(f"{successes} successes of {n}; expected between 0 and n")
    z = float(stats.norm.ppf(0.5 + _level(level) / 2.0))
    p = successes / n
    center, shrink = (p + z * z / (2 * n)) / (1 + z * z / n), 1 + z * z / n
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    low, high = max(0.0, float(center - half)), min(1.0, float(center + half))
    return Interval(p, 0.0 if successes == 0 else low, 1.0 if successes == n else high, level, float(np.sqrt(p * (1 - p) / n)))


def holm(p_values: Any) -> Float:
    """Holm's step-down adjusted p-values: the chance of any false claim among all stays below the level, whatever the dependence.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.

    Example:
        >>> holm([0.01, 0.04, 0.03, 0.005])
        array([0.03, 0.06, 0.06, 0.02])
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


def benjamini_hochberg(p_values: Any) -> Float:
    """Adjusted p-values that bound the expected share of false claims among the claims made (independent or positively dependent tests).

    Source: Benjamini, Hochberg 1995, JRSS B 57:289-300.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
        array([0.02, 0.04, 0.04, 0.02])
    """
    p = _p_values(p_values)
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


def _p_values(values: Any) -> Float:
    p = _check.vector(values, "p_values")
    if len(p) and (p.min() < 0 or p.max() > 1):
        raise DataError(f"p_values run from {p.min():g} to {p.max():g}; expected numbers between 0 and 1")
    return p


def _level(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise DataError(f"level is {level!r}; expected a number between 0 and 1, such as 0.95")
    return level
