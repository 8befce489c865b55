"""Planted truth: one modality knows something, the other nothing."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import along, check, normal_cdf, signs
from mcgurk.seeding import generator


def make_uniqueness(
    n: int = 1000, d: int = 10, strength: float = 1.0, strength_b: float = 0.0, random_state: int = 0
) -> tuple[Dataset, np.ndarray]:
    """Unique information: a carries t_a = strength s + e_a; b carries its own t_b = strength_b s + e_b with independent noise.

    Known answer: Phi(strength) for a, Phi(strength_b) for b, Phi(sqrt(strength^2 + strength_b^2)) together. With the default
    strength_b = 0 b is noise: .841, .5, .841, and the honest verdict is "a is enough". With strength_b = 1 each adds to the other:
    .841, .841, .921, evidence that is independent given the label.

    Args:
        n: rows.
        d: features a modality.
        strength: of the evidence in a.
        strength_b: of the evidence in b.
        random_state: the same seed gives the same directions and rows.

    Shapes:
        ``a``, ``b``: (n, d); y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or d below 1.

    Source: the unique atom of Williams, Beer 2010, Nonnegative decomposition of multivariate information; the closed form is
        the likelihood ratio of two Gaussians.

    Example:
        >>> from mcgurk.datasets.uniqueness import uniqueness_answer
        >>> {name: round(share, 3) for name, share in uniqueness_answer(1.0, 1.0).items()}
        {'a': 0.841, 'b': 0.841, 'a+b': 0.921}
    """
    check(n, d)
    task, rng = generator(random_state, "uniqueness", "task"), generator(random_state, "uniqueness", "rows")
    s = signs(n, rng)
    evidence = {"a": strength * s + rng.standard_normal(n), "b": strength_b * s + rng.standard_normal(n)}
    X = Dataset({name: Dense(along(t, d, rng, task)) for name, t in evidence.items()})
    return X, (s > 0).astype(np.int64)


def uniqueness_answer(strength: float = 1.0, strength_b: float = 0.0) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``."""
    return {"a": normal_cdf(abs(strength)), "b": normal_cdf(abs(strength_b)), "a+b": normal_cdf(float(np.hypot(strength, strength_b)))}
