"""Modality attention: one weight a modality and row, from how much each has to say."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._vectors import blocks, fused, per_modality, widths
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Look, Seen, keep
from mcgurk.nn.macs import dense


class ModalityAttention(Fusion):
    """``z = sum_m a_m U_m x_m`` with ``a = softmax_m(v^T tanh(W_m x_m + b_m))`` over the modalities that are present.

    v is a learned query. An absent modality has weight 0 and the others share 1; a row without any is 0, with zero gradient.

    Not for: products of features (tensor, lowrank), or weights that differ from unit to unit (gated).

    Args:
        width: outputs.
        hidden: units in which modalities are compared with the query.

    Shapes: M Slots (B, d_m) -> (B, width).

    Raises:
        DataError: ``width`` or ``hidden`` below 1.

    Source: additive attention of Bahdanau, Cho, Bengio 2015, Neural machine translation by jointly learning to align and translate, ICLR,
        applied to modalities instead of time steps.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec, looked
        >>> layer = ModalityAttention(width=4)
        >>> layer.build({"image": SlotSpec((3,)), "text": SlotSpec((2,))})
        >>> slots = {"image": Slot(torch.randn(1, 3), torch.tensor([False])), "text": Slot(torch.randn(1, 2), torch.tensor([True]))}
        >>> [(look.source, look.weights.item()) for look in looked(layer, slots)[1]]
        [('image', 0.0), ('text', 1.0)]
    """

    shows = ("attention",)

    def __init__(self, *, width: int = 64, hidden: int = 32) -> None:
        super().__init__()
        self.width = width
        self.hidden = hidden

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.width < 1 or self.hidden < 1:
            raise DataError(f"width={self.width} and hidden={self.hidden}; both must be at least 1")
        self.built = widths(specs)
        self.key = NamedModules({name: nn.Linear(d, self.hidden) for name, d in self.built.items()})
        self.value = NamedModules({name: nn.Linear(d, self.width, bias=False) for name, d in self.built.items()})
        self.query = nn.Parameter(torch.randn(self.hidden) * self.hidden**-0.5)
        self.out = SlotSpec((self.width,))

    def _weights(self, inputs: list[tuple[Tensor, Tensor]]) -> Tensor:
        """(B, M), modalities by sorted name; they sum to 1 in every row that has a modality."""
        keys = torch.stack([torch.tanh(self.key[name](x)) for name, (x, _) in zip(self.built, inputs, strict=True)], dim=1)
        weights = masked.softmax(keys @ self.query, torch.stack([present for _, present in inputs], dim=1))
        keep(self, weights)
        return weights

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        return per_modality("attention", slots, self.built, seen[self][0][:, :, None])

    def macs(self, steps: Mapping[str, int]) -> float:
        return dense(self) + len(self.built) * (self.hidden + self.width)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        inputs = blocks(slots, self.built)
        values = torch.stack([self.value[name](x) for name, (x, _) in zip(self.built, inputs, strict=True)], dim=1)
        return fused((self._weights(inputs)[:, None] @ values).squeeze(1), slots, self.built)
