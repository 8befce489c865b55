"""From columns to what is cached: encoders resolved by name or kind, fitted on training rows, prepared through the feature cache."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch

from mcgurk import registry
from mcgurk.config import config
from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.errors import DataError, SpecMismatch, UnknownName, listing
from mcgurk.nn.component import Encoder
from mcgurk.run import Run


def resolve(spec: Spec, encoders: Any, *, keep: str = "") -> dict[str, Encoder]:
    """One fresh encoder a column.

    Args:
        spec: the columns.
        encoders: None for the defaults, one choice for all columns, or a dict from column name or kind to a choice;
            a choice is a registry name, ``(name, {params})``, or an Encoder. "auto" is the default of the column's kind, "steps" the
            same one keeping words, frames and moments as a sequence.
        keep: what "auto" means here: "" gives one vector a row, "given" keeps the steps of columns that are sequences, "all" those of
            every column whose encoder can (:func:`keeping`).

    Raises:
        UnknownName: a key is neither a column nor a kind.
        SpecMismatch: an encoder does not read the column's kind.
    """
    chosen = encoders if isinstance(encoders, Mapping) else {} if encoders is None else dict.fromkeys(spec, encoders)
    check_names(spec, chosen)
    out = {}
    for name, column in spec.items():
        choice = chosen.get(name, chosen.get(column.kind, "auto"))
        if isinstance(choice, str) and choice in ("auto", "steps"):
            choice = default_encoder(column, steps=choice == "steps" or keep == "all" or (keep == "given" and column.sequence))
        encoder = copy.deepcopy(choice) if isinstance(choice, Encoder) else registry.make("encoders", choice)
        if encoder.kinds and column.kind not in encoder.kinds:
            raise SpecMismatch(
                f"{type(encoder).__name__} reads {listing(encoder.kinds)}, but column {name!r} is {column.kind}; "
                "choose another encoder for it"
            )
        out[name] = encoder
    return out


def keeping(wants: Any, per: str) -> str:
    """Which steps default encoders keep, for a method that wants "vector" or "sequence" and a label per "row" or "step"."""
    return "given" if per == "step" else "all" if wants == "sequence" else ""


def check_names(spec: Spec, encoders: Any) -> None:
    """Refuse a choice for a column or kind that is not there, which would otherwise be passed over.

    Raises:
        UnknownName: a key is neither a column nor a kind.
    """
    kinds = {s.kind for s in spec.values()}
    unknown = [key for key in encoders if key not in spec and key not in kinds] if isinstance(encoders, Mapping) else []
    if unknown:
        raise UnknownName(
            f"encoders names {unknown[0]!r}, which is neither a column ({listing(spec)}) nor a kind of the data ({listing(sorted(kinds))})"
        )


def default_encoder(column: ColumnSpec, *, steps: bool = False) -> Any:
    """The encoders room's choice for a column of this spec."""
    return importlib.import_module("mcgurk.encoders").default_encoder(column, steps=steps)


