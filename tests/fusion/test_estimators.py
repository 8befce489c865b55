"""FusionClassifier and FusionRegressor: what ``fusion`` may be, class weights, targets, transforms, what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Dataset, Ragged
from mcgurk.data.target import TargetSpec
from mcgurk.encoders import Precomputed
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import Concat, Early, LinearUnit
from mcgurk.testing import toys
from mcgurk.train.readout import class_weights

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
    from mcgurk.data import Dense
    from mcgurk.errors import McgurkWarning

    model = FusionClassifier(fusion="late").fit(X, Y)
    gone = Dataset({name: Dense(values[:3], np.zeros(3, bool), "vector") for name, values in X.items()})
    with pytest.warns(McgurkWarning, match="3 of 3 rows have no modality"):
        proba = model.predict_proba(gone)
    np.testing.assert_allclose(proba, np.tile([np.mean(Y == "no"), np.mean(Y == "yes")], (3, 1)))


def told_by_the_step_before(n, seed):
    """Sequences of 6 to 11 steps whose label is the sign of the step before; the label of a first step is a coin."""
    rng = np.random.default_rng(seed)
    offsets = np.r_[0, np.cumsum(rng.integers(6, 12, n))]
    a, b = rng.normal(size=(offsets[-1], 2)), rng.normal(size=(offsets[-1], 1))
    y = np.r_[0, a[:-1, 0] > 0].astype(int)
    y[offsets[:-1]] = rng.integers(0, 2, n)
    return Dataset({"a": Ragged(a, offsets), "b": Ragged(b, offsets)}), Ragged(y, offsets)


SMALL = {
    "mult": {"width": 16, "heads": 2, "depth": 1, "memory": 1},
    "vilbert": {"width": 16, "heads": 2, "depth": 1},
    "mag": {"width": 16, "heads": 2},
    "raven": {"width": 16},
    "highmmt": {"width": 16, "heads": 2, "latents": 4},
    "modality_graph": {"width": 16, "heads": 2},
}
QUICK = {"encoders": "precomputed", "batch_size": 8, "hidden": (16,), "dropout": 0.0, "optim": ("adamw", 3e-3)}


@pytest.mark.parametrize("name", SMALL)
def test_a_sequence_layer_sees_the_steps_around_a_step(name):
    train, test = told_by_the_step_before(80, 0), told_by_the_step_before(40, 1)
    seen = {c: FusionClassifier((name, SMALL[name]), context=c, epochs=15, **QUICK).fit(*train) for c in (0, (1, 0))}
    hit = {c: float(np.mean(model.predict(test[0]) == test[1].values)) for c, model in seen.items()}
    assert hit[1, 0] > 0.85 and abs(hit[0] - 0.5) < 4 * 0.5 / np.sqrt(len(test[1].values))


@pytest.mark.parametrize("fusion", ["concat", ("late", {"rule": "mean"}), ("staged", {"width": 8}), "joint_hybrid", "dynmm"])
def test_layers_that_want_vectors_and_units_see_the_step_alone(fusion):
    X, y = told_by_the_step_before(20, 0)
    one, other = (FusionClassifier(fusion, context=c, epochs=3, **QUICK).fit(X, y) for c in (0, 3))
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize(
    "fusion",
    [
        ("mult", SMALL["mult"]),
        ("staged", {"fusion": ("mult", SMALL["mult"]), "width": 8}),
        ("joint_hybrid", {"fusion": ("mult", SMALL["mult"])}),
        ("dynmm", {"fusion": ("mult", SMALL["mult"]), "pretrain": 0.5}),
    ],
)
def test_what_lies_beyond_the_window_changes_nothing_and_a_loaded_model_sees_the_same(fusion, tmp_path):
    X, y = told_by_the_step_before(20, 0)
    model = FusionClassifier(fusion, context=(2, 1), epochs=2, **QUICK).fit(X, y)
    scores = model.predict_proba(X)
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").predict_proba(X), scores)
    moved = X
    for name, column in X.items():
        values = column.values.copy()
        values[[0, 5]] += 3.0  # steps 0 and 5 of row 0: step 3 sees 1 to 4
        moved = moved.with_column(name, Ragged(values, column.offsets))
    changed = model.predict_proba(moved)
    same = np.isclose(changed, scores, atol=1e-6).all(axis=1)
    start = X["a"].offsets[1]
    assert not same[[0, 5]].any() and same[3] and same[start:].all()


@pytest.mark.parametrize("fusion", [("mult", SMALL["mult"]), "concat", "late"])
def test_steps_and_rows_that_lack_a_modality(fusion):
    X, y = told_by_the_step_before(20, 0)
    model = FusionClassifier(fusion, context=1, epochs=2, **QUICK).fit(X, y)
    values = X["a"].values.copy()
    values[3] = np.nan
    assert np.isfinite(model.predict_proba(X.with_column("a", Ragged(values, X["a"].offsets)))).all()
    gone = Ragged.of([None, *(X["a"].row(i) for i in range(1, len(X)))])
    proba = model.predict_proba(X.with_column("a", gone))
    assert proba.shape == (len(y.values), 2) and np.isfinite(proba).all()


def test_a_context_that_is_none():
    X, y = told_by_the_step_before(10, 0)
    with pytest.raises(DataError, match="context=-1; expected a number of steps"):
        FusionClassifier("mult", context=-1, **QUICK).fit(X, y)


@pytest.mark.parametrize(("fusion", "steps"), [("mult", True), ("concat", False), ("late", False)])
def test_default_encoders_follow_the_layer(fusion, steps):
    X = toys.sequences(40)
    small = (fusion, SMALL["mult"]) if fusion == "mult" else fusion
    model = FusionClassifier(small, epochs=1, patience=None).fit(X, np.arange(40) % 2)
    encoders = model.encoders_ if model.model_ is None else model.model_.encoders_
    assert [type(encoders[name]) is Precomputed for name in ("s", "t")] == [steps, steps]
