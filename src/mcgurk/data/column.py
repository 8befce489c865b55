"""The three containers a column can be: Dense, Ragged and Lazy. Absent, empty and zero are three different things in each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.errors import DataError, listing

KINDS = ("text", "image", "audio", "video", "tabular", "series", "vector", "tokens")
FIELD_KINDS = ("number", "category", "date", "flag")
_BLOCK = 1 << 22
_hashes: dict[tuple[Path, int, int], str] = {}


@dataclass(frozen=True, slots=True)
class Field:
    """One cell of a tabular column: codes of a category are indices into ``levels``, dates days since 1970-01-01, NaN a missing cell."""

    name: str
    kind: str = "number"
    levels: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in FIELD_KINDS:
            raise DataError(f"field {self.name!r} has kind {self.kind!r}; expected one of {', '.join(FIELD_KINDS)}")


@dataclass(frozen=True, eq=False)
class Dense:
    """Rows of equal shape: a tabular block, image arrays, embeddings.

    Args:
        values: (n, *item). A tabular block is float64 with ``fields``; NaN there is a missing cell.
        present: (n,) bool; False means not observed, and then nothing may depend on the row's values.
        kind: one of :data:`KINDS`.
        fields: names, kinds and levels of a tabular block's cells.

    Raises:
        DataError: N01 on inf anywhere, or NaN in a present row of anything but a tabular block.
    """

    values: np.ndarray
    present: Any = None
    kind: str = "vector"
    fields: tuple[Field, ...] | None = None

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.ndim == 0:
            raise DataError(f"a Dense column needs values of shape (n, ...), got a single {values.dtype}")
        if self.kind == "tabular":
            values = np.asarray(values, dtype=np.float64)
            values = values[:, None] if values.ndim == 1 else values
            fields = self.fields or tuple(Field(f"x{i}") for i in range(values.shape[1]))
            if len(fields) != values.shape[1]:
                raise DataError(f"a tabular column has {values.shape[1]} cells a row but {len(fields)} fields; give one Field a cell")
            object.__setattr__(self, "fields", tuple(fields))
        present = self.present
        if present is None:
            tabular = self.kind == "tabular" and values.shape[1] > 0
            present = ~np.isnan(values).all(axis=1) if tabular else np.ones(len(values), dtype=bool)
        _store(self, values, present)
        _check_kind(self.kind)
        if values.dtype.kind == "f":
            _check_finite(self)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def item(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    def take(self, rows: np.ndarray) -> Dense:
        return _trusted(self, values=self.values[rows], present=self.present[rows])

    def item_bytes(self, row: int) -> bytes:
        """What identifies the item's content; the key of the feature cache and of twins."""
        value = np.ascontiguousarray(self.values[row])
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes()


