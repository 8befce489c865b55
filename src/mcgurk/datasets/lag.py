"""Planted truth: two recordings of one process, one of them late."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.datasets._signal import check
from mcgurk.errors import DataError
from mcgurk.seeding import generator


def make_lag(
    n: int = 100,
    steps: int = 200,
    max_lag: int = 10,
    noise: float = 0.3,
    step_s: float = 0.04,
    shortest: float = 0.7,
    random_state: int = 0,
) -> tuple[Dataset, np.ndarray]:
    """White noise smoothed over three steps, seen as a[t] = x[t] + noise e and b[t] = x[t - lag] + noise e; the label is the lag in steps.

    Known answer: the maximum of the cross-correlation sum_t a[t] b[t + k] over |k| <= max_lag is at k = lag, found in nearly every row
    when steps is large against 2 max_lag (noise .3, 200 steps: every row of 300). Alone a and b say nothing: 1 / (2 max_lag + 1).

    When not to use it: for drift or warping; the lag is one number a row.

    Args:
        n: rows.
        steps: length of the longest row.
        max_lag: lags are uniform on -max_lag … max_lag; positive: b is late.
        noise: standard deviation of each recording's own noise; the process has variance 1.
        step_s: seconds a step.
        shortest: length of the shortest row as a share of ``steps``; lengths are uniform between.
        random_state: the same seed gives the same rows.

    Shapes:
        ``a``, ``b``: Ragged, (T_i, 1) a row, ``times`` in seconds from 0; y: (n,) int lag in steps.

    Raises:
        DataError: S01 for n or steps below 1, or rows shorter than 2 max_lag + 1; D00 for shortest outside 0 to 1.

    Example:
        >>> from mcgurk.datasets import make_lag
        >>> X, y = make_lag(n=5, steps=50, max_lag=3)
        >>> bool(abs(y).max() <= 3), X["a"].row(0).shape == X["b"].row(0).shape
        (True, True)
    """
    check(n, steps, shortest=shortest)
    least = max(round(shortest * steps), 1)
    if max_lag < 0 or least < 2 * max_lag + 1:
        raise DataError(
            f"rows of {least} steps are too short for lags up to {max_lag}; give at least {2 * max_lag + 1} steps or a smaller max_lag",
            code="S01",
        )
    rng = generator(random_state, "lag", "rows")
    lags = rng.integers(-max_lag, max_lag + 1, n)
    lengths = rng.integers(least, steps + 1, n)
    recordings: dict[str, list[np.ndarray]] = {"a": [], "b": []}
    for lag, length in zip(lags, lengths):
        white = rng.standard_normal(length + 2 * max_lag + 2)
        x = (white[:-2] + white[1:-1] + white[2:]) / np.sqrt(3.0)
        for name, shift in (("a", 0), ("b", lag)):
            start = max_lag - shift
            recordings[name].append((x[start : start + length] + noise * rng.standard_normal(length))[:, None])
    times = [step_s * np.arange(length) for length in lengths]
    return Dataset({name: Ragged.of(items, kind="series", times=times) for name, items in recordings.items()}), lags


def lag_answer(max_lag: int = 10) -> dict[str, float]:
    """Share of rows whose lag each modality alone can name (chance), and both for small noise."""
    chance = 1.0 / (2 * max_lag + 1)
    return {"a": chance, "b": chance, "a+b": 1.0}
