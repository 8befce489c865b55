"""The small-network analysis unit."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.base import FitData, adopt
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.target import Target
from mcgurk.fusion.unit import Unit
from mcgurk.run import Run


class NetworkUnit(Unit):
    """A fully connected network on the feature matrix, trained by the loop and stopped early on held-out groups.

    Not for: fewer than a few hundred rows.

    Args:
        hidden: widths of the hidden layers.
        dropout: after each hidden layer and on the input.
        epochs: most epochs.
        rate: learning rate of AdamW.

    Shapes: (n, d) -> (n, k).

    Source: Rumelhart, Hinton, Williams 1986, Nature 323:533-536.

    Example:
        >>> from mcgurk.fusion import NetworkUnit
        >>> NetworkUnit(hidden=(16,))
        NetworkUnit(hidden=(16,))
    """

    def __init__(self, hidden: tuple[int, ...] = (64,), *, dropout: float = 0.2, epochs: int = 60, rate: float = 1e-3) -> None:
        self.hidden = hidden
        self.dropout = dropout
        self.epochs = epochs
        self.rate = rate

    def fit(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> NetworkUnit:
        from mcgurk.fusion.concat import Concat
        from mcgurk.fusion.estimators import FusionClassifier, FusionRegressor

        family: Any = FusionClassifier if y.spec.task in ("classes", "multilabel") else FusionRegressor
        self.model_ = family(
            fusion=Concat(flags=False),
            encoders="precomputed",
            hidden=self.hidden,
            dropout=self.dropout,
            epochs=self.epochs,
            optim=("adamw", self.rate),
        )
        own = run.inner("network")
        with own.guard():
            adopt(self.model_, FitData(_wrapped(F), y, weight, groups), own)
        return self

    def scores(self, F: np.ndarray) -> np.ndarray:
        return self.model_._scores(_wrapped(F))

    def parameters(self) -> int:
        return self.model_.parameters()

    def macs(self) -> float:
        return self.model_.profile().macs


def _wrapped(F: np.ndarray) -> Dataset:
    return Dataset({"x": Dense(F, np.ones(len(F), dtype=bool), "vector")})
