"""Gradients and probes of every branch: by hand, for every kind of target, without touching what they watch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.coordination import InfoNCE
from mcgurk.data import Dataset, Ragged
from mcgurk.datasets import make_uniqueness
from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot
from mcgurk.testing import toys
from mcgurk.train import Branches, watching
from mcgurk.train.branches import _pulls

OPTIONS = {"encoders": "precomputed", "epochs": 2, "patience": None, "hidden": (4,)}


def watched(model, X, y, **options):
    branches = Branches(**options)
    with watching(branches):
        model.fit(X, y)
    return branches.to_frame()


def test_the_branch_that_knows_is_told_from_the_one_that_does_not():
    rng = np.random.default_rng(0)
    X = {"knows": rng.normal(size=(400, 3)), "noise": rng.normal(size=(400, 3))}
    frame = watched(FusionClassifier("concat", **{**OPTIONS, "patience": 5, "epochs": 4}), X, X["knows"][:, 0] > 0)
    last = frame[frame.epoch == 3].set_index("modality")
    assert last.probe["knows"] > 0.85 > 0.7 > last.probe["noise"] and (frame.pull > 0).all()
    assert len(frame) == 8 and frame.gradient.isna().all()  # nothing trains before the fusion layer


def test_the_pull_by_hand():
    X = {"a": np.array([[1.0], [2.0], [-1.0], [0.5]]), "b": np.array([[0.0], [1.0], [3.0], [-2.0]])}
    y = np.array([1.0, 2.0, 0.0, 1.0])
    model = FusionRegressor(("concat", {"flags": False}), **{**OPTIONS, "hidden": (), "target_transform": None}).fit(X, y)
    objective, loader = model.objective_, model._rows_of(dict(model._read(X).items()))
    batch = loader.batch(np.arange(4))
    batch.y = torch.from_numpy(y[:, None]).float()

    class Now:
        epoch = 0

        @staticmethod
        def noise(phase):
            return torch.Generator()

    pulls, _ = _pulls(objective, batch, Now())
    residual = (objective.scores(batch) - (batch.y - objective.center) / objective.scale).detach()
    weight = objective.head.layers[0].weight.detach()[0]
    for place, name in enumerate("ab"):
        assert pulls[name] == pytest.approx(float((2 * residual.abs() * weight[place].abs()).mean()), rel=1e-5)
    assert all(p.grad is None for p in objective.parameters())


def test_encoders_that_train_have_gradients():
    X = toys.sequences(40)
    encoders = {"series": ("gru", {"width": 4}), "vector": "precomputed"}
    frame = watched(FusionClassifier("gated", **{**OPTIONS, "encoders": encoders}), X, np.arange(40) % 2)
    known = frame.groupby("modality").gradient.min()
    trains = {name for name in X.names if X[name].kind == "series"}
    assert set(known[known > 0].index) == trains and set(known[known.isna()].index) == set(X.names) - trains


@pytest.mark.parametrize("task", ["multilabel", "number", "count"])
def test_other_targets(task):
    X = toys.vectors(60)
    family = FusionClassifier if task == "multilabel" else FusionRegressor
    frame = watched(family("concat", **OPTIONS, task=task), X, toys.labels(X, task), rows=40)
    assert frame.probe.notna().all() and (frame.probe <= 1).all() and (frame.pull >= 0).all()


def test_labels_per_step_and_recipes():
    rows = [np.random.default_rng(i).normal(size=(4 + i % 3, 3)) for i in range(20)]
    X = Dataset({"s": Ragged.of(rows, kind="series"), "t": Ragged.of([r[:, :2] for r in rows], kind="series")})
    y = Ragged.of([(r[:, 0] > 0).astype(int) for r in rows], kind="series")
    layer = ("mult", {"width": 4, "heads": 2, "depth": 1, "memory": 1})
    frame = watched(FusionClassifier(layer, **OPTIONS), X, y)
    assert frame[frame.modality == "s"].probe.min() > 0.7
    for recipe in ("joint_hybrid", "staged", "dynmm"):
        frame = watched(FusionClassifier(recipe, **OPTIONS), *make_uniqueness(n=60))
        assert set(frame.modality) == {"a", "b"} and frame.epoch.max() == 1


def test_watching_changes_no_bit():
    X, y = make_uniqueness(n=100)
    options = {**OPTIONS, "dropout": 0.3, "modality_dropout": 0.2}
    alone = FusionClassifier("gated", **options).fit(X, y)
    seen = FusionClassifier("gated", **options)
    watched(seen, X, y)
    for p, q in zip(alone.objective_.parameters(), seen.objective_.parameters(), strict=True):
        assert torch.equal(p, q)


def test_what_has_no_branches_says_so():
    with pytest.raises(DataError, match="Contrast is trained") as error:
        watched(InfoNCE(epochs=1, dim=4), toys.vectors(20), None)
    assert error.value.code == "C02"


def test_an_absent_modality_pulls_at_nothing():
    from mcgurk.train.branches import _per_row, _told

    assert _per_row(torch.ones(2, 3), Slot(torch.zeros(2, 3), torch.zeros(2, dtype=torch.bool))) == 0
    assert _per_row(None, Slot(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool))) == 0
    assert np.isnan(_told(np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), None))
