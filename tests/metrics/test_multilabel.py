"""Multilabel metrics equal scikit-learn's; unknown labels are left out."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from mcgurk.errors import DataError
from mcgurk.metrics import METRICS

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, (100, 3))
P = np.round(0.2 * Y + 0.8 * RNG.random((100, 3)), 2)
W = RNG.uniform(0, 2, 100)


@pytest.mark.parametrize("w", [None, W])
def test_equal_to_scikit_learn(w):
    guess = (P > 0.5).astype(int)
    expected = {
        "multilabel_accuracy": 1 - sk.hamming_loss(Y, guess, sample_weight=w),
        "multilabel_macro_f1": sk.f1_score(Y, guess, average="macro", sample_weight=w),
        "multilabel_micro_f1": sk.f1_score(Y, guess, average="micro", sample_weight=w),
        "multilabel_log_loss": np.mean([sk.log_loss(Y[:, j], P[:, j], sample_weight=w) for j in range(3)]),
        "multilabel_roc_auc": sk.roc_auc_score(Y, P, sample_weight=w),
        "multilabel_average_precision": sk.average_precision_score(Y, P, sample_weight=w),
    }
    for name, value in expected.items():
        assert METRICS[name](Y, guess if METRICS[name].needs == "labels" else P, weight=w) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("name", [n for n, m in METRICS.items() if m.tasks == ("multilabel",)])
def test_unknown_labels_are_left_out(name):
    truth = Y.astype(float)
    truth[:50, 1] = np.nan
    given = P if METRICS[name].needs == "scores" else (P > 0.5).astype(float)
    changed = given.copy()
    changed[:50, 1] = 1 - changed[:50, 1]
    assert METRICS[name](truth, given) == METRICS[name](truth, changed)


def test_nothing_present_nothing_called():
    assert METRICS["multilabel_micro_f1"](np.zeros((2, 2)), np.zeros((2, 2))) == 0.0


def test_errors():
    with pytest.raises(DataError, match="other than 0, 1"):
        METRICS["multilabel_accuracy"](2 * Y, P)
    with pytest.raises(DataError, match="every label is constant"):
        METRICS["multilabel_roc_auc"](np.ones((3, 2)), P[:3, :2])
    with pytest.raises(DataError, match="no label is known"):
        METRICS["multilabel_accuracy"](np.full((3, 2), np.nan), P[:3, :2])
    with pytest.raises(DataError, match="indicators"):
        METRICS["multilabel_accuracy"](Y[:, 0], P[:, 0])
