"""The boosted-trees analysis unit."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from mcgurk.data.target import Target
from mcgurk.functional import trees
from mcgurk.fusion.unit import Unit
from mcgurk.run import Run


class TreesUnit(Unit):
    """Histogram gradient boosting, fitted by scikit-learn and at once exported to plain arrays, which are all that is kept.

    ``F_t(x) = F_{t-1}(x) + rate * tree_t(x)``, each tree grown on the gradient of the log loss, squared error or Poisson loss,
    each split from a random half of the columns.

    Not for: hundreds of columns of equal, small weight such as embeddings (linear is better and quicker; feature fusion reduces wide
    blocks first).

    Args:
        iterations: trees; None for 200, fewer for each class where there are many.
        rate: learning rate.
        leaves: most leaves of a tree; None for 6 below 1,000 rows, else 15.
        least: fewest rows of a leaf; None for n / 40, at least 5, at most 20.

    Shapes: (n, d) -> (n, k).

    Source: Friedman 2001, Annals of Statistics 29:1189-1232; Ke et al. 2017, NeurIPS (histograms).

    Example:
        >>> from mcgurk.fusion import TreesUnit
        >>> TreesUnit(iterations=50)
        TreesUnit(iterations=50)
    """

    def __init__(self, iterations: int | None = None, *, rate: float = 0.05, leaves: int | None = None, least: int | None = None) -> None:
        self.iterations = iterations
        self.rate = rate
        self.leaves = leaves
        self.least = least

    def fit(self, F: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run) -> TreesUnit:
        self.task_ = y.spec.task
        self.columns_ = y.spec.columns
        self.forests_ = [self._grow(F, labels, weight, y, run) for labels in self._outputs(y)]
        return self

    def _outputs(self, y: Target) -> list[np.ndarray]:
        if y.spec.task == "classes":
            return [y.values]
        return [y.values[:, j] for j in range(y.spec.columns)]

    def _grow(self, F: np.ndarray, labels: np.ndarray, weight: np.ndarray | None, y: Target, run: Run) -> dict[str, np.ndarray]:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        known = labels >= 0 if y.spec.task == "classes" else ~np.isnan(labels)
        rows = int(known.sum())
        least = self.least or min(20, max(5, rows // 40))
        iterations = self.iterations or max(40, 200 // max(1, (y.spec.columns if y.spec.task == "classes" else 1) // 2))
        leaves = self.leaves or (6 if rows < 1000 else 15)
        options: dict[str, Any] = {
            "max_iter": iterations, "learning_rate": self.rate, "max_leaf_nodes": leaves, "min_samples_leaf": least,
            "l2_regularization": 1.0, "max_features": 0.5, "early_stopping": False, "random_state": run.derive("trees") % 2**32,
        }  # fmt: skip
        classify = y.spec.task in ("classes", "multilabel")
        seen = np.unique(labels[known]) if classify else None
        if seen is not None and len(seen) == 1:
            share = 1e-3 if seen[0] == 0 else 1 - 1e-3
            return {"constant": np.array([np.log(share) - np.log1p(-share)])}
        model = (
            HistGradientBoostingClassifier(**options)
            if classify
            else HistGradientBoostingRegressor(loss="poisson" if y.spec.task == "count" else "squared_error", **options)
        )
        small = F.size * iterations < 5e8
        with threadpool_limits(1 if small else None, "openmp"), warnings.catch_warnings():
            warnings.simplefilter("ignore", category=FutureWarning)
            model.fit(F[known], labels[known], sample_weight=None if weight is None else weight[known])
        out = trees.export(model)
        return {**out, "seen": seen} if y.spec.task == "classes" and seen is not None else out

    def scores(self, F: np.ndarray) -> np.ndarray:
        raw = [
            np.repeat(f["constant"][None, :], len(F), axis=0)
            if "constant" in f
            else trees.predict_raw({k: v for k, v in f.items() if k != "seen"}, F)
            for f in self.forests_
        ]
        if self.task_ != "classes":
            return np.concatenate(raw, axis=1)
        part = np.concatenate([-raw[0] / 2, raw[0] / 2], axis=1) if raw[0].shape[1] == 1 else raw[0]
        seen = self.forests_[0]["seen"].astype(int)
        if len(seen) == self.columns_:
            return part
        out = np.full((len(F), self.columns_), part.min(axis=1, keepdims=True) - 5.0)
        out[:, seen] = part
        return out

    def parameters(self) -> int:
        return sum(v.size for f in self.forests_ for v in f.values())

    def macs(self) -> float:
        """None: trees compare, they multiply nothing."""
        return 0.0
