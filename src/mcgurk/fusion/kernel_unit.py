"""The kernel analysis unit: a smooth function of a few features."""

from __future__ import annotations

import copy

import numpy as np

from mcgurk.data.target import Target
from mcgurk.functional.ridge import ridge_path
from mcgurk.fusion.linear_unit import FINE, LinearUnit, leavable
from mcgurk.fusion.unit import Unit
from mcgurk.run import Run

WIDTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
ALPHAS = tuple(1 / c for c in FINE)


class KernelUnit(Unit):
    """Ridge, logistic or Poisson regression on ``k(x, z) = exp(-|x - z|^2 / (2 s^2))``, by the Nystroem features of landmark rows.

    ``phi(x) = K_ll^{-1/2} k(l, x)`` for landmarks l, a random sample of the training rows (all of them up to ``landmarks``: then it is
    kernel ridge regression exactly), followed by :class:`~mcgurk.fusion.linear_unit.LinearUnit`. s is a multiple of the median distance,
    chosen by the exact squared error of ridge regression on rows or groups left out one by one (of indicators, where the target is classes
    or labels, of ``log(1 + y)`` for counts); the penalty is the linear unit's choice.

    Not for: embeddings of hundreds of dimensions (linear is as good and quicker) or more than some thousand rows.

    Args:
        landmarks: most rows kept.
        folds: inner folds, where the penalty is chosen on folds.
        width, C: s and the inverse penalty, or None to choose them.

    Shapes: (n, d) -> (n, k).

    Source: Williams, Seeger 2001, NeurIPS 13 (Nystroem); Saunders, Gammerman, Vovk 1998, ICML (kernel ridge).

    Example:
        >>> from mcgurk.fusion import KernelUnit
        >>> KernelUnit(landmarks=200)
        KernelUnit(landmarks=200)
    """

    def __init__(self, *, landmarks: int = 500, folds: int = 3, width: float | None = None, C: float | None = None) -> None:
        self.landmarks = landmarks
        self.folds = folds
        self.width = width
        self.C = C

    def fit(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> KernelUnit:
        rng = run.rng("landmarks")
        chosen = np.sort(rng.permutation(len(F))[: self.landmarks])
        self.landmarks_ = F[chosen]
        distances = np.sqrt(_squared(self.landmarks_, self.landmarks_))
        median = float(np.median(distances[np.triu_indices(len(chosen), 1)])) if len(chosen) > 1 else 1.0
        self.width_ = float(self.width) if self.width is not None else self._choose(F, y, weight, groups, median or 1.0)
        self._whiten()
        self.linear_ = LinearUnit(self.C, folds=self.folds).fit(self._features(F), y, weight, groups, run.inner("kernel"))
        return self

    def _choose(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, median: float) -> float:
        """The width of least error left out."""
        targets, known = _numeric(y)
        together = groups[known] if leavable(groups[known]) else None
        losses = []
        for width in WIDTHS:
            self.width_ = width * median
            self._whiten()
            path = ridge_path(self._features(F[known]), targets[known], ALPHAS, None if weight is None else weight[known], together)
            losses.append(float(path.loo.mean(axis=1).min()))
        return WIDTHS[int(np.argmin(losses))] * median

    def settled(self, fitted: Unit) -> KernelUnit:
        """Unsettled: chosen among ``len(WIDTHS) * len(ALPHAS)`` functions, decisions of a choice that saw the row would look too good."""
        return copy.deepcopy(self)

    def _whiten(self) -> None:
        values, vectors = np.linalg.eigh(np.exp(-_squared(self.landmarks_, self.landmarks_) / (2 * self.width_**2)))
        kept = values > 1e-9 * values[-1]
        self.whitening_ = np.ascontiguousarray(vectors[:, kept] / np.sqrt(values[kept]))

    def _features(self, F: np.ndarray) -> np.ndarray:
        return np.exp(-_squared(F, self.landmarks_) / (2 * self.width_**2)) @ self.whitening_

    def scores(self, F: np.ndarray) -> np.ndarray:
        return self.linear_.scores(self._features(F))

    def parameters(self) -> int:
        return self.landmarks_.size + self.linear_.parameters()

    def macs(self) -> float:
        return self.landmarks_.size + self.whitening_.size + self.linear_.macs()


def _numeric(y: Target) -> tuple[np.ndarray, np.ndarray]:
    """The target as standard numbers, and the rows that have all of them."""
    if y.spec.task == "classes":
        values = np.eye(y.spec.columns)[np.maximum(y.values, 0)]
    else:
        values = np.log1p(y.values) if y.spec.task == "count" else y.values
    known = y.labelled & ~np.isnan(values).any(axis=1)
    spread = values[known].std(axis=0)
    return (values - values[known].mean(axis=0)) / np.where(spread > 0, spread, 1.0), known


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) squared distances."""
    return np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T, 0.0)
