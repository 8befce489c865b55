"""The one loop: phases, freezing, precision, stopping, determinism, and what it refuses."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
import torch
from torch import nn

from mcgurk.data import Dense
from mcgurk.data.target import encode_target
from mcgurk.errors import DataError
from mcgurk.run import Run
from mcgurk.train import Loader, Objective, Phase, train
from mcgurk.train.callbacks import Callback
from mcgurk.train.checkpoint import Checkpoints
from mcgurk.train.loop import Loop, Settings


class Two(Objective):
    """A first and a second part; the second with batch statistics."""

    def __init__(self, *phases: Phase, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(dropout))
        self.second = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.order = phases
        self.seen: list[tuple[str, int, int]] = []

    def phases(self):
        return self.order or (Phase(),)

    def loss(self, batch, phase, step):
        self.seen.append((phase, step.epoch, step.step))
        out = self.second(self.first(batch.slots["x"].values))
        return {"squares": (out - batch.y).square().mean()}


def loader(n=48, batch_size=16, seed=0, bad=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + X[:, 1] ** 2
    if bad is not None:
        y[bad] = 1e30
    return Loader({"x": Dense(X)}, encode_target(y, "regressor").with_statistics(), batch_size=batch_size, seed=seed)


def state(module):
    return {k: v.clone() for k, v in module.state_dict().items()}


def same(a, b, prefix=""):
    return all(torch.equal(a[k], b[k]) for k in a if k.startswith(prefix))


def test_it_learns_and_says_what_happened():
    objective = Two()
    history = train(objective, loader(), Run(threads=1), Settings(epochs=30, optim=("adam", 1e-2)))
    assert history.terms[-1]["squares"] < 0.6 * history.terms[0]["squares"]
    assert len(history.terms) == 30 and history.valid == [] and history.seconds > 0
    assert not objective.training and all(p.requires_grad and p.grad is None for p in objective.parameters())


def test_phases_take_turns():
    objective = Two(Phase("a", "first.*", steps=2), Phase("b", "second.*", every=2, epochs=(1, None)))
    train(objective, loader(), Run(threads=1), Settings(epochs=2))
    assert objective.seen == [
        *[("a", 0, s) for s in (0, 0, 1, 1, 2, 2)],
        *[("a", 1, 0), ("a", 1, 0), ("b", 1, 0), ("a", 1, 1), ("a", 1, 1), ("a", 1, 2), ("a", 1, 2), ("b", 1, 2)],
    ]


def test_pretrain_then_tune():
    objective = Two(Phase("pretrain", "first.*", epochs=(0, 2)), Phase("tune", "*", epochs=(2, None)))
    train(objective, loader(), Run(threads=1), Settings(epochs=3))
    assert [name for name, epoch, _ in objective.seen if epoch < 2] == ["pretrain"] * 6
    assert [name for name, epoch, _ in objective.seen if epoch == 2] == ["tune"] * 3


def test_a_phase_leaves_the_other_parts_alone():
    objective = Two(Phase("a", "first.*"), Phase("b", "second.*", epochs=(5, None)))
    before = state(objective)
    loop = Loop(objective, loader(), Run(threads=1), Settings(), ())
    for batch in loop.loader.epoch(0):
        loop.update(batch, loop.turns[0])
    after = state(objective)
    assert same(before, after, "second.")  # batch statistics included
    assert not same(before, after, "first.")
    assert not loop.turns[1].optimisers[0].state and loop.turns[0].optimisers[0].state


def test_a_parameter_in_no_phase_is_an_error():
    with pytest.raises(DataError, match=r"no phase.*second") as error:
        train(Two(Phase("a", "first.*")), loader(), Run(), Settings())
    assert error.value.code == "T90"


def test_parameters_without_gradients_stay_frozen():
    objective = Two()
    objective.second[1].weight.requires_grad_(False)
    before = state(objective)
    train(objective, loader(), Run(threads=1), Settings(epochs=2))
    after = state(objective)
    assert torch.equal(before["second.1.weight"], after["second.1.weight"])
    assert not torch.equal(before["second.1.bias"], after["second.1.bias"])
    assert not objective.second[1].weight.requires_grad


def test_optim_freezes_by_glob():
    objective = Two()
    before = state(objective)
    train(objective, loader(), Run(threads=1), Settings(epochs=2, optim={"second.*": None, "*": ("adamw", 1e-2)}))
    after = state(objective)
    assert same(before, after, "second.") and not same(before, after, "first.")


def test_mixed_precision_keeps_parameters_in_full():
    plain, mixed = Two(), Two()
    a = train(plain, loader(), Run(threads=1), Settings(epochs=5, optim=("adam", 1e-2)))
    b = train(mixed, loader(), Run(threads=1, dtype="bfloat16"), Settings(epochs=5, optim=("adam", 1e-2)))
    assert all(p.dtype == torch.float32 for p in mixed.parameters())
    assert a.terms != b.terms
    assert b.terms[-1]["squares"] == pytest.approx(a.terms[-1]["squares"], rel=0.05)


def test_clipping_bounds_a_step():
    moved = []
    for clip in (None, 1e-3):
        objective = Two()
        before = state(objective)
        train(objective, loader(n=16), Run(threads=1), Settings(epochs=1, optim=("sgd", 1.0), clip=clip))
        moved.append(sum((v - before[k]).square().sum().item() for k, v in objective.named_parameters()) ** 0.5)
    assert moved[1] == pytest.approx(1e-3, rel=1e-3) and moved[0] > 0.1


def test_warm_up_and_schedule_set_the_rates():
    rates = []

    class Watch(Callback):
        def epoch_end(self, loop):
            rates.append(loop.optimisers[0].param_groups[0]["lr"])

    train(Two(), loader(n=16), Run(threads=1), Settings(epochs=10, schedule="linear", warmup=0.2), callbacks=[Watch()])
    assert rates[0] < rates[1] < rates[2] and rates[2] == pytest.approx(1e-3)
    assert rates[2:] == sorted(rates[2:], reverse=True) and rates[-1] == pytest.approx(1e-3 / 8)


class Wanders(Objective):
    """Its held-out value is best in epoch 2."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def loss(self, batch, phase, step):
        return {"drift": -self.place}

    def validate(self, batch, step):
        return (self.place - 3).abs()


