"""Which steps of a batch are neighbours: temporal windows within a modality, windows across modalities, nearest features."""

from __future__ import annotations

import torch
from torch import Tensor

from mcgurk.nn.batch import Slot


def ranks(slot: Slot) -> Tensor:
    """(B, T) number of a step among the valid ones of its row, from 0."""
    assert slot.mask is not None
    return slot.mask.cumsum(dim=1) - 1


def temporal(slot: Slot, window: int) -> tuple[Tensor, Tensor]:
    """(earlier, later), each (B, T, T) bool of (to, from): the ``window`` valid steps before a step and those after it."""
    assert slot.mask is not None
    rank = ranks(slot)
    ahead = rank[:, :, None] - rank[:, None, :]
    both = slot.mask[:, :, None] & slot.mask[:, None, :]
    return both & (ahead > 0) & (ahead <= window), both & (ahead < 0) & (ahead >= -window)


def across(a: Slot, b: Slot, window: int, clock: float | None = None) -> Tensor:
    """(B, T_a, T_b) bool of (to, from): steps of ``b`` that stand within the window of a step of ``a``.

    With ``clock`` and times on both: within ``window clock`` seconds. Else in relative position, step i of n standing at (i - 1/2) / n:
    within ``window`` steps of the shorter sequence, so that every step finds some.
    """
    assert a.mask is not None and b.mask is not None
    both = a.mask[:, :, None] & b.mask[:, None, :]
    if clock is not None and a.times is not None and b.times is not None:
        apart = torch.where(both, (a.times[:, :, None] - b.times[:, None, :]).abs(), torch.inf)
        return apart <= window * clock * (1 + 1e-9)
    lengths = [slot.mask.sum(dim=1).clamp(min=1) for slot in (a, b)]  # type: ignore[union-attr]
    # |(2 i + 1) / (2 n) - (2 j + 1) / (2 m)| <= window / min(n, m), in integers so that no rounding decides
    apart = ((2 * ranks(a) + 1)[:, :, None] * lengths[1][:, None, None] - (2 * ranks(b) + 1)[:, None, :] * lengths[0][:, None, None]).abs()
    return both & (apart <= 2 * window * torch.maximum(*lengths)[:, None, None])


def nearest(slot: Slot, k: int) -> Tensor:
    """(B, T, T) bool of (to, from): the ``k`` other steps of the row with the smallest Euclidean distance; of equals the earlier."""
    assert slot.mask is not None
    values = slot.values.detach()
    wide = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    apart = torch.cdist(wide, wide, compute_mode="donot_use_mm_for_euclid_dist")  # exact, so that twins tie
    both = slot.mask[:, :, None] & slot.mask[:, None, :] & ~torch.eye(values.shape[1], dtype=torch.bool, device=values.device)
    order = torch.where(both, apart, torch.inf).argsort(dim=2, stable=True)[:, :, : min(k, values.shape[1])]
    chosen = torch.zeros_like(both).scatter(2, order, torch.ones_like(order, dtype=torch.bool))
    return chosen & both


def numbered(parts: dict[str, Slot]) -> tuple[dict[str, Tensor], int]:
    """(B, T_m) number of every valid step among the nodes of the batch, and how many nodes there are. Only valid steps are nodes."""
    start, out = 0, {}
    for name, slot in parts.items():
        assert slot.mask is not None
        out[name] = (slot.mask.flatten().cumsum(dim=0) - 1 + start).view_as(slot.mask)
        start += int(slot.mask.sum())
    return out, start


def edges_of(pairs: Tensor, to: Tensor, of: Tensor) -> Tensor:
    """(2, E) int64 of (from, to) for a (B, T_to, T_from) bool, with the numbers of both sides' nodes."""
    row, i, j = pairs.nonzero(as_tuple=True)
    return torch.stack([of[row, j], to[row, i]])
