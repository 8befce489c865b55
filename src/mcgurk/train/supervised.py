"""Encoders, fusion, head: the objective of every supervised network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.nn.batch import Batch, Slot, SlotSpec, flatten_steps
from mcgurk.nn.component import Encoder, Fusion, Head, NamedModules
from mcgurk.nn.context import Context
from mcgurk.nn.masked import as_sequence, pool
from mcgurk.nn.standardise import Standardise
from mcgurk.roles import prior_scores
from mcgurk.train.objective import Objective, Step


class Supervised(Objective):
    """Cross-entropy, squared error or Poisson likelihood of a fused representation.

    Prepared columns are standardised with training-row statistics, pass the encoders, are pooled where the fusion layer wants vectors (or
    become sequences of one step where it wants sequences), are fused, and end in a head whose scores start at the training rows' prior.
    With a label per step every labelled step becomes a row before fusion: alone, or for a layer that wants sequences in the middle of its
    window (:class:`~mcgurk.nn.context.Context`). Rows must be labelled; steps need not be.

    Args:
        encoders: one a column.
        prepared: specs of the prepared columns.
        fusion, head: not yet built.
        target: the target with training-row statistics.
        modality_dropout: probability that a present modality is made absent in training, never all of a row (redrawn).
        class_weight: (classes,) weights of the classes with mean 1 over training rows, or None.
        pooling: "mean", "max" or "last", where a sequence must become a vector.
        context: steps before and after that a layer that wants sequences sees with each labelled step; of use with a label per step only.
    """

    offset: Tensor
    center: Tensor
    scale: Tensor
    class_weight: Tensor | None

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        prepared: Spec,
        fusion: Fusion,
        head: Head,
        target: TargetSpec,
        *,
        modality_dropout: float = 0.0,
        class_weight: np.ndarray | None = None,
        pooling: str = "mean",
        context: Any = 0,
    ) -> None:
        super().__init__()
        self.encoders = NamedModules(dict(encoders))
        self.target = target
        around = Context.of(context)
        self.context = around if target.per == "step" else Context()
        self.modality_dropout = modality_dropout
        self.pooling = pooling
        scaled: dict[str, torch.nn.Module] = {}
        specs: dict[str, SlotSpec] = {}
        for name in self.encoders.names():
            spec = prepared[name]
            self.encoders[name].build(spec)
            if spec.kind not in ("tokens", "image", "video"):
                scaled[name] = Standardise()
                scaled[name].build(SlotSpec(spec.item, spec.sequence))  # type: ignore[operator]
            specs[name] = self._adapted(self.encoders[name].out, fusion)
        self.scaling = NamedModules(scaled)
        fusion.build(specs)
        head.build(fusion.out, target)
        self.fusion = fusion
        self.head = head
        offset = prior_scores(target) if target.task != "number" else np.zeros(target.columns)
        self.register_buffer("offset", torch.as_tensor(offset, dtype=torch.float32))
        self.register_buffer("center", torch.tensor(target.center, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(target.scale, dtype=torch.float32))
        self.register_buffer("class_weight", None if class_weight is None else torch.as_tensor(class_weight, dtype=torch.float32))

    def _adapted(self, spec: SlotSpec, fusion: Fusion) -> SlotSpec:
        if self.context and spec.sequence and fusion.wants == "sequence":
            return self.context.spec(spec)
        sequence = spec.sequence and self.target.per != "step"
        return (
            SlotSpec(spec.item, fusion.wants == "sequence", spec.classes)
            if sequence or fusion.wants == "sequence"
            else SlotSpec(spec.item, False, spec.classes)
        )

    def encode(self, batch: Batch) -> dict[str, Slot]:
        """Slots as the fusion layer takes them."""
        encoders, scaling = self.encoders.table, self.scaling.table
        slots = {}
        for name, slot in batch.slots.items():
            if name in scaling:
                slot = scaling[name](slot)
            slots[name] = encoders[name](slot)
        if batch.lengths is not None:
            slots = self.context.windows(slots, batch.lengths) if self.windowed else flatten_steps(slots, batch.lengths)
        if self.fusion.wants == "sequence":
            return {name: as_sequence(slot) for name, slot in slots.items()}
        return {name: slot if slot.mask is None else pool(slot, self.pooling) for name, slot in slots.items()}

    @property
    def windowed(self) -> bool:
        """Whether sequences are given to the fusion layer as windows around each step."""
        return bool(self.context) and self.fusion.wants == "sequence"

    def vector(self, name: str, slot: Slot) -> Slot:
        """A modality of :meth:`encode` as one vector a row: pooled; of a window the step itself."""
        spec: SlotSpec = self.encoders[name].out
        return self.context.itself(slot, spec) if self.windowed and spec.sequence else pool(slot, self.pooling)

    def scores(self, batch: Batch) -> Tensor:
        """(B, k) scores (steps one after another where there is a label per step): logits, standardised numbers, log-means."""
        return self.head(self.fusion(self.encode(batch))) + self.offset

    def loss(self, batch: Batch, phase: str, step: Step) -> dict[str, Tensor]:
        if self.modality_dropout and self.training:
            batch = batch.with_slots(drop_modalities(batch.slots, self.modality_dropout, step.generator))
        return {LOSS_NAMES[self.target.task or ""]: self.loss_of(self.scores(batch), batch)}

    def loss_of(self, scores: Tensor, batch: Batch) -> Tensor:
        """The target's loss of given scores on a batch's labels: the mean over labelled rows, weighted."""
        y, weight = batch.y, batch.weight
        assert y is not None
        if weight is not None and batch.lengths is not None:
            weight = torch.repeat_interleave(weight, batch.lengths)
        if self.target.task == "classes":
            if weight is None and self.class_weight is None and self.target.per == "row":
                return F.cross_entropy(scores, y)
            return self._weighted(scores, y, weight)
        known = ~torch.isnan(y)
        truth = torch.where(known, y, torch.zeros_like(y))
        if self.target.task == "multilabel":
            each = F.binary_cross_entropy_with_logits(scores, truth, reduction="none")
        elif self.target.task == "count":
            each = scores.exp() - truth * scores
        else:
            each = (scores - (truth - self.center) / self.scale) ** 2
        each = torch.where(known, each, torch.zeros_like(each))
        if weight is not None:
            each = each * weight[:, None]
        return each.sum() / known.sum().clamp(min=1)

    def _weighted(self, scores: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        each = F.cross_entropy(scores, y.clamp(min=0), reduction="none")
        each = torch.where(y >= 0, each, torch.zeros_like(each))
        if self.class_weight is not None:
            each = each * self.class_weight[y.clamp(min=0)]
        if weight is not None:
            each = each * weight
        return each.sum() / (y >= 0).sum().clamp(min=1)

    def outputs(self, batch: Batch) -> Tensor:
        """(B, k) scores in the target's units."""
        scores = self.scores(batch)
        return scores * self.scale + self.center if self.target.task == "number" else scores


LOSS_NAMES = {"classes": "cross_entropy", "multilabel": "binary_cross_entropy", "number": "squared_error", "count": "poisson"}


def drop_modalities(slots: Mapping[str, Slot], p: float, generator: torch.Generator) -> dict[str, Slot]:
    """Make present modalities absent with probability ``p`` each; a row that would lose all is drawn again."""
    names = list(slots)
    present = torch.stack([slots[n].present for n in names], dim=1)
    dropped = (torch.rand(present.shape, generator=generator, device=generator.device).to(present.device) < p) & present
    for _ in range(64):
        again = (dropped == present).all(dim=1) & present.any(dim=1)
        if not again.any():
            break
        fresh = (torch.rand((int(again.sum()), len(names)), generator=generator, device=generator.device).to(present.device) < p) & present[
            again
        ]
        dropped[again] = fresh
    else:
        dropped[(dropped == present).all(dim=1)] = False
    return {name: slots[name].without(dropped[:, m]) for m, name in enumerate(names)}
