"""What the fusion layers that take vectors share: clean blocks of every modality, and the normalisers of products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from mcgurk.errors import DataError, listing
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.look import Axis, Look
from mcgurk.nn.masked import clean


def widths(specs: Mapping[str, SlotSpec]) -> dict[str, int]:
    """Numbers in a vector of every modality, by sorted name.

    Raises:
        DataError: no modality, a modality of no numbers, or one that is a sequence.
    """
    if not specs:
        raise DataError("a fusion layer was built for no modality; give at least one")
    for name, spec in specs.items():
        if spec.sequence:
            raise DataError(f"{name!r} is a sequence, but this layer fuses vectors; pool it first, or use a layer that takes sequences")
        if spec.width == 0:
            raise DataError(f"{name!r} has vectors of no numbers; leave the modality out")
    return {name: specs[name].width for name in sorted(specs)}


def blocks(slots: Mapping[str, Slot], built: Mapping[str, int]) -> list[tuple[Tensor, Tensor]]:
    """(values (B, d), present (B,)) of every modality the layer was built for, in its order.

    Absent rows are 0, by selection; a modality that is not in ``slots`` is absent in every row.
    """
    unknown = [name for name in slots if name not in built]
    if unknown or not slots:
        raise DataError(f"the layer fuses {listing(built)}; it was given {listing(unknown) if unknown else 'no modality'}")
    some = next(iter(slots.values()))
    out = []
    for name, width in built.items():
        if name in slots:
            slot = clean(slots[name])
            out.append((slot.values.flatten(1), slot.present))
        else:
            out.append((some.values.new_zeros(len(some.present), width), torch.zeros_like(some.present)))
    return out


def per_modality(kind: str, slots: Mapping[str, Slot], built: Mapping[str, int], weights: Tensor) -> list[Look]:
    """What a row took from each modality as maps, from (B, M, heads) in the order of ``built``."""
    rows = torch.stack([present for _, present in blocks(slots, built)], dim=1)
    whole = Axis(rows.any(dim=1, keepdim=True))
    return [
        Look(kind, "", name, weights[:, None, m, :, None, None], whole, Axis(rows[:, m, None]), joint=True) for m, name in enumerate(built)
    ]


def fused(values: Tensor, slots: Mapping[str, Slot], built: Mapping[str, int]) -> Slot:
    """A Slot of fused ``values``: a row is present where any modality is."""
    first, *others = slots.values()
    if len(slots) == len(built) and first.full and all(slot.full for slot in others):
        return Slot(values, first.present, None, None, True)
    present = first.present
    for slot in others:
        present = present | slot.present
    return Slot(values, present)


def select(present: Tensor, values: Tensor, otherwise: Tensor) -> Tensor:
    """``values`` where present, ``otherwise`` (broadcast) elsewhere; no gradient passes between the two."""
    return torch.where(present[:, None], values, otherwise)


def wide(values: Tensor) -> Tensor:
    """At least float32, because products leave the range of half precision."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def signed_sqrt(values: Tensor) -> Tensor:
    """sign(x) sqrt(|x|) as x / sqrt(|x| + 1e-8), whose gradient is finite at 0."""
    return values / torch.sqrt(values.abs() + 1e-8)


def unit_norm(values: Tensor) -> Tensor:
    """x / |x|_2 as x / sqrt(|x|^2 + 1e-12), whose gradient is finite at 0."""
    return values / torch.sqrt(values.square().sum(dim=1, keepdim=True) + 1e-12)


def outer(a: Tensor, b: Tensor) -> Tensor:
    """(B, d_a), (B, d_b) -> (B, d_a d_b), b varying fastest; as a matrix product, whose gradient is quicker than that of broadcasting."""
    with torch.autocast(a.device.type, enabled=False):  # mixed precision would narrow the product again
        return torch.bmm(wide(a).unsqueeze(2), wide(b).unsqueeze(1)).flatten(1)


def product(parts: Sequence[Tensor]) -> Tensor:
    """Elementwise product."""
    out = parts[0]
    for part in parts[1:]:
        out = out * part
    return out


class Absent(nn.Module):
    """A learned constant in place of an absent modality's features.

    It starts at 0, the mean of standardised features: where training never lacked the modality, its factor is then one that the product
    has learned to meet. A constant factor, be it 1, is not: the others' product meets it for the first time in prediction.

    Args:
        width: of the features.
        start: at which value.

    Shapes: present (B,), x (B, width) -> (B, width).
    """

    def __init__(self, width: int, start: float = 0.0) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.full((width,), start))

    def forward(self, present: Tensor, x: Tensor) -> Tensor:
        return select(present, x, self.value.to(x.dtype))
