"""The supervised objective: its losses by hand, weights, missing labels, steps, modality dropout."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Generator, nn

from mcgurk.data import Dense, Ragged
from mcgurk.data.target import encode_target
from mcgurk.fusion import Concat
from mcgurk.nn import Encoder, MLPHead, Slot
from mcgurk.train import Loader, Step, Supervised, features
from mcgurk.train.trunk import drop_modalities


class Plain(Encoder):
    """Nothing prepared, nothing trained."""


def made(columns, target, **options):
    torch.manual_seed(0)
    encoders = {name: Plain() for name in columns}
    return Supervised(encoders, features.specs(columns), Concat(balance=False, flags=False), MLPHead(), target.spec, **options).double()


def batch_of(columns, target, weight=None):
    return Loader(columns, target, weight, batch_size=100, dtype=torch.float64).batch(np.arange(len(next(iter(columns.values())))))


COLUMNS = {"a": Dense(np.random.default_rng(0).normal(size=(6, 2))), "b": Dense(np.random.default_rng(1).normal(size=(6, 1)))}
STEP = Step(0, 0, Generator())


def loss(objective, batch):
    (value,) = objective.loss(batch, "all", STEP).values()
    return value.item()


def test_scores_start_at_the_prior():
    target = encode_target(np.array(list("aaaabb")), "classifier").with_statistics()
    objective = made(COLUMNS, target)
    for p in objective.parameters():
        nn.init.zeros_(p)
    share = objective.scores(batch_of(COLUMNS, target)).softmax(dim=1)
    assert torch.allclose(share, torch.tensor([[4 / 6, 2 / 6]], dtype=torch.float64).expand(6, 2), atol=1e-6)


def test_cross_entropy_and_its_weights_by_hand():
    target = encode_target(np.array(list("aaaabb")), "classifier").with_statistics()
    weight = np.array([0.0, 1, 2, 1, 1, 1])
    for class_weight in (None, np.array([0.5, 2.0])):
        objective = made(COLUMNS, target, class_weight=class_weight)
        for w in (None, weight):
            batch = batch_of(COLUMNS, target, w)
            log = objective.scores(batch).log_softmax(dim=1).detach().numpy()
            factors = (np.ones(2) if class_weight is None else class_weight)[target.values] * (1 if w is None else w)
            assert loss(objective, batch) == pytest.approx(np.mean(-log[np.arange(6), target.values] * factors), rel=1e-6)


def test_numbers_are_learned_standardised_and_told_in_their_units():
    y = np.array([1.0, 2, 3, np.nan, 5, 600])
    target = encode_target(y, "regressor").with_statistics()
    objective = made(COLUMNS, target)
    batch = batch_of(COLUMNS, target)
    scores = objective.scores(batch).detach().numpy()[:, 0]
    known = ~np.isnan(y)
    expected = np.mean((scores[known] - (y[known] - y[known].mean()) / y[known].std()) ** 2)
    assert loss(objective, batch) == pytest.approx(expected, rel=1e-5)
    assert objective.outputs(batch).detach().numpy()[:, 0] == pytest.approx(scores * y[known].std() + y[known].mean(), rel=1e-5)


def test_counts_and_labels_by_hand():
    y = np.array([0, 1, 2, 0, 3, 1])
    target = encode_target(y, "regressor", task="count").with_statistics()
    objective = made(COLUMNS, target)
    scores = objective.scores(batch_of(COLUMNS, target)).detach().numpy()[:, 0]
    assert loss(objective, batch_of(COLUMNS, target)) == pytest.approx(np.mean(np.exp(scores) - y * scores), rel=1e-6)
    several = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [1, 0], [0, 1]])
    target = encode_target(several, "classifier", task="multilabel").with_statistics()
    objective = made(COLUMNS, target)
    batch = batch_of(COLUMNS, target)
    p = objective.scores(batch).sigmoid().detach().numpy()
    expected = -np.sum(several * np.log(p) + (1 - several) * np.log(1 - p)) / 12
    assert loss(objective, batch) == pytest.approx(expected, rel=1e-6)


def test_a_label_per_step_makes_every_step_a_row():
    column = Ragged.of([np.random.default_rng(i).normal(size=(length, 2)) for i, length in enumerate((3, 1, 2))])
    columns = {"a": column, "b": Dense(np.arange(3.0)[:, None])}
    y = Ragged(np.array(["x", "y", None, "y", "x", "y"], dtype=object), column.offsets)
    target = encode_target(y, "classifier").with_statistics()
    objective = made(columns, target)
    batch = batch_of(columns, target)
    scores = objective.scores(batch)
    assert scores.shape == (6, 2)
    log = scores.log_softmax(dim=1).detach().numpy()
    known = [0, 1, 3, 4, 5]
    assert loss(objective, batch) == pytest.approx(np.mean([-log[i, target.values[i]] for i in known]), rel=1e-6)


def test_sequences_are_pooled_where_vectors_are_wanted():
    column = Ragged.of([np.array([[1.0], [3.0]]), np.zeros((0, 1)), None])
    target = encode_target(np.array([1.0, 2, 3]), "regressor").with_statistics()
    for pooling, expected in (("mean", 2), ("max", 3), ("last", 3)):
        objective = made({"a": column}, target, pooling=pooling)
        slot = objective.encode(batch_of({"a": column}, target))["a"]
        assert slot.values.flatten().tolist() == [expected, 0, 0] and slot.present.tolist() == [True, True, False]


def test_modality_dropout_never_takes_all_and_never_adds():
    present = torch.rand(500, 3, generator=Generator().manual_seed(0)) < 0.7
    slots = {name: Slot(torch.ones(500, 2), present[:, m]) for m, name in enumerate("abc")}
    kept = torch.stack([slot.present for slot in drop_modalities(slots, 0.5, Generator().manual_seed(1)).values()], dim=1)
    assert not (kept & ~present).any()
    assert torch.equal(kept.any(dim=1), present.any(dim=1))
    several = present.sum(dim=1) > 1
    assert 0.3 < (present & ~kept)[several].float().sum() / present[several].float().sum() < 0.5
    alone = drop_modalities({"a": Slot(torch.ones(9, 2), torch.ones(9, dtype=torch.bool))}, 0.9, Generator().manual_seed(2))
    assert alone["a"].present.all()


def test_modality_dropout_acts_in_training_only():
    target = encode_target(np.array(list("aaaabb")), "classifier").with_statistics()
    objective = made(COLUMNS, target, modality_dropout=0.9)
    batch = batch_of(COLUMNS, target)
    noisy = {loss(objective.train(), batch) for _ in range(8)}
    assert len(noisy) > 1 and len({loss(objective.eval(), batch) for _ in range(3)}) == 1
