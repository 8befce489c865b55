"""Compact bilinear pooling: all products of features, folded at random into a short vector."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import blocks, fused, product, signed_sqrt, unit_norm, wide, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import fourier


class CountSketch(nn.Module):
    """``psi(x)_j = sum_{i: h(i) = j} s(i) x_i`` with random places h and signs s that are kept, not trained.

    Inner products are preserved on average: E <psi(x), psi(y)> = <x, y>.

    Shapes: (B, d) -> (B, width).
    """

    place: Tensor
    sign: Tensor

    def __init__(self, d: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.register_buffer("place", torch.randint(width, (d,)))
        self.register_buffer("sign", 2.0 * torch.randint(2, (d,)) - 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.width).index_add(1, self.place, x * self.sign.to(x.dtype))


class CompactBilinear(Fusion):
    """Count sketch of the outer product of all modalities, by circular convolution: ``irfft( prod_m rfft(psi_m(x_m)) )`` (MCB).

    Then signed square root and unit length. Each x_m ends in a 1, so that terms of single modalities are among the products; an absent
    modality is (0, ..., 0, 1), which removes exactly the terms that contain it.

    Not for: small d_1 d_2, where ``bilinear`` is exact.

    Args:
        width: d, of the sketch (16,000 in the paper); the error of inner products falls as 1 / sqrt(d).
        bias: the appended 1. The paper has none: then nothing is known of a row that lacks a modality, and its output is 0.
        normalise: signed square root and unit length.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` below 1.

    Source: Fukui, Park, Yang, Rohrbach, Darrell, Rohrbach 2016, Multimodal compact bilinear pooling for visual question answering and
        visual grounding, EMNLP, algorithm 1; Pham, Pagh 2013, Fast and scalable polynomial kernels via explicit feature maps, KDD.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = CompactBilinear(width=16)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 16])
    """

    def __init__(self, *, width: int = 1024, bias: bool = True, normalise: bool = True) -> None:
        super().__init__()
        self.width = width
        self.bias = bias
        self.normalise = normalise

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1:
            raise DataError(f"width={self.width}; it must be at least 1")
        self.built = widths(specs)
        self.sketch = NamedModules({name: CountSketch(d + self.bias, self.width) for name, d in self.built.items()})
        self.out = SlotSpec((self.width,))

    def macs(self, steps: Mapping[str, int]) -> float:
        return (len(self.built) + 1) * fourier(self.width) if len(self.built) > 1 else 0.0

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = [(name, wide(x)) for name, (x, _) in zip(self.built, blocks(slots, self.built), strict=True)]
        sketches = [self.sketch[name](F.pad(x, (0, 1), value=1.0) if self.bias else x) for name, x in parts]
        z = torch.fft.irfft(product([torch.fft.rfft(s) for s in sketches]), n=self.width) if len(sketches) > 1 else sketches[0]
        return fused(unit_norm(signed_sqrt(z)) if self.normalise else z, slots, self.built)
