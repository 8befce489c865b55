"""What layers share that shift a main modality's steps: which steps of the others belong to them, and how far a shift may go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mcgurk.errors import DataError, listing
from mcgurk.nn.batch import Slot
from mcgurk.nn.look import Axis, Look


def main_of(main: str | None, built: Mapping[str, int]) -> str:
    """The named modality; without a name "text" if it is there, else the first by sorted name.

    Raises:
        DataError: the name is no modality.
    """
    if main is None:
        return "text" if "text" in built else next(iter(built))
    if main not in built:
        raise DataError(f"main={main!r} is not among the modalities {listing(built)}")
    return main


def belonging(main: Slot, other: Slot) -> Tensor:
    """(B, T_main, T_other) bool: which steps of ``other`` belong to which step of ``main``.

    Each step of ``other`` belongs to the nearest step of ``main``; a step of ``main`` that none belongs to is given its nearest one, so
    that it hears something wherever there is something. Near is in time where both have times, else in relative position: the middle of
    step i of n stands at (i - 1/2) / n. Of equally near steps the earlier one is taken.
    """
    assert main.mask is not None and other.mask is not None
    valid = main.mask[:, :, None] & other.mask[:, None, :]
    here, there = (main.times, other.times) if main.times is not None and other.times is not None else (_relative(main), _relative(other))
    apart = torch.where(valid, (here[:, :, None] - there[:, None, :]).abs(), torch.inf)
    nearest = _one_hot(apart.argmin(dim=1), main.mask.shape[1]).transpose(1, 2) & valid
    lonely = ~nearest.any(dim=2, keepdim=True)
    return nearest | (_one_hot(apart.argmin(dim=2), other.mask.shape[1]) & valid & lonely)


def _relative(slot: Slot) -> Tensor:
    assert slot.mask is not None
    rank = slot.mask.cumsum(dim=1).to(torch.float64)
    return (rank - 0.5) / rank[:, -1:].clamp(min=1)


def _one_hot(index: Tensor, size: int) -> Tensor:
    return index[:, :, None] == torch.arange(size, device=index.device)


def grounded(main: Slot, others: Mapping[str, Slot]) -> tuple[Slot, dict[str, Tensor], Tensor]:
    """``main`` with a step for rows that have none, :func:`belonging` of every other, and (B,) which rows those are.

    The step that stands in is zero and all steps of all others belong to it.
    """
    assert main.mask is not None
    lone = ~main.mask.any(dim=1)
    heard = torch.zeros_like(lone)
    belongs = {}
    for name, other in others.items():
        assert other.mask is not None
        belongs[name] = belonging(main, other)
        belongs[name][:, 0] |= lone[:, None] & other.mask
        heard = heard | other.mask.any(dim=1)
    present = main.present
    for other in others.values():
        present = present | other.present
    mask = main.mask.clone()
    mask[:, 0] |= lone & heard
    full = main.full and all(other.full for other in others.values())
    return Slot(main.values, present, mask, main.times, full), belongs, lone


@dataclass
class Shift:
    """What became of a main modality's steps.

    Args:
        main: Z, (B, T_main, width).
        total: a H, of the same shape.
        told: the part of it that each other modality said.
        belongs: which of its steps belong to which step of the main one, (B, T_main, T_other) bool.
    """

    main: Slot
    total: Tensor
    told: dict[str, Tensor]
    belongs: dict[str, Tensor]

    def shares(self) -> Tensor:
        """(B, M, T_main) shares of length: the step's own, then what each modality said, in the order of ``told``; 0 where all are 0."""
        lengths = torch.stack([self.main.values.norm(dim=2), *(said.norm(dim=2) for said in self.told.values())], dim=1)
        total = lengths.sum(dim=1, keepdim=True)
        return lengths / torch.where(total > 0, total, torch.ones_like(total))


def shift_looks(shares: Tensor, parts: Mapping[str, Slot], chosen: str) -> list[Look]:
    """Recorded :meth:`Shift.shares` as maps: what a modality said is spread evenly over the steps that belong."""
    others = {name: slot for name, slot in parts.items() if name != chosen}
    main, belongs, _ = grounded(parts[chosen], others)
    maps = {chosen: torch.diag_embed(shares[:, 0])}
    for name, share in zip(others, shares.unbind(dim=1)[1:], strict=True):
        even = belongs[name].to(share.dtype) / belongs[name].sum(dim=2, keepdim=True).clamp(min=1)
        maps[name] = share[:, :, None] * even
    return [Look("shift", chosen, name, m[:, None, None], Axis.of(main), Axis.of(parts[name]), joint=True) for name, m in maps.items()]


def shifted(
    parts: Mapping[str, Slot],
    chosen: str,
    embed: Callable[[Tensor], Tensor],
    said: Callable[[str, Slot, Tensor, Tensor], Tensor],
    offset: Tensor | None,
    beta: float,
) -> Shift:
    """Z and ``a H``, ``H = sum_m said_m + offset``, capped; 0 at steps to which nothing belongs.

    Args:
        parts: clean streams by name.
        chosen: the main one.
        embed: from its values to Z.
        said: from (name, stream, its belonging, Z) to a gated contribution (B, T_main, width).
        offset: b_H.
        beta: see :func:`cap`; rows that lack the main modality are not capped, since there Z is 0.
    """
    others = {name: slot for name, slot in parts.items() if name != chosen}
    main, belongs, lone = grounded(parts[chosen], others)
    assert main.mask is not None
    z = torch.where(main.mask[:, :, None] & ~lone[:, None, None], embed(main.values), main.values.new_zeros(()))
    told, heard = {}, torch.zeros_like(main.mask)
    for name, other in others.items():
        here = belongs[name].any(dim=2)
        told[name] = torch.where(here[:, :, None], said(name, other, belongs[name], z), torch.zeros_like(z))
        heard = heard | here
    h = sum(told.values(), torch.zeros_like(z))
    if offset is not None:
        h = torch.where(heard[:, :, None], h + offset, h)
    a = torch.where(lone[:, None, None], torch.ones_like(z[:, :, :1]), cap(z, h, beta))
    return Shift(main.with_values(z), h * a, {name: part * a for name, part in told.items()}, belongs)


def cap(z: Tensor, h: Tensor, beta: float) -> Tensor:
    """``a = min(beta |z| / (|h| + 1e-6), 1)``, step by step; where h is 0 its length counts as 1, so gradients are finite."""
    return torch.clamp(beta * _length(z, 0.0) / (_length(h, 1.0) + 1e-6), max=1.0)


def _length(x: Tensor, of_nothing: float) -> Tensor:
    square = x.square().sum(dim=-1, keepdim=True)
    nothing = square == 0
    return torch.where(nothing, torch.full_like(square, of_nothing), torch.where(nothing, torch.ones_like(square), square).sqrt())
