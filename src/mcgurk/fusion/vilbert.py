"""ViLBERT's co-attention: two or more streams, each of its own depth of thought, that look into one another layer by layer."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.fusion._sequences import any_present, step_widths, streams
from mcgurk.nn.attention import CrossAttention, attended, places, sinusoid
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Axis, Look, Seen
from mcgurk.nn.macs import dense


class CoBlock(nn.Module):
    """``z = LN(a + attend(a, b))``, ``LN(z + W_2 gelu(W_1 z))``: co-attentional with another stream as b, an ordinary block with b = a.

    Steps of ``a`` that find no valid key in ``b`` add nothing from the attention; all else stays.

    Args:
        width: of both streams.
        heads: a divisor of ``width``.
        dropout: of both residual branches.

    Shapes: (B, T_a, width), (B, T_b, width) -> (B, T_a, width).

    Source: Lu, Batra, Parikh, Lee 2019, NeurIPS, figure 2.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot
        >>> a = Slot(torch.randn(2, 3, 8), torch.ones(2, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool))
        >>> CoBlock(8, 2)(a, a).values.shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attend = CrossAttention(width, heads)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.inner_norm = nn.LayerNorm(width)
        self.drop = nn.Dropout(dropout)

    def macs(self, a: int, b: int) -> float:
        """Of one row, for so many steps of the two."""
        return self.attend.macs(a, b) + dense(self.widen, a) + dense(self.narrow, a)

    def forward(self, a: Slot, b: Slot) -> Slot:
        z = self.norm(a.values + self.drop(self.attend(a, b).values))
        return a.with_values(self.inner_norm(z + self.drop(self.narrow(F.gelu(self.widen(z))))))


