"""The boosted-trees unit: thresholds and products, every target, classes a fold did not see."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.target import encode_target
from mcgurk.fusion import LinearUnit, TreesUnit
from mcgurk.run import Run

RNG = np.random.default_rng(0)
F = RNG.normal(size=(200, 3))
XOR = (F[:, 0] * F[:, 1] > 0).astype(int)
ROWS = np.arange(200)


def fitted(y, unit=None, weight=None, F=F):
    return (unit or TreesUnit(60)).fit(F, y.with_statistics(), weight, ROWS[: len(F)], Run.of(0))


def test_an_exclusive_or_is_seen_where_a_line_sees_nothing():
    y = encode_target(XOR, "classifier")
    fresh = np.random.default_rng(1).normal(size=(400, 3))
    truth = fresh[:, 0] * fresh[:, 1] > 0
    assert np.mean(fitted(y).scores(fresh).argmax(axis=1) == truth) > 0.85
    assert np.mean(fitted(y, LinearUnit(C=1.0)).scores(fresh).argmax(axis=1) == truth) < 0.65


def test_scores_are_scikit_learns():
    from sklearn.ensemble import HistGradientBoostingRegressor

    run = Run.of(0)
    options = {
        "max_iter": 30,
        "learning_rate": 0.05,
        "max_leaf_nodes": 6,
        "min_samples_leaf": 5,
        "l2_regularization": 1.0,
        "max_features": 0.5,
    }
    theirs = HistGradientBoostingRegressor(early_stopping=False, random_state=run.derive("trees") % 2**32, **options).fit(F, F[:, 0])
    ours = TreesUnit(30).fit(F, encode_target(F[:, 0], "regressor").with_statistics(), None, ROWS, run)
    np.testing.assert_allclose(ours.scores(F)[:, 0], theirs.predict(F), rtol=0, atol=1e-12)


@pytest.mark.parametrize("task", ["three", "multilabel", "two numbers", "count"])
def test_every_target(task):
    y = {
        "three": encode_target(np.digitize(F[:, 0], [-0.5, 0.5]), "classifier"),
        "multilabel": encode_target(np.stack([F[:, 0] > 0, F[:, 1] > 0], axis=1).astype(int), "classifier"),
        "two numbers": encode_target(np.where(RNG.random((200, 2)) < 0.1, np.nan, F[:, :2]), "regressor"),
        "count": encode_target(np.round(np.exp(F[:, 0])), "regressor", task="count"),
    }[task]
    unit = fitted(y, weight=np.ones(200))
    assert unit.scores(F).shape == (200, y.spec.columns)
    assert np.corrcoef(unit.scores(F)[:, -1], F[:, 1 if task in ("multilabel", "two numbers") else 0])[0, 1] > 0.6
    assert unit.parameters() > 100


@pytest.mark.parametrize("kept", [[0, 1], [0, 2]])
def test_a_class_without_rows_is_unlikely_not_impossible(kept):
    y = encode_target(np.digitize(F[:, 0], [-0.5, 0.5]), "classifier")
    rows = np.flatnonzero(np.isin(y.values, kept))
    scores = fitted(y.take(rows), F=F[rows]).scores(F)
    missing = ({0, 1, 2} - set(kept)).pop()
    assert scores.shape == (200, 3) and np.isfinite(scores).all()
    assert (scores[:, missing] < scores[:, kept].min(axis=1)).all()


def test_a_label_that_is_always_given():
    y = encode_target(np.stack([np.ones(200), XOR], axis=1).astype(int), "classifier")
    unit = fitted(y)
    assert np.allclose(unit.scores(F)[:, 0], np.log(0.999 / 0.001))


def test_fewer_trees_for_many_classes_and_small_leaves_for_few_rows():
    many = encode_target(np.arange(200) % 10, "classifier")
    assert len(fitted(many, TreesUnit()).forests_[0]["tree"]) == 40 * 10
    few = TreesUnit(5).fit(F[:30], encode_target(F[:30, 0], "regressor").with_statistics(), None, ROWS[:30], Run.of(0))
    assert len(few.forests_[0]["tree"]) == 5
