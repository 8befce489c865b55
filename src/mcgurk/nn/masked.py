"""Arithmetic that cannot see absent or padded places: select before computing, never multiply by a mask."""

from __future__ import annotations

import torch
from torch import Tensor

from mcgurk.nn.batch import Slot, broadcast


def clean(slot: Slot) -> Slot:
    """Zeros, by selection, wherever nothing was observed, so that neither output nor gradient depends on what stood there."""
    if slot.full:
        return slot
    valid = slot.present if slot.mask is None else slot.mask & slot.present[:, None]
    values = torch.where(broadcast(valid, slot.values), slot.values, torch.zeros((), dtype=slot.values.dtype, device=slot.values.device))
    return Slot(values, slot.present, None if slot.mask is None else valid, slot.times, False)


def mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the valid steps, sum / max(length, 1): (B, T, *step), (B, T) -> (B, *step). An empty sequence gives 0."""
    count = mask.sum(dim=1).clamp(min=1).to(values.dtype)
    total = torch.where(broadcast(mask, values), values, torch.zeros_like(values)).sum(dim=1)
    return total / broadcast(count, total)


def maximum(values: Tensor, mask: Tensor) -> Tensor:
    """Maximum over the valid steps, 0 for an empty sequence."""
    low = torch.finfo(values.dtype).min
    top = torch.where(broadcast(mask, values), values, torch.full_like(values, low)).amax(dim=1)
    return torch.where(broadcast(mask.any(dim=1), top), top, torch.zeros_like(top))


def last(values: Tensor, mask: Tensor) -> Tensor:
    """The last valid step, 0 for an empty sequence."""
    steps = torch.arange(mask.shape[1], device=mask.device)
    place = torch.where(mask, steps, torch.zeros_like(steps)).amax(dim=1)
    chosen = values[torch.arange(len(values), device=values.device), place]
    return torch.where(broadcast(mask.any(dim=1), chosen), chosen, torch.zeros_like(chosen))


def softmax(logits: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    """Softmax over the valid places; 0 elsewhere; all 0 where nothing is valid, with zero gradient."""
    low = torch.finfo(logits.dtype).min
    weights = torch.softmax(torch.where(mask, logits, torch.full_like(logits, low)), dim=dim)
    return torch.where(mask, weights, torch.zeros_like(weights))


def moments(values: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over valid places: values (N, *item), valid (N,) -> two tensors of shape item."""
    kept = values[valid]
    if len(kept) == 0:
        return torch.zeros_like(values[:0].sum(dim=0)), torch.ones_like(values[:0].sum(dim=0))
    center = kept.mean(dim=0)
    return center, ((kept - center) ** 2).mean(dim=0).sqrt()


def pool(slot: Slot, how: str = "mean") -> Slot:
    """A sequence Slot as a vector Slot by "mean", "max" or "last"."""
    if slot.mask is None:
        return slot
    rule = {"mean": mean, "max": maximum, "last": last}[how]
    return Slot(rule(slot.values, slot.mask & slot.present[:, None]), slot.present, None, None, bool(slot.full))


def as_sequence(slot: Slot) -> Slot:
    """A vector Slot as a sequence of one step."""
    if slot.mask is not None:
        return slot
    return Slot(slot.values[:, None], slot.present, slot.present[:, None], None, slot.full)