class _Shared:
    """What encoders learned and returned, by content; the oldest goes when the limit is reached."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, key: str, make: Any, size: Any) -> Any:
        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key][0]
        value = make()
        self.kept[key] = (value, size(value))
        self.size += self.kept[key][1]
        while self.size > self.limit and len(self.kept) > 1:
            self.size -= self.kept.popitem(last=False)[1][1]
        return value


_shared: ContextVar[_Shared | None] = ContextVar("mcgurk_shared_features", default=None)


@contextlib.contextmanager
def sharing(limit: int = 2 << 30) -> Iterator[None]:
    """Within the block, estimators that encode the same rows with the same encoder do it once (up to ``limit`` bytes are kept)."""
    if _shared.get() is not None:
        yield
        return
    token = _shared.set(_Shared(limit))
    try:
        yield
    finally:
        _shared.reset(token)


def fit(encoders: Mapping[str, Encoder], X: Dataset, rows: np.ndarray) -> None:
    """Let every encoder learn from the training rows, and from nothing else."""
    shared = _shared.get()
    for name, encoder in encoders.items():
        if type(encoder).prepare_fit is Encoder.prepare_fit:
            continue
        column = X[name].take(rows)
        if shared is None:
            encoder.prepare_fit(column)
            continue
        learned = shared.get(
            f"fit {encoder.fingerprint()} {content(column)}", lambda e=encoder, c=column: _learned(e, c), lambda v: 1 << 16
        )
        for key, value in learned.items():
            setattr(encoder, key, value)


def _learned(encoder: Encoder, column: Column) -> dict[str, Any]:
    encoder.prepare_fit(column)
    return encoder.learned()


def content(column: Column) -> str:
    """SHA-256 of everything in a column."""
    state = hashlib.sha256(f"{type(column).__name__} {column.kind} {len(column)}".encode())
    state.update(np.ascontiguousarray(column.present).tobytes())
    if isinstance(column, Lazy):
        for i in np.flatnonzero(column.present):
            state.update(hashlib.sha256(column.item_bytes(int(i))).digest())
    else:
        state.update(f"{column.values.dtype.str}{column.values.shape}".encode() + np.ascontiguousarray(column.values).tobytes())
        if isinstance(column, Ragged):
            state.update(column.offsets.tobytes())
            state.update(b"" if column.times is None else np.ascontiguousarray(column.times).tobytes())
        elif column.fields:
            state.update(repr(column.fields).encode())
    return state.hexdigest()


def prepare(encoders: Mapping[str, Encoder], X: Dataset, run: Run | None = None) -> dict[str, Dense | Ragged]:
    """Every column encoded as far as it can be without gradients; frozen networks through the feature cache."""
    shared = _shared.get()
    if shared is None:
        return {name: _prepare(name, encoder, X[name], run) for name, encoder in encoders.items()}
    out = {}
    for name, encoder in encoders.items():
        key = f"prepare {encoder.fingerprint()} {content(X[name])}"
        out[name] = shared.get(key, lambda n=name, e=encoder: _prepare(n, e, X[n], run), lambda c: c.values.nbytes)
    return out


def _prepare(name: str, encoder: Encoder, column: Column, run: Run | None) -> Dense | Ragged:
    if not encoder.cached or config.cache is None:
        return encoder.prepare(column)
    from mcgurk.data.cache import FeatureCache

    track = None
    if run is not None and run.progress:
        track = lambda chunks, total: run.track(chunks, total, f"encoding {name}")  # noqa: E731
    # One shape of output a folder: what an encoder gives depends on how many values a cell holds and how many numbers an item.
    manner = f"{column.kind} cells" if isinstance(column, Lazy) and column.multiple else f"{column.kind} {column.item}"
    return FeatureCache(config.cache / "features").prepare(column, f"{encoder.fingerprint()} {manner}", encoder.prepare, progress=track)


def specs(prepared: Mapping[str, Column]) -> Spec:
    """Specs of prepared columns."""
    return {name: ColumnSpec.of(column) for name, column in prepared.items()}


def arrays(prepared: Mapping[str, Dense | Ragged], offsets: np.ndarray | None = None) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Feature matrices for closed forms: name -> (n, d) float64, and (n, M) presence in the order of the names.

    A sequence is pooled to the mean of its valid steps; with ``offsets`` (a label per step) its steps are the rows and other columns are
    repeated over them. Absent rows are 0 in the arrays.
    """
    out, present = {}, []
    for name, column in prepared.items():
        if (
            column.values.dtype.kind not in "fiub"
            or (column.kind == "image" and column.values.dtype == np.uint8)
            or column.kind == "tokens"
        ):
            raise DataError(
                f"column {name!r} is prepared for a trainable encoder, not as features; "
                f"choose a frozen encoder for it (such as encoders={{{name!r}: 'auto'}})"
            )
        if offsets is not None:
            values, here = _per_step(name, column, offsets)
        elif isinstance(column, Ragged):
            values, here = _pooled(column)
        else:
            values, here = column.values.reshape(len(column), -1).astype(np.float64), column.present
        out[name] = np.where(here[:, None], values, 0.0)
        present.append(here)
    return out, np.stack(present, axis=1)


def _valid_steps(column: Ragged) -> np.ndarray:
    flat = column.values.reshape(len(column.values), math.prod(column.item))
    return ~np.isnan(flat).any(axis=1) if flat.dtype.kind == "f" else np.ones(len(flat), dtype=bool)


def _pooled(column: Ragged) -> tuple[np.ndarray, np.ndarray]:
    flat = column.values.reshape(len(column.values), math.prod(column.item)).astype(np.float64)
    valid = _valid_steps(column)
    rows = np.repeat(np.arange(len(column)), column.lengths)
    total = np.zeros((len(column), flat.shape[1]))
    np.add.at(total, rows[valid], flat[valid])
    count = np.bincount(rows[valid], minlength=len(column))
    return total / np.maximum(count, 1)[:, None], column.present


def _per_step(name: str, column: Dense | Ragged, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.diff(offsets)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    if isinstance(column, Dense):
        return column.values.reshape(len(column), -1).astype(np.float64)[rows], column.present[rows]
    same = column.lengths == lengths
    if not (same | ~column.present).all():
        row = int(np.flatnonzero(~same & column.present)[0])
        raise DataError(
            f"y has {lengths[row]} labels in row {row}, but column {name!r} has {column.lengths[row]} steps; give one label a step"
        )
    width = int(np.prod(column.item, dtype=int))
    values = np.zeros((int(offsets[-1]), width))
    present = np.zeros(len(values), dtype=bool)
    filled = same[rows]
    take = np.repeat(same, column.lengths)
    values[filled] = column.values.reshape(len(column.values), math.prod(column.item))[take]
    present[filled] = _valid_steps(column)[take]
    return np.nan_to_num(values), present & column.present[rows]


def standardise(objective: Any, encoders: Mapping[str, Encoder], prepared: Mapping[str, Any], rows: np.ndarray) -> None:
    """Give every Standardise of an objective the mean and standard deviation of these rows of its prepared column."""
    scaling = getattr(objective, "scaling", None)
    if scaling is None:
        return
    for name in scaling.names():
        column = prepared[name].take(rows)
        values = column.values
        flat = values.reshape(len(values), math.prod(column.item))
        valid = ~np.isnan(flat).any(axis=1) if flat.dtype.kind == "f" else np.ones(len(flat), dtype=bool)
        valid &= np.repeat(column.present, column.lengths) if hasattr(column, "lengths") else column.present
        kept = values[valid].astype(np.float64)
        center = kept.mean(axis=0) if len(kept) else np.zeros(values.shape[1:])
        spread = kept.std(axis=0) if len(kept) else np.zeros(values.shape[1:])
        if encoders[name].scaling == "block":
            spread = np.full_like(spread, np.sqrt(np.mean(spread**2)))
        scale = scaling[name]
        scale.set_statistics(torch.as_tensor(center, dtype=scale.mean.dtype), torch.as_tensor(spread, dtype=scale.mean.dtype))
