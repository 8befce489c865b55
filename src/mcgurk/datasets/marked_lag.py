"""Planted truth: one step of a stream is marked, and the answer stands a fixed time before it in another."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mcgurk.data.column import Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import check
from mcgurk.errors import DataError
from mcgurk.seeding import generator


def make_marked_lag(
    n: int = 1000,
    steps: tuple[int, int] = (14, 10),
    lag: int = 7,
    signs: bool = False,
    step_s: float = 0.1,
    random_state: int = 0,
) -> tuple[Dataset, np.ndarray]:
    """Stream b is random signs; stream a is zeros but for one marked step tau, which holds (s, 1); the label is ``s b[tau - lag] > 0``.

    Known answer: together the streams say all, and only ``b[tau - lag]`` matters: a model that solves this by attention looks ``lag`` steps
    back from the mark. Alone a says nothing, and b what the majority of its signs can. With ``signs`` s is random, the label a product of
    two signs, and b alone says nothing either; else s is 1.

    When not to use it: for lags that differ from row to row (:func:`mcgurk.datasets.make_lag`).

    Args:
        n: rows.
        steps: of a and b.
        lag: steps from the answer in b to the mark in a.
        signs: whether the mark has a random sign.
        step_s: seconds a step, of both.
        random_state: the same seed gives the same rows.

    Shapes:
        ``a``: Ragged, (T_a, 2) a row; ``b``: (T_b, 1); ``times`` in seconds from 0; ``rows["tau"]``: the marked step; y: (n,) 0 or 1.

    Raises:
        DataError: S01 for n or steps below 1, or a lag that leaves no step to mark.

    Source: the unaligned streams of Tsai et al. 2019, ACL, reduced to one lag; ours.

    Example:
        >>> from mcgurk.datasets import make_marked_lag
        >>> X, y = make_marked_lag(n=5)
        >>> tau = X.rows["tau"][0]
        >>> X["a"].row(0)[tau].tolist(), bool((X["b"].row(0)[tau - 7, 0] > 0) == y[0])
        ([1.0, 1.0], True)
    """
    check(n, min(steps))
    long, short = steps
    last = min(long, short + lag)
    if not 0 <= lag < last:
        raise DataError(f"a lag of {lag} steps leaves no step of {long} to mark; give a lag from 0 to {long - 1}", code="S01")
    rng = generator(random_state, "marked lag")
    row = np.arange(n)
    b = rng.choice([-1.0, 1.0], (n, short))
    tau = rng.integers(lag, last, n)
    sign = rng.choice([-1.0, 1.0], n) if signs else np.ones(n)
    a = np.zeros((n, long, 2))
    a[row, tau] = np.stack([sign, np.ones(n)], axis=1)
    streams = {"a": a, "b": b[:, :, None]}
    columns = {name: Ragged.of(list(x), kind="series", times=[step_s * np.arange(x.shape[1])] * n) for name, x in streams.items()}
    return Dataset(columns, rows=pd.DataFrame({"tau": tau})), (sign * b[row, tau - lag] > 0).astype(np.int64)


def marked_lag_answer(candidates: int = 7) -> dict[str, float]:
    """Best accuracy of each stream alone, where any of so many steps of b may be the answer (s = 1), and of both."""
    majority = sum(math.comb(candidates, k) * max(k, candidates - k) for k in range(candidates + 1)) / (candidates * 2**candidates)
    return {"a": 0.5, "b": majority, "a+b": 1.0}
