"""HighMMT with measured sharing: groups, tied parameters, what is trained on, numbers, saving, and the split itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Ragged
from mcgurk.errors import DataError
from mcgurk.fusion import HighMMT
from mcgurk.nn import Slot, SlotSpec
from mcgurk.train import transfer

SMALL = {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2}
QUICK = {**SMALL, "folds": 2, "epochs": 2, "refit": 2, "tune": 2}


def data(n=90):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(n, 3)).astype(np.float32)
    return {"a": a, "b": rng.normal(size=(n, 5)).astype(np.float32), "copy": a}, np.where(a[:, 0] > 0, "yes", "no")


@pytest.fixture(scope="module")
def fitted():
    X, y = data()
    return FusionClassifier(("highmmt_shared", {**QUICK, "encoders": 2, "blocks": 2}), epochs=3).fit(X, y)


def test_groups_are_measured_and_tied(fitted):
    found, layer = fitted.model_, fitted.model_.model_.objective_.fusion
    assert found.information_.shape == (3, 3) and found.pair_information_.shape == (3, 3)
    assert found.groups_["a"] == found.groups_["copy"] != found.groups_["b"]  # a copy loses nothing in the other's network
    assert len(layer.encoders) == 2 and len(layer.crosses) == 2
    assert found.pair_groups_["a", "b"] == found.pair_groups_["b", "a"]
    size = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    alike, other = (layer.encoders[str(found.groups_[name])] for name in ("a", "b"))
    assert alike.channels == 3 and other.channels == 5 and size(other) - size(alike) == 2 * 8
    blocks = size(layer.crosses["0"]) + size(layer.crosses["1"])
    assert size(layer) == size(alike) + size(other) + blocks + size(layer.tags) + size(layer.norm)


def test_a_saved_model_is_the_same(fitted, tmp_path):
    X, _ = data()
    fitted.save(tmp_path / "m.mcgurk")
    again = mcgurk.load(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.model_.groups_ == fitted.model_.groups_ and again.parameters() == fitted.parameters()
    assert again.profile(X).parameters == fitted.profile(X).parameters


def test_only_training_rows_are_measured(monkeypatch):
    X, y = data(240)
    seen = []
    monkeypatch.setattr(
        transfer.Transfer, "singles", lambda self, real=transfer.Transfer.singles: seen.append(len(self.unit)) or real(self)
    )
    held = np.arange(240) % 3 == 0
    FusionClassifier(("highmmt_shared", QUICK), epochs=1).fit({k: X[k] for k in "ab"}, y, valid=held)
    assert seen == [160]


def test_two_modalities_have_one_block_and_numbers_are_learned():
    X, _ = data(80)
    model = FusionRegressor(("highmmt_shared", QUICK), epochs=2).fit({k: X[k] for k in "ab"}, X["a"][:, 0])
    assert set(model.model_.pair_groups_.values()) == {0} and model.model_.pair_information_ is None
    assert np.isfinite(model.predict({k: X[k] for k in "ab"})).all()


def test_the_same_seed_gives_the_same_bits():
    X, y = data(60)
    X = {name: X[name] for name in "ab"}
    first, second = (FusionClassifier(("highmmt_shared", QUICK), epochs=1).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_refusals():
    X, y = data(40)
    with pytest.raises(DataError, match="at least two columns"):
        FusionClassifier("highmmt_shared").fit({"a": X["a"]}, y)
    steps = Ragged(np.zeros((80, 2), dtype=np.float32), np.arange(0, 81, 2), np.ones(40, dtype=bool))
    labels = Ragged(np.arange(80) % 2, np.arange(0, 81, 2), np.ones(40, dtype=bool))
    with pytest.raises(DataError, match="label per step"):
        FusionClassifier("highmmt_shared", encoders="precomputed").fit(mcgurk.data.Dataset({"a": steps, "b": steps}), labels)


def test_a_split_changes_no_output():
    torch.manual_seed(0)
    layer = HighMMT(**SMALL)
    layer.build({name: SlotSpec((d,), True) for name, d in {"a": 3, "b": 5, "c": 2}.items()})
    layer.eval()
    here = torch.ones(4, dtype=torch.bool)
    slots = {name: Slot(torch.randn(4, 6, d), here, torch.ones(4, 6, dtype=torch.bool)) for name, d in {"a": 3, "b": 5, "c": 2}.items()}
    before = layer(slots).values
    groups, pairs = {"a": 0, "b": 1, "c": 0}, {(i, j): int("b" in (i, j)) for i in "abc" for j in "abc" if i != j}
    layer.split(groups, pairs)
    torch.testing.assert_close(layer(slots).values, before)
    fresh = HighMMT(**SMALL, groups=groups, pair_groups=pairs)
    fresh.build({name: SlotSpec((d,), True) for name, d in {"a": 3, "b": 5, "c": 2}.items()})
    assert {k: v.shape for k, v in fresh.state_dict().items()} == {k: v.shape for k, v in layer.state_dict().items()}
    assert layer.crosses["0"][0].widen.weight is not layer.crosses["1"][0].widen.weight
