"""Feature-wise linear modulation: one modality scales and shifts the features of the others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import blocks, fused, select, widths
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.macs import dense


def film(values: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """``gamma_c values_c + beta_c`` for (B, C), (B, C, T) or (B, C, H, W) values and (B, C) gamma and beta."""
    shape = gamma.shape + (1,) * (values.dim() - 2)
    return gamma.reshape(shape) * values + beta.reshape(shape)


class FiLM(Fusion):
    """One modality conditions the others: ``F_c -> gamma_c F_c + beta_c`` with ``gamma = 1 + dgamma`` and beta linear in the condition.

    The conditioned modalities are projected and summed; then come residual blocks ``h + relu( FiLM( norm( W_2 relu(W_1 h) ) ) )``.
    Without the condition gamma = 1 and beta = 0; without a conditioned modality its part of the sum is 0 and the condition acts through
    beta.

    Not for: modalities of equal standing (attention, gated, lowrank).

    Args:
        condition: name of the conditioning modality; None takes the first by sorted name. A modality alone is conditioned by nothing.
        width: features.
        depth: residual blocks.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``condition`` is no modality, ``width`` or ``depth`` below 1.

    Source: Perez, Strub, de Vries, Dumoulin, Courville 2018, FiLM: visual reasoning with a general conditioning layer, AAAI, section 3.1.
        The paper normalises by batch and convolves maps; here each row is normalised by itself, so that rows stay independent, and maps
        are vectors.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = FiLM(condition="question", width=4)
        >>> layer.build({"image": SlotSpec((3,)), "question": SlotSpec((2,))})
        >>> here = torch.ones(5, dtype=torch.bool)
        >>> layer({"image": Slot(torch.randn(5, 3), here), "question": Slot(torch.randn(5, 2), here)}).values.shape
        torch.Size([5, 4])
    """

    def __init__(self, *, condition: str | None = None, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.condition = condition
        self.width = width
        self.depth = depth

    def build(self, specs: dict[str, SlotSpec]) -> None:
        self.built = widths(specs)
        if self.width < 1 or self.depth < 1:
            raise DataError(f"width={self.width} and depth={self.depth}; both must be at least 1")
        if self.condition is not None and self.condition not in self.built:
            raise DataError(f"condition={self.condition!r} is not among the modalities {', '.join(self.built)}")
        alone = len(self.built) == 1
        self.chosen = None if alone else self.condition or next(iter(self.built))
        self.project = NamedModules({n: nn.Linear(d, self.width, bias=alone) for n, d in self.built.items() if n != self.chosen})
        self.enter = nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(self.depth))
        self.leave = nn.ModuleList(nn.Linear(self.width, self.width) for _ in range(self.depth))
        outputs = 2 * self.width * self.depth
        self.generator = None if self.chosen is None else nn.Linear(self.built[self.chosen], outputs)
        self.out = SlotSpec((self.width,))

    def modulation(self, x: Tensor, present: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(gamma, beta), each (B, width), of every block; 1 and 0 where the condition is absent."""
        assert self.generator is not None
        change = select(present, self.generator(x), x.new_zeros(()))
        change = change.unflatten(1, (self.depth, 2, self.width))
        return [(1 + change[:, block, 0], change[:, block, 1]) for block in range(self.depth)]

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = dict(zip(self.built, blocks(slots, self.built), strict=True))
        h = torch.stack([self.project[n](x) for n, (x, _) in parts.items() if n != self.chosen]).sum(dim=0)
        plain = (torch.ones_like(h), torch.zeros_like(h))
        modulation = [plain] * self.depth if self.chosen is None else self.modulation(*parts[self.chosen])
        for enter, leave, (gamma, beta) in zip(self.enter, self.leave, modulation, strict=True):
            normed = F.layer_norm(leave(torch.relu(enter(h))), (self.width,))
            h = h + torch.relu(film(normed, gamma, beta))
        return fused(h, slots, self.built)
