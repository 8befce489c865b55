"""What flows through a network: one Slot a modality, one Batch a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(slots=True)
class Slot:
    """One modality of one batch.

    Absent: ``present`` False, ``mask`` all False. Empty: ``present`` True, ``mask`` all False. Full: nothing absent or padded.

    Shapes: values (B, *item) or (B, T, *step); present (B,) bool; mask (B, T) bool, True = valid step; times (B, T) seconds.
    """

    values: Tensor
    present: Tensor
    mask: Tensor | None = None
    times: Tensor | None = None
    full: bool = False

    @property
    def sequence(self) -> bool:
        return self.mask is not None

    def with_values(self, values: Tensor) -> Slot:
        """Same rows and steps, other values."""
        return Slot(values, self.present, self.mask, self.times, self.full)

    def without(self, rows: Tensor) -> Slot:
        """Absent in ``rows`` (bool) as well: values zeroed by selection."""
        keep = self.present & ~rows
        mask = None if self.mask is None else self.mask & keep[:, None]
        values = torch.where(broadcast(keep, self.values), self.values, torch.zeros_like(self.values))
        return Slot(values, keep, mask, self.times, False)


@dataclass(slots=True)
class Batch:
    """One step's data.

    Args:
        slots: name -> Slot, names sorted.
        y: labels of the batch's rows (of its steps one after another where there is a label per step), or None.
        weight: (B,) sample weights, or None.
        rows: (B,) int64 row numbers in the fitted data, or None.
        lengths: (B,) number of labelled steps of each row where there is a label per step.
        task: whose labels ``y`` holds, where y is {task: array}; then all rows belong to that task.
        turn: how many batches of this task came before, over all epochs.
    """

    slots: dict[str, Slot]
    y: Tensor | None = None
    weight: Tensor | None = None
    rows: Tensor | None = None
    lengths: Tensor | None = None
    task: str | None = None
    turn: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.slots.values())).present)

    def with_slots(self, slots: dict[str, Slot]) -> Batch:
        return replace(self, slots=slots)


@dataclass(frozen=True)
class SlotSpec:
    """Shape of a Slot: ``item`` is the shape of a row's item or of a step; ``classes`` the vocabulary where values are codes."""

    item: tuple[int, ...]
    sequence: bool = False
    classes: int | None = None

    @property
    def width(self) -> int:
        """Numbers in an item."""
        out = 1
        for size in self.item:
            out *= size
        return out


def broadcast(flag: Tensor, values: Tensor) -> Tensor:
    """``flag`` with ones appended to its shape until it broadcasts against ``values``."""
    return flag.reshape(flag.shape + (1,) * (values.dim() - flag.dim()))


def present_matrix(slots: Mapping[str, Slot]) -> Tensor:
    """(B, M) bool in the order of the names."""
    return torch.stack([slot.present for slot in slots.values()], dim=1)


def numbered_steps(lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(row, number within the row) of every step, rows one after another: both (sum of lengths,)."""
    rows = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
    return rows, torch.arange(len(rows), device=lengths.device) - (torch.cumsum(lengths, 0) - lengths)[rows]


def flatten_steps(slots: Mapping[str, Slot], lengths: Tensor) -> dict[str, Slot]:
    """Every labelled step becomes a row: (sum of lengths, *step); a modality without steps is repeated over them.

    A step that is masked in one modality is a row in which that modality is absent.
    """
    rows, step = numbered_steps(lengths)
    out = {}
    for name, slot in slots.items():
        if slot.mask is None:
            out[name] = Slot(slot.values[rows], slot.present[rows], None, None, slot.full)
            continue
        place = torch.clamp(step, max=slot.values.shape[1] - 1)
        within = step < slot.values.shape[1]
        present = slot.mask[rows, place] & within
        out[name] = Slot(slot.values[rows, place], present, None, None, slot.full)
    return out
