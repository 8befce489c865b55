"""Figures of merit for one label out of several: hard decisions, probabilities, rankings."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.metrics import _inputs
from mcgurk.metrics._inputs import Float, Int

_TINY = np.finfo(np.float64).eps  # probabilities are clipped to [eps, 1] in log_loss


def confusion(y: Any, predicted: Any, *, weight: Any | None = None, n_classes: int | None = None) -> Float:
    """Confusion matrix (K, K): row = true class, column = predicted class, entries = rows (or their weight).

    ``K = n_classes`` where given (codes), else the distinct labels of truth and prediction in sorted order.

    Example:
        >>> confusion([0, 0, 1], [0, 1, 1])
        array([[1., 1.],
               [0., 1.]])
    """
    a, b, k = _labels(y, predicted, n_classes)
    w = np.ones(len(a)) if weight is None else _inputs.numbers(weight, "weight", (len(a),))
    return _inputs.totals(a * k + b, w, k * k).reshape(k, k)


def accuracy(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Share of rows whose label is right."""
    a, b, _ = _labels(y, predicted, None)
    return float(_inputs.weights(weight, len(a)) @ (a == b))


def per_class(y: Any, predicted: Any, *, weight: Any | None = None, n_classes: int | None = None) -> dict[str, Float]:
    """``precision``, ``recall``, ``f1`` and ``support`` (K,) of every class; an undefined ratio (0 / 0) is 0.

    Example:
        >>> per_class([0, 0, 1], [0, 1, 1])["recall"]
        array([0.5, 1. ])
    """
    table = confusion(y, predicted, weight=weight, n_classes=n_classes)
    hit, support, called = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    return {"precision": _ratio(hit, called), "recall": _ratio(hit, support), "f1": _ratio(2 * hit, support + called), "support": support}


def balanced_accuracy(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean recall over the classes that occur in the truth."""
    scores = per_class(y, predicted, weight=weight)
    return float(scores["recall"][scores["support"] > 0].mean())


def macro_f1(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Unweighted mean F1 over the classes that occur in truth or prediction."""
    return float(per_class(y, predicted, weight=weight)["f1"].mean())


def weighted_f1(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean F1 weighted by the classes' true frequency."""
    scores = per_class(y, predicted, weight=weight)
    return float(scores["f1"] @ scores["support"] / scores["support"].sum())


def micro_f1(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """F1 over pooled decisions; with one label a row it equals :func:`accuracy`."""
    return accuracy(y, predicted, weight=weight)


def kappa(y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Cohen's kappa: agreement beyond what the two margins give by chance, 1 for full agreement; 0 where chance already agrees fully.

    ``(p_o - p_e) / (1 - p_e)``, with p_o the share of equal labels and p_e that of two independent raters with the same margins.

    Source: Cohen 1960, Educational and Psychological Measurement 20:37-46.

    Example:
        >>> kappa([0, 0, 1, 1], [0, 0, 1, 0])
        0.5
    """
    table = confusion(y, predicted, weight=weight)
    table = table / table.sum()
    by_chance = float(table.sum(axis=0) @ table.sum(axis=1))
    return (float(np.trace(table)) - by_chance) / (1 - by_chance) if by_chance < 1 else 0.0


def log_loss(y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Mean ``-log p(y)``, probabilities renormalised and clipped at 2.2e-16 (one certain error costs 36).

    Example:
        >>> round(log_loss([1, 0], [[0.2, 0.8], [0.5, 0.5]]), 4)
        0.4581
    """
    codes, p = _inputs.probabilities(y, scores)
    p = np.clip(p / p.sum(axis=1, keepdims=True), _TINY, 1.0)
    return float(-_inputs.weights(weight, len(p)) @ np.log(p[np.arange(len(p)), codes]))


def brier(y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Mean squared distance between probabilities and the true indicator; halved for two classes, as is usual.

    Source: Brier 1950, Monthly Weather Review 78:1-3.

    Example:
        >>> round(brier([1, 0], [[0.2, 0.8], [0.5, 0.5]]), 3)
        0.145
    """
    codes, p = _inputs.probabilities(y, scores)
    squared = ((p - np.eye(p.shape[1])[codes]) ** 2).sum(axis=1)
    return float(_inputs.weights(weight, len(p)) @ squared) / (2.0 if p.shape[1] == 2 else 1.0)


def roc_auc(y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Area under the ROC curve; ties count one half. Several classes: mean over classes of one against the rest.

    Classes that have no rows, or all rows, are left out of the mean.

    Raises:
        DataError: no class has both rows and other rows (S01).

    Source: Hanley, McNeil 1982, Radiology 143:29-36.

    Example:
        >>> roc_auc([0, 0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
        0.75
    """
    return _one_against_rest(y, scores, weight, binary_auc, "roc_auc")


def average_precision(y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Average precision ``sum_n (R_n - R_{n-1}) P_n`` over distinct thresholds; several classes: mean of one against the rest.

    Rows of equal score enter together. Classes without rows, or with all rows, are left out of the mean.

    Example:
        >>> round(average_precision([0, 0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]]), 4)
        0.8333
    """
    return _one_against_rest(y, scores, weight, binary_average_precision, "average_precision")


def binary_auc(positive: Any, score: Any, weight: Float) -> float:
    """AUC of one score for one 0/1 truth with row weights."""
    order = np.argsort(score, kind="stable")
    _, group = np.unique(score[order], return_inverse=True)
    up = _inputs.totals(group, (weight * positive)[order])
    down = _inputs.totals(group, (weight * (1 - positive))[order])
    below = np.cumsum(down) - down
    return float(up @ (below + down / 2) / (up.sum() * down.sum()))


def binary_average_precision(positive: Any, score: Any, weight: Float) -> float:
    """Average precision of one score for one 0/1 truth with row weights."""
    _, group = np.unique(-score, return_inverse=True)
    up = _inputs.totals(group, weight * positive)
    every = _inputs.totals(group, weight)
    found, seen = np.cumsum(up), np.cumsum(every)
    return float(up @ _ratio(found, seen) / found[-1])


def _one_against_rest(y: Any, scores: Any, weight: Any | None, one: Any, name: str) -> float:
    codes, p = _inputs.probabilities(y, scores)
    w = _inputs.weights(weight, len(p))
    kept = w > 0
    codes, p, w = codes[kept], p[kept], w[kept]
    counts = np.bincount(codes, minlength=p.shape[1])
    usable = np.flatnonzero((counts > 0) & (counts < len(codes)))
    if len(usable) == 0:
        raise DataError(f"{name} needs rows of at least two classes; all {len(codes)} rows have the same", code="S01")
    if p.shape[1] == 2:
        return float(one(codes.astype(np.float64), p[:, 1], w))
    return float(np.mean([one((codes == k).astype(np.float64), p[:, k], w) for k in usable]))


def _labels(y: Any, predicted: Any, n_classes: int | None) -> tuple[Int, Int, int]:
    a, b = np.asarray(y), np.asarray(predicted)
    if a.ndim != 1 or a.shape != b.shape or len(a) == 0:
        raise DataError(f"truth has shape {a.shape} and prediction {b.shape}; expected two label vectors of the same length >= 1")
    if n_classes is not None:
        return _inputs.codes(a, n_classes), _inputs.codes(b, n_classes), n_classes
    levels, both = np.unique(np.concatenate([a, b]), return_inverse=True)
    return both[: len(a)], both[len(a) :], len(levels)


def _ratio(above: Float, below: Float) -> Float:
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below > 0)
