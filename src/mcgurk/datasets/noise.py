"""Planted truth: nothing at all."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import check
from mcgurk.seeding import generator


def make_noise(n: int = 1000, d: int = 10, share: float = 0.5, random_state: int = 0) -> tuple[Dataset, np.ndarray]:
    """Features N(0, 1), labels independent of them: the null against which every estimate must be able to say "nothing".

    Known answer: max(share, 1 - share) for a, b and both, the majority's share; information 0.

    Args:
        n: rows.
        d: features a modality.
        share: probability of label 1.
        random_state: the same seed gives the same rows.

    Shapes:
        ``a``, ``b``: (n, d); y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or d below 1, D00 for a share outside 0 to 1.

    Example:
        >>> from mcgurk.datasets import make_noise
        >>> X, y = make_noise(n=3, d=2)
        >>> X["b"].values.shape, y.shape
        ((3, 2), (3,))
    """
    check(n, d, share=share)
    rng = generator(random_state, "noise", "rows")
    X = Dataset({name: Dense(rng.standard_normal((n, d))) for name in ("a", "b")})
    return X, (rng.random(n) < share).astype(np.int64)


def noise_answer(share: float = 0.5) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``."""
    return dict.fromkeys(("a", "b", "a+b"), max(share, 1 - share))
