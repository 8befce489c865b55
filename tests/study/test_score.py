"""Sums of row statistics finish to exactly what the metrics say."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.target import encode_target
from mcgurk.errors import UnknownName
from mcgurk.metrics import METRICS
from mcgurk.study.interval import weights
from mcgurk.study.score import SUMS, figure

N = 60


def case(task: str):
    """(target, scores, what the metric is told)."""
    rng = np.random.default_rng(3)
    if task == "classes":
        target = encode_target(rng.choice(["a", "b", "c"], N), "classifier").with_statistics()
        scores = rng.dirichlet(np.ones(3), N)
        return target, scores
    if task == "multilabel":
        y = (rng.random((N, 3)) > 0.6).astype(float)
        y[4, 1] = np.nan
        return encode_target(y, "classifier", task="multilabel").with_statistics(), rng.random((N, 3))
    y = rng.poisson(3.0, (N, 1 if task == "count" else 2)) + (0.0 if task == "count" else 1.5)
    return encode_target(y if task == "number" else y[:, 0], "regressor", task=task).with_statistics(), np.abs(
        y + rng.normal(size=y.shape)
    ) + 0.1


def told(name: str, target, scores):
    metric = METRICS[name]
    if metric.needs != "labels":
        return scores
    return scores.argmax(axis=1) if target.spec.task == "classes" else (scores > 0.5).astype(float)


CASES = [(task, name) for task in ("classes", "multilabel", "number", "count") for name, m in METRICS.items() if task in m.tasks]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_figures_are_the_metrics(task, name) -> None:
    target, scores = case(task)
    if name == "mape" and task == "count":
        pytest.skip("a count may be 0")
    found = figure(name, task)
    value = found.value(found.table(target, scores, np.arange(N)))
    assert value == pytest.approx(METRICS[name](target.values, told(name, target, scores)), rel=1e-9)


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "log_loss", "roc_auc"])
def test_resamples_are_the_metric_on_repeated_rows(name) -> None:
    target, scores = case("classes")
    found = figure(name, "classes")
    code = np.arange(N) // 4
    drawn = weights(N // 4, seed=1, draws=5)
    fast = found.resampled(found.table(target, scores, np.arange(N)), code, drawn)
    for value, times in zip(fast, drawn):
        rows = np.repeat(np.arange(N), times[code].astype(int))
        assert value == pytest.approx(METRICS[name](target.values[rows], told(name, target, scores)[rows]), rel=1e-9)


def test_unlabelled_units_count_nothing() -> None:
    target = encode_target(["a", None, "b", "b"], "classifier").with_statistics()
    scores = np.eye(2)[[0, 0, 1, 0]]
    found = figure("accuracy", "classes")
    assert found.value(found.table(target, scores, np.arange(4))) == pytest.approx(2 / 3)
    assert np.isnan(found.value(found.table(target, scores[[1]], np.array([1]))))


def test_a_figure_without_meaning_is_nan() -> None:
    target = encode_target(["a", "b", "b"], "classifier").with_statistics()
    found = figure("roc_auc", "classes")
    assert np.isnan(found.value(found.table(target, np.full((2, 2), 0.5), np.array([1, 2]))))


def test_log_mae_is_ours() -> None:
    target = encode_target(np.array([1.0, np.e]), "regressor").with_statistics()
    found = figure("log_mae", "number")
    assert found.value(found.table(target, np.array([[1.0], [1.0]]), np.arange(2))) == pytest.approx(0.5)
    assert found.metric(np.array([1.0, np.e]), np.ones(2)) == pytest.approx(0.5)


def test_unknown() -> None:
    with pytest.raises(UnknownName, match="does not measure classes"):
        figure("mae", "classes")


def test_every_sum_is_listed() -> None:
    assert set(SUMS) - {"log_mae"} <= set(METRICS)


@pytest.mark.parametrize(
    ("name", "task", "value", "signed", "text"),
    [
        ("accuracy", "classes", 0.81234, False, "0.812"),
        ("accuracy", "classes", 0.02, True, "+0.020"),
        ("accuracy", "classes", -0.02, True, "−0.020"),
        ("accuracy", "classes", -0.0001, True, "0.000"),
        ("mae", "number", 123456.7, False, "123,457"),
        ("mae", "number", 1.23456, False, "1.23"),
        ("mape", "number", 21.34, False, "21.3"),
        ("mae", "number", float("nan"), False, "–"),
    ],
)
def test_show(name, task, value, signed, text) -> None:
    assert figure(name, task).show(value, signed) == text
