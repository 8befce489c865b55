"""Dilated convolutions over steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mcgurk.encoders.sequences import SequenceEncoder
from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot


class Conv1dEncoder(SequenceEncoder):
    """Residual convolutions whose reach doubles: x <- x + dropout(relu(norm(conv_{kernel, dilation 2^l}(x)))), l = 0 ... layers - 1.

    The first layer maps a step to ``width``. Output step t has seen (kernel - 1) (2^layers - 1) / 2 steps to either side. Masked steps are
    set to zero, by selection, before every convolution, which is what stands beyond the ends. Not for relations further apart than that.

    Args:
        width: of the output.
        layers: convolutions.
        kernel: odd number of taps.
        dropout: after each convolution.
        pool: None, "mean", "max", "last" or "attention".
        base: the encoder that makes the steps, or None for series.

    Shapes: Slot (B, T, *step) -> (B, width), or (B, T, width) with ``pool=None``.

    Raises:
        DataError: an even kernel; a column that gives no sequences.

    Source: Bai, Kolter, Koltun 2018, arXiv:1803.01271, here seeing both directions; Ba, Kiros, Hinton 2016, layer normalisation.

    Example:
        >>> import torch
        >>> from mcgurk.data import ColumnSpec
        >>> from mcgurk.encoders import Conv1dEncoder
        >>> from mcgurk.nn import Slot
        >>> encoder = Conv1dEncoder(width=4, pool=None)
        >>> encoder.build(ColumnSpec("ragged", "series", (3,), True))
        >>> slot = Slot(torch.zeros(2, 5, 3), torch.tensor([True, True]), torch.ones(2, 5, dtype=torch.bool))
        >>> encoder(slot).values.shape
        torch.Size([2, 5, 4])
    """

    def __init__(
        self, *, width: int = 64, layers: int = 3, kernel: int = 3, dropout: float = 0.0, pool: str | None = "mean", base: Any = None
    ) -> None:
        super().__init__()
        self.width = width
        self.layers = layers
        self.kernel = kernel
        self.dropout = dropout
        self.pool = pool
        self.base = base

    def _build(self, width: int) -> None:
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise DataError(f"kernel={self.kernel} was given; expected an odd number of taps, so that a step stays in its place")
        self.enter = nn.Linear(width, self.width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(self.width, self.width, self.kernel, padding=(self.kernel // 2) * 2**i, dilation=2**i) for i in range(self.layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(self.width) for _ in range(self.layers))
        self.drop = nn.Dropout(self.dropout)

    def _steps(self, slot: Slot) -> Tensor:
        assert slot.mask is not None
        valid = slot.mask[..., None]
        x = self.enter(slot.values)
        for convolution, norm in zip(self.convolutions, self.norms):
            x = torch.where(valid, x, torch.zeros_like(x))
            x = x + self.drop(torch.relu(norm(convolution(x.transpose(1, 2)).transpose(1, 2))))
        return x
