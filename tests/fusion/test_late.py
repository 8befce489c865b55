"""Late fusion: rules, weights, calibration and stacking of one unit a modality."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Dataset, Dense
from mcgurk.functional.decisions import RULES
from mcgurk.fusion import Late, Rule, TreesUnit
from mcgurk.fusion.late import decision_fusion, unit_of

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(120, 2)), "b": RNG.normal(size=(120, 2))}
Y = (X["a"][:, 0] + X["b"][:, 0] > 0).astype(int)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_predicts_from_any_subset(rule):
    model = FusionClassifier(fusion=Late(rule)).fit(X, Y)
    assert model.score(X, Y) > (0.55 if rule in ("and", "or", "noisy_or") else 0.7)
    data = Dataset({name: Dense(values, kind="vector") for name, values in X.items()})
    for name in X:
        gone = data.with_column(name, Dense(X[name], np.zeros(120, bool), "vector"))
        assert np.isfinite(model.predict_proba(gone)).all()


def test_weights_are_named_by_column():
    only = FusionClassifier(fusion=Late("linear", weights={"a": 1.0, "b": 0.0})).fit(X, Y)
    alone = FusionClassifier(fusion=("single", {"column": "a"})).fit(X, Y)
    assert np.mean(only.predict(X) == alone.predict(X)) > 0.95  # the folds that choose the penalty differ


def test_fitted_weights_and_calibration_use_decisions_left_out():
    noisy = {**X, "noise": RNG.normal(size=(120, 5))}
    model = FusionClassifier(fusion=Late("log", weights="fit", calibrate=True)).fit(noisy, Y)
    weights = model.model_.nodes_["decision"].weights_
    assert weights["noise decision"] == min(weights.values())
    assert set(model.model_.nodes_["decision"].temperatures_) == {"a decision", "b decision", "noise decision"}


def test_numbers_by_minimum_variance():
    y = X["a"][:, 0] + 0.1 * X["b"][:, 0]
    model = FusionRegressor(fusion=Late("mean", weights="fit")).fit(X, y)
    assert model.model_.nodes_["decision"].weights_["a decision"] > 0.9
    assert model.score(X, y) > 0.9


def test_a_unit_for_each_column():
    model = FusionClassifier(fusion=Late(unit={"a": TreesUnit(10)}, columns=("a", "b"))).fit(X, Y)
    assert type(model.model_.nodes_["a decision"]).__name__ == "TreesUnit"
    assert type(model.model_.nodes_["b decision"]).__name__ == "LinearUnit"
    assert unit_of({"a": "trees"}, "b") == "linear" and unit_of("trees", "b") == "trees"


def test_a_decision_fusion_may_be_an_object():
    rule = Rule("median")
    assert decision_fusion(rule, None, False) is rule
    assert decision_fusion("max", None, True).calibrate
