"""Fully connected layers, and the head every supervised network ends in."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from mcgurk.data.target import TargetSpec
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Head
from mcgurk.nn.masked import clean, pool
from mcgurk.nn.wide import WIDE, WideLinear


def mlp(sizes: tuple[int, ...], dropout: float = 0.0, *, norm: bool = False, last: bool = False) -> nn.Sequential:
    """Linear, (LayerNorm,) ReLU, dropout for every step of ``sizes``; with ``last`` the final layer is linear only."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        layers.append(WideLinear(fan_in, fan_out) if fan_in >= WIDE else nn.Linear(fan_in, fan_out))
        if last and i == len(sizes) - 2:
            break
        if norm:
            layers.append(nn.LayerNorm(fan_out))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)


class MLPHead(Head):
    """Hidden layers of the given widths, then one linear layer to the scores.

    Args:
        hidden: widths of the hidden layers; () for a linear head.
        dropout: after each hidden layer and before the first layer.

    Shapes: Slot (B, d) or (B, T, d), pooled by the mean -> (B, k).
    """

    def __init__(self, hidden: tuple[int, ...] = (), dropout: float = 0.0) -> None:
        super().__init__()
        self.hidden = hidden
        self.dropout = dropout

    def build(self, spec: SlotSpec, target: TargetSpec) -> None:
        self.input_dropout = nn.Dropout(self.dropout) if self.dropout else nn.Identity()
        self.layers = mlp((spec.width, *self.hidden, target.columns), self.dropout, last=True)

    def forward(self, slot: Slot) -> Tensor:
        values = pool(clean(slot)).values
        return self.layers(self.input_dropout(values.flatten(1)))
