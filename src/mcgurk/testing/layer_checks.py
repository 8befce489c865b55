"""Checks of fusion layers as modules."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.look import KINDS, Look, looked
from mcgurk.nn.macs import counted
from mcgurk.registry import Entry
from mcgurk.testing.conformance import Check, Failure, Skip

WIDTHS = {"a": 3, "b": 2, "c": 4}
B, T = 6, 5


def _built(cls: type, entry: Entry, dtype: torch.dtype = torch.float64, seed: int = 0):  # type: ignore[no-untyped-def]
    torch_state = torch.get_rng_state()
    torch.manual_seed(seed)
    layer = cls(**entry.small)
    layer.build({name: SlotSpec((width,), entry.wants == "sequence") for name, width in WIDTHS.items()})
    torch.set_rng_state(torch_state)
    return layer.to(dtype).eval()


def _slots(entry: Entry, dtype: torch.dtype = torch.float64, rows: int = B) -> dict[str, Slot]:
    generator = torch.Generator().manual_seed(1)
    out = {}
    for m, (name, width) in enumerate(WIDTHS.items()):
        present = torch.tensor([(i + m) % 3 != 1 or i == 0 for i in range(rows)])
        if entry.wants == "sequence":
            lengths = torch.tensor([(i + 2 * m) % T + 1 for i in range(rows)])
            mask = (torch.arange(T) < lengths[:, None]) & present[:, None]
            values = torch.randn(rows, T, width, generator=generator, dtype=torch.float64).to(dtype)
            out[name] = Slot(values, present, mask, torch.arange(T, dtype=torch.float64).repeat(rows, 1))
        else:
            out[name] = Slot(torch.randn(rows, width, generator=generator, dtype=torch.float64).to(dtype), present)
    return out


def _poison(slots: dict[str, Slot]) -> dict[str, Slot]:
    out = {}
    for name, slot in slots.items():
        valid = slot.present if slot.mask is None else slot.mask
        shape = valid.shape + (1,) * (slot.values.dim() - valid.dim())
        out[name] = Slot(
            torch.where(valid.reshape(shape), slot.values, torch.full_like(slot.values, float("nan"))), slot.present, slot.mask, slot.times
        )
    return out


def _run(layer: torch.nn.Module, slots: dict[str, Slot]) -> tuple[Tensor, list[Tensor]]:
    layer.zero_grad()
    out = layer(slots)
    valid = out.present if out.mask is None else out.mask & out.present[:, None]
    picked = out.values[valid]
    picked.pow(2).sum().backward()
    return picked.detach(), [p.grad.clone() if p.grad is not None else torch.zeros_like(p) for p in layer.parameters()]


def _same(a: Tensor, b: Tensor, what: str, tolerance: float = 1e-10) -> None:
    if a.shape != b.shape or not torch.allclose(a.double(), b.double(), rtol=tolerance, atol=tolerance, equal_nan=False):
        gap = float((a.double() - b.double()).abs().max()) if a.shape == b.shape and a.numel() else float("nan")
        raise Failure(f"{what}: largest difference {gap:.3g}")


def poison(cls: type, entry: Entry) -> None:
    """NaN in absent rows and padded steps changes neither output nor gradient."""
    layer, slots = _built(cls, entry), _slots(entry)
    if not list(layer.parameters()):
        clean, bad = layer(slots), layer(_poison(slots))
        return _same(clean.values[clean.present], bad.values[bad.present], "output changes with absent content")
    values, grads = _run(layer, slots)
    poisoned_values, poisoned_grads = _run(layer, _poison(slots))
    _same(values, poisoned_values, "output changes with absent content")
    for g, h in zip(grads, poisoned_grads, strict=True):
        _same(g, h, "a gradient changes with absent content")
    return None


def rows_independent(cls: type, entry: Entry) -> None:
    """In evaluation mode a row's output does not depend on the others; permuting rows permutes outputs; a batch of one works."""
    layer, slots = _built(cls, entry), _slots(entry)
    with torch.no_grad():
        whole = layer(slots)
        for i in range(B):
            one = layer(
                {
                    n: Slot(
                        s.values[i : i + 1],
                        s.present[i : i + 1],
                        None if s.mask is None else s.mask[i : i + 1],
                        None if s.times is None else s.times[i : i + 1],
                    )
                    for n, s in slots.items()
                }
            )
            if whole.present[i]:
                _same(
                    whole.values[i : i + 1],
                    one.values[:, : whole.values.shape[1]] if whole.mask is not None else one.values,
                    f"row {i} depends on the other rows",
                    1e-8,
                )


