"""The multimodal transformer: every modality looks into every other, without aligning their steps first."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from mcgurk.errors import DataError
from mcgurk.fusion._sequences import TemporalConvolution, any_present, flags, step_widths, streams
from mcgurk.nn import masked
from mcgurk.nn.attention import Transformer, attended, places, sinusoid
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Axis, Look, Seen
from mcgurk.nn.macs import dense


class MulT(Fusion):
    """Directed cross-modal transformers for every ordered pair of modalities, joined per target.

    ``z_m = sqrt(d) conv(x_m) + position``; a stream a <- b is ``depth`` blocks in which the steps of a attend to z_b; the M - 1 streams
    of a are concatenated and pass a self-attention transformer, whose last valid step is the answer of a. With ``h`` all answers side by
    side, ``h + W_2 relu(W_1 h)`` and one presence flag a modality are the output. One modality alone is a plain transformer encoder.

    Where b has no valid step in a row, the blocks of a <- b are skipped there: the stream is z_a as it was. An absent or empty a answers 0.

    Not for: few rows (concat, lowrank), sequences of one step (attention), or long streams of equal rates (early concatenation by step):
    the cost grows with T_a T_b.

    Args:
        width: d, of every modality's steps.
        heads: a divisor of ``width``.
        depth: cross-modal blocks of each pair.
        memory: self-attention blocks of each target.
        kernel: steps the convolution sees, an odd number.
        dropout: of embeddings, residual branches and inner units.
        attention_dropout: of attention weights.
        positions: add sinusoidal positions.
        clock: seconds a position, for columns with times; None counts steps.
        causal: a step sees only what stands at its own position or before.
        align: False makes the control without cross-modal attention: the streams a <- b attend to z_a itself, with the same parameters, so
            that modalities first meet where the answers stand side by side.

    Shapes: M Slots (B, T_m, d_m) -> (B, M (M - 1) width + M); M = 1: (B, width + 1).

    Raises:
        DataError: ``heads`` does not divide ``width``, an even ``kernel``, ``depth`` or ``memory`` below 1, ``clock`` not above 0.

    Source: Tsai, Bai, Liang, Kolter, Morency, Salakhutdinov 2019, Multimodal transformer for unaligned multimodal language sequences, ACL,
        section 3; the authors' code has d 30, 5 heads, depth 5, memory 3, kernel 1. Skipping an absent source, the flags, starting values
        of the convolution that keep the variance of x, and no future mask unless asked for are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec, looked
        >>> layer = MulT(width=8, heads=2, depth=1, memory=1)
        >>> layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((2,), True)})
        >>> here, steps = torch.ones(4, dtype=torch.bool), lambda t: torch.ones(4, t, dtype=torch.bool)
        >>> slots = {"sound": Slot(torch.randn(4, 9, 3), here, steps(9)), "text": Slot(torch.randn(4, 5, 2), here, steps(5))}
        >>> layer(slots).values.shape, [(look.target, look.source) for look in looked(layer, slots)[1]][:2]
        (torch.Size([4, 18]), [('sound', 'text'), ('text', 'sound')])
    """

    wants = "sequence"
    shows = ("attention",)

    def __init__(
        self,
        *,
        width: int = 40,
        heads: int = 5,
        depth: int = 3,
        memory: int = 2,
        kernel: int = 1,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        positions: bool = True,
        clock: float | None = None,
        causal: bool = False,
        align: bool = True,
    ) -> None:
        super().__init__()
        self.width = width
        self.heads = heads
        self.depth = depth
        self.memory = memory
        self.kernel = kernel
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.positions = positions
        self.clock = clock
        self.causal = causal
        self.align = align

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.depth < 1 or self.memory < 1:
            raise DataError(f"depth={self.depth} and memory={self.memory}; both must be at least 1")
        if self.clock is not None and self.clock <= 0:
            raise DataError(f"clock={self.clock}; give seconds above 0, or None to count steps")
        self.built = step_widths(specs)
        names = tuple(self.built)
        streams_each = max(len(names) - 1, 1)
        self.convolve = NamedModules({name: TemporalConvolution(d, self.width, self.kernel) for name, d in self.built.items()})
        for name, d in self.built.items():  # sqrt(d) conv(x) then has the variance of x, and positions are not drowned
            nn.init.normal_(self.convolve[name].linear.weight, std=(self.kernel * d * self.width) ** -0.5)
        self.cross = NamedModules({a: NamedModules({b: self._transformer(self.depth, 1) for b in names if b != a}) for a in names})
        self.recall = NamedModules({name: self._transformer(self.memory, streams_each) for name in names})
        total = len(names) * streams_each * self.width
        self.widen = nn.Linear(total, total)
        self.narrow = nn.Linear(total, total)
        self.drop = nn.Dropout(self.dropout)
        self.out = SlotSpec((total + len(names),))

    def _transformer(self, depth: int, times: int) -> Transformer:
        return Transformer(
            depth,
            times * self.width,
            self.heads,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            causal=self.causal,
            clock=self.clock,
        )

    def embed(self, slots: dict[str, Slot]) -> dict[str, Slot]:
        """z_m of every modality: (B, T_m, width)."""
        return {name: self._embedded(name, slot) for name, slot in streams(slots, self.built).items()}

    def _embedded(self, name: str, slot: Slot) -> Slot:
        z = self.convolve[name](slot).values * self.width**0.5
        if self.positions:
            z = z + sinusoid(places(slot, self.clock), self.width).to(z.dtype)
        return slot.with_values(self.drop(z))

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Maps a <- b of every cross-modal transformer and a <- a of every self-attention; with ``align=False`` the latter alone."""
        parts = streams(slots, self.built)
        networks = {(a, b): self.cross[a][b] for a in parts for b in parts if b != a and self.align}
        networks |= {(a, a): self.recall[a] for a in parts}
        where = {name: Axis.of(slot) for name, slot in parts.items()}
        return [attended(network.blocks, seen, where[a], where[b], (a, b)) for (a, b), network in networks.items()]

    def _joined(self, name: str, low: dict[str, Slot]) -> Slot:
        """The streams of a target side by side."""
        target = low[name]
        pieces = [self.cross[name][other](target, low[other] if self.align else target).values for other in self.cross[name].names()]
        return target.with_values(torch.cat(pieces, dim=2)) if pieces else target

    def macs(self, steps: Mapping[str, int]) -> float:
        widened = dense(self.widen) + dense(self.narrow)
        enter = sum(dense(self.convolve[name], steps[name]) for name in self.built)
        cross = sum(self.cross[a][b].macs(steps[a], steps[b if self.align else a]) for a in self.built for b in self.built if b != a)
        return enter + cross + sum(self.recall[name].macs(steps[name]) for name in self.built) + widened

    def forward(self, slots: dict[str, Slot]) -> Slot:
        low = self.embed(slots)
        answers = []
        for name in low:
            recalled = self.recall[name](self._joined(name, low))
            assert recalled.mask is not None
            answers.append(masked.last(recalled.values, recalled.mask))
        h = torch.cat(answers, dim=1)
        h = h + self.narrow(self.drop(torch.relu(self.widen(h))))
        full = all(slot.full for slot in low.values())
        return Slot(torch.cat([h, flags(low, h)], dim=1), any_present(low), None, None, full)
