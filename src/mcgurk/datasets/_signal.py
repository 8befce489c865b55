"""What the planted generators share: a modality whose evidence for the label lies along one hidden direction."""

from __future__ import annotations

import math

import numpy as np

from mcgurk.errors import DataError


def normal_cdf(x: float) -> float:
    """The share of a standard normal below ``x``: the Bayes accuracy of evidence of that strength."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def signs(n: int, rng: np.random.Generator) -> np.ndarray:
    """(n,) fair values -1 or +1."""
    return rng.integers(0, 2, n) * 2.0 - 1.0


def along(evidence: np.ndarray, d: int, rng: np.random.Generator, task: np.random.Generator) -> np.ndarray:
    """(n, d) standard normal noise whose component along a direction drawn from ``task`` is ``evidence`` (n,)."""
    u = task.standard_normal(d)
    u /= np.linalg.norm(u)
    noise = rng.standard_normal((len(evidence), d))
    return noise + np.outer(evidence - noise @ u, u)


def check(n: int, d: int, **shares: float) -> None:
    """Refuse sizes and shares from which nothing can be drawn."""
    if n < 1 or d < 1:
        raise DataError(f"n = {n} rows of d = {d} features cannot be drawn; both must be at least 1", code="S01")
    for name, share in shares.items():
        if not 0.0 <= share <= 1.0:
            raise DataError(f"{name} = {share} is not a share; give a number from 0 to 1")
