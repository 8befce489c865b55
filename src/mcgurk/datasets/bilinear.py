"""Planted truth: a label that is bilinear in the two modalities, without noise."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import check
from mcgurk.seeding import generator


def make_bilinear(n: int = 8000, d: int = 16, rank: int | None = None, random_state: int = 0) -> tuple[Dataset, np.ndarray]:
    """y = 1 where a' W b > 0; a, b and W have N(0, 1) entries.

    Known answer: .5 for a, for b and for every model linear in [a; b] (replacing a by -a turns every label); 1 for both together.
    What separates methods is how many rows they need: W has d^2 numbers, of ``rank`` r only r (2 d - r).

    When not to use it: to rank methods for real tables; it shows whether a product of modalities can be learnt, kept and reloaded.

    Args:
        n: rows; take the first part to train and the rest as fresh rows of the same task.
        d: features a modality.
        rank: of W; None is full.
        random_state: the same seed gives the same W and rows.

    Shapes:
        ``a``, ``b``: (n, d); y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or d below 1.

    Source: Tenenbaum, Freeman 2000, Separating style and content with bilinear models, Neural Computation
        12:1247-1283 (the symmetric model).

    Example:
        >>> from mcgurk.datasets import make_bilinear
        >>> X, y = make_bilinear(n=10, d=3)
        >>> X.shape, sorted(set(y.tolist()))
        ((10,), [0, 1])
    """
    check(n, d)
    task, rng = generator(random_state, "bilinear", "task"), generator(random_state, "bilinear", "rows")
    if rank is None:
        w = task.standard_normal((d, d))
    else:
        check(n, rank)
        w = task.standard_normal((d, min(rank, d))) @ task.standard_normal((min(rank, d), d))
    a, b = rng.standard_normal((2, n, d))
    return Dataset({"a": Dense(a), "b": Dense(b)}), (np.einsum("ni,ij,nj->n", a, w, b, optimize=True) > 0).astype(np.int64)


def bilinear_answer() -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``."""
    return {"a": 0.5, "b": 0.5, "a+b": 1.0}
