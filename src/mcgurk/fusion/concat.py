"""Concatenation inside a network."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from mcgurk.nn.batch import Slot, SlotSpec, present_matrix
from mcgurk.nn.component import Fusion
from mcgurk.nn.masked import clean


class Concat(Fusion):
    """Blocks side by side, each scaled to equal weight, with one presence flag a modality.

    ``h = [x_1 / sqrt(d_1); ...; x_M / sqrt(d_M); p_1; ...; p_M] * sqrt(mean d)``, with absent blocks 0. Unbalanced, a block of 3 features
    drowns beside one of 300.

    Not for: modalities of very different granularity (pool them first, knowingly) or products of features (tensor, lowrank).

    Args:
        balance: scale each block by 1 / sqrt(d_m).
        flags: append which modalities are present. A flag that training never saw vary is one more constant, which the first absence takes
            away: train with holes or ``modality_dropout`` where rows to come lack modalities.

    Shapes: M Slots (B, d_m) -> (B, sum d_m + M).

    Source: feature-level fusion; Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 3.1.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = Concat(balance=False)
        >>> layer.build({"a": SlotSpec((2,)), "b": SlotSpec((1,))})
        >>> here, gone = torch.tensor([True]), torch.tensor([False])
        >>> layer({"a": Slot(torch.tensor([[1.0, 2.0]]), here), "b": Slot(torch.tensor([[9.0]]), gone)}).values.tolist()
        [[1.0, 2.0, 0.0, 1.0, 0.0]]
    """

    def __init__(self, *, balance: bool = True, flags: bool = True) -> None:
        super().__init__()
        self.balance = balance
        self.flags = flags

    def build(self, specs: dict[str, SlotSpec]) -> None:
        widths = [spec.width for spec in specs.values()]
        average = sum(widths) / len(widths)
        self.factors = {name: (average / spec.width) ** 0.5 if self.balance and spec.width else 1.0 for name, spec in specs.items()}
        self.out = SlotSpec((sum(widths) + (len(specs) if self.flags else 0),))

    def macs(self, steps: Mapping[str, int]) -> float:
        return 0

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = [clean(slot).values.flatten(1) for slot in slots.values()]
        parts = [part if self.factors[name] == 1 else part * self.factors[name] for name, part in zip(slots, parts, strict=True)]
        full = all(slot.full for slot in slots.values())
        present = present_matrix(slots) if self.flags or not full else None
        if present is not None and self.flags:
            parts.append(present.to(parts[0].dtype))
        anything = next(iter(slots.values())).present if full or present is None else present.any(dim=1)
        return Slot(torch.cat(parts, dim=1), anything, None, None, full)
