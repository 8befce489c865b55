"""Tensor fusion: every product of features across modalities."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError, ResourceError
from mcgurk.fusion._vectors import blocks, fused, outer, select, wide, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense

LIMIT = 256 << 20  # bytes of products in one batch
ROWS = 256  # rows of the largest batch that prediction makes by itself
BOUND = 3.0  # standard deviations within which "tanh" is nearly the identity


class TensorFusion(Fusion):
    """All uni-, bi-, ... M-modal products: ``z = [x_1; 1] (x) [x_2; 1] (x) ... (x) [x_M; 1]``, flattened.

    The 1 comes LAST in every factor; without it the terms of single modalities would vanish. Modalities follow one another by sorted name,
    the first varying slowest. A modality wider than ``width`` is projected to it first; an absent one is (0, ..., 0, 1), which removes
    exactly the terms that contain it.

    Not for: many or wide modalities, since the products number prod (width_m + 1); ``lowrank`` has the same terms at a sum instead of a
        product.

    Args:
        width: features a modality enters the product with, one number or a dict by modality; default min(d_m, 32). A number larger than d_m
            means d_m.
        norm: before the product, which raises scales to the power M: "tanh" for 3 tanh(x / 3), nearly the identity on standardised
            features and never beyond 3; "layer" for LayerNorm, for wide modalities only because it removes mean and length; None for
            features that are bounded already.

    Shapes: M Slots (B, d_m) -> (B, prod (width_m + 1)).

    Raises:
        DataError: ``width`` is below 1 or names an unknown modality, or ``norm`` is unknown.
        ResourceError: R00, the products of a batch would take more than 256 MB.

    Source: Zadeh, Chen, Poria, Cambria, Morency 2017, Tensor fusion network for multimodal sentiment analysis, EMNLP, section 4.2.
        The bound of "tanh" is ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = TensorFusion(norm=None)
        >>> layer.build({"a": SlotSpec((1,)), "b": SlotSpec((1,))})
        >>> here = torch.tensor([True])
        >>> layer({"a": Slot(torch.tensor([[2.0]]), here), "b": Slot(torch.tensor([[5.0]]), here)}).values.tolist()
        [[10.0, 2.0, 5.0, 1.0]]
    """

    def __init__(self, *, width: int | Mapping[str, int] | None = None, norm: str | None = "tanh") -> None:
        super().__init__()
        self.width = width
        self.norm = norm

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.norm not in ("tanh", "layer", None):
            raise DataError(f"norm={self.norm!r} is unknown; expected 'tanh', 'layer' or None")
        self.built = widths(specs)
        inner = self._inner()
        size = math.prod(w + 1 for w in inner.values())
        self._check(size, ROWS, 4)
        self.project = NamedModules({name: nn.Linear(d, inner[name]) for name, d in self.built.items() if inner[name] < d})
        self.scale = NamedModules({name: nn.LayerNorm(w) for name, w in inner.items()} if self.norm == "layer" else {})
        self.out = SlotSpec((size,))

    def _inner(self) -> dict[str, int]:
        given = self.width if isinstance(self.width, Mapping) else dict.fromkeys(self.built, self.width)
        odd = [name for name in given if name not in self.built] + [name for name, w in given.items() if w is not None and w < 1]
        if odd:
            raise DataError(f"width={self.width!r} is wrong for {odd[0]!r}; give numbers from 1 on for {', '.join(self.built)}")
        return {name: min(d, given.get(name) or 32) for name, d in self.built.items()}

    def _check(self, size: int, rows: int, itemsize: int) -> None:
        if rows * size * itemsize > LIMIT:
            most = max(1, int((LIMIT / (rows * itemsize)) ** (1 / len(self.built))) - 1)
            raise ResourceError(
                f"{rows} rows of {size:,} products would take {rows * size * itemsize / 2**20:,.0f} MB, more than {LIMIT >> 20}; "
                f"use fusion='lowrank', which has the same terms without writing them out, a width of at most {most}, or a smaller "
                "batch_size",
                code="R00",
            )

    def _factor(self, name: str, x: Tensor, present: Tensor) -> Tensor:
        """[x; 1] with x projected and bounded; [0; 1] in absent rows."""
        if name in self.project:
            x = self.project[name](x)
        x = wide(x)
        if self.norm == "tanh":
            x = BOUND * torch.tanh(x / BOUND)
        elif self.norm == "layer":
            x = self.scale[name](x)
        return torch.cat([select(present, x, x.new_zeros(())), x.new_ones(len(x), 1)], dim=1)

    def macs(self, steps: Mapping[str, int]) -> float:
        sizes = [w + 1 for w in self._inner().values()]
        return dense(self) + sum(math.prod(sizes[m:]) for m in range(len(sizes) - 1))

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = zip(self.built, blocks(slots, self.built), strict=True)
        factors = [self._factor(name, x, present) for name, (x, present) in parts]
        self._check(self.out.width, len(factors[0]), factors[0].element_size())
        z = factors[-1]
        for factor in reversed(factors[:-1]):  # from the right, so that the long axis stays the contiguous one
            z = outer(factor, z)
        return fused(z, slots, self.built)
