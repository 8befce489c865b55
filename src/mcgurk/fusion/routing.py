"""Sending every row to one of several experts: the gate, its training, and what it saves."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion.concat import Concat
from mcgurk.nn.batch import Batch, Slot, SlotSpec, flatten_steps
from mcgurk.nn.component import Fusion
from mcgurk.nn.look import Look, Seen, choices, keep, looking
from mcgurk.nn.macs import Counter
from mcgurk.nn.mlp import MLPHead, mlp
from mcgurk.results import Report
from mcgurk.train.objective import Phase, Step
from mcgurk.train.readout import LOSS_NAMES
from mcgurk.train.supervised import Supervised
from mcgurk.train.trunk import drop_modalities

SOURCE = "dynamic multimodal fusion; Xue, Marculescu 2023, CVPR MULA workshop"


def check_settings(settings: Any, spec: Spec, used: Iterable[str]) -> None:
    """Refuse a gate's settings that make no sense, and columns that are not there."""
    if settings.weight < 0 or min(temperatures(settings.tau)) <= 0 or not (0 <= settings.pretrain < 1 and 0 <= settings.ramp <= 1):
        raise DataError(
            f"weight={settings.weight}, tau={settings.tau}, pretrain={settings.pretrain}, ramp={settings.ramp}; expected a weight >= 0, "
            "temperatures above 0, pretrain from 0 to below 1 and ramp from 0 to 1"
        )
    unknown = [column for column in (*used, *(settings.gate or ()), *(settings.costs or ())) if column not in spec]
    if unknown:
        raise UnknownName(f"DynMM names {unknown[0]!r}, which is no column; there are {listing(spec)}")


def temperatures(tau: float | tuple[float, float]) -> tuple[float, float]:
    """(first, last)."""
    return (float(tau[0]), float(tau[1])) if isinstance(tau, (tuple, list)) else (float(tau), float(tau))


def savings(model: Any, X: Any) -> Report:
    """Which expert answers how many rows of X, and the operations this saves against sending all rows to "all".

    Operations are multiply-accumulates (:mod:`mcgurk.nn.macs`), counted while the model runs, gate included; what ``costs`` says is
    added once for every column a row needs.

    Returns:
        table: expert, share of rows with its interval (95 %, normal), operations a row. scalars: operations a row, of "all", and the
        share saved with its interval.
    """
    import pandas as pd

    from mcgurk.run import versions

    objective = model.objective_
    chosen: list[Tensor] = []

    def run(objective: RoutingObjective, batch: Batch) -> Tensor:
        routed = objective.route(batch)
        chosen.append(routed.choice)
        return routed.scores

    dataset = model._read(X)
    with Counter() as counter:
        model._forward(dataset, run)
    choice = torch.cat(chosen)
    n, keys = len(choice), objective.keys
    prepared = torch.tensor([objective.prepared_cost({*objective.gate_columns, *objective.columns[k]}) for k in keys])
    own = objective.operations.double().cpu() - torch.tensor([objective.prepared_cost(objective.columns[k]) for k in keys])
    full = float(objective.operations[-1])
    answered = choice[choice >= 0]
    measured = counter.macs / n + float(prepared[answered].sum()) / n
    per_row = (own + prepared)[answered].numpy()
    half = 1.96 * float(per_row.std(ddof=1)) / math.sqrt(len(per_row)) / full if len(per_row) > 1 else math.nan
    shares = np.array([float((choice == k).double().mean()) for k in range(len(keys))])
    errors = 1.96 * np.sqrt(shares * (1 - shares) / n)
    table = pd.DataFrame(
        {
            "expert": keys,
            "share": shares,
            "low": (shares - errors).clip(0),
            "high": (shares + errors).clip(None, 1),
            "operations": own + prepared,
        }
    )
    saved = 1 - measured / full
    scalars = {"operations": measured, "operations of all": full, "saved": saved, "saved low": saved - half, "saved high": saved + half}
    return Report(table, scalars, {"rows": n}, None, SOURCE, versions())


