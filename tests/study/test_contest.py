"""Fits, predictions with a modality gone, and the bar."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dataset, Dense, Lazy
from mcgurk.errors import DataError
from mcgurk.study.compare import compare
from mcgurk.study.contest import _bar, absent, chosen, scores_of
from mcgurk.study.settings import encode


def test_absent_takes_every_row_and_changes_nothing_else() -> None:
    X = Dataset({"a": Dense(np.ones((3, 1))), "t": Lazy(["x", "y", None])})
    gone = absent(X, "t")
    assert not gone["t"].present.any() and gone["a"] is X["a"] and X["t"].present.tolist() == [True, True, False]


class Said:
    """A fitted model that says what it is told to."""

    def __init__(self, values, classes=None) -> None:
        self.values = np.asarray(values, dtype=float)
        self.classes_ = None if classes is None else np.array(classes)

    def predict_proba(self, X):
        return self.values

    predict = predict_proba


def test_a_class_the_training_fold_lacked_gets_probability_0() -> None:
    target = encode(["a", "b", "c"], "classes")
    assert scores_of(Said([[0.4, 0.6]], ["a", "c"]), None, target).tolist() == [[0.4, 0.0, 0.6]]


def test_numbers_that_are_none_are_refused() -> None:
    target = encode(np.arange(3.0), "number")
    assert scores_of(Said([1.0, 2.0]), None, target).shape == (2, 1)
    with pytest.raises(DataError, match="1 predictions are not finite"):
        scores_of(Said([1.0, np.inf]), None, target)


def test_who_was_chosen() -> None:
    class Inner:
        winner_ = "early"

    class Outer:
        model_ = Inner()

    assert chosen(Outer()) == "early" and chosen(Inner()) == "early" and chosen(Said([])) is None


def test_the_bar_counts_cost(capsys) -> None:
    with _bar(True, 4.0, 2) as step:
        step(0.0, "first")
        step(4.0, "")
    with _bar(False, 4.0, 2) as step:
        step(4.0, "")
    told = []
    with _bar(lambda *given: told.append(given), 4.0, 2) as step:
        step(0.0, "first")
        step(3.0, "")
        step(0.0, "second")
    assert told == [(0.0, 4.0, "first"), (3.0, 4.0, "second")]
    assert capsys.readouterr().out == ""


def test_a_full_disk_stops_the_study(planted, fakes, monkeypatch) -> None:
    X, y, groups = planted

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fakes.Linear, "_fit", full)
    with pytest.raises(OSError, match="No space"):
        compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names)[:2])
