"""MultiTask: one task a step, heads that rest, tasks that rest, and what is refused by a task's name."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from mcgurk import MultiTask, load, registry
from mcgurk.base import FitData
from mcgurk.data import Dataset, Dense, Lazy, join_tasks
from mcgurk.data.tasks import encode_targets
from mcgurk.errors import DataError, McgurkWarning, UnknownName
from mcgurk.fusion.task_objective import TOKEN, TaskHead, TaskObjective
from mcgurk.nn.batch import SlotSpec
from mcgurk.run import Run
from mcgurk.testing import toys
from mcgurk.train import features
from mcgurk.train.checkpoint import Checkpoints
from mcgurk.train.loop import Loop, Settings
from mcgurk.train.tasks import TaskLoader

SMALL = {"shared": (8,), "epochs": 3, "batch_size": 16, "patience": None, "stopping": None}


def data(n=90, seed=0):
    rng = np.random.default_rng(seed)
    X = {"a": rng.normal(size=(n, 3)), "b": rng.normal(size=(n, 2))}
    total = X["a"][:, 0] + X["b"][:, 0]
    rows = np.arange(n)
    y = {
        "tone": np.where(rows < 2 * n // 3, np.where(total > 0, "good", "bad"), None),
        "price": np.where(rows >= n // 3, 3 * total + 7, np.nan),
        "tags": np.where((rows % 2 == 0)[:, None], np.stack([total > 0, total > 1], axis=1), np.nan),
    }
    return X, y


def equal(a, b, X):
    first, second = a.predict_proba(X) | a.predict(X), b.predict_proba(X) | b.predict(X)
    return all(np.array_equal(first[task], second[task]) for task in first)


def test_every_task_is_answered_for_every_row():
    X, y = data()
    model = MultiTask(**SMALL | {"epochs": 40, "optim": ("adam", 1e-2)}).fit(X, y)
    assert {task: values.shape for task, values in model.predict(X).items()} == {"price": (90,), "tags": (90, 2), "tone": (90,)}
    assert {task: values.shape for task, values in model.predict_proba(X).items()} == {"tags": (90, 2), "tone": (90, 2)}
    assert model.classes_["tone"].tolist() == ["bad", "good"]
    scores = model.score(X, y)
    assert scores["tone"] > 0.9 and scores["price"] > 0.9 and scores["tags"] > 0.8
    assert model.score(X, {"tone": y["tone"]}) == {"tone": scores["tone"]}
    assert set(model.history_.terms[0]) == {"tone", "price", "tags"}


def test_a_row_of_which_nothing_is_known_gets_every_tasks_average():
    X, y = data()
    present = np.arange(90) != 4
    X = Dataset({name: Dense(values, present) for name, values in X.items()})
    model = MultiTask(**SMALL, token=2).fit(X, y)
    with pytest.warns(McgurkWarning, match="1 of 90 rows have no modality at all"):
        shares, predicted = model.predict_proba(X), model.predict(X)
    targets = dict(model.target_.parts)
    assert shares["tone"][4] == pytest.approx(targets["tone"].prior) and shares["tags"][4] == pytest.approx(targets["tags"].prior)
    assert predicted["price"][4] == pytest.approx(targets["price"].center[0])


def test_counts_and_logarithms_come_back_in_their_units():
    X, _ = data(200)
    visits = np.round(np.exp(1 + X["a"][:, 0].clip(-2, 2)))
    prices = np.exp(3 + 2 * X["b"][:, 0])
    model = MultiTask(**SMALL | {"epochs": 60, "optim": ("adam", 1e-2)}, task={"visits": "count"}).fit(
        X, {"visits": visits, "price": prices}
    )
    targets = dict(model.target_.parts)
    assert targets["visits"].task == "count" and targets["price"].transform == "log"
    predicted = model.predict(X)
    assert np.corrcoef(np.log(predicted["visits"]), X["a"][:, 0])[0, 1] > 0.9
    assert np.corrcoef(np.log(predicted["price"]), np.log(prices))[0, 1] > 0.95


def test_disjoint_sets_of_other_columns(tmp_path):
    rng = np.random.default_rng(1)
    words = ["red cotton dress", "blue denim jeans", "green wool coat", "old leather shoes"]
    a = Dataset({"text": Lazy([words[i % 4] + f" {i}" for i in range(60)]), "x": Dense(rng.normal(size=(60, 3)))})
    b = Dataset({"x": Dense(rng.normal(size=(60, 3)))})
    X, y = join_tasks({"kind": (a, [words[i % 4] for i in range(60)]), "size": (b, b["x"].values[:, 0])})
    model = MultiTask(**SMALL | {"epochs": 30, "optim": ("adam", 1e-2)}).fit(X, y)
    assert model.score(X, y)["kind"] > 0.9 and model.score(X, y)["size"] > 0.7
    model.save(tmp_path / "m.mcgurk")
    assert equal(load(tmp_path / "m.mcgurk"), model, X)


@pytest.mark.parametrize("name", ["mult", "vilbert", "highmmt"])
def test_sequences_through_layers_that_see_their_steps(name, tmp_path):
    """Series of unequal lengths, absent and empty ones among them, with a task token; any modality may be gone in prediction."""
    X = toys.sequences(36)
    layer = (name, {**registry.entry("fusion", name).small})
    encoders = {"vector": "precomputed", "series": "precomputed"}
    model = MultiTask(layer, encoders=encoders, token=3, **SMALL | {"epochs": 1}).fit(X, toys.tasks(X))
    model.save(tmp_path / "m.mcgurk")
    assert equal(load(tmp_path / "m.mcgurk"), model, X)
    for gone in X.names:
        part = X.with_column(gone, replace(X[gone], present=np.zeros(len(X), dtype=bool)))
        assert all(np.isfinite(np.asarray(values, dtype=float)).all() for values in model.predict_proba(part).values())


# One step.


def built(y=None, **changes):
    """An objective before its first step, and its loader."""
    X, own = data()
    model = MultiTask(**SMALL | {"optim": ("adamw", {"lr": 1e-2, "weight_decay": 0.1})} | changes)
    X = Dataset({name: Dense(values) for name, values in X.items()})
    tasks = encode_targets(y or own).with_statistics()
    model.encoders_ = features.resolve(FitData(X).spec, None)
    prepared = features.prepare(model.encoders_, X)
    torch.manual_seed(0)
    return model._objective(features.specs(prepared), tasks.spec), TaskLoader(prepared, tasks, batch_size=16)


def owned(objective, task):
    """Parameters of one task alone: its head and its token."""
    place = objective.heads.names().index(task)
    return [*objective.heads[task].parameters(), *(p for i, p in enumerate(objective.tokens) if i == place)]


@pytest.mark.parametrize("token", [0, 4])
def test_a_step_of_one_task_leaves_the_others_and_their_moments_alone(token):
    objective, loader = built(token=token)
    loop = Loop(objective, loader, Run.of(0), Settings(optim=("adamw", {"lr": 1e-2, "weight_decay": 0.1})), ())
    (optimiser,) = loop.optimisers
    names = dict(objective.named_parameters())
    for batch in [*loader.epoch(0), *loader.epoch(1)]:
        before = {name: p.detach().clone() for name, p in names.items()}
        state = {name: copy.deepcopy(optimiser.state.get(p)) for name, p in names.items()}
        loop.update(batch, loop.turns[0])
        own = {id(p) for p in owned(objective, batch.task)}
        others = {id(p) for task in objective.heads.names() if task != batch.task for p in owned(objective, task)}
        for name, p in names.items():
            moved = not torch.equal(before[name], p)
            if id(p) in others:
                assert not moved, f"{name} moved in a step of {batch.task}"
                after = optimiser.state.get(p)
                assert (state[name] is None) == (not after)
                assert state[name] is None or all(torch.equal(state[name][key], after[key]) for key in after)
            elif id(p) in own:
                assert moved


def test_a_rate_scales_the_steps_of_its_task_and_nothing_else():
    moves = {}
    for factor in (1.0, 0.25):
        objective, loader = built(rates={"tone": factor}, fusion=("gated", {"width": 8}), dropout=0.0)
        loop = Loop(objective, loader, Run.of(0), Settings(epochs=1, optim=("sgd", 1e-2)), ())
        for task in ("tone", "price"):
            start = {name: p.detach().clone() for name, p in objective.named_parameters()}
            batch = next(b for b in loader.epoch(0) if b.task == task)
            loop.rates(objective.rate(batch))
            loop.update(batch, loop.turns[0])
            moves[factor, task] = torch.cat([(p - start[name]).flatten() for name, p in objective.named_parameters()])
            objective.load_state_dict(objective.state_dict() | start)
    assert torch.allclose(moves[0.25, "tone"], 0.25 * moves[1.0, "tone"], atol=1e-7)
    assert torch.equal(moves[0.25, "price"], moves[1.0, "price"])


def test_a_weight_scales_the_loss_of_its_task():
    one, two = built(), built(weights={"price": 2.5})
    for task, factor in (("price", 2.5), ("tone", 1.0)):
        batch = next(b for b in one[1].epoch(0) if b.task == task)
        losses = [objective.eval().loss(batch, "all", None)[task].item() for objective, _ in (one, two)]
        assert losses[1] == pytest.approx(factor * losses[0])


@torch.no_grad()
def test_every_held_out_label_has_one_vote():
    """A task of few held-out rows has a noisy loss; it must not decide when all others stop."""
    objective, loader = built(weights={"price": 2.0})
    objective.eval()
    total, count = 0.0, 0
    for batch in loader.epoch(None):
        total += objective.loss(batch, "all", None)[batch.task].item() * len(batch)
        count += len(batch)
    assert objective.held_out(lambda: loader.epoch(None), None) == pytest.approx(total / count, rel=1e-5)
    assert objective.held_out(lambda: (), None) == 0.0


@pytest.mark.parametrize("kind", ["tone", "price", "tags"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_batch_without_a_label_of_the_task_costs_nothing(kind, weighted):
    _, y = data()
    target = encode_targets(y).with_statistics().parts[kind]
    head = TaskHead(SlotSpec((2,)), target.spec, (), 0.0, None)
    empty = torch.full((3,), -1) if kind == "tone" else torch.full((3, target.spec.columns), float("nan"))
    scores = torch.ones(3, target.spec.columns, requires_grad=True)
    cost = head.cost(scores, empty, torch.ones(3) if weighted else None)
    cost.backward()
    assert cost.item() == 0 and not scores.grad.any() and np.isfinite(head.gain(scores.detach(), empty))


def test_gain_is_accuracy_or_r2_made_positive():
    _, y = data()
    tasks = encode_targets(y).with_statistics()
    tone = TaskHead(SlotSpec((2,)), tasks.parts["tone"].spec, (), 0.0, None)
    assert tone.gain(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0, -1])) == 0.5
    price = TaskHead(SlotSpec((2,)), tasks.parts["price"].spec, (), 0.0, None)
    truth = torch.tensor(tasks.parts["price"].values[tasks.parts["price"].labelled], dtype=torch.float32)
    assert price.gain(torch.zeros_like(truth), truth) == pytest.approx(0.5, abs=1e-6)  # the mean: R² is 0
    assert price.gain((truth - price.center) / price.scale, truth) == pytest.approx(1.0)


# The whole run.


@pytest.fixture
def steps(monkeypatch):
    """(task, turn) of every update."""
    seen = []
    loss = TaskObjective.loss

    def counted(self, batch, phase, step):
        if self.training:
            seen.append((step.epoch, batch.task, batch.turn))
        return loss(self, batch, phase, step)

    monkeypatch.setattr(TaskObjective, "loss", counted)
    return seen


def test_in_stop_a_task_is_updated_every_fourth_of_its_turns(steps, monkeypatch):
    """tone does not gain: two misses after the first value, so it rests from the fourth epoch on; price gains in every epoch."""
    X, y = data(240)
    del y["tags"]
    values = iter(np.linspace(0.2, 0.9, 20))
    monkeypatch.setattr(TaskHead, "gain", lambda self, scores, y: 0.5 if self.target.task == "classes" else next(values))
    model = MultiTask(**SMALL | {"epochs": 9, "stopping": "stop_and_go", "batch_size": 4}).fit(X, y)
    turns = {task: [turn for epoch, name, turn in steps if name == task and epoch >= 3] for task in y}
    every = {task: [turn for epoch, name, turn in steps if name == task and epoch < 3] for task in y}
    rounds = len(every["tone"]) // 3
    assert rounds >= 20 and every["tone"] == list(range(3 * rounds)) and every["price"] == list(range(3 * rounds))
    assert turns["price"] == list(range(3 * rounds, 9 * rounds))
    assert turns["tone"] == [turn for turn in range(3 * rounds, 9 * rounds) if turn % 4 == 0]
    assert model.objective_.control.stopped("tone") and not model.objective_.control.stopped("price")


def test_a_task_that_falls_back_goes_on(steps, monkeypatch):
    X, y = data(240)
    del y["tags"]
    script = {"classes": iter([0.6, 0.6, 0.6, 0.5, *[0.5] * 10]), "number": iter(np.linspace(0.2, 0.9, 20))}
    monkeypatch.setattr(TaskHead, "gain", lambda self, scores, y: next(script[self.target.task]))
    MultiTask(**SMALL | {"epochs": 6, "stopping": "stop_and_go"}).fit(X, y)
    counts = [sum(1 for e, task, _ in steps if task == "tone" and e == epoch) for epoch in range(6)]
    assert counts[3] < counts[0] == counts[1] == counts[2] == counts[4] == counts[5]


@pytest.mark.parametrize("sampling", ["round_robin", "proportional"])
@pytest.mark.parametrize("at", [2, 31, 40])
def test_a_run_stopped_anywhere_ends_in_the_same_bits(tmp_path, monkeypatch, sampling, at):
    """The controller's state and the place in every task's rows outlive a stop."""

    class Killed(Exception):
        pass

    class KillAt(Checkpoints):
        left = 10**9

        def due(self, loop):
            self.write(loop)

        def write(self, loop):
            super().write(loop)
            KillAt.left -= 1
            if KillAt.left == 0:
                raise Killed

    X, y = data(210)
    gains = {"classes": [0.6, 0.6, 0.6, 0.6, 0.4], "number": [0.5, 0.5, 0.5, 0.7, 0.7], "multilabel": [0.1, 0.2, 0.3, 0.4, 0.5]}
    monkeypatch.setattr(TaskHead, "gain", lambda self, scores, y: gains[self.target.task][min(int(self.looked), 4)])
    held_out = TaskObjective.held_out

    def looked(self, batches, step):
        for head in self.heads.table.values():
            head.looked = step.epoch
        return held_out(self, batches, step)

    monkeypatch.setattr(TaskObjective, "held_out", looked)
    settings = SMALL | {"epochs": 6, "batch_size": 48, "stopping": "stop_and_go", "sampling": sampling, "token": 3, "modality_dropout": 0.2}
    calm = MultiTask(**settings).fit(X, y)
    monkeypatch.setattr("mcgurk.train.loop.Checkpoints", KillAt)
    KillAt.left = at
    with pytest.raises(Killed):
        MultiTask(**settings, checkpoint=tmp_path).fit(X, y)
    KillAt.left = 10**9
    again = MultiTask(**settings, checkpoint=tmp_path).fit(X, y)
    assert equal(again, calm, X) and again.history_.terms == calm.history_.terms and again.history_.valid == calm.history_.valid
    for name, value in calm.objective_.state_dict().items():
        torch.testing.assert_close(again.objective_.state_dict()[name], value, rtol=0, atol=0, equal_nan=True)


def test_groups_stay_whole_and_every_class_keeps_training_rows(monkeypatch):
    X, y = data(300)
    rare = np.full(300, None, dtype=object)
    rare[:4] = ["u", "u", "v", "v"]
    groups = np.arange(300) // 2
    seen = []
    hold_out = MultiTask._hold_out

    def kept(self, data, run):
        seen.append(hold_out(self, data, run))
        return seen[-1]

    monkeypatch.setattr(MultiTask, "_hold_out", kept)
    for seed in range(5):
        MultiTask(**SMALL | {"epochs": 1, "patience": 3}, random_state=seed).fit(X, y | {"rare": rare}, groups=groups)
        held = seen[-1]
        assert 30 <= held.sum() <= 60
        assert all(held[groups == g].all() or not held[groups == g].any() for g in np.unique(groups))
        assert not held[:2].all() and not held[2:4].all()
        for task, labels in (("tone", y["tone"]), ("price", y["price"])):
            known = np.array([v is not None and v == v for v in labels])
            assert 0.08 < held[known].mean() < 0.22, task


def test_held_out_rows_can_be_given_and_may_lack_a_task():
    X, y = data(120)
    train = {name: values[:90] for name, values in X.items()}
    held = {name: values[90:] for name, values in X.items()}
    part = {task: labels[:90] for task, labels in y.items()}
    model = MultiTask(**SMALL | {"patience": 5, "stopping": "stop_and_go"}).fit(train, part, valid=(held, {"price": y["price"][90:]}))
    assert len(model.history_.valid) == 3 and all(np.isfinite(model.history_.valid))
    assert torch.isnan(model.objective_.control.best).tolist() == [False, True, True]


def test_the_token_tells_the_trunk_what_it_is_asked():
    X, y = data()
    for fusion in ("lowrank", ("vilbert", {"width": 8, "heads": 2, "depth": 1})):
        model = MultiTask(fusion, **SMALL, token=4).fit(X, y)
        batch = TaskLoader(features.prepare(model.encoders_, model._read(X)), encode_targets(y)).of("tone", np.arange(4))
        slots = model.objective_.encode(batch)
        first, second = (model.objective_._fused(slots, task).values for task in ("tone", "price"))
        assert not torch.allclose(first, second)
    with pytest.raises(DataError, match=f"a column is called '{TOKEN}'"):
        MultiTask(**SMALL, token=4).fit({TOKEN: X["a"]}, y)


# What is refused.


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"fusion": "late"}, DataError, "fusion='late' is a Late; tasks share a fusion layer"),
        ({"stopping": "stop"}, DataError, "stopping='stop' is not known"),
        ({"sampling": "all"}, DataError, "sampling='all' is not known"),
        ({"weights": {"tones": 2.0}}, UnknownName, "weights names 'tones', which is no task; tasks are price, tags, tone"),
        ({"hidden": {"goal": (4,)}}, UnknownName, "hidden names 'goal'"),
        ({"task": {"goal": "classes"}}, UnknownName, "there is no task 'goal'"),
    ],
)
def test_settings_that_fit_nothing(changes, error, sentence):
    X, y = data()
    with pytest.raises(error, match=sentence):
        MultiTask(**SMALL | changes).fit(X, y)


def test_tasks_that_cannot_be_learned_are_named():
    X, y = data()
    with pytest.raises(DataError, match="task 'tone': Classifier can't train when only one class is present"):
        MultiTask(**SMALL).fit(X, y | {"tone": np.where(np.arange(90) < 5, "good", None)})
    with pytest.raises(DataError, match="task 'price': no labelled row among 90"):
        MultiTask(**SMALL).fit(X, y | {"price": np.full(90, np.nan)})
    with pytest.raises(DataError, match="task 'price': none of the 80 training labels is known"):
        MultiTask(**SMALL).fit(X, y | {"price": np.where(np.arange(90) < 10, 1.0, np.nan)}, valid=np.arange(90) < 10)
    with pytest.raises(DataError, match="y is a ndarray; several tasks are given as"):
        MultiTask(**SMALL).fit(X, y["price"])


def test_score_names_its_task():
    X, y = data()
    model = MultiTask(**SMALL).fit(X, y)
    with pytest.raises(UnknownName, match="no task 'goal'; fitted tasks are price, tags, tone"):
        model.score(X, {"goal": y["tone"]})
    with pytest.raises(DataError, match="task 'tone': none of 90 rows is labelled"):
        model.score(X, {"tone": np.full(90, None)})


def test_a_head_of_its_own_width_and_weights_of_its_classes():
    X, y = data()
    model = MultiTask(**SMALL | {"hidden": {"tone": (5, 4), "price": ()}}, class_weight={"tone": {"good": 3.0}}).fit(X, y)
    widths = {
        task: [m.out_features for m in head.modules() if hasattr(m, "out_features")] for task, head in model.objective_.heads.table.items()
    }
    assert widths == {"price": [1], "tags": [2], "tone": [5, 4, 2]}
    assert model.objective_.heads["tone"].class_weight is not None and model.objective_.heads["tags"].class_weight is None