def subsets(cls: type, entry: Entry) -> None:
    """Any non-empty subset of modalities present gives a finite output; a row with none is marked absent."""
    layer = _built(cls, entry)
    names = list(WIDTHS)
    for code in range(1, 2 ** len(names)):
        slots = _slots(entry)
        for m, name in enumerate(names):
            here = torch.full((B,), bool(code >> m & 1))
            s = slots[name]
            mask = None if s.mask is None else (torch.arange(T) < 2)[None, :] & here[:, None]
            slots[name] = Slot(s.values, here, mask, s.times)
        with torch.no_grad():
            out = layer(slots)
        if not bool(out.present.all()) or not bool(torch.isfinite(out.values).all()):
            raise Failure(f"with only {[n for m, n in enumerate(names) if code >> m & 1]} present the output is absent or not finite")
    gone = {
        n: Slot(s.values, torch.zeros(B, dtype=torch.bool), None if s.mask is None else torch.zeros_like(s.mask), s.times)
        for n, s in _slots(entry).items()
    }
    with torch.no_grad():
        out = layer(gone)
    if bool(out.present.any()) or not bool(torch.isfinite(out.values).all()):
        raise Failure("a row without any modality is not marked absent, or its values are not finite")


def full(cls: type, entry: Entry) -> None:
    """A Slot marked full equals the same Slot with explicit all-True present and mask."""
    layer = _built(cls, entry)
    slots = {}
    for name, s in _slots(entry).items():
        mask = None if s.mask is None else torch.ones_like(s.mask)
        slots[name] = Slot(s.values, torch.ones(B, dtype=torch.bool), mask, s.times)
    marked = {n: Slot(s.values, s.present, s.mask, s.times, True) for n, s in slots.items()}
    with torch.no_grad():
        _same(layer(slots).values, layer(marked).values, "full=True changes the output")


def precision(cls: type, entry: Entry) -> None:
    """float32 agrees with float64."""
    wide, narrow = _built(cls, entry), _built(cls, entry)
    narrow = copy.deepcopy(wide).float()
    with torch.no_grad():
        a, b = wide(_slots(entry)), narrow(_slots(entry, torch.float32))
    _same(a.values[a.present], b.values[b.present], "float32 and float64 disagree", 2e-4)


def round_trip(cls: type, entry: Entry) -> None:
    """state_dict into a fresh build, and deepcopy, give the same output."""
    layer, slots = _built(cls, entry), _slots(entry)
    other = _built(cls, entry, seed=5)
    other.load_state_dict(layer.state_dict())
    with torch.no_grad():
        expected = layer(slots)
        _same(expected.values[expected.present], other(slots).values[expected.present], "state_dict does not carry everything")
        _same(expected.values[expected.present], copy.deepcopy(layer)(slots).values[expected.present], "deepcopy differs")


