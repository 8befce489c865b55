"""Checkpoints: the same bits after a stop anywhere, refusal of others' files, fall-back from damaged ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from mcgurk.data import Dense
from mcgurk.data.target import encode_target
from mcgurk.errors import McgurkWarning, StoreError
from mcgurk.run import Run
from mcgurk.train import Loader, Objective, Phase, train
from mcgurk.train.callbacks import Callback
from mcgurk.train.checkpoint import KEEP, Checkpoints, fingerprint
from mcgurk.train.loop import Settings


class Alternating(Objective):
    """Two phases, dropout from the global state, noise from the step's generator, batch statistics, a moving average in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))
        self.b = nn.Linear(8, 1)
        self.register_buffer("mean", torch.zeros(()))

    def phases(self):
        return Phase("b", "b.*", steps=2), Phase("a", "a.*", every=2, lr_scale=0.5)

    def loss(self, batch, phase, step):
        x = batch.slots["x"].values
        noise = torch.randn(x.shape, generator=step.generator) if self.training else 0.0
        out = self.b(self.a(x + 0.1 * noise))
        return {f"squares of {phase}": (out - batch.y).square().mean(), "size": 1e-3 * out.square().mean()}

    def after_step(self, phase):
        self.mean.mul_(0.9).add_(0.1 * self.b.bias.detach().sum())


class Killed(Exception):
    pass


class KillAt(Checkpoints):
    """Writes at every step and stops the run, as a kill would, after ``at`` of them."""

    at = 10**9
    written = 0

    def due(self, loop):
        self.write(loop)

    def write(self, loop):
        super().write(loop)
        KillAt.written += 1
        if KillAt.written == KillAt.at:
            raise Killed


def fit(checkpoint=None, epochs=6, patience=None, mark="mark", callbacks=(), threads=1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    target = encode_target(X[:, 0] - X[:, 1], "regressor").with_statistics()
    held = Loader({"x": Dense(X[::3])}, target.take(np.arange(0, 40, 3)))
    run = Run(4, threads=threads, checkpoint=checkpoint)
    optim = {"a.*": ("adamw", 1e-2), "b.weight": ("sgd", {"lr": 1e-2, "momentum": 0.9}), "*": ("rmsprop", 1e-3)}
    with run.guard():
        objective = Alternating()
        loader = Loader({"x": Dense(X)}, target, batch_size=8, seed=4)
        settings = Settings(epochs, optim, "cosine", 0.1, 1.0, patience)
        history = train(objective, loader, run, settings, valid=held, fingerprint=mark, callbacks=callbacks)
        after = torch.rand(1).item()
    return objective.state_dict(), history, after


def same(a, b):
    return (
        all(torch.equal(a[0][k], b[0][k]) for k in a[0])
        and (a[1].terms, a[1].valid, a[1].best_epoch) == (b[1].terms, b[1].valid, b[1].best_epoch)
        and a[2] == b[2]
    )


@pytest.fixture
def killing(monkeypatch):
    """``killing(at)``: runs end at their ``at``-th checkpoint."""
    monkeypatch.setattr("mcgurk.train.loop.Checkpoints", KillAt)

    def set_to(at):
        KillAt.at, KillAt.written = at, 0

    yield set_to
    set_to(10**9)


@pytest.mark.parametrize("at", [1, 3, 4, 5, 7, 10, 22, 29, 30])
def test_a_run_stopped_anywhere_ends_in_the_same_bits(tmp_path, killing, at):
    calm = fit()
    killing(at)
    with pytest.raises(Killed):
        fit(tmp_path)
    killing(10**9)
    assert same(fit(tmp_path), calm)


def test_a_run_stopped_at_every_step(tmp_path, killing):
    calm = fit(epochs=3)
    for _ in range(15):
        killing(1)
        with pytest.raises(Killed):
            fit(tmp_path, epochs=3)
    killing(10**9)
    assert same(fit(tmp_path, epochs=3), calm)


def test_a_finished_run_trains_no_further(tmp_path):
    class Count(Callback):
        epochs = 0

        def epoch_end(self, loop):
            Count.epochs += 1

    calm = fit()
    first = fit(tmp_path, callbacks=[Count()])
    assert Count.epochs == 6
    again = fit(tmp_path, callbacks=[Count()])
    assert Count.epochs == 6 and same(first, calm) and same(again, calm)


def test_a_run_that_stopped_early_trains_no_further(tmp_path):
    first = fit(tmp_path, epochs=200, patience=2)
    assert len(first[1].valid) < 200
    files = sorted(tmp_path.iterdir())
    stamps = [f.stat().st_mtime_ns for f in files]
    again = fit(tmp_path, epochs=200, patience=2)
    assert same(first, again)
    assert sorted(tmp_path.iterdir()) == files and [f.stat().st_mtime_ns for f in files] == stamps


def test_the_last_two_files_are_kept(tmp_path, killing):
    killing(10**9)
    fit(tmp_path)
    assert len(list(tmp_path.iterdir())) == KEEP


def test_a_damaged_file_falls_back_to_the_older_one(tmp_path, killing):
    calm = fit()
    killing(13)
    with pytest.raises(Killed):
        fit(tmp_path)
    newest = sorted(tmp_path.glob("checkpoint-*"))[-1]
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 4
    newest.write_bytes(data)
    killing(10**9)
    with pytest.warns(McgurkWarning, match="deleted and training goes on") as caught:
        resumed = fit(tmp_path)
    assert caught[0].message.code == "K04" and same(resumed, calm)


def test_all_files_damaged_starts_anew(tmp_path, killing):
    calm = fit()
    killing(5)
    with pytest.raises(Killed):
        fit(tmp_path)
    for path in tmp_path.glob("checkpoint-*"):
        path.write_bytes(path.read_bytes()[:100])
    killing(10**9)
    with pytest.warns(McgurkWarning):
        assert same(fit(tmp_path), calm)


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    fit(tmp_path)
    with pytest.raises(StoreError, match="another configuration or other data") as error:
        fit(tmp_path, mark="other")
    assert error.value.code == "K05"


def test_files_of_dead_writers_are_swept(tmp_path):
    left = tmp_path / ".checkpoint-000001-00000000.safetensors.999999999.01234567.tmp"
    left.write_bytes(b"half")
    fit(tmp_path)
    assert not left.exists()


def test_writing_changes_no_bit(tmp_path, killing):
    killing(10**9)
    assert same(fit(tmp_path), fit())


def test_other_threads_are_told(tmp_path):
    first = fit(tmp_path)
    with pytest.warns(McgurkWarning, match="began with 1 threads and goes on with 2") as caught:
        again = fit(tmp_path, threads=2)
    assert caught[0].message.code == "K03" and same(first, again)


def test_a_fingerprint_names_its_parts():
    assert fingerprint({"a": 1}, 2) == fingerprint({"a": 1}, 2) != fingerprint({"a": 2}, 2)
