"""The linear analysis unit."""

from __future__ import annotations

import numpy as np

from mcgurk.data.target import Target
from mcgurk.functional import linear, ridge
from mcgurk.fusion.unit import Unit, inner_folds, stratum
from mcgurk.run import Run
from mcgurk.train.readout import row_loss

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
FINE = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
LARGEST_GROUP = 1000


class LinearUnit(Unit):
    """Logistic regression (classes, multilabel), ridge (numbers) or Poisson regression (counts) with an L2 penalty.

    ``min C sum_i loss(w.x_i + b, y_i) + |w|^2 / 2``. With ``C=None`` the penalty is chosen by the mean loss: for numbers by exact errors on
    rows or groups left out one by one, else on three inner folds that keep groups whole. Inputs are expected to have a mean squared norm
    of about 1 a block, as feature fusion gives them.

    Not for: relations with thresholds or interactions (use trees).

    Args:
        C: inverse penalty, or None to choose it.
        folds: inner folds for the choice.

    Attributes:
        C_: the penalty used.
        loss_: its mean loss on rows left out; NaN where C was given.

    Shapes: (n, d) -> (n, k).

    Source: Hoerl, Kennard 1970, Technometrics; le Cessie, van Houwelingen 1992, Applied Statistics.

    Example:
        >>> from mcgurk.fusion import LinearUnit
        >>> LinearUnit(C=1.0)
        LinearUnit(C=1.0)
    """

    def __init__(self, C: float | None = None, *, folds: int = 3) -> None:
        self.C = C
        self.folds = folds

    def fit(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> LinearUnit:
        self.classes_ = y.spec.columns if y.spec.task == "classes" else 0
        self.task_ = y.spec.task
        self.C_, self.loss_ = (float(self.C), float("nan")) if self.C is not None else self._choose(F, y, weight, groups, run)
        ((coef, intercept),) = self._path(F, y, weight, (self.C_,), 1e-6)
        self.coef_, self.intercept_ = (
            np.ascontiguousarray(coef),
            np.ascontiguousarray(intercept),
        )  # one layout before and after the store: equal bits
        return self

    def settled(self, fitted: Unit) -> LinearUnit:
        return LinearUnit(C=fitted.C_, folds=self.folds) if isinstance(fitted, LinearUnit) else LinearUnit(self.C, folds=self.folds)

    def _choose(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> tuple[float, float]:
        if y.spec.task == "number" and len(y.values) > 2 and leavable(groups):
            errors = np.mean([path.loo.mean(axis=1) for path in self._ridge(F, y, weight, FINE, groups)], axis=0)
            return FINE[int(errors.argmin())], float(errors.min())
        losses = np.zeros(len(STRENGTHS))
        counted = 0
        for train, test in inner_folds(groups, stratum(y), self.folds, run.inner("linear")):
            part = y.take(train)
            if len(train) < 2 or (y.spec.task == "classes" and len(np.unique(part.values)) < 2):
                continue
            held = y.take(test)
            for i, (coef, intercept) in enumerate(self._path(F[train], part, None if weight is None else weight[train], STRENGTHS, 1e-3)):
                each = row_loss(self._logits(F[test], coef, intercept), held)
                losses[i] += np.nansum(each if weight is None else each * weight[test])
            counted += len(test)
        return (STRENGTHS[int(losses.argmin())], float(losses.min()) / counted) if counted else (1.0, float("nan"))

    def _path(
        self, F: np.ndarray, y: Target, weight: np.ndarray | None, strengths: tuple[float, ...], tol: float
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        task = y.spec.task
        if task == "classes":
            coefs, intercepts = linear.fit_logistic_path(F, y.values, y.spec.columns, strengths, weight=weight, tol=tol)
            return list(zip(coefs, intercepts, strict=True))
        if task == "multilabel":
            return [linear.fit_multilabel(F, y.values, C=c, weight=weight, tol=tol) for c in strengths]
        if task == "count":
            return [
                _stacked([linear.fit_poisson(F, y.values[:, j], C=c, weight=weight, tol=tol) for j in range(y.values.shape[1])])
                for c in strengths
            ]
        center, scale = np.asarray(y.spec.center), np.asarray(y.spec.scale)
        paths = self._ridge(F, y, weight, strengths)
        coef = np.concatenate([path.coef for path in paths], axis=1) * scale[:, None]
        intercept = np.concatenate([path.intercept for path in paths], axis=1) * scale + center
        return list(zip(coef, intercept, strict=True))

    def _ridge(
        self, F: np.ndarray, y: Target, weight: np.ndarray | None, strengths: tuple[float, ...], groups: np.ndarray | None = None
    ) -> list[ridge.RidgePath]:
        """One path for all outputs, or one an output where some rows lack some outputs."""
        standard = (y.values - np.asarray(y.spec.center)) / np.asarray(y.spec.scale)
        known = ~np.isnan(standard)
        alphas = [1 / c for c in strengths]
        if known.all():
            return [ridge.ridge_path(F, standard, alphas, weight, groups)]
        return [
            ridge.ridge_path(F[k], standard[k, j], alphas, None if weight is None else weight[k], None if groups is None else groups[k])
            for j, k in enumerate(known.T)
        ]

    def _logits(self, F: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
        raw = F @ coef.T + intercept
        return np.concatenate([-raw / 2, raw / 2], axis=1) if self.classes_ == 2 else raw

    def scores(self, F: np.ndarray) -> np.ndarray:
        return self._logits(F, self.coef_, self.intercept_)


def leavable(groups: np.ndarray) -> bool:
    """Whether leaving out one group at a time is cheap and leaves enough: three groups or more, none huge."""
    _, counts = np.unique(groups, return_counts=True)
    return len(counts) > 2 and int(counts.max()) <= LARGEST_GROUP


def _stacked(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([np.atleast_2d(c) for c, _ in parts]), np.concatenate([np.atleast_1d(b) for _, b in parts])
