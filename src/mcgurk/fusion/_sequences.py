"""What the fusion layers that take sequences share: clean streams of every modality, their projection, and rows as Slots."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.errors import DataError, listing
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.masked import as_sequence, clean


def step_widths(specs: Mapping[str, SlotSpec]) -> dict[str, int]:
    """Numbers in a step of every modality, by sorted name; a vector counts as a sequence of one step.

    Raises:
        DataError: no modality, or one whose steps have no numbers or are codes.
    """
    if not specs:
        raise DataError("a fusion layer was built for no modality; give at least one")
    for name, spec in specs.items():
        if spec.width == 0:
            raise DataError(f"{name!r} has steps of no numbers; leave the modality out")
        if spec.classes is not None:
            raise DataError(f"the steps of {name!r} are codes of {spec.classes} classes; give the column an encoder that embeds them")
    return {name: specs[name].width for name in sorted(specs)}


def streams(slots: Mapping[str, Slot], built: Mapping[str, int]) -> dict[str, Slot]:
    """A clean sequence (B, T_m, d_m) of every modality the layer was built for, in its order.

    A modality that is not in ``slots`` is absent in every row.
    """
    unknown = [name for name in slots if name not in built]
    if unknown or not slots:
        raise DataError(f"the layer fuses {listing(built)}; it was given {listing(unknown) if unknown else 'no modality'}")
    some = next(iter(slots.values()))
    out = {}
    for name, width in built.items():
        if name in slots:
            slot = clean(as_sequence(slots[name]))
            out[name] = slot.with_values(slot.values.flatten(2))
        else:
            gone = torch.zeros_like(some.present)
            out[name] = Slot(some.values.new_zeros(len(gone), 1, width), gone, gone[:, None])
    return out


def flags(parts: Mapping[str, Slot], like: Tensor) -> Tensor:
    """(B, M) presence of every modality as numbers."""
    return torch.stack([slot.present for slot in parts.values()], dim=1).to(like.dtype)


def any_present(parts: Mapping[str, Slot]) -> Tensor:
    """(B,) whether a row has any modality."""
    return torch.stack([slot.present for slot in parts.values()]).any(dim=0)


class TemporalConvolution(nn.Module):
    """A convolution over steps that keeps their number: step t sees steps t - k // 2 to t + k // 2, padded and absent ones as 0.

    Args:
        fan_in, fan_out: widths of the steps.
        kernel: steps it sees, an odd number.
        bias: whether there is one.

    Shapes: a clean Slot (B, T, fan_in) -> (B, T, fan_out).
    """

    def __init__(self, fan_in: int, fan_out: int, kernel: int = 1, *, bias: bool = False) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise DataError(f"kernel={kernel}; it must be an odd number of steps, such as 1, 3 or 5")
        self.kernel = kernel
        self.linear = nn.Linear(kernel * fan_in, fan_out, bias=bias)

    def forward(self, slot: Slot) -> Slot:
        values = slot.values
        if self.kernel > 1:
            reach = self.kernel // 2
            values = F.pad(values, (0, 0, reach, reach)).unfold(1, self.kernel, 1).flatten(2)
        return slot.with_values(self.linear(values))
