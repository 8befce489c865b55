"""Contrastive towers: retrieval on a planted task, clamp, absence, twins, pairs, storage."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mcgurk.coordination import InfoNCE
from mcgurk.data import Dataset, Dense
from mcgurk.errors import DataError
from mcgurk.metrics import retrieval
from mcgurk.store import load


def planted(n=2500, widths=(20, 30), noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 10))
    return Dataset(
        {k: Dense(z @ rng.normal(size=(10, d)) / 10**0.5 + noise * rng.normal(size=(n, d))) for k, d in zip("abc", widths, strict=False)}
    )


def recalls(model, X):
    Z = model.transform(X)
    cosine = model.similarity(Z["a"].values, Z["b"].values)
    truth = np.eye(len(X), dtype=bool)
    return retrieval.recall_at(cosine, truth, 1), retrieval.recall_at(cosine.T, truth, 1)


def small(**changes):
    return InfoNCE(**{"dim": 4, "epochs": 3, "batch_size": 32, **changes})


def test_two_towers_find_counterparts():
    X = planted()
    model = InfoNCE(dim=10, epochs=63, batch_size=256, optim=("adam", 1e-2), schedule="constant").fit(X[:2000])
    assert min(recalls(model, X[2000:])) > 0.95
    Z = model.transform(X[2000:])
    np.testing.assert_allclose(np.linalg.norm(Z["a"].values, axis=1), 1.0, rtol=1e-5)


def test_clamp_holds_during_training():
    X = planted(320)
    model = small(epochs=10, optim=("adam", 1.0), schedule="constant").fit(X)
    assert model.objective_.log_scale.item() <= math.log(100) + 1e-6
    model.objective_.log_scale.data.fill_(9.0)
    model.objective_.after_step("all")
    assert model.objective_.log_scale.item() == pytest.approx(math.log(100))


def test_three_modalities_with_holes():
    X = planted(200, (5, 6, 4))
    rng = np.random.default_rng(0)
    here = rng.random((200, 3)) < 0.7
    holes = Dataset({n: Dense(np.where(here[:, [m]], X[n].values, 1e3), here[:, m]) for m, n in enumerate("abc")})
    same = Dataset({n: Dense(np.where(here[:, [m]], X[n].values, 0.0), here[:, m]) for m, n in enumerate("abc")})
    one, two = small().fit(holes).transform(holes), small().fit(same).transform(same)
    for name in "abc":
        np.testing.assert_array_equal(one[name].values, two[name].values)
        assert (one[name].values[~one[name].present] == 0).all()
    assert set(small().fit(holes).history_.terms[0]) == {"a ~ b", "a ~ c", "b ~ c"}


def test_batches_without_a_pair_do_no_harm():
    X = planted(40)
    a = np.arange(40) < 4
    b = np.isin(np.arange(40), (2, 3, 5, 6))
    holes = Dataset({"a": Dense(X["a"].values, a), "b": Dense(X["b"].values, b)})
    model = small(batch_size=2, epochs=2).fit(holes)
    assert all(torch.isfinite(p).all() for p in model.objective_.parameters())


def test_pairs():
    X = planted(256)
    turn = np.random.default_rng(2).permutation(256)
    shuffled = Dataset({"a": X["a"], "b": X["b"].take(turn)})
    pairs = np.stack([np.arange(256), np.argsort(turn)], axis=1)
    model = InfoNCE(dim=10, epochs=60, batch_size=64, optim=("adam", 1e-2)).fit(shuffled, pairs=pairs)
    assert min(recalls(model, X)) > 0.9


def test_stored_and_read(tmp_path):
    X = planted(100)
    model = small(hidden=(6,)).fit(X)
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").transform(X)["a"].values, model.transform(X)["a"].values)
    np.testing.assert_allclose(model.transform({"a": X["a"].values})["a"].values, model.transform(X)["a"].values, rtol=1e-5)


def test_held_out_rows_stop_training():
    model = small(epochs=40, patience=2, optim=("adam", 0.1)).fit(planted(400), valid=0.25)
    assert len(model.history_.valid) < 40


def test_refusals():
    X = planted(20)
    with pytest.raises(DataError, match="two modalities or more"):
        small().fit(X.select(["a"]))
    apart = Dataset({"a": Dense(X["a"].values, np.arange(20) < 10), "b": Dense(X["b"].values, np.arange(20) >= 10)})
    with pytest.raises(DataError, match="tell apart") as error:
        small().fit(apart)
    assert error.value.code == "S01"
    with pytest.raises(DataError, match="no numbers"):
        small().fit(Dataset({"a": X["a"], "b": Dense(np.zeros((20, 0)))}))


def test_pairs_relate_two_modalities():
    X = planted(30, (5, 6, 4))
    with pytest.raises(DataError, match="pairs relate two modalities"):
        small().fit(X, pairs=np.array([[0, 1]]))
