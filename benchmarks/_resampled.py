"""Cross-validated predictions of several recipes on the same folds, and intervals of their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mcgurk.data import Dataset
from mcgurk.functional.bootstrap import bootstrap, paired_difference
from mcgurk.functional.intervals import Interval, corrected_resampled_t
from mcgurk.seeding import generator
from mcgurk.train.features import sharing

Splits = Sequence[tuple[np.ndarray, np.ndarray]]
Recipe = tuple[Callable[[], Any], tuple[str, ...]]


def predictions(recipes: Mapping[str, Recipe], X: Dataset, y: np.ndarray, splits: Splits) -> dict[str, list[np.ndarray]]:
    """Recipe -> predictions of every test part. A recipe is a maker of a fresh estimator and the columns it reads."""
    out: dict[str, list[np.ndarray]] = {name: [] for name in recipes}
    with sharing():
        for train, test in splits:
            for name, (make, columns) in recipes.items():
                part = X.select(list(columns))
                out[name].append(np.asarray(make().fit(part[train], y[train]).predict(part[test])))
    return out


def per_fold(metric: Callable[[Any, Any], float], y: np.ndarray, splits: Splits, predicted: Sequence[np.ndarray]) -> np.ndarray:
    """(folds,) of a metric."""
    return np.array([metric(y[test], values) for (_, test), values in zip(splits, predicted, strict=True)])


def resampled(difference: np.ndarray, splits: Splits) -> dict[str, Any]:
    """Mean of paired differences over repeated folds with Nadeau and Bengio's interval."""
    train, test = splits[0]
    return told(corrected_resampled_t(difference, len(test) / len(train)))


def by_group(metric: Callable[..., float], y: Any, predicted: Any, groups: Any) -> dict[str, Any]:
    """A metric on test rows, its interval by drawing whole groups."""
    truth, values = np.asarray(y), np.asarray(predicted)
    return told(bootstrap(lambda rows: metric(truth[rows], values[rows]), len(truth), rng=generator(0, "bootstrap"), groups=groups))


def difference_by_group(metric: Callable[..., float], y: Any, first: Any, second: Any, groups: Any) -> dict[str, Any]:
    """``metric(first) - metric(second)`` on the same rows, whole groups drawn together."""
    return told(paired_difference(metric, y, first, second, rng=generator(0, "bootstrap"), groups=groups))


def told(interval: Interval) -> dict[str, Any]:
    """An interval as figures."""
    return {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
