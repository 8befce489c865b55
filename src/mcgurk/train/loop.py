"""The one training loop: supervised, contrastive, adversarial, alternating, contrastive-divergence, pre-train-then-tune."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.nn.batch import Batch
from mcgurk.run import Run
from mcgurk.train.balance import Balance
from mcgurk.train.callbacks import Callback
from mcgurk.train.checkpoint import Checkpoints
from mcgurk.train.loader import Loader
from mcgurk.train.objective import Objective, Phase, Step
from mcgurk.train.optim import make_optimisers, phase_parameters, schedule_factor


@dataclass
class History:
    """Mean terms of every epoch, held-out values, and the epoch whose parameters were kept."""

    terms: list[dict[str, float]] = field(default_factory=list)
    valid: list[float] = field(default_factory=list)
    best_epoch: int = -1
    seconds: float = 0.0


@dataclass
class Settings:
    """How to train.

    Args:
        epochs: most epochs.
        optim: optimiser for all parameters, or by glob (see :mod:`mcgurk.train.optim`).
        schedule: learning-rate schedule over all epochs.
        warmup: share of training with a rising rate.
        clip: largest gradient norm, or None.
        patience: epochs without a better held-out value before stopping; the best parameters are kept. None never stops early.
        balance: rule for the gradients of several terms, or None for their sum.
    """

    epochs: int = 50
    optim: Any = ("adamw", 1e-3)
    schedule: Any = "constant"
    warmup: float = 0.0
    clip: float | None = None
    patience: int | None = None
    balance: Balance | None = None


class Loop:
    """State and steps of one training run; :func:`train` drives it."""

    def __init__(self, objective: Objective, loader: Loader, run: Run, settings: Settings, columns: Sequence[str]) -> None:
        self.objective, self.loader, self.run, self.settings = objective, loader, run, settings
        self.phases = objective.phases()
        names = phase_parameters(objective, self.phases, columns)
        self.parameters = {p.name: [v for n, v in objective.named_parameters() if n in set(names[p.name])] for p in self.phases}
        self.optimisers = {
            p.name: make_optimisers(objective, names[p.name], settings.optim, lr_scale=p.lr_scale, columns=columns) for p in self.phases
        }
        self.frozen = {p.name: _frozen(objective, set(names[p.name])) for p in self.phases}
        self.epoch = self.step = self.waited = 0
        self.best = float("inf")
        self.best_state: dict[str, Tensor] | None = None
        self.history = History()
        self.sums: dict[str, Tensor] = {}
        self.active: str | None = None

    def activate(self, phase: Phase) -> None:
        """Only the phase's parameters take gradients; parts it leaves alone run in evaluation mode."""
        if self.active == phase.name:
            return
        self.objective.train()
        if len(self.phases) > 1 or self.frozen[phase.name]:
            chosen = {id(p) for p in self.parameters[phase.name]}
            for p in self.objective.parameters():
                p.requires_grad_(id(p) in chosen)
            for module in self.frozen[phase.name]:
                module.eval()
        self.active = phase.name

    def rates(self) -> None:
        """Set every learning rate by the schedule."""
        if self.settings.schedule == "constant" and not self.settings.warmup:
            return
        done = (self.epoch + self.step / self.loader.steps) / max(self.settings.epochs, 1)
        factor = schedule_factor(self.settings.schedule, done, self.settings.warmup)
        for optimisers in self.optimisers.values():
            for optimiser in optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["base_lr"] * factor

    def update(self, batch: Batch, phase: Phase) -> None:
        """One update of one phase."""
        self.activate(phase)
        generator = torch.Generator().manual_seed(self.run.derive("noise", self.epoch, self.step, phase.name))
        parameters = self.parameters[phase.name]
        for optimiser in self.optimisers[phase.name]:
            optimiser.zero_grad(set_to_none=True)
        with self.precision():
            terms = self.objective.loss(batch, phase.name, Step(self.epoch, self.step, generator))
        if self.settings.balance is None:
            values = list(terms.values())
            total = values[0] if len(values) == 1 else torch.stack(values).sum()
            total.backward()
        else:
            self.settings.balance.backward(terms, parameters)
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(parameters, self.settings.clip)
        for optimiser in self.optimisers[phase.name]:
            optimiser.step()
        self.objective.after_step(phase.name)
        for name, value in terms.items():
            detached = value.detach()
            self.sums[name] = self.sums[name] + detached if name in self.sums else detached

    def precision(self) -> contextlib.AbstractContextManager[Any]:
        if self.run.dtype == "bfloat16":
            return torch.autocast(self.run.device.split(":")[0], torch.bfloat16)
        return contextlib.nullcontext()

    def batches(self) -> Iterator[Batch]:
        """All training rows in their own order, for ``refresh``."""
        return self.loader.epoch(None)

    def one_epoch(self, checkpoints: Checkpoints) -> None:
        """From the current step to the end of the epoch."""
        if self.step == 0:
            self.sums = {}
            self.active = None
            self.objective.refresh(self.batches)
        active = [p for p in self.phases if p.active(self.epoch)]
        for batch in self.loader.epoch(self.epoch, self.step):
            self.rates()
            for phase in active:
                if self.step % phase.every == 0:
                    for _ in range(phase.steps):
                        self.update(batch, phase)
            self.step += 1
            checkpoints.step(self)
        means = {name: float(total) / max(self.step, 1) for name, total in self.sums.items()}
        odd = [name for name, value in means.items() if value != value or abs(value) == float("inf")]
        if odd:
            raise DataError(
                f"the loss {odd[0]!r} is not finite in epoch {self.epoch + 1}; lower the learning rate, set clip=1.0, or look for extreme values with mcgurk describe",
                code="N02",
            )
        self.history.terms.append(means)

    def watch(self, valid: Loader) -> bool:
        """Look at the held-out rows; return whether to stop."""
        self.objective.eval()
        self.active = None
        generator = torch.Generator().manual_seed(self.run.derive("valid"))
        total, count = 0.0, 0
        with torch.no_grad(), self.precision():
            for batch in valid.epoch(None):
                total += float(self.objective.validate(batch, Step(self.epoch, 0, generator))) * len(batch)
                count += len(batch)
        value = total / max(count, 1)
        self.history.valid.append(value)
        if value < self.best - 1e-6 * abs(self.best if self.best != float("inf") else 0.0):
            self.best, self.waited = value, 0
            self.best_state = {k: v.detach().clone() for k, v in self.objective.state_dict().items()}
            self.history.best_epoch = self.epoch
        else:
            self.waited += 1
        return self.settings.patience is not None and self.waited >= self.settings.patience