@dataclass(frozen=True, eq=False)
class Ragged:
    """Rows of different length on a first axis: series, sound, frames, tokens, several values in a cell.

    Args:
        values: (N, *step), all rows' steps one after another.
        offsets: (n + 1,) int64; row i is ``values[offsets[i]:offsets[i + 1]]``. Length 0 with ``present`` True is observed and empty.
        present: (n,) bool.
        times: (N,) float64 seconds of each step, or None.
        kind: one of :data:`KINDS`.
    """

    values: np.ndarray
    offsets: np.ndarray
    present: Any = None
    times: np.ndarray | None = None
    kind: str = "series"

    def __post_init__(self) -> None:
        values, offsets = np.asarray(self.values), np.asarray(self.offsets, dtype=np.int64)
        if offsets.ndim != 1 or len(offsets) < 1 or offsets[0] != 0 or (np.diff(offsets) < 0).any() or offsets[-1] != len(values):
            raise DataError(f"offsets must rise from 0 to the number of steps, {len(values)}; got {offsets[:4]}…{offsets[-1:]}")
        if self.times is not None and len(self.times) != len(values):
            raise DataError(f"{len(self.times)} times for {len(values)} steps; give one time a step")
        present = np.ones(len(offsets) - 1, dtype=bool) if self.present is None else self.present
        object.__setattr__(self, "offsets", offsets)
        _store(self, values, present)
        _check_kind(self.kind)
        if values.dtype.kind == "f" and np.isinf(values).any():
            step = int(np.flatnonzero(np.isinf(values.reshape(len(values), -1)).any(axis=1))[0])
            row = int(np.searchsorted(offsets, step, side="right") - 1)
            raise DataError(
                f"inf in row {row}, step {step - offsets[row]} of a {self.kind} column; mark the step NaN if it is unknown", code="N01"
            )

    @classmethod
    def of(cls, items: Sequence[Any], *, kind: str = "series", times: Sequence[Any] | None = None) -> Ragged:
        """From a list of (T, *step) arrays; None is an absent row."""
        present = np.array([item is not None for item in items], dtype=bool)
        arrays = [np.asarray(item) for item in items if item is not None]
        if not arrays:
            raise DataError("no row of this column is present, so its step shape is unknown; leave the column out")
        step = next((a.shape[1:] for a in arrays if len(a)), arrays[0].shape[1:])
        odd = [a.shape for a in arrays if len(a) and a.shape[1:] != step]
        if odd:
            raise DataError(f"rows have steps of shape {step} and {odd[0][1:]}; one column needs one step shape")
        empty = np.zeros((0, *step), dtype=arrays[0].dtype)
        rows = [empty if item is None or not len(item) else np.asarray(item) for item in items]
        offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
        clock = None
        if times is not None:
            clock = np.concatenate([np.zeros(0) if t is None else np.asarray(t, dtype=np.float64) for t in times])
        return cls(np.concatenate(rows) if rows else empty, offsets, present, clock, kind)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def item(self) -> tuple[int, ...]:
        return self.values.shape[1:]

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def row(self, row: int) -> np.ndarray:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def row_times(self, row: int) -> np.ndarray | None:
        return None if self.times is None else self.times[self.offsets[row] : self.offsets[row + 1]]

    def take(self, rows: np.ndarray) -> Ragged:
        rows = np.arange(len(self))[rows]
        steps, offsets = gather_steps(self.offsets, rows)
        times = None if self.times is None else self.times[steps]
        return _trusted(self, values=self.values[steps], offsets=offsets, present=self.present[rows], times=times)

    def item_bytes(self, row: int) -> bytes:
        value = np.ascontiguousarray(self.row(row))
        clock = self.row_times(row)
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes() + (b"" if clock is None else clock.tobytes())


@dataclass(frozen=True, eq=False)
class Lazy:
    """Items decoded only by the encoder: strings, paths, bytes, or tuples of them (several values in a cell, one a step).

    Args:
        items: (n,) object array; what stands in an absent row is never looked at.
        present: (n,) bool; default: the item is not None.
        kind: text, image, audio or video.
    """

    items: Any
    present: Any = None
    kind: str = "text"

    def __post_init__(self) -> None:
        items = self.items
        if not (isinstance(items, np.ndarray) and items.dtype == object and items.ndim == 1):
            items = objects([tuple(value) if isinstance(value, list) else value for value in items])
        present = np.array([v is not None for v in items], dtype=bool) if self.present is None else self.present
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "present", _mask(present, len(items)))
        _check_kind(self.kind)
        for i in np.flatnonzero(self.present).tolist():
            if not isinstance(items[i], (str, bytes, Path, tuple)):
                raise DataError(
                    f"row {i} of a {self.kind} column holds {type(items[i]).__name__}; expected text, a path, bytes or a tuple of them "
                    "(mark the row absent with None)",
                    code="L01",
                )
        bare = [i for i in np.flatnonzero(self.present).tolist() if not isinstance(items[i], tuple)]
        if bare and self.multiple:  # every part of a column with cells of several values is one: a bare value is a cell of one
            items = items.copy()
            for i in bare:
                items[i] = (items[i],)
            object.__setattr__(self, "items", items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def item(self) -> tuple[int, ...]:
        return ()

    @property
    def multiple(self) -> bool:
        """Whether cells hold tuples: a sequence of items rather than one."""
        return any(isinstance(self.items[i], tuple) for i in np.flatnonzero(self.present))

    def take(self, rows: np.ndarray) -> Lazy:
        return _trusted(self, items=self.items[rows], present=self.present[rows])

    def item_bytes(self, row: int) -> bytes:
        return _content(self.items[row], self.kind != "text")


Column = Dense | Ragged | Lazy


def objects(values: Sequence[Any]) -> np.ndarray:
    """(n,) object array of the values as they are; numpy alone would unpack lists of equal length."""
    out = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        out[i] = value
    return out


def gather_steps(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the steps of ``rows`` in order, and the offsets of the gathered rows. O(steps gathered)."""
    lengths = offsets[rows + 1] - offsets[rows]
    out = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=out[1:])
    steps = np.arange(out[-1], dtype=np.int64) + np.repeat(offsets[rows] - out[:-1], lengths)
    return steps, out


def common_offsets(columns: Iterable[Any]) -> np.ndarray | None:
    """Offsets of rows whose sequences are in step: a row's length is that of the columns present there; None without a sequence column."""
    lengths = [np.where(column.present, column.lengths, 0) for column in columns if isinstance(column, Ragged)]
    return np.concatenate([[0], np.cumsum(np.max(lengths, axis=0))]).astype(np.int64) if lengths else None


def concatenate(columns: Sequence[Any]) -> Column:
    """Stack columns of one container, kind and item shape on top of each other."""
    first = columns[0]
    if any(type(c) is not type(first) or c.kind != first.kind for c in columns):
        raise DataError(f"cannot stack columns of kinds {listing({c.kind for c in columns})}; they must agree")
    present = np.concatenate([c.present for c in columns])
    if isinstance(first, Lazy):
        return Lazy(np.concatenate([c.items for c in columns]), present, first.kind)
    if len({c.item for c in columns}) > 1 or (isinstance(first, Dense) and any(c.fields != first.fields for c in columns)):
        raise DataError(f"cannot stack {first.kind} columns of different shapes or fields: {listing(c.item for c in columns)}")
    values = np.concatenate([c.values for c in columns])
    if isinstance(first, Dense):
        return Dense(values, present, first.kind, first.fields)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([c.lengths for c in columns]))])
    times = None if any(c.times is None for c in columns) else np.concatenate([c.times for c in columns])
    return Ragged(values, offsets, present, times, first.kind)


