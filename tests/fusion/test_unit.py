"""What all units share: inner folds, losses of rows, strata."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.target import encode_target
from mcgurk.fusion.unit import Unit, inner_folds, stratum
from mcgurk.run import Run
from mcgurk.train.readout import row_loss


def test_inner_folds_keep_groups_and_spread_labels():
    groups, labels = np.repeat(np.arange(30), 3), np.repeat(np.arange(30) % 2, 3)
    pairs = inner_folds(groups, labels, 5, Run.of(0))
    assert len(pairs) == 5
    for train, test in pairs:
        assert not set(groups[train]) & set(groups[test])
        assert labels[test].mean() == pytest.approx(0.5, abs=0.1)
    assert np.sort(np.concatenate([test for _, test in pairs])).tolist() == list(range(90))
    assert len(inner_folds(np.array([0, 0, 1]), np.zeros(3), 5, Run.of(0))) == 2
    assert inner_folds(np.zeros(4), np.zeros(4), 5, Run.of(0)) == []


def test_losses_of_rows():
    classes = encode_target(["u", None, "v"], "classifier")
    np.testing.assert_allclose(row_loss(np.array([[0.0, 0.0], [0.0, 0.0], [800.0, 0.0]]), classes), [np.log(2), np.nan, 800.0])
    numbers = encode_target([0.0, 2.0, np.nan], "regressor").with_statistics()
    np.testing.assert_allclose(row_loss(np.array([[1.0], [2.0], [0.0]]), numbers), [1.0, 0.0, np.nan])
    labels = encode_target(np.array([[1.0, np.nan], [np.nan, np.nan]]), "classifier", task="multilabel")
    np.testing.assert_allclose(row_loss(np.zeros((2, 2)), labels), [np.log(2), np.nan])
    counts = encode_target([3.0], "regressor", task="count")
    np.testing.assert_allclose(row_loss(np.log([[2.0]]), counts), [2 - 3 * np.log(2)])
    assert np.isfinite(row_loss(np.array([[1e4]]), counts)).all()


def test_strata():
    assert stratum(encode_target(["u", "v"], "classifier")).tolist() == [0, 1]
    assert stratum(encode_target(np.array([[1.0, np.nan]]), "regressor")).tolist() == [1.0]


def test_the_base_keeps_no_choice_and_counts_arrays():
    class Constant(Unit):
        def fit(self, F, y, weight, groups, run):
            self.mean_ = y.values.mean(axis=0)
            return self

        def scores(self, F):
            return np.tile(self.mean_, (len(F), 1))

    unit = Constant().fit(np.zeros((2, 1)), encode_target([1.0, 3.0], "regressor"), None, np.arange(2), Run.of(0))
    assert unit.parameters() == 1 and unit.scores(np.zeros((3, 1))).tolist() == [[2.0]] * 3
    assert unit.settled(unit) is not unit