def train(
    objective: Objective,
    loader: Loader,
    run: Run,
    settings: Settings,
    *,
    valid: Loader | None = None,
    columns: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    fingerprint: str = "",
) -> History:
    """Train ``objective`` in place and return what happened.

    With ``run.checkpoint`` the state is written at every epoch's end (and every minute within one); a run that was killed goes on from there to
    the same bits. ``fingerprint`` names configuration and data: a checkpoint of another refuses to resume.
    """
    started = time.perf_counter()
    loop = Loop(objective, loader, run, settings, columns)
    checkpoints = Checkpoints(run.checkpoint, fingerprint)
    checkpoints.resume(loop)
    work = 6.0 * sum(p.numel() for p in objective.parameters()) * loader.batch_size
    with run.threaded(work):
        remaining = range(loop.epoch, settings.epochs)
        for _ in run.track(remaining, len(remaining), "training"):
            if loop.settings.patience is not None and loop.waited >= loop.settings.patience:
                break
            loop.one_epoch(checkpoints)
            if valid is not None:
                loop.watch(valid)
            for callback in callbacks:
                callback.epoch_end(loop)
            loop.epoch, loop.step = loop.epoch + 1, 0
            checkpoints.epoch(loop)
    for p in objective.parameters():
        p.requires_grad_(True)
    if loop.best_state is not None:
        objective.load_state_dict(loop.best_state)
    objective.eval()
    loop.history.seconds = time.perf_counter() - started
    return loop.history


def _frozen(objective: nn.Module, names: set[str]) -> list[nn.Module]:
    """Modules none of whose parameters are in a phase; they stay in evaluation mode while it runs."""
    out = []
    for path, module in objective.named_modules():
        own = [f"{path}.{n}" if path else n for n, _ in module.named_parameters()]
        if own and not any(n in names for n in own):
            out.append(module)
    return out
