"""What is decided before the first fit."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Ragged, TargetSpec
from mcgurk.errors import DataError
from mcgurk.study.settings import Budget, decide_task, default_metric


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (["a", "b"], "classes"),
        (np.arange(20), "classes"),
        (np.arange(21), "number"),
        (np.arange(21) % 3 + 0.0, "classes"),
        ([1.5, 2.0, 2.5], "number"),
        ([True, False, True], "classes"),
        ([True, None, False], "classes"),
        (np.array([["a"], ["b"]])[:, 0], "classes"),
        ([[0, 1], [1, 1]], "multilabel"),
        ([[0.5, 1], [1, 1]], "number"),
        ([1, None, 2], "classes"),
        (Ragged(np.array([0, 1, 1]), np.array([0, 2, 3]), None, None, "series"), "classes"),
    ],
)
def test_task(y, task) -> None:
    assert decide_task(y) == task


def test_task_as_asked() -> None:
    assert decide_task([0, 1, 2], "count") == "count"
    with pytest.raises(DataError, match="task 'rank'") as error:
        decide_task([0, 1], "rank")
    assert error.value.code == "C02"


@pytest.mark.parametrize(
    ("value", "offer", "minutes"),
    [
        ("quick", "quick", None),
        ("thorough", "thorough", None),
        (3, "quick", 3),
        ("20m", "standard", 20),
        ("2 h", "thorough", 120),
        (Budget(), "standard", None),
    ],
)
def test_budget(value, offer, minutes) -> None:
    budget = Budget.of(value)
    assert (budget.offer, budget.minutes) == (offer, minutes)


@pytest.mark.parametrize("value", ["huge", "0", -1, "3 days", None])
def test_budget_that_cannot_be_meant(value) -> None:
    with pytest.raises(DataError, match="budget"):
        Budget.of(value)


def test_repeats_follow_the_rows() -> None:
    assert [Budget.of("standard").repeats_for(n) for n in (100, 1000, 5000)] == [3, 2, 1]
    assert [Budget.of("quick").repeats_for(n) for n in (100, 1000)] == [2, 1]
    assert Budget.of("thorough").repeats_for(10**6) == 5


def test_default_metric() -> None:
    assert default_metric(TargetSpec("classes", ("a", "b"), prior=(0.5, 0.5))) == "accuracy"
    assert default_metric(TargetSpec("classes", ("a", "b"), prior=(0.9, 0.1))) == "macro_f1"
    assert default_metric(TargetSpec("number")) == "mae"
    assert default_metric(TargetSpec("count")) == "poisson_deviance"
