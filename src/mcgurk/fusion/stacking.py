"""Decision fusion by a meta-model on out-of-fold decisions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk.data.target import Target
from mcgurk.fusion.decision import Decision, DecisionFusion
from mcgurk.fusion.linear_unit import LinearUnit
from mcgurk.roles import prior_scores
from mcgurk.run import Run

PULL = 0.1


class Stacking(DecisionFusion):
    """A meta-model on the units' out-of-fold scores: logistic regression (classes, multilabel), non-negative least squares (numbers),
    Poisson (counts).

    Level-1 inputs are decisions of units that did not see the row; the graph makes them and hands in nothing else. Every presence pattern
    with at least ``least`` rows gets a meta-model of its own; other rows use the one of all rows, with the prior's scores for absent
    decisions. Where rows are steps of a sequence, ``context`` adds the mean score of the neighbouring steps and of the whole sequence.

    Not for: a handful of rows (use Rule("mean")).

    Args:
        least: rows a presence pattern needs for its own meta-model.
        context: neighbours on each side whose mean score is added where rows are steps, 0 for none; of several numbers the one with the
            least loss on sequences left out.

    Shapes: M decisions (n, k) -> (n, k).

    Source: Wolpert 1992, Neural Networks 5:241-259; Breiman 1996, Machine Learning 24:49-64 (non-negative); Bates, Granger 1969,
        Operational Research Quarterly 20:451-468 (weights inverse to error variances).

    Example:
        >>> from mcgurk.fusion import Stacking
        >>> Stacking(least=30)
        Stacking(least=30)
    """

    learns = True

    def __init__(self, *, least: int = 50, context: int | tuple[int, ...] = (1, 2, 4)) -> None:
        self.least = least
        self.context = context

    def fit(
        self,
        decisions: Mapping[str, Decision],
        y: Target,
        weight: np.ndarray | None,
        groups: np.ndarray,
        run: Run,
        offsets: np.ndarray | None,
    ) -> Stacking:
        super().fit(decisions, y, weight, groups, run, offsets)
        self.names_ = tuple(decisions)
        rows = y.labelled & np.stack([d.present for d in decisions.values()], axis=1).any(axis=1)
        self.context_ = self._reach(decisions, y, weight, groups, run, offsets, rows)
        inputs = self._inputs(decisions, offsets)
        patterns = self._patterns(decisions)
        self.center_, self.scale_ = _standard([x[rows] for x in inputs])
        self.models_: dict[str, Any] = {"": self._meta(inputs, y, weight, groups, run, rows)}
        for pattern in np.unique(patterns[rows]):
            own = rows & (patterns == pattern)
            if own.sum() >= self.least and own.sum() < rows.sum() and self._enough(y, own):
                self.models_[str(pattern)] = self._meta(inputs, y, weight, groups, run, own)
        return self

    def _reach(
        self,
        decisions: Mapping[str, Decision],
        y: Target,
        weight: np.ndarray | None,
        groups: np.ndarray,
        run: Run,
        offsets: np.ndarray | None,
        rows: np.ndarray,
    ) -> int:
        """How many neighbours help most, judged by a linear model on sequences left out."""
        choices = self.context if isinstance(self.context, tuple) else (self.context,)
        if offsets is None or len(choices) == 1:
            return choices[0]
        losses = []
        for self.context_ in choices:
            inputs = [x[rows] for x in self._inputs(decisions, offsets)]
            center, scale = _standard(inputs)
            models = [
                self._linear((x - c) / s, y, weight, groups, run, rows, j)
                for j, (x, c, s) in enumerate(zip(inputs, center, scale, strict=True))
            ]
            losses.append(float(np.mean([m.loss_ for m in models])))
        return choices[int(np.argmin(losses))]

    def _linear(
        self, scaled: np.ndarray, y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run, rows: np.ndarray, j: int
    ) -> LinearUnit:
        """A linear model of output j (of all classes) from the inputs of some rows."""
        part = y.take(np.flatnonzero(rows))
        target = part if y.spec.task == "classes" else _column(part, j)
        known = target.labelled
        own = None if weight is None else weight[rows][known]
        return LinearUnit().fit(scaled[known], target.take(np.flatnonzero(known)), own, groups[rows][known], run.inner("meta", j))

    def _enough(self, y: Target, rows: np.ndarray) -> bool:
        return y.spec.task != "classes" or len(np.unique(y.values[rows])) == y.spec.columns

    def _patterns(self, decisions: Mapping[str, Decision]) -> np.ndarray:
        bits = np.stack([d.present for d in decisions.values()], axis=1)
        return np.array(["".join("1" if b else "0" for b in row) for row in bits]) if len(bits) else np.zeros(0, dtype=str)

    def _inputs(self, decisions: Mapping[str, Decision], offsets: np.ndarray | None) -> list[np.ndarray]:
        """One (n, inputs) matrix for classes, else one a output column."""
        filled = [d.filled(self.target_) for d in decisions.values()]
        if self.target_.task == "classes":
            parts = [f - f.mean(axis=1, keepdims=True) for f in filled]
            parts = [p[:, 1:] if p.shape[1] == 2 else p for p in parts]
            matrix = np.concatenate(parts, axis=1)
            return [self._in_context(matrix, offsets)]
        return [self._in_context(np.stack([f[:, j] for f in filled], axis=1), offsets) for j in range(self.target_.columns)]

    def _in_context(self, matrix: np.ndarray, offsets: np.ndarray | None) -> np.ndarray:
        if offsets is None or not self.context_:
            return matrix
        near, whole = np.zeros_like(matrix), np.zeros_like(matrix)
        for a, b in itertools.pairwise(offsets):
            part = matrix[a:b]
            if len(part):
                whole[a:b] = part.mean(axis=0)
                total = np.concatenate([np.zeros((1, part.shape[1])), np.cumsum(part, axis=0)])
                at = np.arange(len(part))
                low, high = np.maximum(at - self.context_, 0), np.minimum(at + self.context_ + 1, len(part))
                count = np.maximum(high - low - 1, 1)[:, None]
                near[a:b] = np.where((high - low > 1)[:, None], (total[high] - total[low] - part) / count, part)
        return np.concatenate([matrix, near, whole], axis=1)

    def _meta(
        self, inputs: list[np.ndarray], y: Target, weight: np.ndarray | None, groups: np.ndarray, run: Run, rows: np.ndarray
    ) -> list[Any]:
        if y.spec.task == "number":
            part = y.take(np.flatnonzero(rows))
            return [_non_negative(x[rows], part.values[:, j], None if weight is None else weight[rows]) for j, x in enumerate(inputs)]
        return [
            self._linear((x[rows] - c) / s, y, weight, groups, run, rows, j)
            for j, (x, c, s) in enumerate(zip(inputs, self.center_, self.scale_, strict=True))
        ]

    def combine(self, decisions: Mapping[str, Decision], offsets: np.ndarray | None) -> Decision:
        decisions = {n: decisions[n] for n in self.names_}
        inputs = self._inputs(decisions, offsets)
        patterns = self._patterns(decisions)
        some = np.any(np.stack([d.present for d in decisions.values()], axis=1), axis=1)
        out = np.tile(prior_scores(self.target_), (len(some), 1)).astype(np.float64)
        for pattern in np.unique(patterns[some]):
            rows = some & (patterns == pattern)
            models = self.models_.get(str(pattern), self.models_[""])
            parts = [self._predict(m, x[rows], j) for j, (m, x) in enumerate(zip(models, inputs, strict=True))]
            out[rows] = np.concatenate(parts, axis=1)
        return Decision(out, some)

    def _predict(self, model: Any, x: np.ndarray, j: int) -> np.ndarray:
        if self.target_.task == "number":
            return x @ model["weights"][:, None] + model["intercept"]
        return model.scores((x - self.center_[j]) / self.scale_[j])


def _standard(inputs: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Means and scales that give every matrix columns of mean 0 and rows of mean squared norm 1."""
    spread = [x.std(axis=0) for x in inputs]
    return [x.mean(axis=0) for x in inputs], [np.where(s > 1e-12, s, 1.0) * np.sqrt(max(len(s), 1)) for s in spread]


