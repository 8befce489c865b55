"""Interaction regressions as estimators: summaries, absent modalities, every target, stored models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.estimator_checks import check_estimator

import mcgurk
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, McgurkWarning, UnknownName
from mcgurk.fusion import InteractionClassifier, InteractionRegressor
from mcgurk.testing import toys


def columns(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return {"a": rng.normal(size=(n, 1)) + 1, "b": rng.normal(size=(n, 2))}, rng


def test_summary_holds_both_coordinates_and_the_test():
    X, rng = columns()
    y = 1 + 2 * X["a"][:, 0] - 1.5 * X["a"][:, 0] * X["b"][:, 1] + 0.1 * rng.normal(size=200)
    model = InteractionRegressor().fit(X, y)
    report = model.summary()
    raw = report.table[report.table.coordinates == "raw"].set_index("term")
    assert list(raw.index) == ["(constant)", "a", "b[0]", "b[1]", "a x b[0]", "a x b[1]"]
    assert ((raw.low <= [1, 2, 0, 0, 0, -1.5]) & (raw.high >= [1, 2, 0, 0, 0, -1.5])).sum() >= 5
    centred = report.table[report.table.coordinates == "centred"].set_index("term")
    np.testing.assert_allclose(centred.estimate["b[1]"], raw.estimate["b[1]"] + raw.estimate["a x b[1]"] * X["a"].mean(), rtol=1e-9)
    assert report.scalars["interaction p_value"] < 1e-10 and report.scalars["interaction df"] == 2
    assert model.score(X, y) > 0.99
    assert report.provenance()["settings"]["rows"] == [200]


def test_a_missing_modality_takes_its_terms_along():
    X, rng = columns()
    y = X["a"][:, 0] + X["b"][:, 0] + X["a"][:, 0] * X["b"][:, 0]
    here = rng.random(200) > 0.3
    data = Dataset({"a": Dense(X["a"], None, "vector"), "b": Dense(X["b"], here, "vector")})
    model = InteractionRegressor().fit(data, y)
    assert model.summary(["a"]).table.term.unique().tolist() == ["(constant)", "a"]
    slope, constant = np.polyfit(X["a"][:, 0], y, 1)
    np.testing.assert_allclose(model.predict(data)[~here], constant + slope * X["a"][~here, 0], rtol=1e-9)
    poisoned = Dataset({"a": data["a"], "b": Dense(np.where(here[:, None], X["b"], np.nan), here, "vector")})
    np.testing.assert_array_equal(InteractionRegressor().fit(poisoned, y).predict(poisoned), model.predict(data))
    with pytest.warns(McgurkWarning, match="no modality"):
        nothing = Dataset({name: Dense(X[name], np.zeros(200, bool), "vector") for name in X})
        np.testing.assert_allclose(model.predict(nothing), y.mean())


@pytest.mark.parametrize("task", ["classes", "multilabel", "number", "count"])
@pytest.mark.parametrize("form", ["additive", "multiplicative", "combined"])
def test_every_target_and_form_is_stored(task, form, tmp_path):
    X = toys.vectors(120)
    y = toys.labels(X, task)
    family = InteractionClassifier if task in ("classes", "multilabel") else InteractionRegressor
    model = family(form, ridge=0.01, task=task).fit(X, y)
    model.save(tmp_path / "m.mcgurk")
    again = mcgurk.load(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    pd.testing.assert_frame_equal(model.summary().table, again.summary().table)
    turned = dict(reversed(list(X.items())))
    np.testing.assert_array_equal(model.predict(X), family(form, ridge=0.01, task=task).fit(turned, y).predict(turned))
    assert model.parameters() > 0


def test_three_classes_against_the_first():
    X, rng = columns(400)
    y = np.array(["low", "mid", "top"])[np.digitize(X["a"][:, 0] * X["b"][:, 0] + 0.3 * rng.normal(size=400), [-0.5, 0.5])]
    model = InteractionClassifier(errors="cluster").fit(X, y, groups=np.arange(400) // 2)
    assert model.score(X, y) > 0.8
    assert set(model.summary().table.output) == {"mid against low", "top against low"}


def test_named_and_matched_terms_and_tables():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=100), "size": rng.normal(size=100)})
    y = frame.age * frame["size"] + 0.1 * rng.normal(size=100)
    model = InteractionRegressor(terms=[("x.age", "x.size")]).fit(mcgurk.data.Dataset({"x": _table(frame)}), y.to_numpy())
    assert "x.age x x.size" in set(model.summary().table.term) and model.score(mcgurk.data.Dataset({"x": _table(frame)}), y) > 0.9
    pair = {"a": frame.to_numpy(), "b": frame.to_numpy()[::-1]}
    assert len(InteractionRegressor(terms="matched").fit(pair, y.to_numpy()).pairs(("a", "b"))) == 2


def _table(frame):
    from mcgurk.data.column import Field

    return Dense(frame.to_numpy(), None, "tabular", tuple(Field(name) for name in frame))


def test_warnings_and_refusals():
    X, _ = columns(12)
    wide = {"a": X["a"], "b": np.hstack([X["b"]] * 3)}
    with pytest.warns(McgurkWarning, match="determined by the others"):
        InteractionRegressor().fit(wide, X["a"][:, 0])
    with pytest.warns(McgurkWarning, match="separated"):
        InteractionClassifier("additive").fit(X, X["a"][:, 0] > 1)
    with pytest.raises(UnknownName, match="no feature"):
        InteractionRegressor(terms=[("a", "odd")]).fit(X, X["a"][:, 0])
    with pytest.raises(DataError, match="one by one"):
        InteractionRegressor(terms="matched").fit(X, X["a"][:, 0])
    with pytest.raises(DataError, match="form='odd'"):
        InteractionRegressor("odd").fit(X, X["a"][:, 0])
    with pytest.raises(UnknownName, match="no regression"):
        InteractionRegressor("additive").fit(X, X["a"][:, 0]).summary(["c"])
    gone = Dataset({"a": Dense(X["a"], np.arange(12) < 6, "vector"), "b": Dense(X["b"], np.arange(12) >= 6, "vector")})
    with pytest.raises(DataError, match="labelled rows no two have all"):
        InteractionRegressor().fit(gone, X["a"][:, 0])
    with pytest.raises(DataError, match="products"):
        InteractionRegressor().fit({"a": np.zeros((4, 60)), "b": np.zeros((4, 60))}, np.arange(4.0))


@pytest.mark.parametrize("estimator", [InteractionRegressor(), InteractionClassifier(ridge=0.01)], ids=lambda e: type(e).__name__)
@pytest.mark.filterwarnings("ignore")
def test_keeps_scikit_learns_contract(estimator):
    failed = [r["check_name"] for r in check_estimator(estimator, on_fail=None, on_skip=None) if r["status"] == "failed"]
    assert failed == []


def test_more_coefficients_than_a_solver_can_hold_are_refused() -> None:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=(40, 50)), "b": rng.normal(size=(40, 20))}
    with pytest.raises(DataError, match="1071 terms for 8 classes are 7497 coefficients on 40 rows; name the products"):
        InteractionClassifier().fit(X, np.arange(40) % 8)
