"""Figures of merit as a study uses them: per fold, pooled over folds, and on a thousand resamples of whole units.

Most are ``finish(sum of row statistics)``: accuracy is (hits, rows) and a division, macro-F1 is (hits, true, predicted) per class. Summing
the statistics by unit once makes a bootstrap one matrix product. The others (rank-based ones) are computed anew on every resample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mcgurk.data.target import Target, TargetSpec
from mcgurk.errors import DataError, UnknownName
from mcgurk.metrics import METRICS, Metric

Rows = Callable[[np.ndarray, np.ndarray, TargetSpec], np.ndarray]
Finish = Callable[[np.ndarray], np.ndarray]
DRAWS_WITHOUT_SUMS = 300


def _loss(of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rows:
    """Row statistics of a mean over rows and outputs."""

    def rows(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
        return np.stack([of(truth, scores).mean(axis=1), np.ones(len(truth))], axis=1)

    return rows


def _hits(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    return np.stack([scores.argmax(axis=1) == truth, np.ones(len(truth))], axis=1).astype(np.float64)


def _by_class(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    """(hit, true, predicted) of every class or label."""
    if spec.task == "multilabel":
        true, said = np.nan_to_num(truth), ((scores > 0.5) & ~np.isnan(truth)).astype(np.float64)
    else:
        true, said = (np.eye(len(spec.classes))[codes] for codes in (truth, scores.argmax(axis=1)))
    return np.concatenate([true * said, true, said], axis=1)


def _agreed(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    known = ~np.isnan(truth)
    return np.stack([(((scores > 0.5) == truth) & known).sum(axis=1), known.sum(axis=1)], axis=1).astype(np.float64)


def _surprise(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    p = scores[np.arange(len(truth)), truth] / scores.sum(axis=1)
    return np.stack([-np.log(np.clip(p, np.finfo(np.float64).eps, 1)), np.ones(len(truth))], axis=1)


def _moments(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    y = truth - np.asarray(spec.center)  # about the mean, so that no digits are lost
    return np.concatenate([(truth - scores) ** 2, y, y**2, np.ones_like(y)], axis=1)


def _squares(truth: np.ndarray, scores: np.ndarray, spec: TargetSpec) -> np.ndarray:
    return np.concatenate([(truth - scores) ** 2, np.ones_like(truth)], axis=1)


def _mean(s: np.ndarray) -> np.ndarray:
    return s[..., 0] / s[..., 1]


def _ratios(above: np.ndarray, below: np.ndarray, empty: float) -> np.ndarray:
    """Mean over the last axis of above / below, where 0 / 0 is ``empty`` (NaN: it does not count)."""
    ratio = np.where(below > 0, above / np.where(below > 0, below, 1.0), empty)
    counted = ~np.isnan(ratio)
    return np.where(counted, ratio, 0.0).sum(axis=-1) / counted.sum(axis=-1)


def _macro_f1(s: np.ndarray) -> np.ndarray:
    hit, true, said = np.split(s, 3, axis=-1)
    return _ratios(2 * hit, true + said, np.nan)


def _label_f1(s: np.ndarray) -> np.ndarray:
    hit, true, said = np.split(s, 3, axis=-1)
    return _ratios(2 * hit, true + said, 0.0)


def _balanced(s: np.ndarray) -> np.ndarray:
    hit, true, _ = np.split(s, 3, axis=-1)
    return _ratios(hit, true, np.nan)


def _r2(s: np.ndarray) -> np.ndarray:
    error, first, second, count = np.split(s, 4, axis=-1)
    total = second - first**2 / count
    constant = np.where(error == 0, 1.0, 0.0)
    return np.where(total > 0, 1 - error / np.where(total > 0, total, 1.0), constant).mean(axis=-1)


def _root(s: np.ndarray) -> np.ndarray:
    squares, count = np.split(s, 2, axis=-1)
    return np.sqrt(squares / count).mean(axis=-1)


def _deviance(y: np.ndarray, mu: np.ndarray) -> np.ndarray:
    mu = np.maximum(mu, 1e-12)
    return 2 * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mu), 0.0) - y + mu)


def _log_error(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.abs(np.log(np.maximum(y, 1e-12)) - np.log(np.maximum(p, 1e-12)))


SUMS: dict[str, tuple[Rows, Finish]] = {
    "accuracy": (_hits, _mean),
    "macro_f1": (_by_class, _macro_f1),
    "balanced_accuracy": (_by_class, _balanced),
    "log_loss": (_surprise, _mean),
    "multilabel_accuracy": (_agreed, _mean),
    "multilabel_macro_f1": (_by_class, _label_f1),
    "mae": (_loss(lambda y, p: np.abs(y - p)), _mean),
    "mse": (_loss(lambda y, p: (y - p) ** 2), _mean),
    "rmse": (_squares, _root),
    "r2": (_moments, _r2),
    "mape": (_loss(lambda y, p: 100 * np.abs(y - p) / np.abs(y)), _mean),
    "log_mae": (_loss(_log_error), _mean),
    "poisson_deviance": (_loss(_deviance), _mean),
}
UNITS = {
    **dict.fromkeys(("mae", "rmse", "mse"), "target"),
    **dict.fromkeys(("log_loss", "multilabel_log_loss", "poisson_deviance"), "number"),
    "mape": "percent",
}


def log_mae(y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Mean absolute error of the logarithm: errors in proportion, without a percentage's dislike of guessing high."""
    return float(np.average(_log_error(np.asarray(y), np.asarray(predicted)), axis=0, weights=weight).mean())


