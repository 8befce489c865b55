"""Recurrent attended variation embedding: words shifted by what was heard and seen while they were said."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError
from mcgurk.fusion._sequences import flags, step_widths, streams
from mcgurk.fusion._shift import Shift, belonging, main_of, shift_looks, shifted
from mcgurk.nn import masked
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion, NamedModules
from mcgurk.nn.look import Look, Seen, keep, looking
from mcgurk.nn.macs import dense, recurrent


class RAVEN(Fusion):
    """``Z + a H`` for every step Z of the main modality, read by a recurrent network whose last state is the output.

    For each step an LSTM reads the steps of m that belong to it, in order, and ends in s_m; ``H = sum_m w_m (W_m s_m) + b_H`` with one
    gate a modality, ``w_m = s(v_m [s_m; Z] + b_m)``, and ``a = min(beta |Z| / |H|, 1)``. Steps belong to the step nearest to them in
    time, or in relative position where either modality has no times.

    A modality absent in a row has gate 0; where all others are, Z stays. A row without the main modality is one step H, uncapped.

    Not for: modalities of equal standing (mult, vilbert), or cues with one step a word (mag is quicker and shifts unit by unit).

    Args:
        main: the column that is shifted; None takes "text" if there is one, else the first by sorted name.
        width: of the main modality's steps after projection, and of the last state.
        hidden: of the recurrent networks below the steps.
        beta: the longest shift as a share of |Z|.

    Shapes: M Slots (B, T_m, d_m) -> (B, width + M), presence flags last.

    Raises:
        DataError: ``main`` is no modality, ``beta`` below 0, ``width`` or ``hidden`` below 1.

    Source: Wang, Shen, Liu, Liang, Zadeh, Morency 2019, Words can shift: dynamically adjusting word representations using nonverbal
        behaviors, AAAI, section 3. Joining by nearness and the flags are ours.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot, SlotSpec
        >>> layer = RAVEN(width=8, hidden=4)
        >>> layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((5,), True)})
        >>> here, steps = torch.ones(4, dtype=torch.bool), lambda t: torch.ones(4, t, dtype=torch.bool)
        >>> layer({"sound": Slot(torch.randn(4, 9, 3), here, steps(9)), "text": Slot(torch.randn(4, 6, 5), here, steps(6))}).values.shape
        torch.Size([4, 10])
    """

    wants = "sequence"
    shows = ("shift",)

    def __init__(self, *, main: str | None = None, width: int = 64, hidden: int = 16, beta: float = 1.0) -> None:
        super().__init__()
        self.main = main
        self.width = width
        self.hidden = hidden
        self.beta = beta

    def build(self, specs: dict[str, SlotSpec]) -> None:
        if self.beta < 0 or self.width < 1 or self.hidden < 1:
            raise DataError(f"beta={self.beta}, width={self.width}, hidden={self.hidden}; expected at least 0, 1 and 1")
        self.built = step_widths(specs)
        self.chosen = main_of(self.main, self.built)
        others = {name: d for name, d in self.built.items() if name != self.chosen}
        self.embed = nn.Linear(self.built[self.chosen], self.width)
        self.read = NamedModules({name: nn.LSTM(d, self.hidden, batch_first=True) for name, d in others.items()})
        self.gate = NamedModules({name: nn.Linear(self.hidden + self.width, 1) for name in others})
        self.shift = NamedModules({name: nn.Linear(self.hidden, self.width, bias=False) for name in others})
        self.offset = nn.Parameter(torch.zeros(self.width)) if others else None
        self.words = nn.LSTM(self.width, self.width, batch_first=True)
        self.out = SlotSpec((self.width + len(self.built),))

    def shifted(self, slots: dict[str, Slot]) -> Shift:
        """Z, a H and who said what of it."""
        return shifted(streams(slots, self.built), self.chosen, self.embed, self._said, self.offset, self.beta)

    def _said(self, name: str, other: Slot, here: Tensor, z: Tensor) -> Tensor:
        state = ends(self.read[name], other.values, here)
        said: Tensor = torch.sigmoid(self.gate[name](torch.cat([state, z], dim=2))) * self.shift[name](state)
        return said

    def looks(self, slots: dict[str, Slot], seen: Seen) -> list[Look]:
        """Shares of length in every shifted step."""
        return shift_looks(seen[self][0], streams(slots, self.built), self.chosen)

    def macs(self, steps: Mapping[str, int]) -> float:
        own = steps[self.chosen]
        total = dense(self.embed, own) + recurrent(self.words, own)
        for name in self.read.names():
            # every step of the main modality reads as many as the one that most belong to, the rest of them padding
            most = int(belonging(_places(own), _places(steps[name])).sum(dim=2).max())
            total += recurrent(self.read[name], own * most) + dense(self.gate[name], own) + dense(self.shift[name], own)
        return total

    def forward(self, slots: dict[str, Slot]) -> Slot:
        shift = self.shifted(slots)
        if looking():
            keep(self, shift.shares())
        main = shift.main
        assert main.mask is not None
        order = (~main.mask).to(torch.uint8).argsort(dim=1, stable=True)  # valid steps first: a gap is no step
        tokens = (main.values + shift.total).take_along_dim(order[:, :, None], dim=1)
        state = masked.last(self.words(tokens)[0], main.mask.take_along_dim(order, dim=1))
        seen = flags(streams(slots, self.built), state)
        return Slot(torch.cat([state, seen], dim=1), main.present, None, None, main.full)


def ends(network: nn.LSTM, values: Tensor, belongs: Tensor) -> Tensor:
    """(B, T, hidden) last states of ``network`` over the steps (B, S, d) that belong to each of T steps; 0 where none does."""
    count = belongs.sum(dim=2)
    used = count > 0
    if not bool(used.any()):
        return values.new_zeros(*count.shape, network.hidden_size)
    order = (~belongs).to(torch.uint8).argsort(dim=2, stable=True)[:, :, : int(count.max())]
    rows = torch.arange(len(values), device=values.device)[:, None].expand_as(used)[used]
    states, _ = network(values[rows[:, None], order[used]])
    last = states[torch.arange(len(rows), device=values.device), count[used] - 1]
    return last.new_zeros(*count.shape, network.hidden_size).masked_scatter(used[:, :, None], last)


def _places(steps: int) -> Slot:
    """One row of so many steps of nothing."""
    here = torch.ones(1, dtype=torch.bool)
    return Slot(torch.zeros(1, steps, 0), here, here.expand(1, steps), full=True)
