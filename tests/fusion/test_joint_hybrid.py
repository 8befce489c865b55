"""Hybrid fusion in one piece: whose gradient reaches whom, deep supervision, presence, every target, steps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import JointHybrid
from mcgurk.nn import Batch, Slot
from mcgurk.train.objective import Step

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(60, 3)), "b": RNG.normal(size=(60, 2))}
Y = (X["a"][:, 0] + X["b"][:, 0] > 0).astype(int)


def model(family=FusionClassifier, y=Y, epochs=1, data=X, **params):
    return family(fusion=JointHybrid(**params), epochs=epochs, hidden=(8,), dropout=0.0, dtype="float64").fit(data, y)


def batch(n=8):
    torch.manual_seed(0)
    here = torch.tensor([True, True, False, True] * (n // 4))
    slots = {
        "a": Slot(torch.randn(n, 3, dtype=torch.float64), torch.ones(n, dtype=torch.bool)),
        "b": Slot(torch.randn(n, 2, dtype=torch.float64), here),
    }
    return Batch(slots, torch.arange(n) % 2)


def gradients(objective, terms=None, given=None):
    objective.zero_grad()
    losses = objective.loss(given or batch(), "all", Step(0, 0, torch.Generator()))
    sum(v for k, v in losses.items() if terms is None or k in terms).backward()
    return {n: p.grad.clone() if p.grad is not None else torch.zeros_like(p) for n, p in objective.named_parameters()}


def test_without_supervision_of_the_units_gradients_come_through_the_fusion_only():
    objective = model(weight=0.0).objective_
    assert set(objective.loss(batch(), "all", Step(0, 0, torch.Generator()))) == {"cross_entropy"}
    through = gradients(objective)
    assert all(float(g.abs().sum()) > 0 for n, g in through.items() if n.startswith("heads.a"))


def test_detached_units_learn_from_a_times_their_own_loss():
    objective = model(weight={"a": 0.7}, detach=True).objective_
    whole = gradients(objective)
    objective.weights["a"] = 1.0
    alone = gradients(objective, ("unit a",))
    for name in (n for n in whole if n.startswith("heads.a")):
        torch.testing.assert_close(whole[name], 0.7 * alone[name], rtol=1e-10, atol=1e-14)
    assert float(whole["pool_logits"].abs().sum()) > 0


def test_the_loss_is_the_sum_of_its_weighted_terms():
    objective = model(weight={"a": 0.5, "b": 0.0}).objective_
    terms = objective.loss(batch(), "all", Step(0, 0, torch.Generator()))
    assert set(terms) == {"cross_entropy", "unit a", "unit early"}
    objective.weights["a"] = 0.25
    torch.testing.assert_close(objective.loss(batch(), "all", Step(0, 0, torch.Generator()))["unit a"] * 2, terms["unit a"])


def test_a_unit_is_judged_where_its_modality_is_present():
    objective = model().objective_
    given = batch()
    poisoned = {
        **given.slots,
        "b": given.slots["b"].with_values(torch.where(given.slots["b"].present[:, None], given.slots["b"].values, torch.nan)),
    }
    a, b = gradients(objective), gradients(objective, given=given.with_slots(poisoned))
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-12, atol=1e-14)
    flipped = Batch(given.slots, torch.where(given.slots["b"].present, given.y, 1 - given.y))
    loss = [objective.loss(g, "all", Step(0, 0, torch.Generator()))["unit b"] for g in (given, flipped)]
    torch.testing.assert_close(*loss)


def test_absent_units_leave_the_pool_and_none_gives_the_prior():
    objective = model().objective_.eval()
    given = batch(4)
    gone = given.with_slots({n: s.without(torch.ones(4, dtype=torch.bool)) for n, s in given.slots.items()})
    torch.testing.assert_close(objective.scores(gone), objective.offset.expand(4, 2))
    some = given.with_slots({**given.slots, "b": given.slots["b"].without(torch.ones(4, dtype=torch.bool))})
    decisions = objective.decisions(some)
    shares = torch.softmax(objective.pool_logits[[0, 2]], 0)
    torch.testing.assert_close(objective.scores(some), shares[0] * decisions["a"][0] + shares[1] * decisions["early"][0])


@pytest.mark.parametrize("task", ["classes", "multilabel", "number", "count"])
def test_every_target_is_learned_and_kept(task, tmp_path):
    total = X["a"][:, 0] + X["b"][:, 0]
    y = {"classes": Y, "multilabel": np.stack([Y, 1 - Y], axis=1), "number": total, "count": np.round(np.exp(total))}[task]
    family = FusionClassifier if task in ("classes", "multilabel") else FusionRegressor
    fitted = family(fusion="joint_hybrid", task=task, epochs=60, hidden=(16,), optim=("adamw", 1e-2), modality_dropout=0.1).fit(X, y)
    assert fitted.score(X, y) > 0.8
    assert fitted.history_.terms[-1]["unit a"] < fitted.history_.terms[0]["unit a"]
    fitted.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").predict(X), fitted.predict(X))


def test_a_label_a_step_with_weights():
    lengths = RNG.integers(1, 5, 20)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    s = RNG.normal(size=(offsets[-1], 2))
    data = Dataset({"s": Ragged(s, offsets, kind="series"), "v": Dense(RNG.normal(size=(20, 1)), kind="vector")})
    y = Ragged((s[:, 0] > 0).astype(np.int64), offsets)
    fitted = FusionClassifier(fusion="joint_hybrid", encoders={"s": "precomputed"}, epochs=80, optim=("adamw", 1e-2))
    assert fitted.fit(data, y, sample_weight=np.linspace(0.5, 1.5, 20)).score(data, y) > 0.85


def test_class_weights_reach_every_loss():
    heavy = FusionClassifier(fusion="joint_hybrid", epochs=1, class_weight={0: 1.0, 1: 9.0}).fit(X, Y).objective_
    assert heavy.class_weight is not None and heavy.class_weight[1] > heavy.class_weight[0]


@pytest.mark.parametrize(
    ("params", "data", "error", "words"),
    [
        ({"weight": {"sound": 1.0}}, X, UnknownName, "weight names 'sound', which is no unit"),
        ({"weight": -1.0}, X, DataError, "has weight -1"),
        ({"weight": {"b": 0.0}, "detach": True}, X, DataError, "unit 'b' has weight 0; expected .* above 0 with detach"),
        ({}, {"early": X["a"], "b": X["b"]}, DataError, "a column is called 'early'"),
    ],
)
def test_what_cannot_be(params, data, error, words):
    with pytest.raises(error, match=words):
        model(data=data, **params)
