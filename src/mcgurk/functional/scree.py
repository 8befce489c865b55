"""How many singular values stand out: the elbow of a scree plot."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.functional import _check


def scree_rank(values: Any) -> int:
    """The place that best splits decreasing ``values`` into large and small ones.

    For every q the first q and the remaining values are taken as two normal samples with means of their own and one common variance
    ``((q - 1) s_1^2 + (p - q - 1) s_2^2) / (p - 2)``; the q of highest likelihood is returned.

    Not for: values that fall without an elbow, where any number is arbitrary.

    Args:
        values: at least two singular values or eigenvalues, decreasing.

    Raises:
        DataError: fewer than two values (S01), or values that are not finite (N01) or not decreasing.

    Source: Zhu, Ghodsi 2006, Automatic dimensionality selection from the scree plot via the use of profile likelihood, Computational
        Statistics & Data Analysis 51:918-930.

    Example:
        >>> scree_rank([9.0, 8.5, 8.0, 1.2, 1.1, 1.0, 0.9])
        3
    """
    v = _check.vector(values, "values")
    if len(v) < 2:
        raise DataError(f"{len(v)} values were given; an elbow needs at least 2", code="S01")
    if (np.diff(v) > 0).any():
        raise DataError("the values are not in decreasing order; sort them first")
    if len(v) == 2 or v[0] == v[-1]:
        return 1
    spread = np.array([((v[:q] - v[:q].mean()) ** 2).sum() + ((v[q:] - v[q:].mean()) ** 2).sum() for q in range(1, len(v))])
    return int(spread.argmin()) + 1  # with a common variance, the likelihood is highest where the pooled sum of squares is least