LOG_MAE = Metric("log_mae", log_mae, False, "numbers", "mean absolute error of the logarithm", ("number", "count"))


@dataclass(frozen=True)
class Figure:
    """A figure of merit; ``table`` rows add up (or are kept whole where they do not), ``value`` finishes any number of them."""

    metric: Metric

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def label(self) -> str:
        return self.metric.label

    @property
    def greater(self) -> bool:
        return self.metric.greater_is_better

    @property
    def adds(self) -> bool:
        """Whether it is finished from sums over rows, so that resampling it is one matrix product."""
        return self.name in SUMS

    @property
    def unit(self) -> str:
        """ "share" (0 to 1), "percent", "target" (the target's own units, or their square) or "number"."""
        return UNITS.get(self.name, "share")

    @property
    def bounds(self) -> tuple[float, float]:
        """The values it can take."""
        if not self.greater:
            return 0.0, np.inf
        return {"r2": (-np.inf, 1.0), **dict.fromkeys(("pearson", "spearman", "ccc"), (-1.0, 1.0))}.get(self.name, (0.0, 1.0))

    def table(self, target: Target, scores: np.ndarray, units: np.ndarray) -> np.ndarray:
        """(len(units), s) statistics of the scores of some units; units without a label are all NaN and count nothing."""
        truth, known = target.values[units], target.labelled[units]
        if self.name in SUMS:
            part = SUMS[self.name][0](truth[known], scores[known], target.spec)
        else:
            part = np.concatenate([truth[known].reshape(int(known.sum()), -1), scores[known]], axis=1).astype(np.float64)
        out = np.full((len(units), part.shape[1]), np.nan)
        out[known] = part
        return out

    def value(self, table: np.ndarray) -> float:
        """The figure of some rows of a table; NaN where it is not defined there."""
        kept = table[~np.isnan(table).all(axis=1)]
        if not len(kept):
            return float("nan")
        if self.name in SUMS:
            return float(SUMS[self.name][1](kept.sum(axis=0)))
        labels = self.metric.tasks == ("classes",)
        outputs = 1 if labels else kept.shape[1] // 2
        truth, scores = kept[:, :outputs], kept[:, outputs:]
        codes = truth[:, 0].astype(np.int64) if labels else truth
        if self.metric.needs == "labels":
            scores = scores.argmax(axis=1) if labels else (scores > 0.5).astype(np.float64)
        try:
            return float(self.metric(codes, scores))
        except DataError:
            return float("nan")  # such as an area under the curve of a resample with one class

    def resampled(self, table: np.ndarray, code: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(draws,) the figure with unit ``code`` of each row drawn ``weights`` (draws, units) times."""
        if self.name in SUMS:
            sums = np.zeros((weights.shape[1], table.shape[1]))
            np.add.at(sums, code, np.nan_to_num(table))
            with np.errstate(invalid="ignore", divide="ignore"):
                return SUMS[self.name][1](weights @ sums)
        draws = weights[:DRAWS_WITHOUT_SUMS].astype(np.int64)
        return np.array([self.value(np.repeat(table, times[code], axis=0)) for times in draws])

    def show(self, value: float, signed: bool = False) -> str:
        """The figure as it is printed: the digits that matter, a true minus, thousands apart."""
        if value is None or not np.isfinite(value):
            return "–"
        digits = {"share": "{:.3f}", "percent": "{:.1f}"}.get(self.unit, "{:,.0f}" if abs(value) >= 1000 else "{:#.3g}")
        text = digits.format(value).rstrip(".")
        if not text.strip("-0."):
            return text.lstrip("-")
        return ("+" if signed and value > 0 else "") + text.replace("-", "−")


def figure(name: str, task: str) -> Figure:
    """The figure of a name in :data:`mcgurk.metrics.METRICS`, or "log_mae", for a task.

    Raises:
        UnknownName: there is none of that name for the task.

    Example:
        >>> figure("accuracy", "classes").label, figure("mae", "number").greater
        ('accuracy', False)
    """
    known = {**METRICS, "log_mae": LOG_MAE}
    if name not in known or task not in known[name].tasks:
        names = ", ".join(key for key, metric in known.items() if task in metric.tasks)
        raise UnknownName(f"metric {name!r} does not measure {task}; give one of {names}")
    return Figure(known[name])
