"""Boosted trees as plain arrays: equal to scikit-learn's predictions after save and load, and how fast on 100,000 rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from benchmarks._rounds import Spread, cpu_rounds
from mcgurk.functional.trees import export, predict_raw
from mcgurk.seeding import generator
from mcgurk.tensorfile import read_tensors, write_tensors


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Twenty columns, a fifth of the cells missing, four of the columns categories; trained on a tenth of the rows predicted."""
    n, rounds = (100_000, 5) if full else (20_000, 3)
    rng = generator(0, "trees")
    X = rng.normal(size=(n, 20))
    X[:, :4] = rng.integers(0, 12, size=(n, 4))
    score = X[:, 4] + X[:, 5] * X[:, 6] + np.isin(X[:, 0], (1, 5, 7)) - (X[:, 1] > 6)
    X[rng.random(X.shape) < 0.2] = np.nan
    noisy = score + 0.3 * rng.normal(size=n)
    labels = {"regression": noisy, "two classes": noisy > 0, "four classes": np.digitize(noisy, (-1, 0, 1))}
    out: dict[str, Any] = {
        "protocol": f"{n} rows, 20 columns, 4 of them categories of 12 levels, 20 % of the cells missing; 200 trees (an iteration) of "
        "15 leaves fitted "
        f"on a tenth; arrays written to a file and read again; medians of {rounds} rounds of CPU time, one thread, in turn",
        "seed": 0,
    }
    for name, y in labels.items():
        out[name] = one(X, y, name == "regression", rounds)
    return out


def one(X: np.ndarray, y: np.ndarray, number: bool, rounds: int) -> dict[str, Any]:
    """Largest difference to scikit-learn's raw predictions, and CPU time of both."""
    family: Any = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    options = {"max_iter": 200, "max_leaf_nodes": 15, "early_stopping": False, "random_state": 0, "categorical_features": [0, 1, 2, 3]}
    with threadpool_limits(1):
        model = family(**options).fit(X[::10], y[::10])
        with tempfile.TemporaryDirectory() as folder:
            write_tensors(Path(folder) / "trees.tensors", export(model), {})
            arrays, _ = read_tensors(Path(folder) / "trees.tensors")
        theirs = model.predict if number else model.decision_function
        expected = np.asarray(theirs(X), dtype=np.float64).reshape(len(X), -1)
        largest = float(np.abs(predict_raw(arrays, X) - expected).max())
        taken = cpu_rounds({"mcgurk": lambda: predict_raw(arrays, X), "scikit-learn": lambda: theirs(X)}, rounds)
    ratio = Spread.ratio(taken["scikit-learn"], taken["mcgurk"])
    return {
        "largest difference": largest,
        "mcgurk, ms": taken["mcgurk"].median,
        "scikit-learn, ms": taken["scikit-learn"].median,
        "times as fast": ratio.median,
        "quartiles": [ratio.low, ratio.high],
    }
