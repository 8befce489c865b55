"""What a multi-task network minimises: the loss of the batch's task, on a trunk that all tasks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.nn.batch import Batch, Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.masked import clean, pool
from mcgurk.nn.mlp import MLPHead, mlp
from mcgurk.train.objective import Step
from mcgurk.train.readout import Readout, class_weights
from mcgurk.train.stop_and_go import StopAndGo
from mcgurk.train.trunk import Trunk

TOKEN = "task token"


class SharedLayers(nn.Module):
    """Hidden layers on a fused Slot, pooled by the mean where it is a sequence."""

    def __init__(self, spec: SlotSpec, widths: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(dropout), *mlp((spec.width, *widths), dropout)) if widths else None
        self.out = SlotSpec((widths[-1],)) if widths else spec

    def forward(self, slot: Slot) -> Slot:
        if self.layers is None:
            return slot
        slot = pool(clean(slot))
        return slot.with_values(self.layers(slot.values.flatten(1)))


class TaskHead(Readout):
    """A head and what its scores mean; batches may hold rows that the task does not label."""

    def __init__(self, spec: SlotSpec, target: TargetSpec, hidden: tuple[int, ...], dropout: float, class_weight: Any) -> None:
        super().__init__()
        self.head = MLPHead(tuple(hidden), dropout)
        self.head.build(spec, target)
        self.read_out(target, class_weights(class_weight, target))

    def forward(self, slot: Slot) -> Tensor:
        return self.head(slot) + self.offset

    def cost(self, scores: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        """Mean loss of the labelled rows, 0 where there is none."""
        if self.target.task == "classes":
            return self._weighted(scores, y, weight)
        return self.loss_of(scores, Batch({}, y, weight))

    def gain(self, scores: Tensor, y: Tensor) -> float:
        """What stop-and-go watches, above 0 and larger is better: accuracy; for numbers ``1 / (2 - R²)``, which is
        ``1 / (1 + mean squared error / variance)``, with the variance of the training rows.
        """
        known = y >= 0 if self.target.task == "classes" else ~torch.isnan(y)
        if self.target.task == "classes":
            right = scores.argmax(dim=1) == y
        elif self.target.task == "multilabel":
            right = (scores > 0) == (y > 0.5)
        else:
            predicted = scores.exp() if self.target.task == "count" else self.in_units(scores)
            squares = torch.where(known, ((predicted - y) / self.scale) ** 2, torch.zeros_like(y))
            return float(1 / (1 + squares.sum() / known.sum().clamp(min=1)))
        return float((right & known).sum() / known.sum().clamp(min=1))


class TaskObjective(Trunk):
    """The objective of :class:`~mcgurk.fusion.multitask.MultiTask`: the loss of the batch's task."""

    def __init__(self, estimator: Any, prepared: Spec, fusion: Fusion, target: TargetSpec) -> None:
        if estimator.token and TOKEN in prepared:
            raise DataError(f"a column is called {TOKEN!r}, as the task's own vector is; rename the column, or set token=0")
        super().__init__(
            estimator.encoders_,
            prepared,
            fusion,
            modality_dropout=estimator.modality_dropout,
            further={TOKEN: SlotSpec((estimator.token,), fusion.wants == "sequence")} if estimator.token else None,
        )
        names = [name for name, _ in target.parts]
        hidden = by_task("hidden", estimator.hidden, names, ())
        class_weight = by_task("class_weight", estimator.class_weight, names, None)
        self.weights = by_task("weights", estimator.weights, names, 1.0)
        self.rates = by_task("rates", estimator.rates, names, 1.0)
        self.shared = SharedLayers(fusion.out, tuple(estimator.shared), estimator.dropout)
        self.heads = NamedModules(
            {name: TaskHead(self.shared.out, part, hidden[name], estimator.dropout, class_weight[name]) for name, part in target.parts}
        )
        self.tokens = nn.ParameterList([torch.randn(estimator.token) for _ in names] if estimator.token else [])
        self.control = StopAndGo(names) if estimator.stopping else None

    def rate(self, batch: Batch) -> float:
        """0 for a task that rests, else its factor."""
        task = str(batch.task)
        return self.rates[task] if self.control is None or self.control.trains(task, batch.turn) else 0.0

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        task, y = str(batch.task), batch.y
        assert y is not None
        batch = self.dropped(batch, step)
        return {task: self.weights[task] * self.heads[task].cost(self.scores(batch, task), y, batch.weight)}

    def scores(self, batch: Batch, task: str) -> Tensor:
        """(B, k) scores of one task."""
        return self.heads[task](self._fused(self.encode(batch), task))

    def outputs(self, batch: Batch) -> Tensor:
        """(B, sum k) scores of all tasks side by side, in their units."""
        slots, out = self.encode(batch), []
        fused = None if len(self.tokens) else self.shared(self.fusion(slots))
        for name, head in self.heads.table.items():
            out.append(head.in_units(head(self._fused(slots, name) if fused is None else fused)))
        return torch.cat(out, dim=1)

    def _fused(self, slots: dict[str, Slot], task: str) -> Slot:
        if len(self.tokens):
            values = self.tokens[self.heads.names().index(task)].expand(len(next(iter(slots.values())).present), -1)
            present = torch.ones(len(values), dtype=torch.bool, device=values.device)
            sequence = self.fusion.wants == "sequence"
            token = Slot(values[:, None], present, present[:, None], None, True) if sequence else Slot(values, present, full=True)
            slots = dict(sorted({**slots, TOKEN: token}.items()))
        return self.shared(self.fusion(slots))

    def held_out(self, batches: Callable[[], Iterable[Batch]], step: Step) -> float:
        """The mean of ``w_t L_t`` over all held-out labels: a task of few rows has a noisy loss, and few votes. The controller takes note
        of how good each task is.
        """
        found: dict[str, list[tuple[Tensor, ...]]] = {}
        for batch in batches():
            assert batch.task is not None and batch.y is not None
            weight = torch.ones(len(batch), device=batch.y.device) if batch.weight is None else batch.weight
            found.setdefault(batch.task, []).append((self.scores(batch, batch.task), batch.y, weight))
        total, count = 0.0, 0
        for task, parts in found.items():
            scores, y, weight = (torch.cat(block) for block in zip(*parts, strict=True))
            total += self.weights[task] * float(self.heads[task].cost(scores, y, weight)) * len(y)
            count += len(y)
            if self.control is not None:
                self.control.evaluated(task, self.heads[task].gain(scores, y))
        return total / max(count, 1)


def by_task(setting: str, given: Any, names: list[str], default: Any) -> dict[str, Any]:
    """A setting for each task: a dict from task, ``default`` for those it leaves out, or one value for all; None is the default.

    Raises:
        UnknownName: the dict names a task that is not there.
    """
    if not isinstance(given, Mapping):
        return dict.fromkeys(names, default if given is None else given)
    stray = [name for name in given if name not in names]
    if stray:
        raise UnknownName(f"{setting} names {stray[0]!r}, which is no task; tasks are {listing(names)}")
    return {name: given.get(name, default) for name in names}
