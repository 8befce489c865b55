"""Permutation tests that respect pairs and groups; p-values are never 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float, Int

_EXACT = 16  # with at most this many units every sign pattern is enumerated


def p_value(observed: float, null: Any, *, alternative: str = "greater") -> float:
    """Monte Carlo p-value ``(1 + #{null as extreme}) / (1 + R)``: valid for every R, since the observed arrangement is one of the null's.

    Args:
        observed: the statistic of the data.
        null: (R,) statistics of random rearrangements.
        alternative: "greater", "less" or "two-sided" (twice the smaller, at most 1).

    Source: Phipson, Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9, article 39.

    Example:
        >>> p_value(3.0, [0.0, 1.0, 2.0])
        0.25
    """
    values = _check.vector(null, "null")
    slack = 1e-12 * max(abs(observed), float(np.abs(values).max(initial=0.0)))  # equal sums may differ in their last bit
    above = (1 + int((values >= observed - slack).sum())) / (1 + len(values))
    below = (1 + int((values <= observed + slack).sum())) / (1 + len(values))
    return _side(above, below, alternative)


def paired_test(
    first: Any, second: Any, *, rng: np.random.Generator, groups: Any | None = None, repeats: int = 9999, alternative: str = "two-sided"
) -> float:
    """Sign-flip test of "the two paired measurements have the same mean".

    Under the null each pair (with ``groups``: all pairs of a group) could as well have been swapped. Up to 16 units every pattern of
    swaps is enumerated and p is exact; beyond, ``repeats`` random patterns and the +1 correction.

    Not for: folds of a cross-validation (they share training rows: :func:`mcgurk.functional.intervals.corrected_resampled_t`).

    Args:
        first, second: (n,) measurements of the same rows.
        groups: (n,) group of each row.
        alternative: "two-sided", "greater" (first above second) or "less".

    Raises:
        DataError: shapes disagree, values not finite (N01), unknown alternative.

    Source: Fisher 1935, The Design of Experiments, section 21; Good 2005, Permutation, Parametric and Bootstrap Tests, chapter 3.

    Example:
        >>> import numpy as np
        >>> paired_test([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], rng=np.random.default_rng(0))
        0.25
    """
    a = _check.vector(first, "first")
    difference = a - _check.vector(second, "second", len(a))
    if not len(difference):
        raise DataError("no pairs were given; a paired test needs at least one", code="S01")
    if groups is not None:
        labels = np.asarray(groups)
        if labels.shape != difference.shape:
            raise DataError(f"groups have shape {labels.shape}; expected {difference.shape}, one group per row")
        difference = np.bincount(np.unique(labels, return_inverse=True)[1], weights=difference).astype(np.float64)
    observed = float(difference.sum())
    if len(difference) > _EXACT:
        null = np.concatenate([rng.choice((-1.0, 1.0), (len(part), len(difference))) @ difference for part in _parts(repeats)])
        return p_value(observed, null, alternative=alternative)
    patterns = 1.0 - 2.0 * ((np.arange(2 ** len(difference))[:, None] >> np.arange(len(difference))) & 1)
    return p_value(observed, (patterns @ difference)[1:], alternative=alternative)  # pattern 0 is the observed one


def permutation_test(
    statistic: Callable[[Int], float],
    n: int,
    *,
    rng: np.random.Generator,
    groups: Any | None = None,
    whole_groups: bool = False,
    repeats: int = 999,
    alternative: str = "greater",
) -> tuple[float, float, Float]:
    """Test of "the order of the rows does not matter to ``statistic(order)``"; returns the statistic, p, and the null (R,).

    With ``groups``, rows are rearranged only within their group, or, with ``whole_groups``, groups of equal size trade places with their
    rows in order: use the first where exposure varies within groups, the second where it was assigned to groups.

    Raises:
        DataError: shapes disagree, unknown alternative, or groups that leave nothing to rearrange (S01).

    Example:
        >>> import numpy as np
        >>> x = np.arange(20.0)
        >>> permutation_test(lambda order: float(x @ x[order]), 20, rng=np.random.default_rng(0))[1]
        0.001
    """
    draw = _arrangements(n, groups, whole_groups)
    observed = float(statistic(np.arange(n)))
    null = np.array([float(statistic(draw(rng))) for _ in range(repeats)])
    return observed, p_value(observed, null, alternative=alternative), null


def _arrangements(n: int, groups: Any | None, whole_groups: bool) -> Callable[[np.random.Generator], Int]:
    if groups is None:
        return lambda rng: rng.permutation(n)
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise DataError(f"groups have shape {labels.shape}; expected ({n},), one group per row")
    _, code, size = np.unique(labels, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(code, kind="stable"), np.cumsum(size)[:-1])
    movable = np.unique(size, return_counts=True)[1].max() > 1 if whole_groups else size.max() > 1
    if not movable:
        hint = "no two groups have the same size" if whole_groups else "every group holds one row"
        raise DataError(f"{hint}, so nothing can be rearranged; choose other groups or whole_groups={not whole_groups}", code="S01")

    def within(rng: np.random.Generator) -> Int:
        order = np.arange(n)
        for rows in members:
            order[rows] = rng.permutation(rows)
        return order

    def between(rng: np.random.Generator) -> Int:
        order = np.arange(n)
        for length in np.unique(size):
            same = np.flatnonzero(size == length)
            for to, source in zip(same, rng.permutation(same), strict=True):
                order[members[to]] = members[source]
        return order

    return between if whole_groups else within


def _side(above: float, below: float, alternative: str) -> float:
    if alternative not in ("greater", "less", "two-sided"):
        raise DataError(f"alternative is {alternative!r}; expected 'greater', 'less' or 'two-sided'")
    return {"greater": above, "less": below, "two-sided": min(1.0, 2.0 * min(above, below))}[alternative]


def _parts(repeats: int, size: int = 1000) -> list[range]:
    return [range(start, min(start + size, repeats)) for start in range(0, repeats, size)]
