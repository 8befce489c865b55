"""The one training loop: supervised, contrastive, adversarial, alternating, contrastive-divergence, pre-train-then-tune."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor, nn

from mcgurk.errors import DataError, listing
from mcgurk.files import atomic_write
from mcgurk.nn.batch import Batch
from mcgurk.run import Run
from mcgurk.train.adam import Adam, AdamW
from mcgurk.train.balance import Balance
from mcgurk.train.callbacks import Callback, watchers
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
        checkpoint_every: seconds between two checkpoints, where there is a folder for them.
    """

    epochs: int = 50
    optim: Any = ("adamw", 1e-3)
    schedule: Any = "constant"
    warmup: float = 0.0
    clip: float | None = None
    patience: int | None = None
    balance: Balance | None = None
    checkpoint_every: float = 30.0


@dataclass
class Turn:
    """A phase with what belongs to it: its parameters, their optimisers, and the modules it leaves alone."""

    phase: Phase
    parameters: list[nn.Parameter]
    optimisers: list[torch.optim.Optimizer]
    frozen: list[nn.Module]

    def __post_init__(self) -> None:
        self.advance = [o.advance if isinstance(o, (Adam, AdamW)) else o.step for o in self.optimisers]


class Loop:
    """State and steps of one training run; :func:`train` drives it."""

    def __init__(self, objective: Objective, loader: Loader, run: Run, settings: Settings, columns: Sequence[str]) -> None:
        self.objective, self.loader, self.run, self.settings = objective, loader, run, settings
        self.trainable = {name: p for name, p in objective.named_parameters() if p.requires_grad}
        phases = objective.phases()
        self.turns = []
        for phase, names in zip(phases, phase_parameters(self.trainable, phases, columns), strict=True):
            optimisers, left = make_optimisers(
                objective, names, settings.optim, lr_scale=phase.lr_scale, rates=phase.rates, columns=columns
            )
            chosen = [name for name in names if name not in left]
            self.turns.append(Turn(phase, [self.trainable[n] for n in chosen], optimisers, untouched(objective, set(chosen))))
        self.optimisers = [optimiser for turn in self.turns for optimiser in turn.optimisers]
        self.valid: Loader | None = None
        self.epoch = self.step = self.waited = 0
        self.factor = math.nan  # not known yet, nor after a resumption: the first batch sets the rates
        self.best = math.inf
        self.best_state: dict[str, Tensor] | None = None
        self.history = History()
        self.sums: dict[str, list[float]] = {}
        self.active: Turn | None = None
        self.precision: contextlib.AbstractContextManager[Any] = contextlib.nullcontext()
        if run.dtype == "bfloat16":
            self.precision = torch.autocast(run.device.split(":")[0], torch.bfloat16)

    @property
    def on_cuda(self) -> bool:
        return self.run.device.startswith("cuda")

    def activate(self, turn: Turn) -> None:
        """Only the phase's parameters take gradients; parts it leaves alone run in evaluation mode."""
        self.active = turn
        self.objective.train()
        chosen = {id(p) for p in turn.parameters}
        for p in self.trainable.values():
            p.requires_grad_(id(p) in chosen)
        for module in turn.frozen:
            module.eval()

    def rates(self, factor: float) -> None:
        """Set every learning rate by the schedule, times the objective's factor for this batch."""
        self.factor = factor
        done = (self.epoch + self.step / self.loader.steps) / max(self.settings.epochs, 1)
        factor *= schedule_factor(self.settings.schedule, done, self.settings.warmup)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base_lr"] * factor

    def update(self, batch: Batch, turn: Turn) -> None:
        """One update of one phase."""
        if self.active is not turn:
            self.activate(turn)
        name = turn.phase.name
        for p in turn.parameters:
            p.grad = None
        with self.precision:
            terms = self.objective.loss(batch, name, Step(self.epoch, self.step, lambda: self.noise(name)))
        self.count({key: value.item() for key, value in terms.items()}, batch, name)
        if self.settings.balance is None:
            values = list(terms.values())
            total = values[0] if len(values) == 1 else torch.stack(values).sum()
            torch.autograd.backward(total)
        else:
            self.settings.balance.backward(terms, turn.parameters)
        if self.settings.clip is not None:
            nn.utils.clip_grad_norm_(turn.parameters, self.settings.clip)
        for advance in turn.advance:
            advance()
        self.objective.after_step(name)

    def noise(self, phase: str) -> Generator:
        """The generator of this step and phase."""
        return Generator().manual_seed(self.run.derive("noise", self.epoch, self.step, phase))

    def count(self, values: Mapping[str, float], batch: Batch, phase: str) -> None:
        """Add the terms to the epoch's sums; a term that is not finite ends training before it reaches a parameter."""
        for name, value in values.items():
            if not math.isfinite(value):
                raise self.diverged(name, value, batch, phase)
            total = self.sums.setdefault(name, [0.0, 0])
            total[0] += value
            total[1] += 1

    def diverged(self, name: str, value: float, batch: Batch, phase: str) -> DataError:
        """The error that names the rows of the first bad step; with a checkpoint folder they are kept there as well."""
        rows = [] if batch.rows is None else self.loader.numbers[batch.rows.cpu().numpy()].tolist()
        if self.run.checkpoint is not None:
            place = {"epoch": self.epoch, "step": self.step, "phase": phase, "term": name, "value": repr(value), "rows": rows}
            atomic_write(self.run.checkpoint / "not-finite.json", json.dumps(place))
        return DataError(
            f"the loss {name!r} is {value} in epoch {self.epoch + 1}, batch {self.step + 1}, on rows {listing(rows, 12)}; "
            "lower the learning rate, set clip=1.0, or look for extreme values in these rows",
            code="N04",
        )

    def batches(self) -> Iterator[Batch]:
        """All training rows in their own order, for ``refresh``."""
        return self.loader.epoch(None)

    def one_epoch(self, checkpoints: Checkpoints) -> None:
        """From the current step to the end of the epoch."""
        if self.step == 0:
            self.sums = {}
            self.objective.eval()
            with torch.no_grad():
                self.objective.refresh(self.batches)
        self.active = None
        turns = [turn for turn in self.turns if turn.phase.active(self.epoch)]
        scheduled = self.settings.schedule != "constant" or self.settings.warmup > 0
        for batch in self.loader.epoch(self.epoch, self.step):
            factor = self.objective.rate(batch)
            if factor and (scheduled or factor != self.factor):
                self.rates(factor)
            for turn in turns if factor else ():
                if self.step % turn.phase.every == 0:
                    for _ in range(turn.phase.steps):
                        self.update(batch, turn)
            self.step += 1
            if self.step < self.loader.steps:
                checkpoints.due(self)
        self.history.terms.append({name: total / count for name, (total, count) in self.sums.items()})

    def watch(self, valid: Loader) -> None:
        """Look at the held-out rows and keep the parameters if they are the best so far."""
        self.objective.eval()
        step = Step(self.epoch, 0, Generator().manual_seed(self.run.derive("valid")))
        with torch.no_grad(), self.precision:
            value = self.objective.held_out(lambda: valid.epoch(None), step)
        self.history.valid.append(value)
        if value < self.best - (1e-6 * abs(self.best) if math.isfinite(self.best) else 0.0):
            self.best, self.waited = value, 0
            self.best_state = {k: v.detach().clone() for k, v in self.objective.state_dict().items()}
            self.history.best_epoch = self.epoch
        else:
            self.waited += 1

    @property
    def finished(self) -> bool:
        """All epochs are done, or the held-out rows have not improved for as long as patience lasts."""
        patience = self.settings.patience
        return self.epoch >= self.settings.epochs or (patience is not None and self.waited >= patience)


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

    With ``run.checkpoint`` the state is written every ``settings.checkpoint_every`` seconds and at the end; a run that was killed goes on
    from there to the same bits, and one that had finished trains no further. ``fingerprint`` names configuration and data: a checkpoint of
    another refuses to resume.

    Raises:
        DataError: S01, no rows; T90, a parameter in no phase; N04, a loss that is not finite, with the rows of that step.
        StoreError: K05, the checkpoint belongs to another configuration or other data.
    """
    if len(loader) == 0:
        raise DataError("there is no row to train on; give labelled rows that are not all held out", code="S01")
    started = time.perf_counter()
    loop = Loop(objective, loader, run, settings, columns)
    loop.valid = valid
    checkpoints = Checkpoints(run.checkpoint, fingerprint, settings.checkpoint_every)
    work = 6.0 * sum(p.numel() for p in objective.parameters()) * loader.batch_size * loader.places
    with run.threaded(work):
        checkpoints.resume(loop)
        remaining = range(loop.epoch, settings.epochs)
        for _ in run.track(remaining, len(remaining), "training"):
            if loop.finished:
                break
            loop.one_epoch(checkpoints)
            if valid is not None:
                loop.watch(valid)
            for callback in (*callbacks, *watchers()):
                callback.epoch_end(loop)
            loop.epoch, loop.step = loop.epoch + 1, 0
            if loop.finished:
                checkpoints.write(loop)
            else:
                checkpoints.due(loop)
    for p in loop.trainable.values():
        p.requires_grad_(True)
        p.grad = None
    if loop.best_state is not None:
        objective.load_state_dict(loop.best_state)
    objective.eval()
    loop.history.seconds = time.perf_counter() - started
    return loop.history


def untouched(objective: nn.Module, names: set[str]) -> list[nn.Module]:
    """Modules with parameters, none of which is among ``names``; they stay in evaluation mode, so that their statistics do not move."""
    out = []
    for path, module in objective.named_modules():
        own = [f"{path}.{n}" if path else n for n, _ in module.named_parameters()]
        if own and not any(n in names for n in own):
            out.append(module)
    return out
