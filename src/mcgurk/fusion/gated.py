"""The gated multimodal unit: how much each modality counts is decided row by row and unit by unit."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import blocks, fused, per_modality, widths
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Look, Seen, keep
from mcgurk.nn.macs import dense


class GatedMultimodalUnit(Fusion):
    """``h = sum_m g_m * tanh(W_m x_m)`` with gates ``g = s(W_z [x_1; ...; x_M] + c)``.

    Two modalities share one sigmoid, g and 1 - g; more have one sigmoid each, or with ``gate="softmax"`` gates that sum to 1. An absent
    modality enters the gate as zeros and has gate 0; of two, the other then has gate 1.

    Not for: products of features (tensor, lowrank): a gate weighs modalities, it does not multiply them.

    Args:
        width: units.
        gate: "sigmoid" as in the paper, or "softmax" over the modalities that are present.
        gate_input: "raw" features as in the paper, or "projected" W_m x_m before the tanh, as in the authors' code.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``gate`` or ``gate_input`` unknown, ``width`` below 1.

    Source: Arevalo, Solorio, Montes-y-Gomez, Gonzalez 2017, Gated multimodal units for information fusion, ICLR workshop, section 3.1;
        the bias c of the gate is ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec, looked
        >>> unit = GatedMultimodalUnit(width=4)
        >>> unit.build({"image": SlotSpec((3,)), "text": SlotSpec((2,))})
        >>> slots = {"image": Slot(torch.randn(1, 3), torch.tensor([False])), "text": Slot(torch.randn(1, 2), torch.tensor([True]))}
        >>> [(look.source, look.weights.flatten()[0].item()) for look in looked(unit, slots)[1]]
        [('image', 0.0), ('text', 1.0)]
    """

    shows = ("gate",)

    def __init__(self, *, width: int = 64, gate: str = "sigmoid", gate_input: str = "raw") -> None:
        super().__init__()
        self.width = width
        self.gate = gate
        self.gate_input = gate_input

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.gate not in ("sigmoid", "softmax") or self.gate_input not in ("raw", "projected") or self.width < 1:
            raise DataError(
                f"gate={self.gate!r}, gate_input={self.gate_input!r}, width={self.width}; expected 'sigmoid' or 'softmax', 'raw' or "
                "'projected', and a width of at least 1"
            )
        self.built = widths(specs)
        self.project = NamedModules({name: nn.Linear(d, self.width, bias=False) for name, d in self.built.items()})
        inputs = sum(self.built.values()) if self.gate_input == "raw" else len(self.built) * self.width
        self.gate_layer = nn.Linear(inputs, self.width * (1 if self._shared else len(self.built)))
        nn.init.zeros_(self.gate_layer.bias)
        self.out = SlotSpec((self.width,))

    @property
    def _shared(self) -> bool:
        """Two modalities share one sigmoid."""
        return self.gate == "sigmoid" and len(self.built) == 2

    def _parts(self, slots: dict[str, Slot]) -> tuple[Tensor, Tensor]:
        """Projections and gates, both (B, M, width)."""
        inputs = blocks(slots, self.built)
        projected = [self.project[name](x) for name, (x, _) in zip(self.built, inputs, strict=True)]
        logits = self.gate_layer(torch.cat([x for x, _ in inputs] if self.gate_input == "raw" else projected, dim=1))
        present = torch.stack([here for _, here in inputs], dim=1)[:, :, None]
        if self._shared:
            both = present.all(dim=1, keepdim=True)
            first = torch.sigmoid(logits)[:, None]
            gates = torch.where(both, torch.cat([first, 1 - first], dim=1), present.to(logits.dtype))
            return torch.stack(projected, dim=1), gates
        logits = logits.unflatten(1, (len(self.built), self.width))
        if self.gate == "softmax":
            gates = masked.softmax(logits, present.expand_as(logits), dim=1)
        else:
            gates = torch.where(present, torch.sigmoid(logits), torch.zeros_like(logits))
        return torch.stack(projected, dim=1), gates

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        return per_modality("gate", slots, self.built, seen[self][0])

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        projected, gates = self._parts(slots)
        keep(self, gates)
        return fused((gates * torch.tanh(projected)).sum(dim=1), slots, self.built)