def item_hash(column: Column, row: int) -> str:
    """SHA-256 of one item's content. A path counts by the bytes of the file it names."""
    return hashlib.sha256(column.item_bytes(row)).hexdigest()


def _file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, read once for each state in which this process met the file."""
    from mcgurk.data.media import content_hash

    try:
        state = path.stat()
    except OSError:
        return content_hash(path)  # says in the media layer's words what is wrong
    key = (path, state.st_size, state.st_mtime_ns)
    if key not in _hashes:
        _hashes[key] = content_hash(path)
    return _hashes[key]


def _content(item: Any, media: bool) -> bytes:
    """What an item holds. In a column of media a string that names a file counts by what that file holds."""
    if isinstance(item, tuple):
        return b"(" + b"".join(hashlib.sha256(_content(part, media)).digest() for part in item)
    if isinstance(item, Path) or (media and isinstance(item, str) and os.path.isfile(item)):
        return b"p" + bytes.fromhex(_file_hash(Path(item)))
    return b"s" + item.encode("utf-8", "surrogatepass") if isinstance(item, str) else b"b" + hashlib.sha256(item).digest()


def _store(column: Any, values: np.ndarray, present: np.ndarray) -> None:
    object.__setattr__(column, "values", values)
    object.__setattr__(column, "present", _mask(present, len(column)))


def _mask(present: Any, n: int) -> np.ndarray:
    mask = np.asarray(present)
    if mask.dtype != bool or mask.shape != (n,):
        raise DataError(f"present must be bool of shape ({n},), got {mask.dtype} of shape {mask.shape}")
    return mask


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise DataError(f"unknown kind {kind!r}; expected one of {', '.join(KINDS)}")


def _check_finite(column: Dense) -> None:
    """In blocks of rows: a memory-mapped column is never copied whole."""
    width = int(np.prod(column.item, dtype=np.int64))
    step = max(1, _BLOCK // max(width, 1))
    for start in range(0, len(column) if width else 0, step):
        flat = column.values[start : start + step].reshape(-1, width)
        bad = np.isinf(flat) if column.kind == "tabular" else ~np.isfinite(flat)
        bad &= column.present[start : start + step, None]
        if bad.any():
            row, cell = (int(v[0]) for v in np.nonzero(bad))
            name = column.fields[cell].name if column.fields else f"position {cell}"
            value = "inf" if np.isinf(flat[row, cell]) else "NaN"
            raise DataError(
                f"{value} in row {start + row}, {name} of a {column.kind} column; "
                "mark an unknown row with present=False (an unknown table cell with NaN)",
                code="N01",
            )


def _trusted(column: Any, **changes: Any) -> Any:
    """A copy with some attributes replaced, without checking again what was checked when the column was made."""
    new = object.__new__(type(column))
    for name in column.__dataclass_fields__:
        object.__setattr__(new, name, changes[name] if name in changes else getattr(column, name))
    return new


def relabel(column: Column, kind: str) -> Column:
    """The same values under another kind."""
    return replace(column, kind=kind)


def rows_of(column: Column) -> Iterator[Any]:
    """Each row's item, None where absent."""
    for i in range(len(column)):
        if not column.present[i]:
            yield None
        else:
            yield column.items[i] if isinstance(column, Lazy) else column.row(i) if isinstance(column, Ragged) else column.values[i]
