"""Figures of merit; ``METRICS`` says of each which way is better and what it needs."""

from __future__ import annotations

from mcgurk.metrics import calibration, classification, multilabel, regression
from mcgurk.metrics.metric import Metric

_CLASSES, _MULTILABEL, _NUMBER, _COUNT = ("classes",), ("multilabel",), ("number", "count"), ("count",)

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        Metric("accuracy", classification.accuracy, True, "labels", "accuracy", _CLASSES),
        Metric("balanced_accuracy", classification.balanced_accuracy, True, "labels", "balanced accuracy", _CLASSES),
        Metric("macro_f1", classification.macro_f1, True, "labels", "macro F1", _CLASSES),
        Metric("micro_f1", classification.micro_f1, True, "labels", "micro F1", _CLASSES),
        Metric("weighted_f1", classification.weighted_f1, True, "labels", "weighted F1", _CLASSES),
        Metric("kappa", classification.kappa, True, "labels", "Cohen's kappa", _CLASSES),
        Metric("log_loss", classification.log_loss, False, "scores", "log loss", _CLASSES),
        Metric("brier", classification.brier, False, "scores", "Brier score", _CLASSES),
        Metric("roc_auc", classification.roc_auc, True, "scores", "ROC AUC", _CLASSES),
        Metric("average_precision", classification.average_precision, True, "scores", "average precision", _CLASSES),
        Metric("calibration_error", calibration.calibration_error, False, "scores", "calibration error", _CLASSES),
        Metric("multilabel_accuracy", multilabel.multilabel_accuracy, True, "labels", "accuracy per label", _MULTILABEL),
        Metric("multilabel_macro_f1", multilabel.multilabel_macro_f1, True, "labels", "macro F1", _MULTILABEL),
        Metric("multilabel_micro_f1", multilabel.multilabel_micro_f1, True, "labels", "micro F1", _MULTILABEL),
        Metric("multilabel_log_loss", multilabel.multilabel_log_loss, False, "scores", "log loss", _MULTILABEL),
        Metric("multilabel_roc_auc", multilabel.multilabel_roc_auc, True, "scores", "ROC AUC", _MULTILABEL),
        Metric("multilabel_average_precision", multilabel.multilabel_average_precision, True, "scores", "average precision", _MULTILABEL),
        Metric("mae", regression.mae, False, "numbers", "mean absolute error", _NUMBER),
        Metric("mse", regression.mse, False, "numbers", "mean squared error", _NUMBER),
        Metric("rmse", regression.rmse, False, "numbers", "root mean squared error", _NUMBER),
        Metric("mape", regression.mape, False, "numbers", "mean absolute percentage error", _NUMBER),
        Metric("r2", regression.r2, True, "numbers", "R²", _NUMBER),
        Metric("pearson", regression.pearson, True, "numbers", "Pearson correlation", _NUMBER),
        Metric("spearman", regression.spearman, True, "numbers", "Spearman correlation", _NUMBER),
        Metric("ccc", regression.ccc, True, "numbers", "concordance correlation", _NUMBER),
        Metric("poisson_deviance", regression.poisson_deviance, False, "counts", "Poisson deviance", _COUNT),
    )
}

__all__ = ["METRICS", "Metric"]
