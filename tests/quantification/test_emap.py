"""The additive projection: worked tables, exact properties, and what it says of models with and without interactions."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import Estimator
from mcgurk.data import Dataset, Dense
from mcgurk.datasets import make_bilinear
from mcgurk.errors import DataError
from mcgurk.quantification import EMAP
from mcgurk.quantification.emap import additive_projection, projected
from mcgurk.roles import Regressor


class Known(Regressor, Estimator):
    """A regressor that is a given function of single features."""

    def __init__(self, function=None):
        self.function = function

    def _fit(self, data, run):
        pass

    def _scores(self, X):
        return self.function(*(X[name].values[:, 0] for name in X.names))[:, None]


def known(function, *columns):
    X = Dataset({name: Dense(np.asarray(values, dtype=float)[:, None]) for name, values in zip("abc", columns, strict=False)})
    y = function(*(np.asarray(c, dtype=float) for c in columns))
    return Known(function).fit(X, y), X, y


def on_rows(function, *columns, budget=10**6):
    arrays = [np.asarray(c, dtype=float) for c in columns]
    scores = lambda places: function(*(x[places[:, m]] for m, x in enumerate(arrays)))[:, None]  # noqa: E731
    return projected(scores, len(arrays[0]), len(arrays), budget, np.random.default_rng(0))[0][:, 0]


BITS = [0, 0, 1, 1], [0, 1, 0, 1]


def test_worked_tables():
    np.testing.assert_allclose(on_rows(lambda t, v: (t != v).astype(float), *BITS), 0.5, atol=1e-12)
    np.testing.assert_allclose(on_rows(lambda t, v: t * v, *BITS), [-0.25, 0.25, 0.25, 0.75], atol=1e-12)


def test_additive_functions_are_left_alone():
    rng = np.random.default_rng(0)
    t, v, w = rng.normal(size=(3, 12))
    np.testing.assert_allclose(on_rows(lambda t, v: t**2 - np.sin(v), t, v), t**2 - np.sin(v), atol=1e-12)
    np.testing.assert_allclose(on_rows(lambda t, v, w: t + v * 2 + np.exp(w), t, v, w), t + 2 * v + np.exp(w), atol=1e-12)


def test_is_a_projection():
    grid = np.random.default_rng(0).normal(size=(7, 7, 3))
    once = additive_projection(grid)
    np.testing.assert_allclose(additive_projection(once), once, atol=1e-12)
    rest = grid - once
    np.testing.assert_allclose(rest.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(rest.mean(axis=1), 0, atol=1e-12)
    assert np.abs((rest * once).sum(axis=(0, 1))).max() < 1e-10


def test_a_shift_of_a_class_moves_nothing_in_differences():
    grid = np.random.default_rng(0).normal(size=(6, 6, 3))
    shift = np.array([5.0, -2.0, 1.0])
    np.testing.assert_allclose(
        additive_projection(grid + shift) - additive_projection(grid), np.broadcast_to(shift, grid.shape), atol=1e-12
    )


def test_a_constant_third_modality_changes_nothing():
    rng = np.random.default_rng(0)
    t, v = rng.normal(size=(2, 8))
    f = lambda t, v: t * v + t  # noqa: E731
    np.testing.assert_allclose(on_rows(lambda t, v, c: f(t, v) + c, t, v, np.ones(8)) - 1, on_rows(f, t, v), atol=1e-12)
    grid = rng.normal(size=(4, 4, 1))
    three = np.repeat(grid[:, :, None], 4, axis=2)
    np.testing.assert_allclose(additive_projection(three)[:, :, 0], additive_projection(grid), atol=1e-12)


def test_beyond_the_budget_the_grid_is_sampled():
    rng = np.random.default_rng(0)
    t, v, w = rng.normal(size=(3, 40))
    f = lambda t, v, w: t + v * w  # noqa: E731
    exact, sampled = on_rows(f, t, v, w), on_rows(f, t, v, w, budget=30_000)
    assert np.abs(sampled - exact).max() < 0.6 and np.abs(sampled - exact).mean() < 0.15


def test_report_of_a_product():
    rng = np.random.default_rng(0)
    model, X, y = known(lambda t, v: t * v, *rng.normal(size=(2, 60)))
    report = EMAP(repeats=200).measure(model, X, y)
    table = report.table.set_index("figure")
    assert list(table.index) == ["full model", "without interactions", "a alone", "b alone", "multimodal gain", "interaction gain"]
    assert table.loc["full model", "estimate"] == 1 and table.loc["without interactions", "estimate"] < 0.3
    assert report.scalars["interaction_gain_low"] > 0.5
    assert (table["low"] <= table["estimate"] + 1e-12).all() and (table["estimate"] <= table["high"] + 1e-12).all()
    assert report.settings["metric"] == "r2" and report.provenance()["source"].startswith("EMAP")


def test_report_of_a_sum():
    rng = np.random.default_rng(0)
    model, X, y = known(lambda t, v: t + v, *rng.normal(size=(2, 50)))
    report = EMAP(rows=30, draws=2, repeats=100).measure(model, X, y)
    assert report.scalars["interaction_gain"] == pytest.approx(0, abs=1e-12)
    assert report.scalars["multimodal_gain"] > 0.1 and report.settings["points"] == 60


def test_classifiers_with_and_without_interactions():
    X, y = make_bilinear(n=700, d=3)
    labels = np.where(y, "same", "other").astype(object)
    labels[699] = None
    X = X.with_rows(group=np.arange(700) // 2)
    trained = FusionClassifier(("tensor", {"norm": None}), hidden=(), dropout=0.0, epochs=30, optim=("adam", 1e-2), patience=None)
    products = EMAP(rows=80, repeats=200).measure(trained.fit(X[:500], labels[:500]), X[500:], labels[500:])
    assert products.table["estimate"][0] > 0.85 and products.scalars["interaction_gain_low"] > 0.1
    linear = EMAP(rows=80, repeats=200).measure(FusionClassifier(fusion="early").fit(X[:500], labels[:500]), X[500:], labels[500:])
    assert abs(linear.scalars["interaction_gain"]) < 0.35


def test_multilabel_and_counts_with_holes():
    rng = np.random.default_rng(0)
    X = Dataset({"a": Dense(rng.normal(size=(80, 2)), rng.random(80) < 0.8), "b": Dense(rng.normal(size=(80, 2)), rng.random(80) < 0.8)})
    many = FusionClassifier(fusion="early").fit(X, (rng.random((80, 3)) < 0.5).astype(int))
    assert EMAP(rows=15, repeats=100).measure(many, X, (rng.random((80, 3)) < 0.5).astype(int)).settings["metric"] == "multilabel_accuracy"
    counts = rng.poisson(3, size=80)
    assert len(EMAP(rows=15, repeats=100).measure(FusionRegressor(fusion="early", task="count").fit(X, counts), X, counts).table) == 6


def test_refusals():
    rng = np.random.default_rng(0)
    model, X, y = known(lambda t, v: t + v, *rng.normal(size=(2, 10)))
    with pytest.raises(DataError, match="give a model and y"):
        EMAP().measure(None, X, y)
    with pytest.raises(DataError, match="give a model and y"):
        EMAP().measure(model, X)
    with pytest.raises(DataError, match="one label a row"):
        EMAP().measure(model, X, y[:4])
    with pytest.raises(DataError, match="have a label") as error:
        EMAP().measure(model, X, np.full(10, np.nan))
    assert error.value.code == "S01"
    alone, X1, y1 = known(lambda t: t, rng.normal(size=10))
    with pytest.raises(DataError, match="two modalities"):
        EMAP().measure(alone, X1, y1)