def _non_negative(x: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> dict[str, Any]:
    """Breiman's stacked regression: least squares with weights >= 0 and an intercept.

    Good units agree so closely that their weights are hard to tell apart, so weights are drawn a little to those that would be best were
    the units' errors independent: inversely proportional to their mean squares.
    """
    from scipy.optimize import nnls

    known = ~np.isnan(y)
    x, y = x[known], y[known]
    w = np.ones(len(y)) if weight is None else weight[known]
    mean_x, mean_y = np.average(x, axis=0, weights=w), np.average(y, weights=w)
    root = np.sqrt(w)[:, None]
    precision = 1 / np.maximum(np.average((x - y[:, None]) ** 2, axis=0, weights=w), 1e-12 * max(float(np.var(y)), 1e-300))
    pull = np.sqrt(PULL * w.sum()) * max(float(np.std(y)), 1e-12)
    solution, _ = nnls(
        np.concatenate([(x - mean_x) * root, pull * np.eye(x.shape[1])]),
        np.concatenate([(y - mean_y) * root[:, 0], pull * precision / precision.sum()]),
    )
    return {"weights": solution, "intercept": float(mean_y - mean_x @ solution)}


def _column(y: Target, j: int) -> Target:
    """One output of a multilabel or count target as a target of its own."""
    from dataclasses import replace

    spec = y.spec
    one = replace(
        spec,
        classes=spec.classes[j : j + 1],
        outputs=1,
        prior=spec.prior[j : j + 1],
        center=spec.center[j : j + 1],
        scale=spec.scale[j : j + 1],
    )
    return Target(one, y.values[:, j : j + 1])
