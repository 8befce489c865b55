"""Self-attention over steps."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mcgurk.encoders.sequences import SequenceEncoder, waves
from mcgurk.errors import DataError
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot


class TransformerEncoder(SequenceEncoder):
    """Pre-norm transformer blocks: x <- x + A(norm(x)), x <- x + F(norm(x)); A attends to valid steps only.

    A = softmax(Q K' / sqrt(d)) V in ``heads`` parts,  F = W_2 gelu(W_1 x), four times as wide inside.

    Positions are sinusoids: of the step's clock where the series has times (in units of the typical distance of training steps), so
    uneven steps and gaps are seen as such; of its number otherwise. Not for small data without a reason: ``conv1d`` and ``gru`` need less
    of it; nor for thousands of steps, whose number enters the cost squared.

    Args:
        width: of the output, divisible by ``heads``.
        layers: blocks.
        heads: parts of the attention.
        dropout: on both branches.
        pool: None, "mean", "max", "last" or "attention".
        base: the encoder that makes the steps, or None for series.

    Shapes: Slot (B, T, *step) -> (B, width), or (B, T, width) with ``pool=None``.

    Raises:
        DataError: heads that do not divide the width; a column that gives no sequences.

    Source: Vaswani et al. 2017, NeurIPS; norm before the branches: Xiong et al. 2020, ICML.

    Example:
        >>> import torch
        >>> from mcgurk.data import ColumnSpec
        >>> from mcgurk.encoders import TransformerEncoder
        >>> from mcgurk.nn import Slot
        >>> encoder = TransformerEncoder(width=8, heads=2)
        >>> encoder.build(ColumnSpec("ragged", "series", (3,), True))
        >>> slot = Slot(torch.zeros(2, 5, 3), torch.tensor([True, True]), torch.ones(2, 5, dtype=torch.bool))
        >>> encoder(slot).values.shape
        torch.Size([2, 8])
    """

    def __init__(
        self, *, width: int = 64, layers: int = 2, heads: int = 4, dropout: float = 0.1, pool: str | None = "mean", base: Any = None
    ) -> None:
        super().__init__()
        self.width = width
        self.layers = layers
        self.heads = heads
        self.dropout = dropout
        self.pool = pool
        self.base = base

    def _build(self, width: int) -> None:
        if self.heads < 1 or self.width % self.heads:
            raise DataError(f"{self.heads} heads do not divide a width of {self.width}; give a width that is a multiple of heads")
        self.enter = nn.Linear(width, self.width)
        self.blocks = nn.ModuleList(Block(self.width, self.heads, self.dropout) for _ in range(self.layers))
        self.norm = nn.LayerNorm(self.width)

    def _steps(self, slot: Slot) -> Tensor:
        assert slot.mask is not None
        x = self.enter(slot.values)
        x = x + waves(self._positions(slot), self.width, x.dtype)
        for block in self.blocks:
            x = block(x, slot.mask)
        return self.norm(x)


class Block(nn.Module):
    """One block. Shapes: (B, T, width), mask (B, T) -> (B, T, width)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.feed_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.queries(self.attention_norm(x)).chunk(3, dim=-1))
        weights = masked.softmax(q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5, mask[:, None, None, :])
        x = x + self.drop(self.attended((weights @ v).transpose(1, 2).flatten(2)))
        return x + self.drop(self.feed(self.feed_norm(x)))