def straight_through(logits: Tensor, feasible: Tensor, tau: float = 1.0, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
    """(one-hot argmax whose gradient is the softmax's, softmax), both (B, K); 0 for what is not feasible.

    With a generator Gumbel noise is added to the logits, so that the argmax is a sample.
    """
    if generator is not None:
        uniform = torch.rand(logits.shape, generator=generator, dtype=torch.float64, device=generator.device).to(logits.device)
        logits = logits - torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-12))).to(logits.dtype)
    low = torch.finfo(logits.dtype).min
    masked = torch.where(feasible, logits / tau, torch.full_like(logits, low))
    soft = torch.where(feasible, torch.softmax(masked, dim=1), torch.zeros_like(logits))
    hard = torch.where(feasible, nn.functional.one_hot(masked.argmax(dim=1), logits.shape[1]).to(logits.dtype), torch.zeros_like(logits))
    return hard + (soft - soft.detach()), soft


@dataclass
class Routed:
    """(B, k) scores, and (B,) the expert that gave them, -1 where none could."""

    scores: Tensor
    choice: Tensor


class RoutingObjective(Supervised):
    """Experts that learn the task, then a gate that learns which of them answers a row, at a price on operations.

    Subclasses give the experts: :meth:`expert`. Rows are grouped by their expert, which runs once, on its own rows.

    Args:
        estimator, prepared, target: as for every recipe.
        settings: the recipe's parameters gate, gate_hidden, weight, noise, tau, pretrain, tune, ramp and costs.
        fusion: the layer of the most expensive expert.
        columns: expert -> the columns it reads; the most expensive one is the last.
    """

    learners: ClassVar[str] = "encoders.* fusion.* head.*"
    """Parameters that learn while the experts do."""

    operations: Tensor

    def __init__(
        self, estimator: Any, prepared: Spec, target: TargetSpec, settings: Any, fusion: Fusion, columns: Mapping[str, tuple[str, ...]]
    ) -> None:
        super().__init__(
            estimator.encoders_,
            prepared,
            fusion,
            MLPHead(tuple(estimator.hidden), estimator.dropout),
            target,
            **estimator.trained_with(target),
        )
        self.columns = dict(columns)
        self.keys = list(self.columns)
        self.gate_columns = tuple(sorted(settings.gate)) if settings.gate is not None else self.encoders.names()
        self.join = Concat()
        self.join.build({c: SlotSpec(self.encoders[c].out.item) for c in self.gate_columns})
        self.gate = mlp((self.join.out.width, *settings.gate_hidden, len(self.keys)), last=True)
        nn.init.zeros_(self.gate[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.gate[-1].bias)  # type: ignore[arg-type]
        self.register_buffer("operations", torch.zeros(len(self.keys)))
        self.settings = settings
        self.epochs = estimator.epochs
        self.first = round(settings.pretrain * estimator.epochs)

    @abstractmethod
    def expert(self, key: str, slots: Mapping[str, Slot]) -> Tensor:
        """(B, k) scores of one expert."""

    def layers(self) -> list[Fusion]:
        """The fusion layers of all experts."""
        return [self.fusion]

    @property
    def windowed(self) -> bool:
        return bool(self.context) and any(layer.wants == "sequence" for layer in self.layers())

    def phases(self) -> tuple[Phase, ...]:
        gate = Phase("gate", "*" if self.settings.tune or not self.first else "gate.*", epochs=(self.first, None))
        return (Phase("experts", self.learners, epochs=(0, self.first)), gate) if self.first else (gate,)

    def prepared_cost(self, columns: Iterable[str]) -> float:
        """Operations a row spent before the network on these columns."""
        return sum(float((self.settings.costs or {}).get(column, 0.0)) for column in columns)

    def encode(self, batch: Batch) -> dict[str, Slot]:
        """Encoded Slots, neither pooled nor lengthened: experts may want one or the other; windows if one of them wants those."""
        slots = {}
        for name, slot in batch.slots.items():
            slots[name] = self.encoders[name](self.scaling[name](slot) if name in self.scaling else slot)
        if batch.lengths is None:
            return slots
        return self.context.windows(slots, batch.lengths) if self.windowed else flatten_steps(slots, batch.lengths)

    def logits(self, slots: Mapping[str, Slot]) -> Tensor:
        """(B, K) of the gate."""
        return self.gate(self.join({c: self.vector(c, slots[c]) for c in self.gate_columns}).values)

    def feasible(self, slots: Mapping[str, Slot]) -> Tensor:
        """(B, K) bool: whether the row has all that the expert needs."""
        here = {c: self.vector(c, slot).present if self.windowed else slot.present for c, slot in slots.items()}
        return torch.stack([torch.stack([here[c] for c in self.columns[k]]).all(dim=0) for k in self.keys], dim=1)

    def route(self, batch: Batch) -> Routed:
        """The gate's choice for every row, every expert run once at most, on its own rows and on the columns it needs."""
        early = self.encoders.names() if batch.lengths is not None else self.gate_columns
        known = self.encode(Batch({c: batch.slots[c] for c in early}, lengths=batch.lengths))
        feasible = self.feasible(known if batch.lengths is not None else batch.slots)
        logits = self.logits(known)
        choice = torch.where(feasible, logits, torch.full_like(logits, torch.finfo(logits.dtype).min)).argmax(dim=1)
        choice = torch.where(feasible.any(dim=1), choice, torch.full_like(choice, -1))
        if looking():
            keep(self, straight_through(logits, feasible)[1])
        scores = self.offset.expand(len(choice), -1).to(logits.dtype).clone()
        for k, key in enumerate(self.keys):
            rows = (choice == k).nonzero()[:, 0]
            if len(rows):
                fresh = {c: taken(batch.slots[c], rows) for c in self.columns[key] if c not in known}
                slots = {c: taken(known[c], rows) for c in self.columns[key] if c in known} | self.encode(Batch(fresh))
                scores[rows] = self.expert(key, slots)
        return Routed(scores, choice)

    def scores(self, batch: Batch) -> Tensor:
        return self.route(batch).scores

    def looks(self, batch: Batch, seen: Seen) -> list[Look]:
        """How probable the gate finds each expert; the most probable one answers alone."""
        return choices(self.keys, seen[self][0])

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        if self.modality_dropout and self.training:
            batch = batch.with_slots(drop_modalities(batch.slots, self.modality_dropout, step.generator))
        slots = self.encode(batch)
        feasible = self.feasible(slots)
        decisions = {key: self.expert(key, slots) for key in self.keys}
        if phase == "experts":
            return {f"expert {key}": self.loss_where(scores, batch, feasible[:, k]) for k, (key, scores) in enumerate(decisions.items())}
        done = (step.epoch - self.first) / max(self.epochs - self.first, 1)
        start, end = temperatures(self.settings.tau)
        gates, _ = straight_through(
            self.logits(slots), feasible, start * (end / start) ** min(max(done, 0.0), 1.0), step.generator if self.settings.noise else None
        )
        stacked = torch.stack(list(decisions.values()), dim=1)
        stacked = torch.where(feasible[:, :, None], stacked, torch.zeros_like(stacked))
        scores = torch.where(feasible.any(dim=1, keepdim=True), (gates[:, :, None] * stacked).sum(dim=1), self.offset.to(stacked.dtype))
        rise = min(1.0, done / self.settings.ramp) if self.settings.ramp else 1.0
        cost = self.settings.weight * rise * (gates.mean(dim=0) @ self.relative.to(gates.dtype))
        return {LOSS_NAMES[self.target.task or ""]: self.loss_of(scores, batch), "cost": cost}

    @property
    def relative(self) -> Tensor:
        """(K,) operations of every expert over the largest."""
        return self.operations / self.operations.max().clamp(min=1e-12)

    def refresh(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Once: count every expert's operations on the first batch."""
        if bool(self.operations.any()):
            return
        batch = next(iter(batches()))
        for k, key in enumerate(self.keys):
            with Counter() as counter:
                self.expert(key, self.encode(Batch({c: batch.slots[c] for c in self.columns[key]}, lengths=batch.lengths)))
            self.operations[k] = counter.macs / len(batch) + self.prepared_cost(self.columns[key])

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """Loss and cost as they are in prediction; before the gate is trained a large number that falls, so that nothing stops early."""
        if step.epoch < self.first:
            return torch.tensor(1e6 * (1 - 1e-4 * min(step.epoch, 9000)))
        routed = self.route(batch)
        cost = self.relative[routed.choice.clamp(min=0)].mean()
        return self.loss_of(routed.scores, batch) + self.settings.weight * cost


def taken(slot: Slot, rows: Tensor) -> Slot:
    """Some rows of a Slot."""
    mask, times = (None if part is None else part[rows] for part in (slot.mask, slot.times))
    return Slot(slot.values[rows], slot.present[rows], mask, times, slot.full)
