"""Low-rank bilinear pooling: products of projections."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import Absent, blocks, fused, product, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense


class LowRankBilinear(Fusion):
    """``z = P^T ( tanh(U_1^T x_1 + c_1) * ... * tanh(U_M^T x_M + c_M) ) + b`` (MLB).

    Without tanh and c it is :class:`BilinearFusion` whose matrices have rank ``rank`` at most and share their factors; with c it also
    holds the terms of single modalities. An absent modality's features are learned constants that start at 0, their mean where the
    estimators standardise: what remains are the terms of the others, as c makes them.

    Not for: data where single modalities carry nearly everything; ``gated`` or ``concat`` learn those faster.

    Args:
        width: outputs.
        rank: width of the product.
        squash: the tanh.
        bias: c and b.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` or ``rank`` below 1.

    Source: Kim, On, Lim, Kim, Ha, Zhang 2017, Hadamard product for low-rank bilinear pooling, ICLR, equation 6.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = LowRankBilinear(width=5, rank=8)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 5])
    """

    def __init__(self, *, width: int = 64, rank: int = 128, squash: bool = True, bias: bool = True) -> None:
        super().__init__()
        self.width = width
        self.rank = rank
        self.squash = squash
        self.bias = bias

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1 or self.rank < 1:
            raise DataError(f"width={self.width} and rank={self.rank}; both must be at least 1")
        self.built = widths(specs)
        self.project = NamedModules({name: nn.Linear(d, self.rank, bias=self.bias) for name, d in self.built.items()})
        self.absent = NamedModules({name: Absent(d) for name, d in self.built.items()})
        self.mix = nn.Linear(self.rank, self.width, bias=self.bias)
        self.out = SlotSpec((self.width,))

    def _factor(self, name: str, x: Tensor, present: Tensor) -> Tensor:
        factor: Tensor = self.project[name](self.absent[name](present, x))
        return torch.tanh(factor) if self.squash else factor

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = zip(self.built, blocks(slots, self.built), strict=True)
        return fused(self.mix(product([self._factor(name, x, present) for name, (x, present) in parts])), slots, self.built)
