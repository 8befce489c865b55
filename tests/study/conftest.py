"""Small data and quick contestants: linear models on the columns' own numbers, so that a whole study takes a second."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mcgurk.base import Estimator
from mcgurk.data import Dataset, Dense
from mcgurk.registry import Candidate
from mcgurk.roles import Classifier, Regressor

CALLS: list[str] = []


def numbers(X: Dataset) -> np.ndarray:
    """(n, p): every column side by side, absent rows 0, with presence flags."""
    parts = [np.where(c.present[:, None], np.nan_to_num(c.values.reshape(len(c), -1)), 0.0) for _, c in X.items()]
    return np.concatenate([*parts, X.present.astype(float)], axis=1)


class Linear(Classifier, Estimator):
    """Ridge scores on one-hot labels, with a softmax."""

    def __init__(self, name: str = "", random_state: Any = None) -> None:
        self.name = name
        self.random_state = random_state

    def _fit(self, data: Any, run: Any) -> None:
        CALLS.append(self.name)
        A = np.c_[numbers(data.X), np.ones(len(data.X))]
        self.w_ = np.linalg.solve(A.T @ A + 1e-3 * np.eye(A.shape[1]), A.T @ np.eye(len(self.target_.classes))[data.y.values])

    def _scores(self, X: Dataset) -> np.ndarray:
        return 4 * np.c_[numbers(X), np.ones(len(X))] @ self.w_


class LinearNumber(Regressor, Estimator):
    """Ridge."""

    def __init__(self, name: str = "", random_state: Any = None) -> None:
        self.name = name
        self.random_state = random_state

    def _fit(self, data: Any, run: Any) -> None:
        CALLS.append(self.name)
        A = np.c_[numbers(data.X), np.ones(len(data.X))]
        self.w_ = np.linalg.solve(A.T @ A + 1e-3 * np.eye(A.shape[1]), A.T @ data.y.values)

    def _scores(self, X: Dataset) -> np.ndarray:
        return np.c_[numbers(X), np.ones(len(X))] @ self.w_


class Prior(Classifier, Estimator):
    """The training rows' shares."""

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, data: Any, run: Any) -> None:
        pass

    def _scores(self, X: Dataset) -> np.ndarray:
        return np.tile(np.log(np.asarray(self.target_.prior) + 1e-9), (len(X), 1))


class PriorNumber(Regressor, Estimator):
    """The training rows' mean."""

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def _fit(self, data: Any, run: Any) -> None:
        pass

    def _scores(self, X: Dataset) -> np.ndarray:
        return np.tile(np.asarray(self.target_.center), (len(X), 1))


class Broken(Linear):
    """Fails in fitting."""

    def _fit(self, data: Any, run: Any) -> None:
        raise ValueError("this method cannot do that")


def contestants(names: tuple[str, ...], number: bool = False) -> list[Candidate]:
    """Majority, every single modality, everything together and everything but one."""
    one, prior = (LinearNumber, PriorNumber) if number else (Linear, Prior)
    out = [Candidate("majority", prior, (), "baseline", "majority", 0.1, 0, "always the average")]
    out += [Candidate(f"single:{n}", lambda n=n: one(f"single:{n}"), (n,), "single", "early", 0.5, 1, f"{n} alone") for n in names]
    out += [
        Candidate(
            f"early:-{n}",
            lambda n=n: one(f"early:-{n}"),
            tuple(m for m in names if m != n),
            "subset",
            "early",
            0.8,
            3,
            f"early without {n}",
        )
        for n in names
        if len(names) > 2
    ]
    out.append(Candidate("early", lambda: one("early"), names, "early", "early", 1.0, 4, "early fusion"))
    out.append(Candidate("auto", lambda: one("auto"), names, "auto", "auto", 2.0, 9, "automatic choice"))
    return out


def data() -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Two useful modalities, one of noise; groups of four rows; some cells absent."""
    rng = np.random.default_rng(7)
    n = 240
    z = rng.normal(size=(n, 2))
    y = np.where(z.sum(axis=1) > 0, "yes", "no")
    present = rng.random(n) > 0.1
    X = Dataset(
        {
            "image": Dense(np.c_[z[:, 0] + 0.4 * rng.normal(size=n), rng.normal(size=n)]),
            "noise": Dense(rng.normal(size=(n, 3))),
            "text": Dense(np.c_[z[:, 1] + 0.4 * rng.normal(size=n), rng.normal(size=n)], present),
        }
    )
    return X, y, np.repeat(np.arange(n // 4), 4)


@pytest.fixture
def planted() -> tuple[Dataset, np.ndarray, np.ndarray]:
    """:func:`data`."""
    return data()


@pytest.fixture
def fakes() -> Any:
    """The quick contestants, for tests that enter their own."""
    return SimpleNamespace(contestants=contestants, calls=CALLS, Linear=Linear, Broken=Broken)
