"""Attention of the steps of one sequence to those of another, safe where nothing can be attended to."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot
from mcgurk.nn.masked import as_sequence, clean


class CrossAttention(nn.Module):
    """``softmax(Q K^T / sqrt(d_k) + mask) V`` in several heads; queries from one Slot, keys and values from another.

    A row without a valid key gives 0, with zero gradient; a step of the queries that is padded or absent gives 0.

    Not for: a row's modalities that have no steps (``mcgurk.fusion.ModalityAttention``).

    Args:
        width: of the output and of all heads together.
        heads: number of heads, a divisor of ``width``.
        query_width, key_width: widths of the two sequences; default ``width``.
        dropout: of the attention weights.

    Shapes: (B, T_a, query_width), (B, T_b, key_width) -> (B, T_a, width).

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

    def forward(self, a: Slot, b: Slot) -> Slot:
        a, b = clean(as_sequence(a)), clean(as_sequence(b))
        assert a.mask is not None and b.mask is not None
        q = self._split(self.query(a.values))
        k, v = (self._split(part) for part in self.key_value(b.values).chunk(2, dim=-1))
        usable = b.mask.any(dim=1)
        # A row without keys attends to its zeroed ones, which keeps every kernel finite; what comes of it is dropped by selection below.
        keys = None if b.full else (b.mask | ~usable[:, None])[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=keys, dropout_p=self.dropout if self.training else 0.0)
        out = self.leave(mixed.transpose(1, 2).flatten(2))
        valid = a.mask & usable[:, None]
        return Slot(torch.where(valid[:, :, None], out, out.new_zeros(())), a.present, a.mask, a.times, a.full)

    def _split(self, values: Tensor) -> Tensor:
        return values.view(*values.shape[:2], self.heads, -1).transpose(1, 2)
