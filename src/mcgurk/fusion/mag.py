"""The multimodal adaptation gate: the other modalities shift the steps of a main one, never further than its own length allows."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._sequences import step_widths, streams
from mcgurk.fusion._shift import Shift, main_of, shift_looks, shifted
from mcgurk.nn.attention import Transformer, attended
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Look, Seen, keep, looking
from mcgurk.nn.macs import dense


class MAG(Fusion):
    """``out = dropout(LN(Z + a H))``: every step Z of the main modality is shifted by H, gated from the others.

    ``H = sum_m g_m .* (W_m x_m) + b_H`` with ``g_m = relu(W_gm [x_m; Z] + b_m)`` and ``a = min(beta |Z| / |H|, 1)``, where x_m is the
    mean of the steps of m that belong to the step: those nearest to it in time, or in relative position where either has no times. A
    transformer encoder of ``depth`` blocks follows, as the rest of the language model does in the paper.

    A modality absent in a row has gate 0; where all others are, Z stays. A row without the main modality is one step H, uncapped.

    Not for: modalities of equal standing (mult, vilbert), or a main modality without steps (film).

    Args:
        main: the column that is shifted; None takes "text" if there is one, else the first by sorted name.
        width: of the steps; the main modality is projected to it. None keeps its own, for steps that a pretrained model made.
        beta: the longest shift as a share of |Z|.
        depth: blocks of self-attention after the gate; 0 for the gate alone.
        heads: of that self-attention, a divisor of the width.
        dropout: after the gate and in the blocks.

    Shapes: M Slots (B, T_m, d_m) -> (B, T_main, width).

    Raises:
        DataError: ``main`` is no modality, ``beta`` or ``depth`` below 0, ``heads`` does not divide the width.

    Source: Rahman, Hasan, Lee, Zadeh, Mao, Morency, Hoque 2020, Integrating multimodal information in large pretrained transformers, ACL,
        section 4; the authors' code has beta 1, dropout 0.5. Joining by nearness is ours; the paper has words and cues aligned beforehand.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = MAG(width=8, heads=2)
        >>> layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((5,), True)})
        >>> here, steps = torch.ones(4, dtype=torch.bool), lambda t: torch.ones(4, t, dtype=torch.bool)
        >>> layer({"sound": Slot(torch.randn(4, 9, 3), here, steps(9)), "text": Slot(torch.randn(4, 6, 5), here, steps(6))}).values.shape
        torch.Size([4, 6, 8])
    """

    wants = "sequence"
    shows = ("shift", "attention")

    def __init__(
        self,
        *,
        main: str | None = None,
        width: int | None = 64,
        beta: float = 1.0,
        depth: int = 1,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.main = main
        self.width = width
        self.beta = beta
        self.depth = depth
        self.heads = heads
        self.dropout = dropout

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.beta < 0 or self.depth < 0:
            raise DataError(f"beta={self.beta} and depth={self.depth}; neither may be below 0")
        self.built = step_widths(specs)
        self.chosen = main_of(self.main, self.built)
        own = self.built[self.chosen]
        width = own if self.width is None else self.width
        others = {name: d for name, d in self.built.items() if name != self.chosen}
        self.embed = nn.Identity() if self.width is None else nn.Linear(own, width)
        self.gate = NamedModules({name: nn.Linear(d + width, width) for name, d in others.items()})
        self.shift = NamedModules({name: nn.Linear(d, width, bias=False) for name, d in others.items()})
        self.offset = nn.Parameter(torch.zeros(width)) if others else None
        self.norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(self.dropout)
        self.encoder = Transformer(self.depth, width, self.heads, dropout=self.dropout) if self.depth else None
        self.out = SlotSpec((width,), True)

    def shifted(self, slots: dict[str, Slot]) -> Shift:
        """Z, a H and who said what of it."""
        return shifted(streams(slots, self.built), self.chosen, self.embed, self._said, self.offset, self.beta)

    def _said(self, name: str, other: Slot, here: Tensor, z: Tensor) -> Tensor:
        x = here.to(z.dtype) @ other.values / here.sum(dim=2, keepdim=True).clamp(min=1)
        said: Tensor = torch.relu(self.gate[name](torch.cat([x, z], dim=2))) * self.shift[name](x)
        return said

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Shares of length in every shifted step, and the self-attention after the gate."""
        found = shift_looks(seen[self][0], streams(slots, self.built), self.chosen)
        if self.encoder is None:
            return found
        steps = found[0].steps
        return [*found, attended(self.encoder.blocks, seen, steps, steps, (self.chosen, self.chosen))]

    def macs(self, steps: Mapping[str, int]) -> float:
        own = steps[self.chosen]
        others = [name for name in self.built if name != self.chosen]
        joined = sum(own * steps[name] * self.built[name] for name in others)
        gated = sum(dense(self.gate[name], own) + dense(self.shift[name], own) for name in others)
        return dense(self.embed, own) + joined + gated + (0 if self.encoder is None else self.encoder.macs(own))

    def forward(self, slots: dict[str, Slot]) -> Slot:
        shift = self.shifted(slots)
        if looking():
            keep(self, shift.shares())
        main = shift.main
        out = main.with_values(self.drop(self.norm(main.values + shift.total)))
        return out if self.encoder is None else self.encoder(out)
