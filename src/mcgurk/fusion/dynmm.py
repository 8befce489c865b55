"""DynMM: a gate sends every row to one expert, so that easy rows are answered cheaply."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mcgurk import registry
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion.concat import Concat
from mcgurk.fusion.recipe import Recipe
from mcgurk.nn.batch import Batch, Slot, SlotSpec, flatten_steps
from mcgurk.nn.component import NamedModules
from mcgurk.nn.masked import as_sequence
from mcgurk.nn.mlp import MLPHead, mlp
from mcgurk.results import Report
from mcgurk.train.objective import Objective, Phase, Step
from mcgurk.train.supervised import LOSS_NAMES, Supervised, drop_modalities

ALL = "all"
SOURCE = "dynamic multimodal fusion; Xue, Marculescu 2023, CVPR MULA workshop"


class DynMM(Recipe):
    """``y = sum_k g_k E_k(x)`` with one expert k a row: g is the one-hot argmax of a gate's logits.

    First the experts are trained on the task, each on rows that have its modalities. Then the gate is, through a straight-through
    softmax with Gumbel noise, on ``L_task + lambda sum_k mean(g_k) C_k``, C_k an expert's operations over the most expensive one's. The
    gate starts uniform, and lambda rises slowly, so that it does not collapse. In prediction rows are grouped by expert, and an expert
    runs once, on its own rows. Experts that need an absent modality cannot be chosen.

    Not for: rows that are all equally hard, or features whose cost lies before the network unless ``costs`` says so.

    Args:
        fusion: the layer of the expert of all modalities, called "all".
        experts: name -> dict with "columns" and optionally "fusion" and "hidden"; default: every single modality. "all" is always there.
        gate: columns the gate reads; name cheap ones where encoders cost. Default: all.
        gate_hidden: widths of the gate's hidden layers.
        weight: lambda.
        noise: Gumbel noise in the gate while it is trained; False is a plain softmax, as in the released code.
        tau: temperature of the softmax, or (first, last), falling exponentially.
        pretrain: share of the epochs that trains experts.
        tune: whether experts go on learning with the gate.
        ramp: share of the gate's epochs in which lambda rises from 0.
        costs: column -> operations a row spent on it before the network (a frozen encoder, a sensor).

    Shapes: M Slots (B, d_m) or (B, T_m, d_m) -> scores (B, k).

    Raises:
        DataError: lambda below 0, a temperature not above 0, shares outside 0 to 1, an expert without columns.
        UnknownName: a column that is not there.

    Source: Xue, Marculescu 2023, Dynamic multimodal fusion, CVPR workshop on multimodal learning and applications, section 3; normalising
        costs by the largest is ours.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> from mcgurk.fusion import DynMM
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(64, 2)), "b": rng.normal(size=(64, 2))}
        >>> model = FusionClassifier(DynMM(weight=1.0), epochs=4).fit(X, X["a"][:, 0] > 0)
        >>> DynMM.savings(model, X).table.expert.tolist()
        ['a', 'b', 'all']
    """

    trains: ClassVar[bool] = True

    def __init__(
        self,
        fusion: Any = "concat",
        *,
        experts: Mapping[str, Mapping[str, Any]] | None = None,
        gate: Sequence[str] | None = None,
        gate_hidden: tuple[int, ...] = (64,),
        weight: float = 0.1,
        noise: bool = True,
        tau: float | tuple[float, float] = 1.0,
        pretrain: float = 0.5,
        tune: bool = True,
        ramp: float = 0.3,
        costs: Mapping[str, float] | None = None,
    ) -> None:
        self.fusion = fusion
        self.experts = experts
        self.gate = gate
        self.gate_hidden = gate_hidden
        self.weight = weight
        self.noise = noise
        self.tau = tau
        self.pretrain = pretrain
        self.tune = tune
        self.ramp = ramp
        self.costs = costs

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Objective:
        temperatures = self.temperatures
        if self.weight < 0 or min(temperatures) <= 0 or not (0 <= self.pretrain < 1 and 0 <= self.ramp <= 1):
            raise DataError(
                f"weight={self.weight}, tau={self.tau}, pretrain={self.pretrain}, ramp={self.ramp}; expected a weight >= 0, "
                "temperatures above 0, pretrain from 0 to below 1 and ramp from 0 to 1"
            )
        experts = self._experts(spec)
        used = [*(c for e in experts.values() for c in e["columns"]), *(self.gate or ()), *(self.costs or ())]
        unknown = [column for column in used if column not in spec]
        if unknown:
            raise UnknownName(f"DynMM names {unknown[0]!r}, which is no column; there are {listing(spec)}")
        return DynMMObjective(estimator, spec, target, self, experts)

    @property
    def temperatures(self) -> tuple[float, float]:
        return (float(self.tau[0]), float(self.tau[1])) if isinstance(self.tau, (tuple, list)) else (float(self.tau), float(self.tau))

    def _experts(self, spec: Spec) -> dict[str, dict[str, Any]]:
        given = self.experts if self.experts is not None else {name: {"columns": (name,)} for name in (spec if len(spec) > 1 else ())}
        if ALL in given or any(not expert.get("columns") for expert in given.values()):
            raise DataError(
                f"experts are {listing(given)}; each needs columns, and {ALL!r} is the one of all columns, which is always there"
            )
        return {name: {"fusion": "concat", "hidden": None, **expert} for name, expert in given.items()}

    @staticmethod
    def savings(model: Any, X: Any) -> Report:
        """Which expert answers how many rows of X, and the operations this saves against sending all rows to "all".

        Operations are counted while the model runs, gate included; what ``costs`` says is added once for every column a row needs.

        Returns:
            table: expert, share of rows with its interval (95 %, normal), operations a row. scalars: operations a row, of "all", and the
            share saved with its interval.
        """
        import pandas as pd

        from mcgurk.run import versions

        objective = model.objective_
        chosen: list[Tensor] = []

        def run(objective: DynMMObjective, batch: Batch) -> Tensor:
            routed = objective.route(batch)
            chosen.append(routed.choice)
            return routed.scores

        dataset = model._read(X)
        with FlopCounterMode(display=False) as counter:
            model._forward(dataset, run)
        choice = torch.cat(chosen)
        n, keys = len(choice), objective.keys
        prepared = torch.tensor([objective.prepared_cost({*objective.gate_columns, *objective.columns[k]}) for k in keys])
        own = objective.operations.double().cpu() - torch.tensor([objective.prepared_cost(objective.columns[k]) for k in keys])
        full = float(objective.operations[-1])
        answered = choice[choice >= 0]
        measured = counter.get_total_flops() / n + float(prepared[answered].sum()) / n
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


class DynMMObjective(Supervised):
    """The objective of :class:`DynMM`; its own fusion layer and head are the expert "all"."""

    operations: Tensor

    def __init__(self, estimator: Any, prepared: Spec, target: TargetSpec, recipe: DynMM, experts: Mapping[str, Mapping[str, Any]]) -> None:
        from mcgurk.fusion.estimators import class_weights

        super().__init__(
            estimator.encoders_,
            prepared,
            registry.make("fusion", recipe.fusion),
            MLPHead(tuple(estimator.hidden), estimator.dropout),
            target,
            modality_dropout=estimator.modality_dropout,
            class_weight=class_weights(estimator.class_weight, target),
            context=estimator.context,
        )
        self.columns = {**{name: tuple(expert["columns"]) for name, expert in experts.items()}, ALL: self.encoders.names()}
        self.keys = list(self.columns)
        self.gate_columns = tuple(sorted(recipe.gate)) if recipe.gate is not None else self.encoders.names()
        own: dict[str, nn.Module] = {}
        for name, expert in experts.items():
            hidden = estimator.hidden if expert["hidden"] is None else expert["hidden"]
            own[name] = self._expert(registry.make("fusion", expert["fusion"]), tuple(sorted(expert["columns"])), hidden, estimator.dropout)
        self.experts = NamedModules(own)
        self.join = Concat()
        self.join.build({c: SlotSpec(self.encoders[c].out.item) for c in self.gate_columns})
        self.gate = mlp((self.join.out.width, *recipe.gate_hidden, len(self.keys)), last=True)
        nn.init.zeros_(self.gate[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.gate[-1].bias)  # type: ignore[arg-type]
        self.register_buffer("operations", torch.zeros(len(self.keys)))
        self.recipe = recipe
        self.epochs = estimator.epochs
        self.first = round(recipe.pretrain * estimator.epochs)

    def _expert(self, fusion: Any, columns: tuple[str, ...], hidden: Sequence[int], dropout: float) -> nn.ModuleDict:
        fusion.build({c: self._adapted(self.encoders[c].out, fusion) for c in columns})
        head = MLPHead(tuple(hidden), dropout)
        head.build(fusion.out, self.target)
        return nn.ModuleDict({"fusion": fusion, "head": head})

    def phases(self) -> tuple[Phase, ...]:
        gate = Phase("gate", "*" if self.recipe.tune or not self.first else "gate.*", epochs=(self.first, None))
        return (Phase("experts", "encoders.* fusion.* head.* experts.*", epochs=(0, self.first)), gate) if self.first else (gate,)

    def prepared_cost(self, columns: Iterable[str]) -> float:
        """Operations a row spent before the network on these columns."""
        return sum(float((self.recipe.costs or {}).get(column, 0.0)) for column in columns)

    def encode(self, batch: Batch) -> dict[str, Slot]:
        """Encoded Slots, neither pooled nor lengthened: experts may want one or the other; windows if one of them wants those."""
        slots = {}
        for name, slot in batch.slots.items():
            slots[name] = self.encoders[name](self.scaling[name](slot) if name in self.scaling else slot)
        if batch.lengths is None:
            return slots
        return self.context.windows(slots, batch.lengths) if self.windowed else flatten_steps(slots, batch.lengths)

    @property
    def windowed(self) -> bool:
        layers = [self.fusion, *(expert["fusion"] for expert in self.experts.table.values())]
        return bool(self.context) and any(layer.wants == "sequence" for layer in layers)

    def expert(self, key: str, slots: Mapping[str, Slot]) -> Tensor:
        """(B, k) scores of one expert."""
        fusion, head = (self.fusion, self.head) if key == ALL else self.experts[key].values()
        columns = sorted(self.columns[key])
        lengthen = fusion.wants == "sequence"
        return head(fusion({c: as_sequence(slots[c]) if lengthen else self.vector(c, slots[c]) for c in columns})) + self.offset

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

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        if self.modality_dropout and self.training:
            batch = batch.with_slots(drop_modalities(batch.slots, self.modality_dropout, step.generator))
        slots = self.encode(batch)
        feasible = self.feasible(slots)
        decisions = {key: self.expert(key, slots) for key in self.keys}
        if phase == "experts":
            return {f"expert {key}": self._loss_where(scores, batch, feasible[:, k]) for k, (key, scores) in enumerate(decisions.items())}
        done = (step.epoch - self.first) / max(self.epochs - self.first, 1)
        start, end = self.recipe.temperatures
        gates, _ = straight_through(
            self.logits(slots), feasible, start * (end / start) ** min(max(done, 0.0), 1.0), step.generator if self.recipe.noise else None
        )
        stacked = torch.stack(list(decisions.values()), dim=1)
        stacked = torch.where(feasible[:, :, None], stacked, torch.zeros_like(stacked))
        scores = torch.where(feasible.any(dim=1, keepdim=True), (gates[:, :, None] * stacked).sum(dim=1), self.offset.to(stacked.dtype))
        rise = min(1.0, done / self.recipe.ramp) if self.recipe.ramp else 1.0
        cost = self.recipe.weight * rise * (gates.mean(dim=0) @ self.relative.to(gates.dtype))
        return {LOSS_NAMES[self.target.task or ""]: self.loss_of(scores, batch), "cost": cost}

    @property
    def relative(self) -> Tensor:
        """(K,) operations of every expert over the largest."""
        return self.operations / self.operations.max().clamp(min=1e-12)

    def _loss_where(self, scores: Tensor, batch: Batch, rows: Tensor) -> Tensor:
        y, weight = batch.y, batch.weight
        assert y is not None
        if self.target.task != "classes":
            return self.loss_of(
                scores, Batch(batch.slots, torch.where(rows[:, None], y, torch.full_like(y, math.nan)), weight, None, batch.lengths)
            )
        if weight is not None and batch.lengths is not None:
            weight = torch.repeat_interleave(weight, batch.lengths)
        return self._weighted(scores, torch.where(rows, y, torch.full_like(y, -1)), weight)

    def refresh(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Once: count every expert's operations on the first batch."""
        if bool(self.operations.any()):
            return
        batch = next(iter(batches()))
        for k, key in enumerate(self.keys):
            with FlopCounterMode(display=False) as counter:
                self.expert(key, self.encode(Batch({c: batch.slots[c] for c in self.columns[key]}, lengths=batch.lengths)))
            self.operations[k] = counter.get_total_flops() / len(batch) + self.prepared_cost(self.columns[key])

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """Loss and cost as they are in prediction; before the gate is trained a large number that falls, so that nothing stops early."""
        if step.epoch < self.first:
            return torch.tensor(1e6 * (1 - 1e-4 * min(step.epoch, 9000)))
        routed = self.route(batch)
        cost = self.relative[routed.choice.clamp(min=0)].mean()
        return self.loss_of(routed.scores, batch) + self.recipe.weight * cost


def taken(slot: Slot, rows: Tensor) -> Slot:
    """Some rows of a Slot."""
    mask, times = (None if part is None else part[rows] for part in (slot.mask, slot.times))
    return Slot(slot.values[rows], slot.present[rows], mask, times, slot.full)
