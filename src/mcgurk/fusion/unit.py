"""Analysis units: matrix in, decision out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import numpy as np

from mcgurk.data.split import unit_folds
from mcgurk.data.target import Target
from mcgurk.params import Params
from mcgurk.run import Run


class Unit(Params, ABC):
    """A model of a target from one feature matrix; the shape AU: F -> D of Atrey et al. 2010.

    Learned state is in attributes ending "_" (arrays, numbers, text), so that every unit is stored like everything else.
    """

    @abstractmethod
    def fit(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> Unit:
        """Learn from labelled rows only.

        Args:
            F: (n, d) float64, finite.
            y: their labels, with the training rows' statistics; never per step (steps are rows here).
            weight: (n,) or None.
            groups: (n,) int64; rows of one group stay together in inner folds.
            run: seeds.
        """

    @abstractmethod
    def scores(self, F: np.ndarray) -> np.ndarray:
        """(n, k) logits, numbers on the target's learned scale, or log-means."""

    def settled(self, fitted: Unit) -> Unit:
        """An unfitted copy with the choices ``fitted`` made on all training rows, for inner folds: a penalty, never a coefficient."""
        return copy.deepcopy(self)

    def parameters(self) -> int:
        """Number of learned numbers."""
        return sum(v.size for k, v in vars(self).items() if k.endswith("_") and isinstance(v, np.ndarray))

    def macs(self) -> float:
        """Multiply-accumulates a row (:mod:`mcgurk.nn.macs`); by default every learned number is used once."""
        return float(self.parameters())


def inner_folds(groups: np.ndarray, labels: np.ndarray, k: int, run: Run) -> list[tuple[np.ndarray, np.ndarray]]:
    """k (train, test) pairs of row numbers that keep groups whole and spread the labels; fewer for fewer groups, none for one."""
    return unit_folds(groups, labels, n_splits=k, seed=run.seed)


def stratum(y: Target) -> np.ndarray:
    """(n,) codes or numbers to spread over folds."""
    return y.values if y.values.ndim == 1 else np.nan_to_num(y.values).sum(axis=1)
