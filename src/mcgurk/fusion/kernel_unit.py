"""The kernel analysis unit: a smooth function of a few features."""

from __future__ import annotations

import numpy as np

from mcgurk.data.target import Target
from mcgurk.fusion.linear_unit import LinearUnit
from mcgurk.fusion.unit import Unit
from mcgurk.run import Run

WIDTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


class KernelUnit(Unit):
    """Ridge, logistic or Poisson regression on ``k(x, z) = exp(-|x - z|^2 / (2 s^2))``, by the Nystroem features of landmark rows.

    ``phi(x) = K_ll^{-1/2} k(l, x)`` for landmarks l, a random sample of the training rows (all of them up to ``landmarks``: then it is kernel
    ridge regression exactly), followed by :class:`~mcgurk.fusion.linear_unit.LinearUnit`. s is a multiple of the median distance, chosen
    together with the penalty by the loss on rows left out.

    Not for: embeddings of hundreds of dimensions (linear is as good and quicker) or more than some thousand rows.

    Args:
        landmarks: most rows kept.
        folds: inner folds, where width and penalty are chosen on folds.
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
        candidates = (self.width,) if self.width is not None else tuple(w * (median or 1.0) for w in WIDTHS)
        best: tuple[float, float, LinearUnit] | None = None
        for width in candidates:
            self.width_ = float(width)
            self._whiten()
            linear = LinearUnit(self.C, folds=self.folds).fit(self._features(F), y, weight, groups, run.inner("kernel"))
            if best is None or linear.loss_ < best[0]:
                best = (linear.loss_, self.width_, linear)
        assert best is not None
        _, self.width_, self.linear_ = best
        self._whiten()
        return self

    def settled(self, fitted: Unit) -> KernelUnit:
        if not isinstance(fitted, KernelUnit):
            return KernelUnit(landmarks=self.landmarks, folds=self.folds)
        return KernelUnit(landmarks=self.landmarks, folds=self.folds, width=fitted.width_, C=fitted.linear_.C_)

    def _whiten(self) -> None:
        values, vectors = np.linalg.eigh(np.exp(-_squared(self.landmarks_, self.landmarks_) / (2 * self.width_**2)))
        kept = values > 1e-9 * values[-1]
        self.whitening_ = vectors[:, kept] / np.sqrt(values[kept])

    def _features(self, F: np.ndarray) -> np.ndarray:
        return np.exp(-_squared(F, self.landmarks_) / (2 * self.width_**2)) @ self.whitening_

    def scores(self, F: np.ndarray) -> np.ndarray:
        return self.linear_.scores(self._features(F))

    def parameters(self) -> int:
        return self.landmarks_.size + self.linear_.parameters()


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) squared distances."""
    return np.maximum((a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T, 0.0)
