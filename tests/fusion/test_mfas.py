"""MFAS on data: planted layers, cached against live features, resuming, absence, other targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError
from mcgurk.fusion import MFAS, mfas_trial
from mcgurk.fusion.mfas_joint import Joined, tapped
from mcgurk.nn.batch import Batch, Slot
from mcgurk.testing import toys
from mcgurk.train.objective import Step

SMALL = {
    "hidden": (12, 6),
    "activations": ("relu",),
    "levels": 2,
    "rounds": 1,
    "samples": 3,
    "search_width": 8,
    "search_epochs": 2,
    "width": 16,
}


def data(n=240, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, 3)), rng.normal(size=(n, 3))
    return {"a": a, "b": b}, (a[:, 0] + b[:, 0] > 0).astype(int)


def model_of(family=FusionClassifier, checkpoint=None, recipe=None, **options):
    return family(
        MFAS(**{**SMALL, **(recipe or {})}),
        epochs=20,
        patience=None,
        encoders="precomputed",
        optim=("adamw", 1e-2),
        checkpoint=checkpoint,
        **options,
    )


def test_cached_and_live_features_agree_and_both_are_used():
    X, y = data()
    model = model_of().fit(X, y)
    inner = model.model_
    assert inner.evaluations_ == 9 + 3 and len(inner.best_) == 5 and len(inner.steps_) <= 2
    table = inner.layers(model._read(X))
    np.testing.assert_array_equal(inner.model_.predict(table), model.predict(X))
    assert inner.model_.score(table, y) == model.score(X, y) > 0.85
    assert table.names == ("a 0", "a 1", "a 2", "b 0", "b 1", "b 2") and table["a 2"].item == (6,)
    assert (table["a 1"].values >= 0).all()
    assert model.parameters() > 0


def test_networks_and_chains_never_see_the_rows_that_select():
    X, y = data()
    held = np.arange(240) % 4 == 0
    other = y.copy()
    other[held] = 1 - other[held]
    one, two = (model_of(recipe={"samples": 9, "final": "frozen"}).fit(X, labels, valid=held).model_ for labels in (y, other))
    for name in ("a", "b"):
        for p, q in zip(one.nets_[name].objective_.parameters(), two.nets_[name].objective_.parameters(), strict=True):
            assert (p == q).all()
    assert one.best_[0]["accuracy"] > two.best_[0]["accuracy"]


def test_a_stopped_search_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    X, y = data()
    whole = model_of().fit(X, y)
    trained = []
    real = mfas_trial.train

    def counted(*args, **options):
        if len(trained) == 5:
            raise KeyboardInterrupt
        trained.append(1)
        return real(*args, **options)

    monkeypatch.setattr(mfas_trial, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        model_of(checkpoint=tmp_path).fit(X, y)
    monkeypatch.setattr(mfas_trial, "train", lambda *args, **options: (trained.append(1), real(*args, **options))[1])
    resumed = model_of(checkpoint=tmp_path).fit(X, y)
    assert len(trained) == 12
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert resumed.model_.best_ == whole.model_.best_
    with pytest.raises(DataError, match="another checkpoint folder"):
        model_of(checkpoint=tmp_path).fit(X, 1 - y)


def test_chains_side_by_side_are_found_whatever_runs_them(monkeypatch):
    X, y = data(120)
    recipe = {"hidden": (6,), "parallel": 3, "samples": 2}
    monkeypatch.setattr(mfas_trial, "cores", lambda: 2)
    processes = model_of(recipe=recipe).fit(X, y)
    monkeypatch.setattr(mfas_trial, "cores", lambda: 1)
    here = model_of(recipe=recipe).fit(X, y)
    assert processes.model_.best_ == here.model_.best_
    np.testing.assert_array_equal(processes.predict_proba(X), here.predict_proba(X))


def test_the_last_stage_trains_networks_too_and_keeps_their_losses():
    X, y = data()
    fitted = [model_of(recipe={"final": final}).fit(X, y) for final in ("frozen", "joint")]
    frozen, joint = (model.model_ for model in fitted)
    assert frozen.steps_ == joint.steps_
    moved = [
        not torch.equal(p, q)
        for name in ("a", "b")
        for p, q in zip(frozen.nets_[name].objective_.parameters(), joint.nets_[name].objective_.parameters(), strict=True)
    ]
    assert any(moved[: len(moved) // 2]) and any(moved[len(moved) // 2 :])
    terms = joint.model_.history_.terms
    assert set(terms[0]) == {"chain"} and set(terms[1]) == {"chain", "a", "b"} and len(terms) == 20
    assert fitted[1].score(X, y) > 0.85


def test_a_network_learns_from_the_rows_it_sees():
    X, y = data(40)
    model = model_of(recipe={"levels": 1, "hidden": (4,)}).fit(X, y).model_
    joined = Joined({name: net.objective_ for name, net in model.nets_.items()}, model.model_.objective_)
    here = torch.arange(40) < 10
    slots = {name: Slot(torch.tensor(X[name], dtype=torch.float32), torch.ones(40, dtype=torch.bool)) for name in ("a", "b")}
    batch = Batch({**slots, "b": slots["b"].without(~here)}, torch.tensor(y))
    step = Step(1, 0, torch.Generator())
    terms = joined.loss(batch, "all", step)
    alone = tapped(joined.nets["b"], Batch({"b": slots["b"]}, torch.tensor(y)))[0][:10]
    torch.testing.assert_close(terms["b"], torch.nn.functional.cross_entropy(alone, torch.tensor(y)[:10]))
    torch.testing.assert_close(joined.validate(batch, step), terms["chain"])
    gone = Batch({**slots, "b": slots["b"].without(here | ~here)}, torch.tensor(y))
    assert joined.loss(gone, "all", step)["b"].item() == 0


def test_either_network_alone_and_files(tmp_path):
    X, y = data()
    gone = np.arange(240) % 3 == 0
    part = Dataset({"a": Dense(X["a"], None, "vector"), "b": Dense(np.where(gone[:, None], np.nan, X["b"]), ~gone, "vector")})
    model = model_of().fit(part, y)
    filled = Dataset({"a": part["a"], "b": Dense(np.where(gone[:, None], 7.0, X["b"]), ~gone, "vector")})
    np.testing.assert_array_equal(model.predict_proba(part), model.predict_proba(filled))
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict_proba(part), model.predict_proba(part))


@pytest.mark.parametrize("task", ["multilabel", "number", "count"])
def test_other_targets(task):
    X = toys.vectors(80)
    family = FusionClassifier if task == "multilabel" else FusionRegressor
    model = model_of(family, task=task, recipe={"columns": ("c", "a")}).fit(X, toys.labels(X, task), sample_weight=np.arange(80) + 1.0)
    assert np.isfinite(np.asarray(model.predict(X), dtype=float)).all()
    assert 0 < model.model_.best_[0]["accuracy"] < 1


@pytest.mark.parametrize(
    ("recipe", "match"),
    [
        ({}, "two columns"),
        ({"columns": ("a", "z")}, "two columns"),
        ({"columns": ("a", "b"), "activations": ("odd",)}, "odd"),
        ({"columns": ("a", "b"), "parallel": 0}, "parallel=0"),
    ],
)
def test_refusals(recipe, match):
    with pytest.raises(DataError, match=match):
        model_of(recipe=recipe).fit(toys.vectors(20), np.arange(20) % 2)
