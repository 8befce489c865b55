"""Standardisation with training-row statistics, once, for every network."""

from __future__ import annotations

import torch
from torch import Tensor

from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Component
from mcgurk.nn.masked import clean


class Standardise(Component):
    """(x - mean) / sd with the training rows' mean and sd of every item position; a constant position becomes 0 on every row.

    A position is constant when sd <= 1e-8 max(1, |mean|). Absent rows and masked steps take no part and stay 0.

    Shapes: Slot (B, *item) or (B, T, *step) -> the same.
    """

    mean: Tensor
    inverse: Tensor

    def build(self, spec: SlotSpec) -> None:
        self.register_buffer("mean", torch.zeros(spec.item))
        self.register_buffer("inverse", torch.ones(spec.item))
        self.out = spec

    def set_statistics(self, center: Tensor, spread: Tensor) -> None:
        """Mean and standard deviation of the training rows, shape item."""
        constant = spread <= 1e-8 * center.abs().clamp(min=1)
        self.mean.copy_(center)
        self.inverse.copy_(torch.where(constant, torch.zeros_like(spread), 1 / torch.where(constant, torch.ones_like(spread), spread)))

    def forward(self, slot: Slot) -> Slot:
        mean = self.mean
        values = torch.sub(clean(slot).values.to(mean.dtype), mean).mul_(self.inverse)
        return clean(slot.with_values(values))
