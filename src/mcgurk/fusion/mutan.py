"""Tucker fusion: projections joined by a core tensor whose slices have low rank."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import Absent, blocks, fused, product, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense


class TuckerFusion(Fusion):
    """``q_m = tanh(W_m x_m)``, ``z = sum_r (M_1r q_1) * ... * (M_Mr q_M)``, ``y = W_o z`` (MUTAN).

    The sum over r is a core tensor each of whose slices has rank ``rank`` at most. An absent modality's features are learned constants
    that start at 0, their mean where the estimators standardise.

    Not for: few rows; ``lowrank`` has fewer matrices.

    Args:
        width: outputs.
        inner: width of q_m; None leaves the modalities as they are.
        core: width of z.
        rank: R.
        squash: the tanh.
        bias: constants in every linear map.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: a width or ``rank`` below 1.

    Source: Ben-younes, Cadene, Cord, Thome 2017, MUTAN: multimodal Tucker fusion for visual question answering, ICCV, equations 5 to 9.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = TuckerFusion(width=5)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 5])
    """

    def __init__(
        self,
        *,
        width: int = 64,
        inner: int | None = 64,
        core: int = 64,
        rank: int = 5,
        squash: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.width = width
        self.inner = inner
        self.core = core
        self.rank = rank
        self.squash = squash
        self.bias = bias

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if min(self.width, self.core, self.rank, 1 if self.inner is None else self.inner) < 1:
            raise DataError(f"width={self.width}, inner={self.inner}, core={self.core}, rank={self.rank}; all must be at least 1")
        self.built = widths(specs)
        inner = {name: self.inner or d for name, d in self.built.items()}
        joint = self.core * self.rank
        self.project = NamedModules({n: nn.Linear(d, self.inner, bias=self.bias) for n, d in self.built.items()} if self.inner else {})
        self.factors = NamedModules({n: nn.Linear(inner[n], joint, bias=self.bias) for n in self.built})
        self.absent = NamedModules({n: Absent(d) for n, d in self.built.items()})
        self.mix = nn.Linear(self.core, self.width, bias=self.bias)
        self.out = SlotSpec((self.width,))

    def _factor(self, name: str, x: Tensor, present: Tensor) -> Tensor:
        x = self.absent[name](present, x)
        q = self.project[name](x) if self.inner else x
        factor: Tensor = self.factors[name](torch.tanh(q) if self.squash else q)
        return factor

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = zip(self.built, blocks(slots, self.built), strict=True)
        joint = product([self._factor(name, x, present) for name, (x, present) in parts])
        return fused(self.mix(joint.unflatten(1, (self.rank, self.core)).sum(dim=1)), slots, self.built)
