"""The table of metrics says the truth about each of them."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.metrics import METRICS

PERFECT = {
    "labels": (np.array([0, 1, 1, 0]), np.array([0, 1, 1, 0])),
    "scores": (np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.9, 0.1]])),
    "numbers": (np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, 2.0, 3.0, 5.0])),
    "counts": (np.array([1.0, 2.0, 3.0, 5.0]), np.array([1.0, 2.0, 3.0, 5.0])),
}


@pytest.mark.parametrize("name", METRICS)
def test_direction_and_kind(name):
    metric = METRICS[name]
    assert metric.name == name and metric.label and metric.needs in PERFECT
    truth, best = PERFECT[metric.needs]
    if metric.tasks == ("multilabel",):
        truth, best = np.array([[0, 1], [1, 0], [1, 1]]), np.array([[0.1, 0.9], [0.9, 0.1], [0.8, 0.8]])
        best = best if metric.needs == "scores" else truth
    worse = best[::-1] if metric.tasks == ("multilabel",) else np.roll(best, 1, axis=0)
    good, bad = metric(truth, best), metric(truth, worse)
    assert (good > bad) == metric.greater_is_better and good != bad
