"""Steps seen in their context: a window of neighbours around each step of a sequence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mcgurk.errors import DataError
from mcgurk.nn.batch import Slot, SlotSpec, flatten_steps, numbered_steps


@dataclass(frozen=True)
class Context:
    """Steps before and after a step that are seen with it; no more than its own sequence has.

    The window of step t holds ``t - before, ..., t + after`` in order and, where any stand after it, step t once more: the last place of a
    window is always the step itself, which layers that read the last step so read. Every place carries ``before + 1 + after`` further
    numbers, all 0 but the one of its place, so that the first projection of any layer learns where a step stands; that one is
    ``sqrt(width)``, as long as a standardised step. Places beyond the ends of the sequence are masked, as are steps that were not observed.

    A layer then costs as much as on sequences of ``places`` steps, once for every labelled step.

    Not for: steps that are samples of one thing (give one label a row); windows as long as the sequences (cost grows with their product).

    Args:
        before, after: numbers of steps.

    Shapes: Slots (B, T, *step) and lengths (B,) -> (sum of lengths, places, width + before + 1 + after); a Slot without steps is repeated.

    Example:
        >>> import torch
        >>> from mcgurk.nn import Slot
        >>> slot = Slot(torch.tensor([[[5.0], [6.0], [7.0]]]), torch.tensor([True]), torch.ones(1, 3, dtype=torch.bool))
        >>> window = Context(1, 1).windows({"a": slot}, torch.tensor([3]))["a"]
        >>> (window.values[:, :, 0] * window.mask).tolist()
        [[0.0, 5.0, 6.0, 5.0], [5.0, 6.0, 7.0, 6.0], [6.0, 7.0, 0.0, 7.0]]
    """

    before: int = 0
    after: int = 0

    @classmethod
    def of(cls, given: Any) -> Context:
        """From a number for both sides, or a pair (before, after).

        Raises:
            DataError: anything else, or a number below 0.
        """
        pair = tuple(given) if isinstance(given, (tuple, list)) else (given, given)
        if len(pair) != 2 or any(isinstance(k, bool) or not isinstance(k, int) or k < 0 for k in pair):
            raise DataError(f"context={given!r}; expected a number of steps >= 0, or a pair of them (before, after)")
        return cls(*pair)

    def __bool__(self) -> bool:
        return self.before + self.after > 0

    @property
    def places(self) -> int:
        """Steps of a window."""
        return self.before + 1 + self.after + (self.after > 0)

    @property
    def offsets(self) -> list[int]:
        """Where the places of a window stand, counted from its step."""
        return [*range(-self.before, self.after + 1), *([0] if self.after else [])]

    def spec(self, spec: SlotSpec) -> SlotSpec:
        """What :meth:`windows` makes of a sequence Slot of this spec.

        Raises:
            DataError: steps that are codes.
        """
        if spec.classes is not None:
            raise DataError(f"steps that are codes of {spec.classes} classes carry no place in a window; set context=0, or embed them")
        return SlotSpec((spec.width + self.before + 1 + self.after,), True)

    def windows(self, slots: Mapping[str, Slot], lengths: Tensor) -> dict[str, Slot]:
        """Every labelled step as a row: its window where the Slot is a sequence. A row is present where any place is."""
        flat = flatten_steps({name: slot for name, slot in slots.items() if slot.mask is None}, lengths)
        rows, step = numbered_steps(lengths)
        place = step[:, None] + torch.tensor(self.offsets, device=lengths.device)
        within = (place >= 0) & (place < lengths[rows, None])
        return {name: flat[name] if slot.mask is None else self._window(slot, rows, place, within) for name, slot in slots.items()}

    def _window(self, slot: Slot, rows: Tensor, place: Tensor, within: Tensor) -> Slot:
        assert slot.mask is not None
        within = within & (place < slot.mask.shape[1])
        at = (rows[:, None], place.clamp(0, slot.mask.shape[1] - 1))
        mask = (slot.mask & slot.present[:, None])[at] & within
        values = slot.values.flatten(2)
        width = values.shape[2]
        own = torch.eye(self.before + 1 + self.after, dtype=values.dtype, device=values.device)
        flags = math.sqrt(width) * own[[offset + self.before for offset in self.offsets]]
        placed = torch.cat([values[at], flags.expand(len(rows), -1, -1)], dim=2)
        seen = torch.where(mask[:, :, None], placed, placed.new_zeros(()))
        times = None if slot.times is None else torch.where(mask, slot.times[at], slot.times.new_zeros(()))
        return Slot(seen, mask.any(dim=1), mask, times, False)

    def itself(self, window: Slot, spec: SlotSpec) -> Slot:
        """The step a window is of, as a vector Slot of the step's own spec; absent where it was not observed."""
        assert window.mask is not None
        values = window.values[:, -1, : spec.width].reshape(-1, *spec.item)
        return Slot(values, window.mask[:, -1], None, None, window.full)