class ViLBERT(Fusion):
    """Streams of their own that exchange through co-attention: queries of one, keys and values of the others.

    Every stream is projected to ``width``, gets positions and a learned summary step in front; ``depth`` times every stream passes a
    co-attentional block, whose keys are the steps of all other streams, and a block of self-attention, all streams at once. The output is
    the product (or sum) of the streams' projected summary steps, and one presence flag a modality.

    A row's absent streams are no keys; where all others are absent the co-attention is skipped. In the product stands for an absent
    stream what its summary step says with nothing to look at, a constant that scales the others as training has them scaled.

    Not for: few rows (concat, lowrank), or directed streams whose attention is to be read pair by pair (mult).

    Args:
        width: of all streams.
        heads: a divisor of ``width``.
        depth: pairs of a co-attentional and a self-attention block.
        dropout: of residual branches.
        pooling: "mul" as in the paper, or "sum".
        positions: add sinusoidal positions.
        clock: seconds a position, for columns with times; None counts steps.

    Shapes: M Slots (B, T_m, d_m) -> (B, width + M).

    Raises:
        DataError: ``heads`` does not divide ``width``, ``depth`` below 1, ``pooling`` unknown, ``clock`` not above 0.

    Source: Lu, Batra, Parikh, Lee 2019, ViLBERT: pretraining task-agnostic visiolinguistic representations for vision-and-language tasks,
        NeurIPS, section 3.1. Keys from all others at once where there are more than two streams, one width for all, sinusoidal positions,
        tanh before the product (BERT's pooling) and the flags are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = ViLBERT(width=8, heads=2, depth=1)
        >>> layer.build({"regions": SlotSpec((3,), True), "words": SlotSpec((2,), True)})
        >>> here, steps = torch.ones(4, dtype=torch.bool), lambda t: torch.ones(4, t, dtype=torch.bool)
        >>> layer({"regions": Slot(torch.randn(4, 9, 3), here, steps(9)), "words": Slot(torch.randn(4, 5, 2), here, steps(5))}).values.shape
        torch.Size([4, 10])
    """

    wants = "sequence"
    shows = ("attention",)

    def __init__(
        self,
        *,
        width: int = 64,
        heads: int = 4,
        depth: int = 2,
        dropout: float = 0.1,
        pooling: str = "mul",
        positions: bool = True,
        clock: float | None = None,
    ) -> None:
        super().__init__()
        self.width = width
        self.heads = heads
        self.depth = depth
        self.dropout = dropout
        self.pooling = pooling
        self.positions = positions
        self.clock = clock

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.depth < 1 or self.pooling not in ("mul", "sum"):
            raise DataError(f"depth={self.depth}, pooling={self.pooling!r}; expected at least 1, and 'mul' or 'sum'")
        if self.clock is not None and self.clock <= 0:
            raise DataError(f"clock={self.clock}; give seconds above 0, or None to count steps")
        self.built = step_widths(specs)
        names = tuple(self.built)

        def blocks() -> nn.ModuleList:
            return nn.ModuleList(CoBlock(self.width, self.heads, self.dropout) for _ in range(self.depth))

        self.project = NamedModules({name: nn.Linear(d, self.width) for name, d in self.built.items()})
        self.first = NamedModules({name: _Summary(self.width) for name in names})
        self.norm = NamedModules({name: nn.LayerNorm(self.width) for name in names})
        self.co = NamedModules({name: blocks() for name in names} if len(names) > 1 else {})
        self.own = NamedModules({name: blocks() for name in names})
        self.pool = NamedModules({name: nn.Linear(self.width, self.width) for name in names})
        self.drop = nn.Dropout(self.dropout)
        self.out = SlotSpec((self.width + len(names),))

    def embed(self, slots: dict[str, Slot]) -> dict[str, Slot]:
        """Every stream with its summary step in front: (B, 1 + T_m, width)."""
        return {name: self._embedded(name, slot) for name, slot in streams(slots, self.built).items()}

    def _embedded(self, name: str, slot: Slot) -> Slot:
        z = self.project[name](slot.values)
        if self.positions:
            z = z + sinusoid(places(slot, self.clock), self.width).to(z.dtype)
        assert slot.mask is not None
        mask = torch.cat([slot.present[:, None], slot.mask], dim=1)
        values = self.norm[name](torch.cat([self.first[name](z), z], dim=1))
        return Slot(self.drop(values), slot.present, mask, None, slot.full)

    def _others(self, parts: dict[str, Slot], name: str) -> Slot:
        """The steps of all other streams, one after another."""
        rest = [slot for other, slot in parts.items() if other != name]
        if len(rest) == 1:
            return rest[0]
        masks = [slot.mask for slot in rest if slot.mask is not None]
        present = torch.stack([slot.present for slot in rest]).any(dim=0)
        return Slot(torch.cat([s.values for s in rest], dim=1), present, torch.cat(masks, dim=1), None, all(s.full for s in rest))

    def _exchange(self, parts: dict[str, Slot], layer: int) -> dict[str, Slot]:
        if len(self.co):
            parts = {name: self.co[name][layer](slot, self._others(parts, name)) for name, slot in parts.items()}
        return {name: self.own[name][layer](slot, slot) for name, slot in parts.items()}

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Co-attention a <- b, which sums to 1 over all b together, and self-attention a <- a; first on either side stands the summary."""
        parts = streams(slots, self.built)
        where = {
            name: Axis(
                torch.cat([slot.present[:, None], Axis.of(slot).mask], dim=1),
                None if slot.times is None else F.pad(slot.times, (1, 0)),
                lead=1,
            )
            for name, slot in parts.items()
        }
        found = [attended(self.own[a], seen, where[a], where[a], (a, a)) for a in parts]
        for a in parts if len(self.co) else ():
            others = [b for b in parts if b != a]
            keys = Axis(torch.cat([where[b].mask for b in others], dim=1))
            pieces = attended(self.co[a], seen, where[a], keys, (a, "")).weights.split([where[b].mask.shape[1] for b in others], dim=4)
            found += [Look("attention", a, b, piece, where[a], where[b], True) for b, piece in zip(others, pieces, strict=True)]
        return found

    def macs(self, steps: Mapping[str, int]) -> float:
        long = {name: 1 + steps[name] for name in self.built}
        total = sum(dense(self.project[name], steps[name]) + dense(self.pool[name]) for name in self.built)
        for name, own in long.items():
            others = sum(long.values()) - own
            total += sum(block.macs(own, own) for block in self.own[name])
            total += sum(block.macs(own, others) for block in self.co[name]) if others else 0
        return total

    def silence(self) -> Tensor:
        """(1, M, width) what every stream says that has no step and no other stream to look at."""
        said = []
        for name in self.built:
            weight = self.pool[name].weight
            here = torch.ones(1, dtype=torch.bool, device=weight.device)
            own = Slot(self.norm[name](self.first[name](weight[:1])), here, here[:, None], None, True)
            nobody = Slot(torch.zeros_like(own.values), ~here, ~here[:, None])
            for layer in range(self.depth):
                if len(self.co):
                    own = self.co[name][layer](own, nobody)
                own = self.own[name][layer](own, own)
            said.append(torch.tanh(self.pool[name](own.values[:, 0])))
        return torch.stack(said, dim=1)

    def forward(self, slots: dict[str, Slot]) -> Slot:
        parts = self.embed(slots)
        for layer in range(self.depth):
            parts = self._exchange(parts, layer)
        pooled = torch.stack([torch.tanh(self.pool[name](slot.values[:, 0])) for name, slot in parts.items()], dim=1)
        present = torch.stack([slot.present for slot in parts.values()], dim=1)
        some = any_present(parts)
        full = all(slot.full for slot in parts.values())
        nothing = torch.zeros_like(pooled[:1]) if full or self.pooling == "sum" else self.silence()
        joined = torch.where(present[:, :, None], pooled, nothing)
        h = joined.prod(dim=1) if self.pooling == "mul" else joined.sum(dim=1)
        h = torch.where(some[:, None], h, torch.zeros_like(h))
        return Slot(torch.cat([h, present.to(h.dtype)], dim=1), some, None, None, full)


class _Summary(nn.Module):
    """A learned first step."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(width) * 0.02)

    def forward(self, like: Tensor) -> Tensor:
        return self.value.to(like.dtype).expand(len(like), 1, -1)
