"""Encoders and a fusion layer: what every objective that predicts from a fused representation begins with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from mcgurk.data.spec import Spec
from mcgurk.nn.batch import Batch, Slot, SlotSpec, flatten_steps
from mcgurk.nn.component import Encoder, Fusion, NamedModules
from mcgurk.nn.context import Context
from mcgurk.nn.masked import as_sequence, pool
from mcgurk.nn.standardise import Standardise
from mcgurk.train.objective import Objective, Step


class Trunk(Objective):
    """Base of objectives that fuse.

    Prepared columns are standardised with training-row statistics, pass the encoders, are pooled where the fusion layer wants vectors (or
    become sequences of one step where it wants sequences), and are fused. With a label per step every labelled step becomes a row before
    fusion: alone, or for a layer that wants sequences in the middle of its window (:class:`~mcgurk.nn.context.Context`).

    Args:
        encoders: one a column.
        prepared: specs of the prepared columns.
        fusion: not yet built.
        per: "row", or "step" where there is a label a step.
        modality_dropout: probability that a present modality is made absent in training, never all of a row (redrawn).
        pooling: "mean", "max" or "last", where a sequence must become a vector.
        context: steps before and after that a layer that wants sequences sees with each labelled step; of use with a label per step only.
        further: Slots that the layer is given beside the columns.
    """

    encoders: NamedModules
    scaling: NamedModules

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        prepared: Spec,
        fusion: Fusion,
        *,
        per: str = "row",
        modality_dropout: float = 0.0,
        pooling: str = "mean",
        context: Any = 0,
        further: Mapping[str, SlotSpec] | None = None,
    ) -> None:
        super().__init__()
        self.encoders = NamedModules(dict(encoders))
        self.per = per
        around = Context.of(context)
        self.context = around if per == "step" else Context()
        self.modality_dropout = modality_dropout
        self.pooling = pooling
        scaled: dict[str, torch.nn.Module] = {}
        specs: dict[str, SlotSpec] = dict(further or {})
        for name in self.encoders.names():
            spec = prepared[name]
            self.encoders[name].build(spec)
            if spec.kind not in ("tokens", "image", "video"):
                scaled[name] = Standardise()
                scaled[name].build(SlotSpec(spec.item, spec.sequence))  # type: ignore[operator]
            specs[name] = self._adapted(self.encoders[name].out, fusion)
        self.scaling = NamedModules(scaled)
        fusion.build({name: specs[name] for name in sorted(specs)})
        self.fusion = fusion

    def _adapted(self, spec: SlotSpec, fusion: Fusion) -> SlotSpec:
        if self.context and spec.sequence and fusion.wants == "sequence":
            return self.context.spec(spec)
        sequence = spec.sequence and self.per != "step"
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

    def dropped(self, batch: Batch, step: Step) -> Batch:
        """The batch with modalities left out at random in training."""
        if not (self.modality_dropout and self.training):
            return batch
        return batch.with_slots(drop_modalities(batch.slots, self.modality_dropout, step.generator))


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
