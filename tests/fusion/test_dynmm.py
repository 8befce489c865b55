"""DynMM: straight-through gradients, grouped execution, cost, absent modalities, and a planted easy/hard task."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import DynMM
from mcgurk.fusion.routing import straight_through
from mcgurk.nn import Batch, Slot
from mcgurk.testing import toys


def planted(n=1000, seed=0, easy=0.7, rich=64):
    """Easy rows are told by "cheap" (whose first number says that they are easy); hard ones only by "rich", which tells all."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    hard = rng.random(n) > easy
    sign = 2.0 * y - 1
    cheap = np.column_stack([np.where(hard, 1.0, -1.0), np.where(hard, rng.choice([-1.0, 1.0], n), sign)]) + 0.1 * rng.normal(size=(n, 2))
    return {"cheap": cheap, "rich": sign[:, None] * 0.5 + rng.normal(size=(n, rich))}, y, hard


def model_of(weight=0.1, seed=0, epochs=16, **options):
    recipe = DynMM(
        experts={"cheap": {"columns": ("cheap",), "hidden": (112,)}}, gate=("cheap",), gate_hidden=(64,), weight=weight, **options
    )
    return FusionClassifier(
        recipe, encoders="precomputed", hidden=(64,), dropout=0.0, epochs=epochs, patience=None, optim=("adamw", 1e-2), random_state=seed
    )


def expensive(model, X):
    """(n,) whether a row went to the expert of all."""
    return model._forward(model._read(X), lambda o, b: (o.route(b).choice == o.keys.index("all")).double()[:, None])[:, 0]


def test_hard_forward_and_soft_gradient():
    torch.manual_seed(0)
    logits = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    feasible = torch.ones(5, 3, dtype=torch.bool)
    gates, soft = straight_through(logits, feasible)
    outputs = torch.randn(5, 3, 2, dtype=torch.float64)
    picked = (gates[:, :, None] * outputs).sum(dim=1)
    torch.testing.assert_close(picked, outputs[torch.arange(5), logits.argmax(dim=1)], rtol=1e-12, atol=1e-12)
    upstream = torch.randn(5, 3, dtype=torch.float64)
    (through,) = torch.autograd.grad((gates * upstream).sum(), logits, retain_graph=True)
    (plain,) = torch.autograd.grad((soft * upstream).sum(), logits)
    torch.testing.assert_close(through, plain)


