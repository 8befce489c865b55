"""Hybrid fusion trained in one piece, every unit supervised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from mcgurk import registry
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion.recipe import Recipe
from mcgurk.nn import masked
from mcgurk.nn.batch import Batch, SlotSpec
from mcgurk.nn.component import NamedModules
from mcgurk.nn.look import Look, Seen, choices, keep
from mcgurk.nn.mlp import MLPHead
from mcgurk.train.objective import Objective, Step
from mcgurk.train.readout import LOSS_NAMES
from mcgurk.train.supervised import Supervised
from mcgurk.train.trunk import drop_modalities

EARLY = "early"


class JointHybrid(Recipe):
    """One network a modality and one of all features, their decisions combined; trained together with a loss on every decision.

    ``L = L_DF + sum_m a_m L_m + a_0 L_0`` (deep supervision). The decision fusion is a logarithmic pool with learned weights: scores
    ``s = sum_u w_u s_u``, w the softmax of one number a unit over the units that can decide, so absent modalities drop out.

    Not for: small tables (units trained apart and stacked out of fold, :class:`~mcgurk.fusion.hybrid.Hybrid`, overfit less). A unit that
    learns quickly can starve the others: keep the weights above 0, or set ``balance=`` of the estimator.

    Args:
        fusion: the layer of the early branch: a name, ``(name, {params})`` or an object.
        weight: a, for all units or a dict from column and "early" to weight; units not named keep 0.3.
        detach: stop the gradient between the decisions and what combines them: units then learn from their own losses alone.

    Shapes: M Slots (B, d_m) -> scores (B, k).

    Raises:
        DataError: a weight is negative, or nothing would train a unit.
        UnknownName: ``weight`` names what is neither a column nor "early".

    Source: Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 3.3; deep supervision: Lee, Xie, Gallagher,
        Zhang, Tu 2015, AISTATS.

    Example:
        >>> import numpy as np
        >>> from mcgurk import FusionClassifier
        >>> rng = np.random.default_rng(0)
        >>> X = {"a": rng.normal(size=(64, 2)), "b": rng.normal(size=(64, 2))}
        >>> model = FusionClassifier(fusion=("joint_hybrid", {"weight": 0.5}), epochs=2).fit(X, X["a"][:, 0] > 0)
        >>> sorted(model.history_.terms[-1])
        ['cross_entropy', 'unit a', 'unit b', 'unit early']
    """

    trains: ClassVar[bool] = True

    def __init__(self, fusion: Any = "concat", *, weight: float | Mapping[str, float] = 0.3, detach: bool = False) -> None:
        self.fusion = fusion
        self.weight = weight
        self.detach = detach

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Objective:
        return JointHybridObjective(estimator, spec, target, registry.make("fusion", self.fusion), self._weights(spec), self.detach)

    def _weights(self, spec: Spec) -> dict[str, float]:
        names = (*spec, EARLY)
        if EARLY in spec:
            raise DataError(f"a column is called {EARLY!r}, which names the branch of all features; rename the column")
        given = dict(self.weight) if isinstance(self.weight, Mapping) else dict.fromkeys(names, float(self.weight))
        unknown = [name for name in given if name not in names]
        if unknown:
            raise UnknownName(f"weight names {unknown[0]!r}, which is no unit; there are {listing(names)}")
        out = {name: float(given.get(name, 0.3)) for name in names}
        low = min(out, key=lambda name: out[name])
        if out[low] < 0 or (self.detach and out[low] == 0):
            raise DataError(
                f"the loss of unit {low!r} has weight {out[low]:g}; expected a number >= 0, and above 0 with detach=True, "
                "where nothing else trains it"
            )
        return out


class JointHybridObjective(Supervised):
    """The objective of :class:`JointHybrid`: the network of :class:`~mcgurk.train.supervised.Supervised` is the early branch."""

    def __init__(self, estimator: Any, prepared: Spec, target: TargetSpec, fusion: Any, weights: Mapping[str, float], detach: bool) -> None:
        head = MLPHead(tuple(estimator.hidden), estimator.dropout)
        super().__init__(
            estimator.encoders_,
            prepared,
            fusion,
            head,
            target,
            **estimator.trained_with(target),
        )
        self.weights = dict(weights)
        self.detach = detach
        own: dict[str, nn.Module] = {}
        for name in self.encoders.names():
            own[name] = MLPHead(tuple(estimator.hidden), estimator.dropout)
            own[name].build(SlotSpec(self.encoders[name].out.item), target)  # type: ignore[operator]
        self.heads = NamedModules(own)
        self.pool_logits = nn.Parameter(torch.zeros(len(own) + 1))

    def decisions(self, batch: Batch) -> dict[str, tuple[Tensor, Tensor]]:
        """Unit -> ((B, k) scores, (B,) bool where it can decide); steps one after another where there is a label per step."""
        slots = self.encode(batch)
        out = {}
        for name in self.heads.names():
            slot = self.vector(name, slots[name])
            out[name] = (self.heads[name](slot) + self.offset, slot.present)
        fused = self.fusion(slots)
        out[EARLY] = (self.head(fused) + self.offset, fused.present)
        return out

    def combine(self, decisions: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """(B, k) scores of the pool; a row in which no unit decides gets the prior."""
        scores = torch.stack([s.detach() if self.detach else s for s, _ in decisions.values()], dim=1)
        present = torch.stack([here for _, here in decisions.values()], dim=1)
        shares = masked.softmax(self.pool_logits.expand(present.shape), present, dim=1)
        keep(self, shares)
        pooled = (shares[:, :, None] * scores).sum(dim=1)
        return torch.where(present.any(dim=1, keepdim=True), pooled, self.offset.expand_as(pooled))

    def scores(self, batch: Batch) -> Tensor:
        return self.combine(self.decisions(batch))

    def looks(self, batch: Batch, seen: Seen) -> list[Look]:
        """Each unit's share of the answer."""
        return choices([*self.heads.names(), EARLY], seen[self][0])

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        if self.modality_dropout and self.training:
            batch = batch.with_slots(drop_modalities(batch.slots, self.modality_dropout, step.generator))
        decisions = self.decisions(batch)
        terms = {LOSS_NAMES[self.target.task or ""]: self.loss_of(self.combine(decisions), batch)}
        for name, (scores, present) in decisions.items():
            if self.weights[name]:
                terms[f"unit {name}"] = self.weights[name] * self.loss_where(scores, batch, present)
        return terms

    def validate(self, batch: Batch, step: Step) -> Tensor:
        """Early stopping watches the combined decision, which is what predicts."""
        return self.loss_of(self.scores(batch), batch)
