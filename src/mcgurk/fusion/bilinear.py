"""Bilinear fusion: every product of a feature of one modality and a feature of another, at full rank."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional as F

from mcgurk.errors import DataError, ResourceError
from mcgurk.fusion._vectors import blocks, fused, outer, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense

LIMIT = 1 << 26  # weights


class BilinearFusion(Fusion):
    """``z_k = x_1^T W_k x_2 + U_k x_1 + V_k x_2 + b_k``; with more than two modalities, the sum over all pairs.

    With ``affine=False`` and a bias this is ``torch.nn.Bilinear``, computed as one matrix product on the outer product, which is several
    times faster. An absent modality is zeros: what remains is exactly the affine model of the others.

    A modality wider than ``reduce`` enters products through a learned linear map of that width; U, V see all of it.

    Not for: every product of wide modalities, since W has width d_1 d_2 numbers (mfb, mlb, mutan and mcb approximate it with fewer);
    products of three modalities (tensor, lowrank).

    Args:
        width: outputs.
        affine: the terms U x_1 + V x_2.
        bias: the term b.
        reduce: widest input of a product; None for the full rank of any.
        norm: LayerNorm without learned scale on every modality first, for features that are not standardised; it removes mean and length.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` or ``reduce`` below 1, or ``affine=False`` with a single modality.
        ResourceError: R00, more than 67 million weights.

    Source: Tenenbaum, Freeman 2000, Separating style and content with bilinear models, Neural Computation 12:1247-1283; Jayakumar et al.
        2020, Multiplicative interactions and where to find them, ICLR. Starting values W ~ N(0, 1 / (d_1 d_2)), which give each product
        term variance 1, and ``reduce`` are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = BilinearFusion(width=5)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 5])
    """

    def __init__(self, *, width: int = 64, reduce: int | None = 128, affine: bool = True, bias: bool = True, norm: bool = False) -> None:
        super().__init__()
        self.width = width
        self.reduce = reduce
        self.affine = affine
        self.bias = bias
        self.norm = norm

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1 or (self.reduce is not None and self.reduce < 1):
            raise DataError(f"width={self.width}, reduce={self.reduce}; they must be at least 1")
        self.built = widths(specs)
        self.pairs = list(combinations(range(len(self.built)), 2))
        self.sizes = [d if self.reduce is None else min(d, self.reduce) for d in self.built.values()]
        sizes = self.sizes
        weights = self.width * sum(sizes[i] * sizes[j] for i, j in self.pairs)
        if weights > LIMIT:
            raise ResourceError(
                f"bilinear fusion of widths {', '.join(map(str, sizes))} would have {weights:,} weights, more than {LIMIT:,}; "
                "give reduce, or use fusion='mfb' or 'lowrank'",
                code="R00",
            )
        if not self.pairs and not self.affine:
            raise DataError(
                f"only {next(iter(self.built))!r} was given, so affine=False leaves no term at all; give two modalities, or affine=True"
            )
        areas = [sizes[i] * sizes[j] for i, j in self.pairs]
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(self.width, area) * area**-0.5) for area in areas])
        narrowed = {name: (d, size) for (name, d), size in zip(self.built.items(), sizes, strict=True) if size < d and self.pairs}
        self.project = NamedModules({name: nn.Linear(d, size, bias=False) for name, (d, size) in narrowed.items()})
        for layer in self.project.table.values():
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        self.linear = NamedModules({name: nn.Linear(d, self.width, bias=False) for name, d in self.built.items()} if self.affine else {})
        self.offset = nn.Parameter(torch.zeros(self.width)) if self.bias else None
        self.out = SlotSpec((self.width,))

    def macs(self, steps: Mapping[str, int]) -> float:
        products = sum(self.sizes[i] * self.sizes[j] for i, j in self.pairs)
        return dense(self) + (1 + self.width) * products

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = [x for x, _ in blocks(slots, self.built)]
        if self.norm:
            parts = [F.layer_norm(x, x.shape[1:]) for x in parts]
        narrow = [self.project[name](x) if name in self.project else x for name, x in zip(self.built, parts, strict=True)]
        terms = [F.linear(outer(narrow[i], narrow[j]), w) for (i, j), w in zip(self.pairs, self.weights, strict=True)]
        terms += [self.linear[name](x) for name, x in zip(self.built, parts, strict=True) if self.affine]
        z = sum(terms[1:], terms[0])
        return fused(z if self.offset is None else z + self.offset, slots, self.built)
