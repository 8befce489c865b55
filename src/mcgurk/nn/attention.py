"""Attention of the steps of one sequence to those of another, safe where nothing can be attended to, and transformers made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot
from mcgurk.nn.heads import heads_mixed
from mcgurk.nn.look import Axis, Look, Seen, keep, looking
from mcgurk.nn.macs import dense
from mcgurk.nn.masked import as_sequence, clean


class CrossAttention(nn.Module):
    """``softmax(Q K^T / sqrt(d_k) + mask) V`` in several heads; queries from one Slot, keys and values from another.

    A step of the queries without a valid key gives 0, with zero gradient; so does a step that is itself padded or absent.

    Not for: a row's modalities that have no steps (``mcgurk.fusion.ModalityAttention``).

    Args:
        width: of the output and of all heads together.
        heads: number of heads, a divisor of ``width``.
        query_width, key_width: widths of the two sequences; default ``width``.
        dropout: of the attention weights.

    Shapes: (B, T_a, query_width), (B, T_b, key_width), allowed (B or 1, T_a, T_b) bool or None -> (B, T_a, width).

    Raises:
        DataError: ``heads`` does not divide ``width``.

    Source: Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin 2017, Attention is all you need, NeurIPS, section 3.2.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot
        >>> layer = CrossAttention(8, 2, query_width=3, key_width=5)
        >>> a = Slot(torch.randn(1, 4, 3), torch.tensor([True]), torch.ones(1, 4, dtype=torch.bool))
        >>> b = Slot(torch.randn(1, 6, 5), torch.tensor([False]), torch.zeros(1, 6, dtype=torch.bool))
        >>> layer(a, b).values.abs().sum().item()
        0.0
    """

    def __init__(
        self, width: int, heads: int, *, query_width: int | None = None, key_width: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise DataError(f"{heads} heads do not divide a width of {width}; give a width that is a multiple of heads")
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(query_width or width, width)
        self.key_value = nn.Linear(key_width or width, 2 * width)
        self.leave = nn.Linear(width, width)

    def macs(self, a: int, b: int) -> float:
        """Of one row, for so many queries and keys."""
        return dense(self.query, a) + dense(self.key_value, b) + dense(self.leave, a) + 2 * a * b * self.leave.in_features

    def forward(self, a: Slot, b: Slot, allowed: Tensor | None = None) -> Slot:
        a, b = clean(as_sequence(a)), clean(as_sequence(b))
        assert a.mask is not None
        keys, usable = keys_of(b, allowed)
        out = self.mixed(a.values, b.values, keys, usable)
        if usable is None and a.full:
            return a.with_values(out)
        valid = a.mask if usable is None else a.mask & usable
        return Slot(torch.where(valid[:, :, None], out, out.new_zeros(())), a.present, a.mask, a.times, a.full)

    def mixed(self, a: Tensor, b: Tensor, keys: Tensor | None, usable: Tensor | None) -> Tensor:
        """(B, T_a, width) for values alone and :func:`keys_of` of their Slots: nothing is cleaned, nothing dropped."""
        query, key_value = self.query(a), self.key_value(b)
        if looking():
            mixed = self._shown(query, key_value, None if keys is None or usable is None else keys & usable[:, :, None])
        else:
            mixed = heads_mixed(query, key_value, self.heads, keys, self.dropout if self.training else 0.0)
        out: Tensor = self.leave(mixed)
        return out

    def _shown(self, query: Tensor, key_value: Tensor, keys: Tensor | None) -> Tensor:
        """:func:`mcgurk.nn.heads.heads_mixed` with the weights themselves, kept for whoever looks."""
        q, k, v = (self._heads(part) for part in (query, *key_value.chunk(2, dim=2)))
        logits = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        weights = torch.softmax(logits, dim=3) if keys is None else masked.softmax(logits, keys[:, None])
        keep(self, weights)
        return (weights @ v).transpose(1, 2).flatten(2)

    def _heads(self, values: Tensor) -> Tensor:
        return values.reshape(*values.shape[:2], self.heads, -1).transpose(1, 2)


def keys_of(b: Slot, allowed: Tensor | None = None) -> tuple[Tensor | None, Tensor | None]:
    """(keys, usable) for the steps of ``b``: (B, 1 or T_a, T_b) that may be attended to, (B, 1 or T_a) whether there is any.

    None and None where nothing is masked. A query without a key is given all of them, which keeps every kernel finite; whoever calls
    drops what comes of it by selecting with ``usable``.
    """
    if allowed is None and b.full:
        return None, None
    assert b.mask is not None
    keys = b.mask[:, None, :] if allowed is None else b.mask[:, None, :] & allowed
    usable = keys.any(dim=2)
    return keys | ~usable[:, :, None], usable


class CrossBlock(nn.Module):
    """One pre-norm block of a transformer: ``z = a + attend(LN a, LN b)``, then ``z + W_2 relu(W_1 LN z)``.

    With b = a it is a block of self-attention. A step of ``a`` that finds no valid key in ``b`` skips the block and stays as it was.

    Not for: post-norm models such as BERT (:class:`mcgurk.fusion.ViLBERT` has its own block).

    Args:
        width: of both sequences.
        heads: a divisor of ``width``.
        dropout: of both residual branches and of the inner units.
        attention_dropout: of the attention weights; above 0 it rules out the quickest kernels.

    Shapes: (B, T_a, width), (B, T_b, width) -> (B, T_a, width).

    Source: Tsai, Bai, Liang, Kolter, Morency, Salakhutdinov 2019, Multimodal transformer for unaligned multimodal language sequences, ACL,
        equations 3 and 4; one normalisation for queries and keys and 4 width inner units, as in the authors' code.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot
        >>> here, steps = torch.ones(2, dtype=torch.bool), lambda t: torch.ones(2, t, dtype=torch.bool)
        >>> block = CrossBlock(8, 2)
        >>> block(Slot(torch.randn(2, 3, 8), here, steps(3)), Slot(torch.randn(2, 5, 8), here, steps(5))).values.shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0, attention_dropout: float = 0.0) -> None:
        super().__init__()
        self.attend = CrossAttention(width, heads, dropout=attention_dropout)
        self.norm = nn.LayerNorm(width)
        self.inner_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        self.drop = nn.Dropout(dropout)

    def macs(self, a: int, b: int | None = None) -> float:
        """Of one row, for so many steps of the two."""
        return self.attend.macs(a, a if b is None else b) + dense(self.widen, a) + dense(self.narrow, a)

    def forward(self, a: Slot, b: Slot | None = None, allowed: Tensor | None = None) -> Slot:
        a, b = clean(a), None if b is None else clean(b)
        queries = self.norm(a.values)
        source = queries if b is None else self.norm(b.values)
        keys, usable = keys_of(a if b is None else b, allowed)
        z = a.values + self.drop(self.attend.mixed(queries, source, keys, usable))
        steps = z.flatten(0, 1)  # a matrix, not a view of one, can be rectified in place: a third of this half's time
        inner = F.relu(self.widen(self.inner_norm(steps)), inplace=True)
        z = (steps + self.drop(self.narrow(self.drop(inner)))).view_as(z)
        return a.with_values(z if usable is None else torch.where(usable[:, :, None], z, a.values))


