"""Planted truth: two modalities that know nothing alone and nearly everything together."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import along, check, normal_cdf, signs
from mcgurk.seeding import generator


def make_synergy(n: int = 1000, d: int = 4, strength: float = 2.0, random_state: int = 0) -> tuple[Dataset, np.ndarray]:
    """Pure synergy: fair signs p and q, one seen by each modality as strength p + e; the label is 1 where p = q (exclusive or).

    Known answer: .5 for a and for b, Phi(strength)^2 + (1 - Phi(strength))^2 together (.956 for 2), reached by the sign of the product
    of the two pieces of evidence. Every additive model, every late fusion of decisions included, stays at .5.

    When not to use it: to choose a default. Effects of this kind are rare in real tables; it shows what a method can express.

    Args:
        n: rows.
        d: features a modality.
        strength: of the evidence for p in a and for q in b.
        random_state: the same seed gives the same directions and rows.

    Shapes:
        ``a``, ``b``: (n, d); y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or d below 1.

    Source: the synergistic atom of Williams, Beer 2010, Nonnegative decomposition of multivariate information.

    Example:
        >>> from mcgurk.datasets.synergy import synergy_answer
        >>> {name: round(share, 3) for name, share in synergy_answer(2.0).items()}
        {'a': 0.5, 'b': 0.5, 'a+b': 0.956}
    """
    check(n, d)
    task, rng = generator(random_state, "synergy", "task"), generator(random_state, "synergy", "rows")
    p, q = signs(n, rng), signs(n, rng)
    X = Dataset({name: Dense(along(strength * sign + rng.standard_normal(n), d, rng, task)) for name, sign in (("a", p), ("b", q))})
    return X, (p == q).astype(np.int64)


def synergy_answer(strength: float = 2.0) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``."""
    seen = normal_cdf(abs(strength))
    return {"a": 0.5, "b": 0.5, "a+b": seen**2 + (1 - seen) ** 2}
