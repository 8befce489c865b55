"""Heterogeneity as a measure: matrices, table, intervals, groups, the drawing, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier
from mcgurk.errors import DataError
from mcgurk.quantification import Heterogeneity

SMALL = ("highmmt", {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2})


def data(n=100):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(n, 3)).astype(np.float32)
    a[:, 0] = 3 * (np.arange(n) % 2) + 0.3 * a[:, 0]
    return {"a": a, "b": rng.normal(size=(n, 2)).astype(np.float32), "copy": a}, np.where(np.arange(n) % 2, "yes", "no")


@pytest.fixture(scope="module")
def report():
    X, y = data()
    return Heterogeneity(SMALL, folds=2, epochs=8, refit=8, optim=("adamw", 3e-2), repeats=100).measure(None, X, y)


def test_both_matrices_and_the_table(report):
    names = ["a", "b", "copy"]
    assert list(report.distance.columns) == names and list(report.pair_distance.index) == ["a + b", "a + copy", "b + copy"]
    np.testing.assert_array_equal(report.distance.to_numpy(), report.distance.to_numpy().T)
    assert report.distance.at["a", "copy"] == 0 and report.groups["a"] == report.groups["copy"]
    assert set(report.pair_groups) == set(report.pair_distance)
    table = report.to_frame()
    assert len(table) == 9 + 9 and (table.low <= table.information).all() and (table.information <= table.high).all()
    own = table[(table.source == "a") & (table.target == "a")].iloc[0]
    assert own.low > 0 and own.null == pytest.approx(np.log(2), abs=0.02) and own.distance == 0
    assert report.scalars["information of a"] == own.information


def test_it_is_drawn(report):
    import matplotlib as mpl

    mpl.use("agg")
    axes = report.plot()
    assert [ax.get_title() for ax in axes] == ["distance of modalities", "distance of pairs"]
    assert report.to_json().startswith("{")


def test_a_fitted_model_lends_its_encoders_and_labels():
    X, y = data(80)
    model = FusionClassifier("early").fit({"a": X["a"], "b": X["b"]}, y)
    found = Heterogeneity(SMALL, folds=2, epochs=1, refit=1, pairs=False, repeats=100).measure(model, {k: X[k] for k in "ab"}, y)
    assert list(found.distance) == ["a", "b"] and found.pair_distance is None and len(found.plot()) == 1


def test_numbers():
    X, _ = data(80)
    measure = Heterogeneity(SMALL, folds=2, epochs=1, refit=1, pairs=False, repeats=100, task="number")
    assert np.isfinite(measure.measure(None, {"a": X["a"], "b": X["b"]}, X["a"][:, 0]).information.to_numpy()).all()


def test_refusals():
    X, y = data(40)
    with pytest.raises(DataError, match="give y"):
        Heterogeneity().measure(None, X)
    with pytest.raises(DataError, match="alone"):
        Heterogeneity().measure(None, {"a": X["a"]}, y)
    with pytest.raises(DataError, match="belong to a modality"):
        Heterogeneity("mult").measure(None, X, y)
