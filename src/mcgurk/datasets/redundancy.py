"""Planted truth: two modalities that say the same thing."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import along, check, normal_cdf, signs
from mcgurk.seeding import generator


def make_redundancy(n: int = 1000, d: int = 10, strength: float = 1.0, random_state: int = 0) -> tuple[Dataset, np.ndarray]:
    """Pure redundancy: one noisy piece of evidence t = strength s + e, s = +-1, e ~ N(0, 1), is copied into both modalities.

    Known answer: a, b and a+b all have Bayes accuracy Phi(strength) (.841 for 1). A method that reports a gain from combining is
    averaging its own estimation noise, or wrong.

    When not to use it: as a model of real redundancy, where the copies carry errors of their own and averaging them helps.

    Args:
        n: rows.
        d: features a modality; the evidence lies along one hidden direction of each, the rest is N(0, 1).
        strength: distance of the two classes' means from 0 in standard deviations.
        random_state: the same seed gives the same directions and rows.

    Shapes:
        ``a``, ``b``: (n, d); y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or d below 1.

    Source: the redundant atom of Williams, Beer 2010, Nonnegative decomposition of multivariate information.

    Example:
        >>> from mcgurk.datasets import make_redundancy
        >>> X, y = make_redundancy(n=4, d=2)
        >>> X.names, X["a"].values.shape
        (('a', 'b'), (4, 2))
    """
    check(n, d)
    task, rng = generator(random_state, "redundancy", "task"), generator(random_state, "redundancy", "rows")
    s = signs(n, rng)
    t = strength * s + rng.standard_normal(n)
    X = Dataset({name: Dense(along(t, d, rng, task)) for name in ("a", "b")})
    return X, (s > 0).astype(np.int64)


def redundancy_answer(strength: float = 1.0) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``: all Phi(strength)."""
    return dict.fromkeys(("a", "b", "a+b"), normal_cdf(abs(strength)))
