"""Figures of merit for several yes/no labels a row; NaN in the truth leaves that label of that row out."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.metrics import _inputs
from mcgurk.metrics._inputs import Float
from mcgurk.metrics.classification import binary_auc, binary_average_precision


def multilabel_accuracy(Y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Share of known labels that are right (1 minus the Hamming loss)."""
    truth, guess, w = _pair(Y, predicted, weight)
    return float((w * (truth == guess)).sum() / w.sum())


def multilabel_macro_f1(Y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """Mean over labels of the F1 of "yes"; a label never present nor predicted counts 0.

    Example:
        >>> multilabel_macro_f1([[1, 0], [1, 1]], [[1, 0], [1, 0]])
        0.5
    """
    hit, called, present = _counts(Y, predicted, weight)
    return float(np.divide(2 * hit, called + present, out=np.zeros_like(hit), where=called + present > 0).mean())


def multilabel_micro_f1(Y: Any, predicted: Any, *, weight: Any | None = None) -> float:
    """F1 of all labels' decisions pooled."""
    hit, called, present = (float(x.sum()) for x in _counts(Y, predicted, weight))
    return 2 * hit / (called + present) if called + present else 0.0


def multilabel_log_loss(Y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Mean binary log loss over known labels, probabilities clipped at 2.2e-16."""
    truth, p, w = _pair(Y, scores, weight)
    p = np.clip(np.where(truth == 1, p, 1 - p), np.finfo(np.float64).eps, 1.0)
    return float(-(w * np.log(p)).sum() / w.sum())


def multilabel_roc_auc(Y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Mean AUC over the labels that have both a yes and a no."""
    return _mean_over_labels(Y, scores, weight, binary_auc, "multilabel_roc_auc")


def multilabel_average_precision(Y: Any, scores: Any, *, weight: Any | None = None) -> float:
    """Mean average precision over the labels that have both a yes and a no."""
    return _mean_over_labels(Y, scores, weight, binary_average_precision, "multilabel_average_precision")


def _pair(Y: Any, other: Any, weight: Any | None) -> tuple[Float, Float, Float]:
    truth = _inputs.numbers(Y, "the true labels", missing=True)
    if truth.ndim != 2:
        raise DataError(f"the true labels have shape {truth.shape}; expected indicators (rows, labels)")
    known = ~np.isnan(truth)
    if not np.isin(truth[known], (0.0, 1.0)).all():
        raise DataError("the true labels hold values other than 0, 1 and NaN; encode them as indicators", code="L01")
    if not known.any():
        raise DataError("no label is known; a metric needs at least one", code="S01")
    prediction = _inputs.numbers(other, "the prediction", truth.shape)
    return truth, prediction, known * _inputs.weights(weight, len(truth))[:, None]


def _counts(Y: Any, predicted: Any, weight: Any | None) -> tuple[Float, Float, Float]:
    truth, guess, w = _pair(Y, predicted, weight)
    yes = np.nan_to_num(truth)
    return (w * yes * guess).sum(axis=0), (w * guess).sum(axis=0), (w * yes).sum(axis=0)


def _mean_over_labels(Y: Any, scores: Any, weight: Any | None, one: Any, name: str) -> float:
    truth, p, w = _pair(Y, scores, weight)
    values = []
    for j in range(truth.shape[1]):
        used = w[:, j] > 0
        if len(np.unique(truth[used, j])) == 2:
            values.append(one(truth[used, j], p[used, j], w[used, j]))
    if not values:
        raise DataError(f"{name} needs a label with both a yes and a no; every label is constant", code="S01")
    return float(np.mean(values))
