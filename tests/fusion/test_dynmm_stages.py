"""DynMM at the level of fusion: paths, what they compute, absent modalities, and a planted easy/hard task."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError
from mcgurk.fusion import DynMMStages
from mcgurk.fusion.dynmm_stages import Stages
from mcgurk.nn import Batch, Slot, SlotSpec
from mcgurk.testing import toys


def planted(n=800, seed=0, easy=0.7):
    """Easy rows are told by "cheap" (whose first number says that they are easy); hard ones only by "rich"."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    hard = rng.random(n) > easy
    sign = 2.0 * y - 1
    cheap = np.column_stack([np.where(hard, 1.0, -1.0), np.where(hard, rng.choice([-1.0, 1.0], n), sign)]) + 0.1 * rng.normal(size=(n, 2))
    return {"cheap": cheap, "rich": sign[:, None] * 0.5 + rng.normal(size=(n, 32))}, y, hard


def model_of(weight=0.1, epochs=16, **options):
    recipe = DynMMStages("cheap", stages=2, width=32, gate=("cheap",), gate_hidden=(16,), weight=weight, **options)
    return FusionClassifier(
        recipe, encoders="precomputed", hidden=(16,), dropout=0.0, epochs=epochs, patience=None, optim=("adamw", 1e-2), random_state=0
    )


def paths(model, X):
    """(n,) the path of every row."""
    return model._forward(model._read(X), lambda o, b: o.route(b).choice.double()[:, None])[:, 0]


def test_a_path_is_its_equation():
    torch.manual_seed(0)
    net = Stages("a", stages=2, width=4)
    net.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
    net = net.double()
    here = torch.ones(5, dtype=torch.bool)
    slots = {"a": Slot(torch.randn(5, 3, dtype=torch.float64), here), "b": Slot(torch.randn(5, 2, dtype=torch.float64), here)}
    a, b = net.blocks["a"], net.blocks["b"]
    main, other = slots["a"].values, slots["b"].values
    alone = a[1](a[0](main))
    joined = a[1](a[0](main) + net.joins["b"][0](b[0](other)))
    deep = joined + net.joins["b"][1](b[1](b[0](other)))
    torch.testing.assert_close(net({"a": slots["a"]}, 0).values, alone)
    torch.testing.assert_close(net(slots, 1).values, joined)
    torch.testing.assert_close(net(slots).values, deep)
    torch.testing.assert_close(net({**slots, "b": slots["b"].without(here)}, 2).values, alone)


def test_rows_run_their_own_path_only():
    X, y, _ = planted(200)
    model = model_of(epochs=6).fit(X, y)
    objective = model.objective_.double().eval()
    batch = Batch({k: Slot(torch.as_tensor(v), torch.ones(200, dtype=torch.bool)) for k, v in X.items()})
    routed = objective.route(batch)
    slots = objective.encode(batch)
    dense = torch.stack([objective.expert(key, slots) for key in objective.keys])
    torch.testing.assert_close(routed.scores, dense[routed.choice, torch.arange(200)], rtol=1e-9, atol=1e-9)
    assert (np.diff(objective.operations.numpy()) > 0).all()  # deeper costs more


def test_easy_rows_go_shallow_at_equal_accuracy():
    X, y, hard = planted(1600)
    fit, held = ({k: v[part] for k, v in X.items()} for part in (slice(0, 800), slice(800, None)))
    model = model_of(0.3, epochs=24).fit(fit, y[:800])
    full = model_of(0.0, epochs=24).fit(fit, y[:800])
    deep = paths(model, held) > 0
    assert deep[hard[800:]].mean() - deep[~hard[800:]].mean() > 0.8
    difference = (model.predict(held) == y[800:]).astype(float) - (full.predict(held) == y[800:])
    assert difference.mean() + 1.96 * difference.std() / 800**0.5 >= 0
    report = DynMMStages.savings(model, held)
    assert report.scalars["saved low"] > 0.3
    assert report.table.expert.tolist() == ["cheap alone", "1 of 2 stages", "all stages"]


def test_absent_modalities_leave_the_paths_that_need_none_of_them():
    X, y, _ = planted(200)
    third = np.arange(200) % 3
    data = Dataset({"cheap": Dense(X["cheap"], third != 1, "vector"), "rich": Dense(X["rich"], third != 2, "vector")})
    model = model_of(0.0, epochs=4).fit(data, y)
    taken = paths(model, data)
    assert (taken[third == 1] == 2).all() and (taken[third == 2] == 0).all() and (taken >= 0).all()


@pytest.mark.parametrize("task", ["multilabel", "number", "count"])
def test_other_targets_with_sequences(task, tmp_path):
    X = toys.sequences(40)
    family = FusionClassifier if task == "multilabel" else FusionRegressor
    recipe = DynMMStages("v", stages=1, width=8, gate_hidden=(4,), costs={"s": 1e4})
    model = family(recipe, epochs=4, task=task, patience=None, encoders="precomputed").fit(X, toys.labels(X, task))
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict(X), model.predict(X))
    assert model.objective_.keys == ["v alone", "all stages"]


@pytest.mark.parametrize(
    ("options", "match"), [({"main": "odd"}, "odd"), ({"stages": 0}, "sizes from 1"), ({"weight": -1.0}, "weight"), ({"tau": 0.0}, "tau")]
)
def test_refusals(options, match):
    with pytest.raises(DataError, match=match):
        FusionClassifier(DynMMStages(**options), epochs=1, encoders="precomputed").fit(toys.vectors(20), np.arange(20) % 2)


def test_one_column_is_refused():
    with pytest.raises(DataError, match="two or more columns"):
        FusionClassifier("dynmm_stages", epochs=1).fit({"a": np.zeros((8, 2))}, np.arange(8) % 2)