def _tensors(value: object) -> list[Tensor]:
    """Tensors in a value, in the plain lists and dicts it is made of, and in modules these hold."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, torch.nn.Module):
        return list(value.parameters())
    parts = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, (list, tuple)) else []
    return [tensor for part in parts for tensor in _tensors(part)]


def registered(cls: type, entry: Entry) -> None:
    """Every tensor that takes gradient is a registered parameter, and gets one."""
    layer = _built(cls, entry)
    names = {id(p) for p in layer.parameters()}
    for module in layer.modules():
        for key, value in vars(module).items():
            if any(tensor.requires_grad and id(tensor) not in names for tensor in _tensors(value)):
                raise Failure(f"{key} takes gradients but is not registered: it would never train and be lost on save")
    if not list(layer.parameters()):
        return
    _, grads = _run(layer.train(), _slots(entry))  # rows with and without each modality: what stands for an absent one is trained too
    for (name, _), grad in zip(layer.named_parameters(), grads, strict=True):
        if not bool(grad.abs().sum() > 0):
            raise Failure(f"parameter {name} gets no gradient")


def cost(cls: type, entry: Entry) -> None:
    """The formula of its multiply-accumulates gives what is counted while it runs, at several lengths; a layer may go without one."""
    layer = _built(cls, entry)
    specs = {name: SlotSpec((width,), entry.wants == "sequence") for name, width in WIDTHS.items()}
    for steps in ({"a": 5, "b": 3, "c": 8}, {"a": 4, "b": 4, "c": 1}):
        said = layer.macs(steps)
        if said is None:
            raise Skip("the layer has no macs(steps); its cost is counted instead")
        seen = counted(layer, specs, steps)
        if abs(said - seen) > 1e-6 * max(seen, 1.0):
            raise Failure(f"macs({steps}) says {said:,.0f} multiply-accumulates, {seen:,.0f} were counted")


def looks(cls: type, entry: Entry) -> None:
    """What a layer says it shows it shows: maps of the forward pass itself, 0 in padded and absent places, shares that sum to 1."""
    layer, slots = _built(cls, entry), _slots(entry)
    with torch.no_grad():
        expected, (out, found), (_, poisoned) = layer(slots), looked(layer, slots), looked(layer, _poison(slots))
    _same(out.values, expected.values, "looking changes the output")
    if {look.kind for look in found} != set(layer.shows):
        raise Failure(f"it shows {sorted({look.kind for look in found})}, but shows = {layer.shows}")
    for look, bad in zip(found, poisoned, strict=True):
        _check_map(look)
        _same(look.weights, bad.weights, f"the map {look.target} <- {look.source} changes with absent content")
    groups: dict[tuple[object, ...], list[Tensor]] = {}
    for place, look in enumerate(found):
        if look.kind != "gate":
            groups.setdefault((look.kind, look.target) if look.joint else (place,), []).append(look.weights.sum(dim=4))
    for key, sums in groups.items():
        total = torch.stack(sums).sum(dim=0)
        if not bool((((total - 1).abs() < 1e-9) | (total == 0)).all()) or not bool((total > 0).any()):
            raise Failure(
                f"the shares of a step in {key} sum to {float(total.min()):.4g} to {float(total.max()):.4g}; expected 1, or 0 for none"
            )


def _check_map(look: Look) -> None:
    name = f"the {look.kind} map {look.target or 'row'} <- {look.source}"
    shape = (B, *look.weights.shape[1:3], look.steps.mask.shape[1], look.keys.mask.shape[1])
    if look.kind not in KINDS or tuple(look.weights.shape) != shape:
        raise Failure(f"{name} is {tuple(look.weights.shape)}, its axes say {shape}; kinds are {', '.join(KINDS)}")
    valid = (look.steps.mask[:, :, None] & look.keys.mask[:, None, :])[:, None, None]
    if not bool(((look.weights >= 0) & (look.weights <= 1 + 1e-9)).all()) or bool(look.weights.masked_select(~valid).any()):
        raise Failure(f"{name} leaves 0 to 1, or gives weight to what is padded or absent")


CHECKS: dict[str, Check] = {
    "absent content": poison,
    "rows independent": rows_independent,
    "any subset": subsets,
    "full slots": full,
    "precision": precision,
    "round trip": round_trip,
    "registered parameters": registered,
    "cost": cost,
    "looks": looks,
}
