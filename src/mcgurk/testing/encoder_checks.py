"""Checks of encoders."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from mcgurk.data.column import Column, Dense, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.errors import MissingPackage
from mcgurk.nn.batch import Slot
from mcgurk.registry import Entry
from mcgurk.testing import toys
from mcgurk.testing.conformance import Check, Failure, Skip, equal
from mcgurk.train.loader import Loader


def _fitted(cls: type, entry: Entry, kind: str) -> tuple[Any, Column, Dense | Ragged]:
    try:
        encoder = cls(**entry.small)
        column = toys.column(kind)
        encoder.prepare_fit(column)
        return encoder, column, encoder.prepare(column)
    except MissingPackage as error:
        raise Skip(str(error)) from None
    except TypeError as error:
        if "required" in str(error):
            raise Skip(f"its constructor needs arguments: {error}") from None
        raise


def _kinds(cls: type, entry: Entry) -> tuple[str, ...]:
    """The kinds it reads as it is made here: with other arguments it may read more."""
    return tuple(kind for kind in cls.kinds if not isinstance(entry.wants, tuple) or kind in entry.wants)  # type: ignore[attr-defined]


def deterministic(cls: type, entry: Entry) -> None:
    """prepare gives the same bits twice, keeps rows and presence, leaves zeros in absent rows, and gives no NaN or inf."""
    for kind in _kinds(cls, entry):
        encoder, column, prepared = _fitted(cls, entry, kind)
        again = encoder.prepare(column)
        equal(prepared.values, again.values, f"{kind}: two calls of prepare")
        if not np.array_equal(prepared.present, column.present):
            raise Failure(f"{kind}: prepare changes which rows are present")
        if (
            isinstance(prepared, Dense)
            and prepared.values.dtype.kind == "f"
            and (not np.isfinite(prepared.values).all() or prepared.values[~prepared.present].any())
        ):
            raise Failure(f"{kind}: prepare leaves NaN, inf or content in absent rows")


def itemwise(cls: type, entry: Entry) -> None:
    """An item's output does not depend on the other items of the call."""
    for kind in _kinds(cls, entry):
        encoder, column, prepared = _fitted(cls, entry, kind)
        rows = np.array([4, 2])
        part, whole = encoder.prepare(column.take(rows)), prepared.take(rows)
        equal(part.values, whole.values, f"{kind}: an item's features depend on its company", 1e-4)


def absent(cls: type, entry: Entry) -> None:
    """Other content in absent rows changes nothing, learned state included."""
    for kind in _kinds(cls, entry):
        _, column, prepared = _fitted(cls, entry, kind)
        other = cls(**entry.small)
        bad = toys.poisoned(column)
        other.prepare_fit(bad)
        equal(prepared.values, other.prepare(bad).values, f"{kind}: content of absent rows")


def storable(cls: type, entry: Entry) -> None:
    """Learned state survives the store, and the fingerprint follows it."""
    from mcgurk.params import learn
    from mcgurk.store import Reader, Writer

    for kind in _kinds(cls, entry):
        encoder, column, prepared = _fitted(cls, entry, kind)
        writer = Writer()
        written = writer.value(dict(encoder.learned()), "state")
        fresh = cls(**entry.small)
        learn(fresh, Reader(writer.tensors).value(written))
        equal(prepared.values, fresh.prepare(column).values, f"{kind}: features after storing the learned state")
        if fresh.fingerprint() != encoder.fingerprint():
            raise Failure(f"{kind}: the fingerprint changes when the learned state is stored")


def forward(cls: type, entry: Entry) -> None:
    """forward declares its output's shape, ignores absent and padded content, and every parameter gets a gradient."""
    for kind in _kinds(cls, entry):
        encoder, _, prepared = _fitted(cls, entry, kind)
        encoder = copy.deepcopy(encoder)
        encoder.build(ColumnSpec.of(prepared))
        encoder = encoder.double().eval()
        batch = Loader({"x": prepared}, batch_size=16, dtype=torch.float64).batch(np.arange(len(prepared)))
        slot = batch.slots["x"]
        out = encoder(slot)
        if out.sequence != encoder.out.sequence or tuple(out.values.shape[(2 if out.sequence else 1) :]) != tuple(encoder.out.item):
            raise Failure(f"{kind}: forward gives {tuple(out.values.shape)}, out says {encoder.out}")
        if slot.values.dtype.is_floating_point:
            valid = slot.present if slot.mask is None else slot.mask
            shaped = valid.reshape(valid.shape + (1,) * (slot.values.dim() - valid.dim()))
            bad = Slot(torch.where(shaped, slot.values, torch.full_like(slot.values, float("nan"))), slot.present, slot.mask, slot.times)
            here = out.present if out.mask is None else out.mask
            second = encoder(bad)
            if encoder.trains and not torch.allclose(out.values[here], second.values[here], atol=1e-10):
                raise Failure(f"{kind}: absent or padded content changes forward")
        if encoder.trains:
            encoder.train()
            result = encoder(slot)
            here = result.present if result.mask is None else result.mask
            (
                result.values[here]
                * torch.linspace(0.5, 1.5, result.values[here].numel(), dtype=torch.float64).reshape(result.values[here].shape)
            ).pow(2).sum().backward()
            idle = [n for n, p in encoder.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
            if idle:
                raise Failure(f"{kind}: parameter {idle[0]} gets no gradient")


def named(cls: type, entry: Entry) -> None:
    """Where steps have names, every step of every row has one, and absent rows have none."""
    for kind in _kinds(cls, entry):
        encoder, column, prepared = _fitted(cls, entry, kind)
        names = encoder.step_names(column)
        if names is None:
            continue
        if not isinstance(prepared, Ragged):
            raise Failure(f"{kind}: step_names gives names, but prepare gives no steps")
        if [len(row) for row in names] != prepared.lengths.tolist():
            raise Failure(f"{kind}: step_names gives {[len(row) for row in names]} names, prepare {prepared.lengths.tolist()} steps")


CHECKS: dict[str, Check] = {
    "deterministic": deterministic,
    "item by item": itemwise,
    "absent rows": absent,
    "learned state": storable,
    "forward": forward,
    "step names": named,
}
