"""FusionClassifier and FusionRegressor: what ``fusion`` may be, class weights, targets, transforms, what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import Concat, Early, LinearUnit
from mcgurk.fusion.estimators import class_weights

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(80, 2)), "b": RNG.normal(size=(80, 2))}
TOTAL = X["a"][:, 0] + X["b"][:, 0]
Y = np.where(TOTAL > 0, "yes", "no")


@pytest.mark.parametrize("fusion", ["early", ("early", {"unit": "linear"}), Early(), "concat", ("concat", {"balance": False}), Concat()])
def test_a_name_a_pair_or_an_object(fusion):
    model = FusionClassifier(fusion=fusion, epochs=40, hidden=(8,), optim=("adamw", 1e-2), patience=None).fit(X, Y)
    assert model.score(X, Y) > 0.85 and model.parameters() > 0
    assert list(model.classes_) == ["no", "yes"]


def test_an_object_is_copied_never_changed():
    unit = LinearUnit()
    FusionClassifier(fusion=Early(unit)).fit(X, Y)
    assert not hasattr(unit, "coef_")
    layer = Concat()
    FusionClassifier(fusion=layer, epochs=1).fit(X, Y)
    assert not hasattr(layer, "out")


def test_fitted_again_with_another_method():
    model = FusionClassifier(fusion="early").fit(X, Y)
    model.set_params(fusion="concat", epochs=1).fit(X, Y)
    assert model.model_ is None and np.isfinite(model.predict_proba(X)).all()


def test_what_is_no_fusion_method():
    with pytest.raises(DataError, match="is a LinearUnit, neither a fusion layer nor a recipe"):
        FusionClassifier(fusion="linear").fit(X, Y)
    with pytest.raises(UnknownName, match="erly"):
        FusionClassifier(fusion="erly").fit(X, Y)


def test_class_weights():
    target = TargetSpec("classes", ("u", "v"), 2, prior=(0.8, 0.2))
    balanced = class_weights("balanced", target)
    assert balanced[1] == pytest.approx(4 * balanced[0]) and balanced @ (0.8, 0.2) == pytest.approx(1)
    np.testing.assert_allclose(class_weights({"v": 4.0}, target), balanced)
    assert class_weights(None, target) is class_weights("balanced", TargetSpec("number", (), 1)) is None
    assert class_weights("balanced", TargetSpec("classes", ("u", "v"), 2, prior=(1.0, 0.0))).tolist() == [1.0, 0.0]
    with pytest.raises(DataError, match="names 'w', which is no class; classes are u, v"):
        class_weights({"w": 1.0}, target)
    with pytest.raises(DataError, match="expected None, 'balanced' or a dict"):
        class_weights(2.0, target)


@pytest.mark.parametrize("fusion", ["early", "concat"])
def test_balanced_classes_raise_the_rare_one(fusion):
    rare = np.where(TOTAL > 1.5, "yes", "no")
    settings = {"fusion": fusion, "epochs": 30, "patience": None, "hidden": (), "optim": ("adamw", 3e-2)}
    plain, balanced = (FusionClassifier(class_weight=w, **settings).fit(X, rare).predict_proba(X)[:, 1].mean() for w in (None, "balanced"))
    assert balanced > plain + 0.05


@pytest.mark.parametrize("fusion", ["early", "late", "concat"])
def test_prices_are_learned_on_the_log_scale(fusion, tmp_path):
    prices = np.exp(2 * TOTAL)
    model = FusionRegressor(fusion=fusion, epochs=80, optim=("adamw", 1e-2), patience=None).fit(X, prices)
    assert model.target_.transform == "log"
    assert np.corrcoef(np.log(model.predict(X)), 2 * TOTAL)[0, 1] > 0.9
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").predict(X), model.predict(X))
    assert FusionRegressor(fusion="early", target_transform=None).fit(X, prices).target_.transform == ""


def test_several_numbers_at_once():
    both = np.stack([TOTAL, -TOTAL], axis=1)
    assert FusionRegressor(fusion="early").fit(X, both).predict(X).shape == (80, 2)


def test_no_row_with_a_modality_gets_the_prior():
    from mcgurk.data import Dataset, Dense
    from mcgurk.errors import McgurkWarning

    model = FusionClassifier(fusion="late").fit(X, Y)
    gone = Dataset({name: Dense(values[:3], np.zeros(3, bool), "vector") for name, values in X.items()})
    with pytest.warns(McgurkWarning, match="3 of 3 rows have no modality"):
        proba = model.predict_proba(gone)
    np.testing.assert_allclose(proba, np.tile([np.mean(Y == "no"), np.mean(Y == "yes")], (3, 1)))
