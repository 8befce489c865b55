"""A gated recurrent network over steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mcgurk.encoders.sequences import SequenceEncoder
from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot


class GRUEncoder(SequenceEncoder):
    """Gated recurrent units, in both directions by default, over the valid steps only.

    r = s(W_r x + U_r h),  z = s(W_z x + U_z h),  n = tanh(W_n x + b + r * (U_n h + c)),  h' = (1 - z) * n + z * h

    Masked steps are taken out before the recurrence and put back after it, so that a gap is as if it had never been. Clocks are not
    read: for uneven steps use ``transformer``. Not for long sequences (thousands of steps): ``conv1d``.

    Args:
        width: of the output.
        layers: stacked recurrences.
        both: read in both directions, half the width each.
        dropout: between layers.
        pool: None, "mean", "max", "last" or "attention"; with ``both``, "last" sees the backward half of its own step only.
        base: the encoder that makes the steps, or None for series.

    Shapes: Slot (B, T, *step) -> (B, width), or (B, T, width) with ``pool=None``.

    Raises:
        DataError: an odd width in both directions; a column that gives no sequences.

    Source: Cho et al. 2014, EMNLP; the reset gate after the matrix, as in its first GPU implementations.

    Example:
        >>> import torch
        >>> from mcgurk.data import ColumnSpec
        >>> from mcgurk.encoders import GRUEncoder
        >>> from mcgurk.nn import Slot
        >>> encoder = GRUEncoder(width=4)
        >>> encoder.build(ColumnSpec("ragged", "series", (3,), True))
        >>> slot = Slot(torch.zeros(2, 5, 3), torch.tensor([True, True]), torch.ones(2, 5, dtype=torch.bool))
        >>> encoder(slot).values.shape
        torch.Size([2, 4])
    """

    def __init__(
        self, *, width: int = 64, layers: int = 1, both: bool = True, dropout: float = 0.0, pool: str | None = "mean", base: Any = None
    ) -> None:
        super().__init__()
        self.width = width
        self.layers = layers
        self.both = both
        self.dropout = dropout
        self.pool = pool
        self.base = base

    def _build(self, width: int) -> None:
        self._check_even()
        hidden = self.width // 2 if self.both else self.width
        dropout = self.dropout if self.layers > 1 else 0.0
        self.recurrence = nn.GRU(width, hidden, self.layers, batch_first=True, dropout=dropout, bidirectional=self.both)

    def _steps(self, slot: Slot) -> Tensor:
        assert slot.mask is not None
        order = torch.argsort((~slot.mask).to(torch.int8), dim=1, stable=True)  # valid steps first, each in its order
        front = torch.gather(slot.values, 1, order[..., None].expand_as(slot.values))
        lengths = slot.mask.sum(dim=1).clamp(min=1).cpu()
        packed, _ = self.recurrence(pack_padded_sequence(front, lengths, batch_first=True, enforce_sorted=False))
        states, _ = pad_packed_sequence(packed, batch_first=True, total_length=slot.values.shape[1])
        return torch.gather(states, 1, torch.argsort(order, dim=1)[..., None].expand_as(states))

    def _check_even(self) -> None:
        if self.both and self.width % 2:
            raise DataError(f"width={self.width} cannot be halved between two directions; give an even width, or both=False")
