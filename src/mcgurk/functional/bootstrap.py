"""Bootstrap intervals of any statistic of rows, by rows or by whole groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from mcgurk.errors import DataError
from mcgurk.functional._check import Float, Int
from mcgurk.functional.intervals import Interval, _level

Statistic = Callable[[Int], float]


def bootstrap(
    statistic: Statistic,
    n: int,
    *,
    rng: np.random.Generator,
    groups: Any | None = None,
    repeats: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
) -> Interval:
    """Interval of ``statistic(rows)`` when rows, or whole groups of rows, are drawn again with replacement.

    Percentile: quantiles of the replicates. BCa: quantiles corrected for bias, ``z0 = Phi^-1(share of replicates below the estimate)``, and
    for skewness, ``a = sum d_i^3 / (6 (sum d_i^2)^{3/2})`` from leaving out one row (or group) at a time.

    A replicate whose statistic is undefined (NaN, or a DataError: a resample with one class) is dropped; more than half is an error.

    Not for: fewer than about 20 groups (intervals come out short), maxima and other non-smooth statistics.

    Args:
        statistic: maps row numbers, with repetitions, to a number.
        n: number of rows.
        rng: source of the draws.
        groups: (n,) group of each row: rows of a group stay together.
        repeats: replicates, at least 100.
        level: coverage aimed at.
        method: "percentile" or "bca".

    Raises:
        DataError: fewer than two rows or groups (S01), unknown method, or a statistic that is mostly undefined.

    Source: Efron, Tibshirani 1993, An Introduction to the Bootstrap, chapters 13 and 14; groups: Davison, Hinkley 1997, section 3.8.

    Example:
        >>> import numpy as np
        >>> x = np.arange(100.0)
        >>> i = bootstrap(lambda rows: x[rows].mean(), 100, rng=np.random.default_rng(0))
        >>> i.estimate, round(i.low), round(i.high)
        (49.5, 44, 55)
    """
    if method not in ("percentile", "bca"):
        raise DataError(f"method is {method!r}; expected 'percentile' or 'bca'")
    if repeats < 100:
        raise DataError(f"repeats is {repeats}; an interval needs at least 100 replicates")
    members = _members(n, groups)
    estimate = float(statistic(np.arange(n)))
    replicates = _replicates(statistic, members, repeats, rng)
    tail = (1.0 - _level(level)) / 2.0
    shares = np.array([tail, 1.0 - tail])
    if method == "bca":
        shares = _bca(shares, estimate, replicates, np.array([_or_nan(statistic, _without(members, i)) for i in range(len(members))]))
    low, high = np.quantile(replicates, shares)
    below = float(np.mean(replicates <= 0.0)), float(np.mean(replicates >= 0.0))
    p_value = min(1.0, 2.0 * (min(below) * len(replicates) + 1.0) / (len(replicates) + 1.0))
    return Interval(estimate, float(low), float(high), level, float(replicates.std(ddof=1)), p_value)


def paired_difference(
    metric: Callable[..., float],
    truth: Any,
    first: Any,
    second: Any,
    *,
    rng: np.random.Generator,
    groups: Any | None = None,
    repeats: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
) -> Interval:
    """Interval of ``metric(truth, first) - metric(truth, second)`` on the same rows, drawn together.

    ``p_value`` is twice the smaller share of replicates on either side of 0, with the +1 correction.

    Args:
        metric: ``metric(truth, prediction) -> float``.
        truth: (n, ...) array.
        first, second: predictions for the same rows.

    Example:
        >>> import numpy as np
        >>> y = np.zeros(50)
        >>> error = lambda t, p: float(np.abs(t - p).mean())
        >>> paired_difference(error, y, y + 2, y + 1, rng=np.random.default_rng(0)).low
        1.0
    """
    y, a, b = (np.asarray(x) for x in (truth, first, second))
    if not len(y) == len(a) == len(b):
        raise DataError(f"truth has {len(y)} rows, the predictions {len(a)} and {len(b)}; they must describe the same rows")

    def difference(rows: Int) -> float:
        return metric(y[rows], a[rows]) - metric(y[rows], b[rows])

    return bootstrap(difference, len(y), rng=rng, groups=groups, repeats=repeats, level=level, method=method)


def _members(n: int, groups: Any | None) -> list[Int]:
    if groups is None:
        members = list(np.arange(n)[:, None])
    else:
        labels = np.asarray(groups)
        if labels.shape != (n,):
            raise DataError(f"groups have shape {labels.shape}; expected ({n},), one group per row")
        _, code = np.unique(labels, return_inverse=True)
        members = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    if len(members) < 2:
        raise DataError(f"{len(members)} {'row' if groups is None else 'group'} was given; a bootstrap needs at least 2", code="S01")
    return members


def _replicates(statistic: Statistic, members: list[Int], repeats: int, rng: np.random.Generator) -> Float:
    single = all(len(m) == 1 for m in members)
    rows = np.concatenate(members) if single else None
    out = np.empty(repeats)
    for r in range(repeats):
        drawn = rng.integers(0, len(members), len(members))
        out[r] = _or_nan(statistic, rows[drawn] if rows is not None else np.concatenate([members[g] for g in drawn]))
    defined = out[~np.isnan(out)]
    if len(defined) < repeats / 2:
        raise DataError(
            f"the statistic was undefined in {repeats - len(defined)} of {repeats} resamples; give more rows or groups", code="S01"
        )
    return defined


def _or_nan(statistic: Statistic, rows: Int) -> float:
    try:
        return float(statistic(rows))
    except DataError:
        return float("nan")


def _without(members: list[Int], i: int) -> Int:
    return np.concatenate(members[:i] + members[i + 1 :])


def _bca(shares: Float, estimate: float, replicates: Float, left_out: Float) -> Float:
    below = (np.mean(replicates < estimate) + np.mean(replicates <= estimate)) / 2.0
    z0 = special.ndtri(np.clip(below, 1.0 / (len(replicates) + 1), 1.0 - 1.0 / (len(replicates) + 1)))
    d = np.nanmean(left_out) - left_out[~np.isnan(left_out)]
    scale = float((d**2).sum()) ** 1.5
    acceleration = float((d**3).sum()) / (6.0 * scale) if scale > 0 else 0.0
    z = z0 + special.ndtri(shares)
    out: Float = special.ndtr(z0 + z / (1.0 - acceleration * z))
    return out
