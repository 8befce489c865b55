"""Factorised bilinear pooling: products of wide projections, summed in groups."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import Absent, blocks, fused, product, signed_sqrt, unit_norm, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense


class FactorisedBilinear(Fusion):
    """``z = SumPool_k( U_1^T x_1 * ... * U_M^T x_M )``, then signed square root and unit length (MFB).

    Every output is a bilinear form of rank k of its own. An absent modality's features are learned constants that start at 0, their
    mean where the estimators standardise (at 1 without ``bias``, where 0 would leave nothing to normalise).

    Not for: outputs whose length matters; the normalisers remove it (``normalise=False`` keeps it).

    Args:
        width: outputs.
        rank: k, products summed for each output.
        bias: constants in the projections, which add the terms of single modalities. The paper has none.
        normalise: signed square root and unit length.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` or ``rank`` below 1.

    Source: Yu, Yu, Fan, Tao 2017, Multi-modal factorized bilinear pooling with co-attention learning for visual question answering, ICCV,
        equations 3 to 5.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = FactorisedBilinear(width=5)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> z = layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values
        >>> [round(length, 4) for length in z.norm(dim=1).tolist()]
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, *, width: int = 64, rank: int = 5, bias: bool = True, normalise: bool = True) -> None:
        super().__init__()
        self.width = width
        self.rank = rank
        self.bias = bias
        self.normalise = normalise

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1 or self.rank < 1:
            raise DataError(f"width={self.width} and rank={self.rank}; both must be at least 1")
        self.built = widths(specs)
        inner = self.width * self.rank
        self.project = NamedModules({name: nn.Linear(d, inner, bias=self.bias) for name, d in self.built.items()})
        self.absent = NamedModules({name: Absent(d, 0.0 if self.bias else 1.0) for name, d in self.built.items()})
        self.out = SlotSpec((self.width,))

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = zip(self.built, blocks(slots, self.built), strict=True)
        joint = product([self.project[name](self.absent[name](present, x)) for name, (x, present) in parts])
        z = joint.unflatten(1, (self.width, self.rank)).sum(dim=2)
        return fused(unit_norm(signed_sqrt(z)) if self.normalise else z, slots, self.built)
