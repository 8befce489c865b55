"""Low-rank fusion: a linear map of all cross-modal products that never writes the products out."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import blocks, fused, product, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense

SPREAD = {"additive": 0.5, "identity": 0.1, "normal": 1.0}


class LowRankFusion(Fusion):
    """``h = sum_i w_i prod_m ([x_m; 1]^T F_m^(i)) + b``: tensor fusion and a linear layer whose weights have rank r.

    Equals the linear layer with weights ``sum_i w_i F_1^(i) (x) ... (x) F_M^(i)`` on :class:`TensorFusion`'s output, at o r sum d_m
    operations instead of o prod d_m. An absent modality is [0; 1]: it contributes its bias row only.

    Not for: heavy-tailed features, because M factors are multiplied: standardise them (the estimators do), and clip gradients if in doubt.

    Args:
        width: outputs o.
        rank: r, terms of the sum.
        weighted: learn w, starting at 1 / sqrt(r); otherwise w = 1 as in the paper.
        init: "additive" draws factors from N(0, .25 / d_m) around the constant 1 (bias rows 1), so that a product starts as a sum of its
            factors' parts and their products, and a modality that knows nothing does no harm; "identity" is closer to 1 (N(0, .01 / d_m)),
            almost without products; "normal" is N(0, 1 / (d_m + 1)), bias rows included, so that each factor has mean square 1 on
            standardised features. All are ours; Xavier's rule would count the fans of a 3-D tensor wrongly.

    The factors are registered parameters named ``factors.<modality>``: ``optim={"fusion.factors.*": ("adamw", 3e-4), "*": ("adamw",
    1e-3)}`` gives them a rate of their own, as the paper does.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` or ``rank`` below 1, or ``init`` unknown.

    Source: Liu, Shen, Lakshminarasimhan, Liang, Zadeh, Morency 2018, Efficient low-rank multimodal fusion with modality-specific factors,
        ACL, equation 6; learnable w as in the authors' code.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = LowRankFusion(width=5, rank=2)
        >>> layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
        >>> here = torch.ones(4, dtype=torch.bool)
        >>> layer({"a": Slot(torch.randn(4, 3), here), "b": Slot(torch.randn(4, 2), here)}).values.shape
        torch.Size([4, 5])
    """

    def __init__(self, *, width: int = 64, rank: int = 8, weighted: bool = True, init: str = "additive") -> None:
        super().__init__()
        self.width = width
        self.rank = rank
        self.weighted = weighted
        self.init = init

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1 or self.rank < 1:
            raise DataError(f"width={self.width} and rank={self.rank}; both must be at least 1")
        if self.init not in SPREAD:
            raise DataError(f"init={self.init!r} is unknown; expected one of {', '.join(SPREAD)}")
        self.built = widths(specs)
        self.factors = NamedModules({name: self._factor_layer(d) for name, d in self.built.items()})
        self.weight = nn.Parameter(torch.full((self.rank,), self.rank**-0.5)) if self.weighted else None
        self.bias = nn.Parameter(torch.zeros(self.width))
        self.out = SlotSpec((self.width,))

    def _factor_layer(self, d: int) -> nn.Linear:
        """F_m with (width, rank) as one axis, so that a modality costs one matrix product; its bias is the row of the appended 1."""
        layer = nn.Linear(d, self.width * self.rank)
        nn.init.normal_(layer.weight, std=SPREAD[self.init] / (d + (self.init == "normal")) ** 0.5)
        if self.init == "normal":
            nn.init.normal_(layer.bias, std=(d + 1) ** -0.5)
        else:
            nn.init.ones_(layer.bias)
        return layer

    def factor(self, name: str) -> Tensor:
        """F_m of a modality as the paper writes it: (rank, d_m + 1, width), the appended 1 last."""
        layer = self.factors[name]
        whole = torch.cat([layer.weight, layer.bias[:, None]], dim=1)
        return whole.view(self.width, self.rank, -1).permute(1, 2, 0)

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self) + (self.width * self.rank if self.weighted else 0)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = zip(self.built, blocks(slots, self.built), strict=True)
        terms = product([self.factors[name](x) for name, (x, _) in parts]).view(-1, self.rank)
        summed = terms.sum(dim=1) if self.weight is None else torch.mv(terms, self.weight)
        return fused(summed.view(-1, self.width) + self.bias, slots, self.built)