class Transformer(nn.Module):
    """``depth`` blocks and a last normalisation; every block looks at the same ``b``, or without one at the sequence itself.

    Args:
        depth: number of blocks.
        width, heads, dropout, attention_dropout: as :class:`CrossBlock`.
        causal: a step sees only steps at its own place or before; places are step numbers, or times over ``clock``.
        clock: seconds a place, see :func:`places`.

    Shapes: (B, T_a, width), (B, T_b, width) -> (B, T_a, width).

    Source: as :class:`CrossBlock`.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot
        >>> a = Slot(torch.randn(2, 3, 8), torch.ones(2, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool))
        >>> encoder = Transformer(2, 8, 4)
        >>> encoder(a).values.shape
        torch.Size([2, 3, 8])
    """

    def __init__(
        self,
        depth: int,
        width: int,
        heads: int,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        causal: bool = False,
        clock: float | None = None,
    ) -> None:
        super().__init__()
        self.causal = causal
        self.clock = clock
        self.blocks = nn.ModuleList(CrossBlock(width, heads, dropout=dropout, attention_dropout=attention_dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def macs(self, a: int, b: int | None = None) -> float:
        """Of one row, for so many steps of the two."""
        return sum(block.macs(a, b) for block in self.blocks)  # type: ignore[operator]

    def forward(self, a: Slot, b: Slot | None = None) -> Slot:
        allowed = self._allowed(a, b or a)
        for block in self.blocks:
            a = block(a, b, allowed)
        return a.with_values(self.norm(a.values))

    def _allowed(self, a: Slot, b: Slot) -> Tensor | None:
        return places(b, self.clock)[:, None, :] <= places(a, self.clock)[:, :, None] if self.causal else None


def attended(blocks: Iterable[nn.Module], seen: Seen, steps: Axis, keys: Axis, names: tuple[str, str], *, joint: bool = False) -> Look:
    """The recorded weights of successive blocks as one map; each block's attention is its ``attend``."""
    weights = torch.stack([seen[block.attend][0] for block in blocks], dim=1)  # type: ignore[index]
    valid = (steps.mask[:, :, None] & keys.mask[:, None, :])[:, None, None]
    return Look("attention", *names, torch.where(valid, weights, weights.new_zeros(())), steps, keys, joint)


def places(slot: Slot, clock: float | None = None) -> Tensor:
    """(B or 1, T) where each step stands: its number, or, with ``clock`` seconds a place and a Slot that has times, its time / clock."""
    if clock is None or slot.times is None:
        return torch.arange(slot.values.shape[1], device=slot.values.device)[None]
    assert slot.mask is not None
    return torch.where(slot.mask, slot.times, torch.zeros_like(slot.times)) / clock


def sinusoid(where: Tensor, width: int) -> Tensor:
    """(B, T) places -> (B, T, width): sines of ``place / 10000^(2 i / width)`` in the first half, cosines in the second.

    Source: Vaswani et al. 2017, section 3.5.
    """
    half = (width + 1) // 2
    rates = torch.exp(torch.arange(half, device=where.device, dtype=torch.float64) * (-2 * math.log(10000.0) / width))
    angles = where[..., None].to(torch.float64) * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., :width]
