"""Classification metrics equal scikit-learn's, weights and ties included."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from mcgurk.errors import DataError
from mcgurk.metrics import METRICS
from mcgurk.metrics import classification as c

RNG = np.random.default_rng(0)


def draw(C, n=200):
    p = np.round(RNG.dirichlet(np.ones(C), n), 2) + 1e-3  # rounding makes ties
    p /= p.sum(1, keepdims=True)
    return RNG.integers(0, C, n), p, RNG.uniform(0, 2, n)


@pytest.mark.parametrize("C", [2, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_equal_to_scikit_learn(C, weighted):
    y, p, weight = draw(C)
    w = weight if weighted else None
    labels = p.argmax(1)
    expected = {
        "accuracy": sk.accuracy_score(y, labels, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(y, labels, sample_weight=w),
        "macro_f1": sk.f1_score(y, labels, average="macro", sample_weight=w),
        "micro_f1": sk.f1_score(y, labels, average="micro", sample_weight=w),
        "weighted_f1": sk.f1_score(y, labels, average="weighted", sample_weight=w),
        "kappa": sk.cohen_kappa_score(y, labels, sample_weight=w),
        "log_loss": sk.log_loss(y, p, sample_weight=w),
        "brier": sk.brier_score_loss(y, p if C > 2 else p[:, 1], sample_weight=w),
        "roc_auc": np.mean([sk.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(C)]),
        "average_precision": np.mean([sk.average_precision_score(y == k, p[:, k], sample_weight=w) for k in (range(C) if C > 2 else [1])]),
    }
    for name, value in expected.items():
        given = labels if METRICS[name].needs == "labels" else p
        assert METRICS[name](y, given, weight=w) == pytest.approx(value, abs=1e-12), name


def test_per_class_and_confusion():
    y, p, w = draw(3)
    labels = p.argmax(1)
    np.testing.assert_allclose(c.confusion(y, labels, weight=w), sk.confusion_matrix(y, labels, sample_weight=w))
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, labels)
    scores = c.per_class(y, labels)
    for name, value in {"precision": precision, "recall": recall, "f1": f1, "support": support}.items():
        np.testing.assert_allclose(scores[name], value)
    assert c.confusion([0], [0], n_classes=3).shape == (3, 3)


def test_text_labels_and_a_class_that_was_never_true():
    assert c.accuracy(["a", "b"], ["a", "a"]) == 0.5
    assert c.balanced_accuracy(["a", "a"], ["a", "b"]) == 0.5
    assert c.macro_f1(["a", "a"], ["a", "a"]) == 1.0
    assert c.kappa(["a", "a"], ["a", "a"]) == 0.0


def test_absent_classes_do_not_stop_a_ranking_metric():
    y, p = np.array([0, 0, 1, 1]), np.array([[0.5, 0.3, 0.2], [0.4, 0.3, 0.3], [0.1, 0.7, 0.2], [0.2, 0.2, 0.6]])
    assert 0 < c.roc_auc(y, p) <= 1
    with pytest.raises(DataError, match="at least two classes") as caught:
        c.roc_auc(y[:2], p[:2])
    assert caught.value.code == "S01"


def test_a_certain_error_costs_a_finite_log_loss():
    assert c.log_loss([0], [[0.0, 1.0]]) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: c.accuracy([0, 1], [0]), "same length"),
        (lambda: c.accuracy([], []), "same length"),
        (lambda: c.accuracy([0, 1], [0, 1], weight=[0, 0]), "positive sum"),
        (lambda: c.accuracy([0, 1], [0, 1], weight=[1]), "expected \\(2,\\)"),
        (lambda: c.log_loss([0, 1], [0.2, 0.8]), "one column per class"),
        (lambda: c.log_loss([0, 2], [[0.2, 0.8]] * 2), "expected 0 to 1"),
        (lambda: c.log_loss([0.5], [[0.2, 0.8]]), "integer codes"),
        (lambda: c.log_loss([0], [[0.2, 0.8]] * 2), "same rows"),
        (lambda: c.log_loss([0], [[np.nan, 0.8]]), "finite"),
        (lambda: c.log_loss(np.zeros(0, int), np.zeros((0, 2))), "empty"),
        (lambda: c.confusion(np.zeros(0, int), np.zeros(0, int), n_classes=2), "same length"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