def test_early_stopping_keeps_the_best_parameters():
    objective = Wanders()
    history = train(objective, loader(n=16), Run(threads=1), Settings(epochs=50, optim=("sgd", 1.0), patience=3), valid=loader(n=16))
    assert history.valid == [2, 1, 0, 1, 2, 3] and history.best_epoch == 2
    assert objective.place.item() == 3


def test_no_patience_trains_on_but_keeps_the_best():
    objective = Wanders()
    history = train(objective, loader(n=16), Run(threads=1), Settings(epochs=5, optim=("sgd", 1.0)), valid=loader(n=16))
    assert len(history.valid) == 5 and objective.place.item() == 3


def test_a_bad_step_stops_before_it_reaches_a_parameter(tmp_path):
    objective = Two()
    data = loader(bad=7)
    with pytest.raises(DataError, match=r"'squares' is inf in epoch 1, batch \d, on rows .*\b") as error:
        train(objective, data, Run(threads=1, checkpoint=tmp_path), Settings(optim=("sgd", 1e-3)))
    assert error.value.code == "N04"
    kept = json.loads((tmp_path / "not-finite.json").read_text())
    assert 7 in kept["rows"] and len(kept["rows"]) == 16 and kept["phase"] == "all" and kept["epoch"] == 0
    assert all(torch.isfinite(p).all() for p in objective.parameters())


def test_rows_are_named_as_the_caller_numbers_them():
    data = loader(bad=7)
    data.numbers = np.arange(48) + 1000
    with pytest.raises(DataError, match=r"on rows 10\d\d"):
        train(Two(), data, Run(threads=1), Settings())


def test_no_rows_is_an_error():
    empty = Loader({"x": Dense(np.zeros((0, 3)))}, None)
    with pytest.raises(DataError, match="no row") as error:
        train(Two(), empty, Run(), Settings())
    assert error.value.code == "S01"