def test_noise_samples_and_what_is_not_feasible_is_never_chosen():
    logits = torch.tensor([[2.0, 0.0, 9.0]], dtype=torch.float64).repeat(4000, 1)
    feasible = torch.tensor([[True, True, False]]).repeat(4000, 1)
    gates, soft = straight_through(logits, feasible, 1.0, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(gates.mean(dim=0), [np.exp(2) / (1 + np.exp(2)), 1 / (1 + np.exp(2)), 0], atol=0.02)
    assert (soft[:, 2] == 0).all()
    nothing, _ = straight_through(logits[:1], torch.zeros(1, 3, dtype=torch.bool))
    assert (nothing == 0).all()


def test_expected_cost_of_the_released_figures():
    _, soft = straight_through(torch.zeros(1, 2, dtype=torch.float64), torch.ones(1, 2, dtype=torch.bool))
    assert float((soft @ torch.tensor([1.25261, 10.86908], dtype=torch.float64))[0]) == pytest.approx(6.060845, abs=1e-6)


def test_grouped_execution_equals_dense_weighting_and_calls_each_expert_once(monkeypatch):
    X, y, _ = planted(200)
    model = model_of(epochs=8).fit(X, y)
    objective = model.objective_.double().eval()
    batch = Batch({k: Slot(torch.as_tensor(v), torch.ones(200, dtype=torch.bool)) for k, v in X.items()})
    slots = objective.encode(batch)
    gates, _ = straight_through(objective.logits(slots), objective.feasible(slots))
    dense = sum(gates[:, k, None] * objective.expert(key, slots) for k, key in enumerate(objective.keys))
    calls = []
    real = type(objective).expert
    monkeypatch.setattr(type(objective), "expert", lambda self, key, slots: calls.append(key) or real(self, key, slots))
    torch.testing.assert_close(objective.route(batch).scores, dense.detach(), rtol=1e-6, atol=1e-6)
    assert len(calls) == len(set(calls)) <= 2


def test_without_a_price_the_better_expert_takes_all_and_a_high_price_ends_that():
    X, y, _ = planted(300, easy=0.0)
    assert expensive(model_of(0.0).fit(X, y), X).mean() > 0.97
    assert expensive(model_of(10.0).fit(X, y), X).mean() < 0.03


def test_use_of_the_expensive_expert_falls_with_its_price():
    X, y, _ = planted(300)
    use = [np.mean([expensive(model_of(w, seed, epochs=12).fit(X, y), X).mean() for seed in range(5)]) for w in (0.01, 0.1, 1.0, 10.0)]
    assert all(b <= a + 0.02 for a, b in pairwise(use)), use


def test_planted_task_saves_compute_at_equal_accuracy():
    X, y, hard = planted(2000)
    train, test = slice(0, 1000), slice(1000, 2000)
    fit = {k: v[train] for k, v in X.items()}
    held = {k: v[test] for k, v in X.items()}
    model = model_of(0.1, epochs=20).fit(fit, y[train])
    full = FusionClassifier(
        "concat", encoders="precomputed", hidden=(64,), dropout=0.0, epochs=20, patience=None, optim=("adamw", 1e-2)
    ).fit(fit, y[train])
    use = expensive(model, held)
    assert use[hard[test]].mean() - use[~hard[test]].mean() > 0.8
    ratio = model.objective_.operations
    assert 7 < ratio.max() / ratio.min() < 9, ratio
    report = DynMM.savings(model, held)
    difference = (model.predict(held) == y[test]).astype(float) - (full.predict(held) == y[test])
    assert difference.mean() + 1.96 * difference.std() / 1000**0.5 >= 0
    assert report.scalars["saved low"] > 0.4
    assert report.scalars["saved low"] < report.scalars["saved"] < report.scalars["saved high"]
    assert report.table.set_index("expert").share["cheap"] == pytest.approx(0.7, abs=0.05)


def test_an_absent_modality_closes_its_experts():
    X, y, _ = planted(200)
    data = Dataset({k: Dense(v, np.arange(200) % 3 != 0 if k == "rich" else None, "vector") for k, v in X.items()})
    model = model_of(0.0, epochs=6).fit(data, y)
    assert expensive(model, data)[::3].sum() == 0
    only = Dataset({k: Dense(v, np.full(200, k == "rich"), "vector") for k, v in X.items()})
    scores = model._forward(only, lambda o, b: o.outputs(b))
    np.testing.assert_allclose(scores, np.tile(model.objective_.offset.numpy(), (200, 1)))  # no expert reads "rich" alone


@pytest.mark.parametrize("task", ["multilabel", "number", "count"])
def test_other_targets_with_sequences_and_own_experts(task, tmp_path):
    X = toys.sequences(40)
    family = FusionClassifier if task == "multilabel" else FusionRegressor
    recipe = DynMM(
        experts={"st": {"columns": ("s", "t"), "fusion": "gated"}, "v": {"columns": ("v",)}},
        tau=(1.0, 0.1),
        noise=False,
        costs={"s": 1e4},
        ramp=0.0,
    )
    model = family(recipe, epochs=4, task=task, patience=None, modality_dropout=0.2, encoders="precomputed").fit(X, toys.labels(X, task))
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict(X), model.predict(X))
    assert model.objective_.operations.min() < 1e4 < model.objective_.operations.max()
    assert DynMM.savings(model, X).table.operations.min() > 1e4  # the gate reads "s" for every row


def test_patience_waits_for_the_gate():
    X, y, _ = planted(300)
    model = model_of(0.1, epochs=12).set_params(patience=2).fit(X, y)
    assert model.history_.best_epoch >= 6 and model.history_.valid[-1] < 10


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"weight": -1.0}, DataError, "weight"),
        ({"tau": 0.0}, DataError, "tau"),
        ({"experts": {"all": {"columns": ("a",)}}}, DataError, "always there"),
        ({"experts": {"x": {"columns": ()}}}, DataError, "needs columns"),
        ({"gate": ("odd",)}, UnknownName, "no column"),
    ],
)
def test_refusals(options, error, match):
    with pytest.raises(error, match=match):
        FusionClassifier(DynMM(**options), epochs=1, encoders="precomputed").fit(toys.vectors(20), np.arange(20) % 2)
