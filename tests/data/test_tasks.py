"""Targets of several tasks: what they answer, what is refused by name, strata that respect every task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mcgurk.data.column import Ragged
from mcgurk.data.target import encode_target
from mcgurk.data.tasks import encode_targets
from mcgurk.errors import DataError, UnknownName

TONE = np.array(["good", "bad", None, None] * 6, dtype=object)
PRICE = np.array([np.nan, 1.5, 2.0, np.nan] * 6)


def targets(**changes):
    return encode_targets({"tone": TONE, "price": PRICE} | changes)


def test_each_task_is_what_it_would_be_alone():
    both = targets().with_statistics()
    assert list(both.parts) == ["price", "tone"] and both.rows == 24
    assert both.parts["tone"].values.tolist() == encode_target(TONE, "classifier").values.tolist()
    assert dict(both.spec.parts)["price"].center == (1.75,) and dict(both.spec.parts)["tone"].prior == (0.5, 0.5)
    assert both.spec.task == "several" and both.spec.columns == 3
    assert both.labelled.tolist() == [True, True, True, False] * 6


def test_rows_are_taken_and_stacked_in_every_task():
    both = targets()
    part = both.take(np.array([1, 2]))
    assert part.parts["tone"].values.tolist() == [0, -1] and part.parts["price"].values.tolist() == [[1.5], [2.0]]
    assert part.stacked(part).rows == 4
    assert len(both.arrays()) == 2


def test_further_labels_are_read_in_the_fitted_classes_and_may_leave_tasks_out():
    more = encode_targets({"tone": ["bad", "bad"]}, known=targets().spec)
    assert more.parts["tone"].values.tolist() == [0, 0] and np.isnan(more.parts["price"].values).all()
    with pytest.raises(DataError, match="task 'tone': label 'new' was not seen"):
        encode_targets({"tone": ["new"]}, known=targets().spec)
    with pytest.raises(UnknownName, match="no task 'goal'"):
        encode_targets({"goal": ["new"]}, known=targets().spec)


def test_a_frame_of_targets():
    both = encode_targets(pd.DataFrame({"tone": TONE, "price": PRICE}))
    assert list(both.parts) == ["price", "tone"]


def test_the_kind_of_a_task_can_be_said():
    visits = {"visits": [1, 2, 3]}
    assert encode_targets(visits).parts["visits"].spec.task == "classes"
    assert encode_targets(visits, task={"visits": "count"}).parts["visits"].spec.task == "count"
    with pytest.raises(UnknownName, match="no task 'visit'"):
        encode_targets(visits, task={"visit": "count"})


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ({"goal": [None, None]}, "task 'goal': no labelled row among 2"),
        ({"goal": Ragged.of([np.ones((2, 1))])}, "task 'goal': there is a label a step"),
        ({}, "y is no task"),
        (np.zeros(3), "y is a ndarray; several tasks"),
    ],
)
def test_what_cannot_be_read_is_named(y, sentence):
    with pytest.raises(DataError, match=sentence):
        encode_targets(y)


def test_rows_that_cannot_teach_a_task_are_refused_by_its_name():
    with pytest.raises(
        DataError, match="task 'tone': Classifier can't train when only one class is present: the training rows hold only 'good'"
    ):
        targets().check_training(np.array([0, 2, 4]))
    with pytest.raises(DataError, match="task 'price': none of the 2 training labels") as error:
        targets().check_training(np.array([0, 4]))
    assert error.value.code == "S01"
    with pytest.raises(DataError, match="task 'price': Found input variables"):
        targets().check_rows(23)


def test_strata_follow_each_task_as_far_as_rows_allow():
    """By which tasks label a row, then by their labels where at least eight rows remain alike; three odd rows join the largest stratum."""
    rng = np.random.default_rng(0)
    y = {"a": np.where(np.arange(60) < 40, rng.integers(0, 2, 60).astype(object), None), "b": rng.integers(0, 2, 60)}
    y["a"][:3] = 7
    strata = encode_targets(y).row_labels()
    assert np.bincount(strata)[np.unique(strata)].min() >= 8 and len(np.unique(strata)) >= 5
    cells = {(a, b, code) for a, b, code in zip(y["a"][3:], y["b"][3:], strata[3:], strict=True)}
    assert len(cells) == len({(a, b) for a, b, _ in cells}), "rows of equal labels are in one stratum"