def test_same_seed_same_bits_and_other_seed_others():
    def trained(seed):
        objective = Two(dropout=0.3)
        run = Run(seed, threads=1)
        with run.guard():
            train(objective, loader(seed=0), run, Settings(epochs=3))
        return state(objective)

    assert same(trained(1), trained(1)) and not same(trained(1), trained(2))


def test_global_random_state_is_left_alone():
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    run = Run(9, threads=1)
    objective = Two(dropout=0.5)
    torch.manual_seed(5)
    with run.guard():
        train(objective, loader(), run, Settings(epochs=2))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected


def test_terms_are_means_over_their_own_updates():
    class Named(Two):
        def loss(self, batch, phase, step):
            return {phase: super().loss(batch, phase, step)["squares"] * 0 + (2.0 if phase == "a" else 3.0)}

    objective = Named(Phase("a", "first.*", steps=3), Phase("b", "second.*", every=3))
    history = train(objective, loader(), Run(threads=1), Settings(epochs=1))
    assert history.terms == [{"a": 2.0, "b": 3.0}]


def test_refresh_sees_all_rows_in_order_without_gradients():
    class Refreshed(Two):
        def refresh(self, batches):
            assert not self.training and not torch.is_grad_enabled()
            self.rows = torch.cat([batch.rows for batch in batches()])

    objective = Refreshed()
    train(objective, loader(), Run(threads=1), Settings(epochs=1))
    assert torch.equal(objective.rows, torch.arange(48))


def test_after_step_follows_every_update():
    class Counts(Two):
        after = 0

        def after_step(self, phase):
            self.after += 1

    objective = Counts()
    train(objective, loader(), Run(threads=1), Settings(epochs=2))
    assert objective.after == 6


class Rated(Two):
    """Batches get the rates of a list in turn."""

    def __init__(self, *rates):
        super().__init__()
        self.wanted = iter(rates)

    def rate(self, batch):
        return next(self.wanted)


def test_a_rate_of_0_leaves_a_batch_out_with_all_that_would_follow():
    objective = Rated(1.0, 0.0, 1.0)
    history = train(objective, loader(), Run(threads=1), Settings(epochs=1))
    assert [place for _, _, place in objective.seen] == [0, 2]
    assert history.terms[0].keys() == {"squares"}
    assert train(Rated(0.0, 0.0, 0.0), loader(), Run(threads=1), Settings(epochs=1)).terms == [{}]


def test_rates_of_batches_and_the_schedule_multiply():
    objective = Rated(1.0, 0.5, 0.5, 1.0, 2.0, 0.0)
    loop = Loop(objective, loader(), Run(threads=1), Settings(epochs=2, optim=("sgd", 1.0), schedule="linear"), ())
    seen = []
    objective.after_step = lambda phase: seen.append(loop.optimisers[0].param_groups[0]["lr"])
    for loop.epoch in range(2):
        loop.step = 0
        loop.one_epoch(Checkpoints(None, ""))
    assert seen == pytest.approx([1.0, 0.5 * 5 / 6, 0.5 * 4 / 6, 3 / 6, 2 * 2 / 6])


def test_without_a_schedule_a_rate_holds_for_its_batch_only():
    objective = Rated(1.0, 0.5, 1.0)
    loop = Loop(objective, loader(), Run(threads=1), Settings(epochs=1, optim=("sgd", 0.1)), ())
    seen = []
    objective.after_step = lambda phase: seen.append(loop.optimisers[0].param_groups[0]["lr"])
    loop.one_epoch(Checkpoints(None, ""))
    assert seen == [0.1, 0.05, 0.1]


def test_an_objective_may_sum_up_held_out_rows_itself():
    class Sums(Wanders):
        def held_out(self, batches, step):
            rows = torch.cat([batch.rows for batch in batches()])
            assert not self.training and not torch.is_grad_enabled() and torch.equal(rows, torch.arange(48))
            return 7.0 - step.epoch

    history = train(Sums(), loader(n=16), Run(threads=1), Settings(epochs=3, optim=("sgd", 1.0), patience=3), valid=loader())
    assert history.valid == [7.0, 6.0, 5.0]
