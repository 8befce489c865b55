"""Pretrain each branch, assemble, train the head, unfreeze from the top, fine-tune all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mcgurk import registry
from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.recipe import Recipe
from mcgurk.nn.batch import Batch, Slot, SlotSpec
from mcgurk.nn.component import Encoder, NamedModules
from mcgurk.nn.masked import clean
from mcgurk.nn.mlp import MLPHead
from mcgurk.train.objective import Objective, Phase, Step
from mcgurk.train.supervised import Supervised

DECAY = 2.6
HEAD = "fusion.* head.*"
PRETRAIN = "pretrain"


class Staged(Recipe):
    """Stages: (1) each branch learns the task alone; (2) branches frozen, the fusion layer and head learn; (3) one more layer of every
    branch is unfrozen at a time, from the top, at ``lr / 2.6^(depth below the head)``; (4) everything at ``tune`` times the rate.

    A branch is an encoder with ``depth`` layers on top. Every stage starts optimisers of its own: a second-moment estimate of another
    stage says nothing about this one, and the first steps of Adam are large where it is unreliable. Frozen parts run in evaluation mode.
    Head before body keeps a random head from distorting what the branches have learned.

    Not for: small tables, where joint training from scratch does as well in a fifth of the epochs.

    Args:
        fusion: the layer: a name, ``(name, {params})`` or an object.
        width, depth: of the layers on top of every encoder.
        shares: of the estimator's epochs for stages 1 to 3; stage 4 gets the rest. 0 leaves a stage out: (0, 0.5, 0) is "head, then all".
        tune: factor on the learning rate in stage 4.
        plateau: end a stage before its share after so many epochs in which its training loss fell by less than 1 in 1000.
        stages: instead of 1 to 4, a list of dicts with "name", "params" (globs), "share", and optionally "lr" (factor) and "rates" (globs
            and factors). The stage called "pretrain" minimises the branches' own losses, all others that of the whole.

    Optimisers by branch are the estimator's: ``optim={"photo": ("sgd", 1e-2), "*": ("adamw", 1e-3)}``. Its patience counts in the last
    stage only; in ``history_.valid`` the stages before it show as large numbers that fall.

    Shapes: M Slots (B, d_m) or (B, T_m, d_m) -> scores (B, k).

    Raises:
        DataError: shares that are negative or exceed 1, a list of stages without a share; T90, a parameter in no stage.

    Source: gradual unfreezing and rates by depth: Howard, Ruder 2018, Universal language model fine-tuning for text classification, ACL;
        head first: Kumar, Raghunathan, Jones, Ma, Liang 2022, Fine-tuning can distort pretrained features, ICLR.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(64, 2)), "b": rng.normal(size=(64, 2))}
        >>> model = FusionClassifier(fusion=("staged", {"width": 8}), epochs=10).fit(X, X["a"][:, 0] > 0)
        >>> sorted(model.history_.terms[0]), sorted(model.history_.terms[-1])
        (['branch a', 'branch b'], ['cross_entropy'])
    """

    trains: ClassVar[bool] = True

    def __init__(
        self,
        fusion: Any = "concat",
        *,
        width: int = 64,
        depth: int = 2,
        shares: tuple[float, float, float] = (0.4, 0.2, 0.2),
        tune: float = 0.1,
        plateau: int | None = None,
        stages: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.fusion = fusion
        self.width = width
        self.depth = depth
        self.shares = shares
        self.tune = tune
        self.plateau = plateau
        self.stages = stages

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Objective:
        shares = [float(s["share"]) for s in self.stages] if self.stages is not None else list(self.shares)
        if not shares or min(shares) < 0 or sum(shares) > 1 + 1e-9 or not 0 < self.tune <= 1 or self.depth < 1:
            raise DataError(
                f"shares of epochs are {shares}, tune={self.tune}, depth={self.depth}; expected shares >= 0 that sum to "
                "at most 1, tune above 0 and at most 1, and a depth of at least 1"
            )
        return StagedObjective(estimator, spec, target, self)


@dataclass(frozen=True)
class Stage(Phase):
    """A phase whose turn the objective decides."""

    number: int = 0
    now: Callable[[], int] = int

    def active(self, epoch: int) -> bool:
        return self.now() == self.number


class Branch(Encoder):
    """An encoder and layers on top: linear, ReLU, dropout; width numbers a row or a step."""

    def __init__(self, encoder: Encoder, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = width
        self.depth = depth
        self.dropout = dropout

    def build(self, spec: ColumnSpec) -> None:
        self.encoder.build(spec)
        widths = [self.encoder.out.width, *[self.width] * self.depth]
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Dropout(self.dropout)) for a, b in pairwise(widths))
        self.out = SlotSpec((self.width,), self.encoder.out.sequence)

    def forward(self, slot: Slot) -> Slot:
        slot = clean(self.encoder(slot))
        values = slot.values.flatten(2 if slot.sequence else 1)
        for layer in self.layers:
            values = layer(values)
        return slot.with_values(values)


class StagedObjective(Supervised):
    """The objective of :class:`Staged`: which stage it is in is part of its state, so that training resumes where it was."""

    stage: Tensor
    spent: Tensor
    least: Tensor
    waited: Tensor

    def __init__(self, estimator: Any, prepared: Spec, target: TargetSpec, recipe: Staged) -> None:
        branches = {n: Branch(e, recipe.width, recipe.depth, estimator.dropout) for n, e in estimator.encoders_.items()}
        super().__init__(
            branches,
            prepared,
            registry.make("fusion", recipe.fusion),
            MLPHead(tuple(estimator.hidden), estimator.dropout),
            target,
            **estimator.trained_with(target),
        )
        self.plateau = recipe.plateau
        self.plan = self._plan(recipe)
        ends = [round(done * estimator.epochs) for done in accumulate(share for _, share in self.plan)]
        self.lengths = [b - a for a, b in pairwise([0, *ends])]
        heads: dict[str, nn.Module] = {}
        if any(phase.name == PRETRAIN for phase, _ in self.plan):
            for name in self.encoders.names():
                heads[name] = MLPHead(())
                heads[name].build(SlotSpec((recipe.width,)), target)  # type: ignore[operator]
        self.heads = NamedModules(heads)
        for key, start in (("stage", 0), ("spent", 0), ("waited", 0), ("least", math.inf)):
            self.register_buffer(key, torch.tensor(start))

    def _plan(self, recipe: Staged) -> list[tuple[Phase, float]]:
        """Phases and their shares of the epochs, the last one's whatever remains."""
        if recipe.stages is not None:
            own = [
                (Phase(s["name"], s["params"], lr_scale=s.get("lr", 1.0), rates=tuple(s.get("rates", ()))), float(s["share"]))
                for s in recipe.stages
            ]
            return [*own[:-1], (own[-1][0], 1 - sum(share for _, share in own[:-1]))]
        first, head, unfreeze = recipe.shares
        layers = [f"encoders.*.layers.{j}.*" for j in reversed(range(recipe.depth))]
        if any(p.requires_grad for name in self.encoders.names() for p in self.encoders[name].encoder.parameters()):
            layers.append("encoders.*.encoder.*")
        plan = [(Phase(PRETRAIN, "encoders.* heads.*"), first), (Phase("head", HEAD), head)]
        for top in range(1, len(layers) + 1):
            rates = tuple((glob, DECAY**-depth) for depth, glob in enumerate(layers[:top], start=1))
            plan.append((Phase(f"unfreeze {top}", " ".join([HEAD, *layers[:top]]), rates=rates), unfreeze / len(layers)))
        plan = [(phase, share) for phase, share in plan if share > 0]
        return [*plan, (Phase("tune", f"{HEAD} encoders.*", lr_scale=recipe.tune), 1 - sum(recipe.shares))]

    def phases(self) -> tuple[Phase, ...]:
        return tuple(
            Stage(p.name, p.params, lr_scale=p.lr_scale, rates=p.rates, number=i, now=lambda: int(self.stage))
            for i, (p, _) in enumerate(self.plan)
        )

    def refresh(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Before an epoch: the next stage, if this one has had its share or its training loss has stopped falling."""
        last = len(self.plan) - 1
        if self.plateau is not None and self.spent > 0 and self.stage < last:
            self._watch(batches)
        while self.stage < last and (
            self.spent >= self.lengths[int(self.stage)] or (self.plateau is not None and self.waited >= self.plateau)
        ):
            self.stage += 1
            self.spent.zero_()
            self.waited.zero_()
            self.least.fill_(math.inf)
        self.spent += 1

    def _watch(self, batches: Callable[[], Iterable[Batch]]) -> None:
        name = self.plan[int(self.stage)][0].name
        total, count = 0.0, 0
        for batch in batches():
            total += len(batch) * sum(float(term) for term in self._terms(batch, name).values())
            count += len(batch)
        value = total / count
        if value < float(self.least) - 1e-3 * abs(value):
            self.least.fill_(value)
            self.waited.zero_()
        else:
            self.waited += 1

    def _terms(self, batch: Batch, phase: str) -> dict[str, Tensor]:
        if phase != PRETRAIN:
            return {"fused": self.loss_of(self.scores(batch), batch)}
        return self.branch_losses(batch)

    def branch_scores(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Modality -> ((B, k) scores of its branch alone, (B,) present)."""
        slots = {name: self.vector(name, slot) for name, slot in self.encode(batch).items()}
        return {name: (self.heads[name](slots[name]) + self.offset, slots[name].present) for name in self.heads.names()}

    def branch_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Every branch's own loss on the rows that have its modality; no branch's loss reaches another's parameters."""
        return {f"branch {name}": self.loss_where(scores, batch, present) for name, (scores, present) in self.branch_scores(batch).items()}

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        return self.branch_losses(batch) if phase == PRETRAIN else super().loss(batch, phase, step)

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """The loss of the whole in the last stage; before it a large number that falls, so that stopping waits for the last stage."""
        left = len(self.plan) - 1 - int(self.stage)
        if left:
            return torch.tensor(1e6 * left * (1 - 1e-4 * min(int(self.spent), 9000)))
        return self.loss_of(self.scores(batch), batch)
