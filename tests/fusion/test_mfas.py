"""MFAS on data: planted layers, cached against live features, resuming, absence, other targets."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError
from mcgurk.fusion import MFAS, mfas
from mcgurk.testing import toys

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
    one, two = (model_of(recipe={"samples": 9}).fit(X, labels, valid=held).model_ for labels in (y, other))
    for name in ("a", "b"):
        for p, q in zip(one.nets_[name].objective_.parameters(), two.nets_[name].objective_.parameters(), strict=True):
            assert (p == q).all()
    assert one.best_[0]["accuracy"] > two.best_[0]["accuracy"]


def test_a_stopped_search_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    X, y = data()
    whole = model_of().fit(X, y)
    trained = []
    real = mfas.train

    def counted(*args, **options):
        if len(trained) == 5:
            raise KeyboardInterrupt
        trained.append(1)
        return real(*args, **options)

    monkeypatch.setattr(mfas, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        model_of(checkpoint=tmp_path).fit(X, y)
    monkeypatch.setattr(mfas, "train", lambda *args, **options: (trained.append(1), real(*args, **options))[1])
    resumed = model_of(checkpoint=tmp_path).fit(X, y)
    assert len(trained) == 12
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    assert resumed.model_.best_ == whole.model_.best_
    with pytest.raises(DataError, match="another checkpoint folder"):
        model_of(checkpoint=tmp_path).fit(X, 1 - y)


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
    [({}, "two columns"), ({"columns": ("a", "z")}, "two columns"), ({"columns": ("a", "b"), "activations": ("odd",)}, "odd")],
)
def test_refusals(recipe, match):
    with pytest.raises(DataError, match=match):
        model_of(recipe=recipe).fit(toys.vectors(20), np.arange(20) % 2)
