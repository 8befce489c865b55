"""Planted truth: which modality can be trusted changes from row to row, and a flag says which."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import check, normal_cdf, signs
from mcgurk.errors import DataError
from mcgurk.seeding import generator


def make_reliability(n: int = 2000, d: int = 8, scatter: float = 0.3, random_state: int = 0) -> tuple[Dataset, np.ndarray]:
    """A fair flag in a says where the evidence is: a[1] = s + scatter e where the flag is 1, b[0] = s + scatter e where it is 0.

    Elsewhere those features are N(0, 1), as are all others. A gated fusion must learn to follow the flag: X.rows["flag"] holds it.

    Known answer: P = Phi(1 / scatter) together (.9996 for .3), P / 2 + 1 / 4 (.750) for each alone.

    Args:
        n: rows.
        d: features a modality, at least 2.
        scatter: standard deviation of the trusted feature around s = +-1.
        random_state: the same seed gives the same rows.

    Shapes:
        ``a``: (n, d), flag first; ``b``: (n, d); X.rows["flag"]: (n,) bool; y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n below 1 or d below 2; D00 for a scatter that is not positive.

    Source: the situation for which Arevalo, Solorio, Montes-y-Gomez, Gonzalez 2017 (ICLR workshop) propose the gated unit; task ours.

    Example:
        >>> from mcgurk.datasets import make_reliability
        >>> X, y = make_reliability(n=4, d=2)
        >>> bool((X["a"].values[:, 0] == X.rows["flag"]).all())
        True
    """
    import pandas as pd

    check(n, d)
    if d < 2:
        raise DataError("a has the flag and the evidence, so d = 1 feature is too few; give at least 2", code="S01")
    if scatter <= 0:
        raise DataError(f"scatter = {scatter} is not a standard deviation; give a number above 0")
    rng = generator(random_state, "reliability", "rows")
    s, flag = signs(n, rng), rng.random(n) < 0.5
    a, b = rng.standard_normal((2, n, d))
    trusted = s + scatter * rng.standard_normal(n)
    a[:, 0] = flag
    a[flag, 1] = trusted[flag]
    b[~flag, 0] = trusted[~flag]
    return Dataset({"a": Dense(a), "b": Dense(b)}, rows=pd.DataFrame({"flag": flag})), (s > 0).astype(np.int64)


def reliability_answer(scatter: float = 0.3) -> dict[str, float]:
    """Bayes accuracy of ``a``, ``b`` and ``a+b``."""
    seen = normal_cdf(1 / scatter)
    return {"a": seen / 2 + 0.25, "b": seen / 2 + 0.25, "a+b": seen}
