"""Stages: what is frozen stays, rates follow the formula, transitions fire, groups partition; digits in two halves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data.target import encode_target
from mcgurk.encoders import Precomputed
from mcgurk.errors import DataError
from mcgurk.fusion import Staged
from mcgurk.run import Run
from mcgurk.testing import toys
from mcgurk.train import features
from mcgurk.train.checkpoint import Checkpoints
from mcgurk.train.loader import Loader
from mcgurk.train.loop import Loop


def fitted(recipe, epochs=10, **options):
    X = toys.vectors(64, absent=False)
    return FusionClassifier(recipe, epochs=epochs, encoders="precomputed", hidden=(8,), patience=None, **options).fit(
        X, toys.labels(X, "classes")
    )


def loop_of(recipe, epochs=10, **options):
    """A loop over a fresh objective, to look inside."""
    X = toys.vectors(64, absent=False)
    model = FusionClassifier(recipe, epochs=epochs, encoders="precomputed", hidden=(8,), **options)
    model.encoders_ = {name: Precomputed() for name in X.names}
    y = encode_target(toys.labels(X, "classes"), "classifier").with_statistics()
    objective = model._objective(features.specs(dict(X.items())), y.spec)
    loader = Loader(dict(X.items()), y, batch_size=16)
    return Loop(objective, loader, Run(0), model._settings(), tuple(X.names))


def test_frozen_parameters_keep_every_bit_and_have_no_optimiser_state():
    loop = loop_of(Staged(width=8), epochs=10)
    before = {n: p.detach().clone() for n, p in loop.objective.named_parameters()}
    saved = []
    for epoch in range(10):
        loop.epoch, loop.step = epoch, 0
        loop.one_epoch(Checkpoints(None, "", 30.0))
        saved.append({n: p.detach().clone() for n, p in loop.objective.named_parameters()})
    moved = [{n for n in before if not torch.equal(a[n], b[n])} for a, b in zip([before, *saved], saved, strict=False)]
    assert moved[:4] == [{n for n in before if n.startswith(("encoders", "heads"))}] * 4
    assert moved[4:6] == [{n for n in before if n.startswith(("fusion", "head."))}] * 2
    branch = [{n for n in m if n.startswith("encoders")} for m in moved]
    assert branch[6] and not any(".layers.0." in n for n in branch[6])
    assert any(".layers.0." in n for n in branch[7]) and not any(n.startswith("heads") for n in moved[9])
    own = {id(p) for p in loop.turns[1].parameters}
    for optimiser in loop.turns[1].optimisers:
        assert {id(p) for group in optimiser.param_groups for p in group["params"]} <= own


def test_batch_norm_of_a_frozen_branch_stands_still():
    loop = loop_of(Staged(width=8, shares=(0.5, 0.5, 0.0)))
    for name in loop.objective.encoders.names():
        loop.objective.encoders[name].layers.append(nn.BatchNorm1d(8))
    loop = Loop(loop.objective, loop.loader, loop.run, loop.settings, ())
    norms = [m for m in loop.objective.modules() if isinstance(m, nn.BatchNorm1d)]
    tracked = []
    for epoch in range(10):
        loop.epoch, loop.step = epoch, 0
        loop.one_epoch(Checkpoints(None, "", 30.0))
        tracked.append([m.running_mean.clone() for m in norms])
    assert not torch.equal(tracked[0][0], tracked[4][0])
    for a, b in zip(tracked[4], tracked[8], strict=True):
        assert torch.equal(a, b)


def test_rates_follow_the_formula_and_groups_partition():
    loop = loop_of(Staged(width=8, depth=3), optim={"a": ("sgd", 0.1), "*": ("adamw", 0.01)})
    names = {id(p): n for n, p in loop.objective.named_parameters()}
    union = set()
    for turn in loop.turns:
        groups = [(names[id(p)], g["base_lr"]) for o in turn.optimisers for g in o.param_groups for p in g["params"]]
        listed = [n for n, _ in groups]
        assert len(listed) == len(set(listed))
        assert set(listed) == {names[id(p)] for p in turn.parameters}
        union |= set(listed)
        for name, rate in groups:
            base = 0.1 if name.startswith("encoders.a.") else 0.01
            depth = 3 - int(name.split("layers.")[1][0]) if turn.phase.name.startswith("unfreeze") and name.startswith("encoders") else 0
            tune = 0.1 if turn.phase.name == "tune" else 1.0
            np.testing.assert_allclose(rate, base * tune / 2.6**depth)
    assert union == set(names.values())
    assert [t.phase.name for t in loop.turns] == ["pretrain", "head", "unfreeze 1", "unfreeze 2", "unfreeze 3", "tune"]


def stages_run(model):
    return ["pretrain" if "branch a" in terms else "whole" for terms in model.history_.terms]


def test_stages_change_by_epoch_and_by_plateau():
    assert stages_run(fitted(Staged(width=8))) == ["pretrain"] * 4 + ["whole"] * 6
    slow = fitted(Staged(width=8, plateau=1), epochs=20, optim=("sgd", 1e-9))
    assert stages_run(slow) == ["pretrain"] * 2 + ["whole"] * 18
    assert int(slow.objective_.stage) == 4
    assert stages_run(fitted(Staged(width=8, shares=(0, 0.5, 0)))) == ["whole"] * 10


def test_a_list_of_stages_trains_greedily():
    stages = [
        {"name": "pretrain", "params": "encoders.* heads.*", "share": 0.3},
        {"name": "fusion", "params": "fusion.* head.layers.0.*", "share": 0.3, "lr": 2.0},
        {"name": "rest", "params": "head.* encoders.*", "share": 0.4, "rates": [("encoders.*", 0.01)]},
    ]
    model = fitted(Staged(width=8, stages=stages))
    assert stages_run(model) == ["pretrain"] * 3 + ["whole"] * 7
    with pytest.raises(DataError, match="no phase"):
        fitted(Staged(width=8, stages=stages[:1]))


def test_patience_counts_in_the_last_stage_only(tmp_path):
    X = toys.vectors(260)
    model = FusionClassifier(Staged(width=8), epochs=30, encoders="precomputed", patience=2, optim=("adamw", 1e-2)).fit(
        X, toys.labels(X, "classes")
    )
    assert model.history_.best_epoch >= 23 and model.history_.valid[-1] < 10
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("task", ["multilabel", "number", "count"])
def test_other_targets_and_sequences(task):
    X = toys.sequences(40)
    family = FusionClassifier if task == "multilabel" else FusionRegressor
    model = family(Staged(width=8, depth=1), epochs=5, task=task, patience=None).fit(
        X, toys.labels(X, task), sample_weight=np.arange(40) + 1.0
    )
    assert np.isfinite(np.asarray(model.predict(X), dtype=float)).all()


@pytest.mark.parametrize(
    "options", [{"shares": (0.9, 0.2, 0.2)}, {"shares": (-0.1, 0.2, 0.2)}, {"tune": 0.0}, {"depth": 0}, {"stages": []}]
)
def test_refusals(options):
    with pytest.raises(DataError, match="shares"):
        fitted(Staged(**options), epochs=1)


def test_digits_in_two_halves():
    digits = load_digits()
    images = digits.images / 16
    X = {"left": images[:, :, :4].reshape(-1, 32), "right": images[:, :, 4:].reshape(-1, 32)}
    train, test = np.arange(1200), np.arange(1200, 1797)

    def accuracy(fusion, columns, seed):
        data = {c: X[c] for c in columns}
        model = FusionClassifier(
            fusion, encoders="precomputed", hidden=(), dropout=0.0, epochs=12, patience=None, optim=("adamw", 3e-3), random_state=seed
        )
        model.fit({k: v[train] for k, v in data.items()}, digits.target[train])
        return model.score({k: v[test] for k, v in data.items()}, digits.target[test])

    both, scratch = ("left", "right"), Staged(width=64, depth=1, stages=[{"name": "all", "params": "*", "share": 1.0}])
    staged = np.mean([accuracy(Staged(width=64, depth=1), both, s) for s in range(5)])
    joint = np.mean([accuracy(scratch, both, s) for s in range(5)])
    alone = max(np.mean([accuracy(scratch, (c,), s) for s in range(5)]) for c in both)
    assert staged >= joint - 0.01, (staged, joint, alone)
    assert staged >= alone
