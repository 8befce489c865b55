"""One shard of prepared features: ``.npy`` files read by memory map, and a manifest that holds their SHA-256.

The arrays are written first and the manifest last, each whole or not at all: a shard without a manifest does not exist. The name comes
from the content, so two processes that write at once never spoil each other's work.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Field, Ragged, _trusted
from mcgurk.errors import IntegrityError
from mcgurk.files import atomic_open, atomic_write, sha256_bytes, sha256_file

FORMAT = 1
_verified: set[tuple[str, int, int]] = set()


@dataclass(frozen=True)
class Shard:
    """A manifest that was read: which item lies where, and in which files.

    Args:
        folder: where it lies.
        name: of its files.
        keys: one a row; "" is an absent row of a whole column.
        files: "values", "offsets" or "times" -> (SHA-256, bytes).
        container, kind, item, dtype, fields: of the column.
        absent: rows that the encoder declared absent.
    """

    folder: Path
    name: str
    keys: tuple[str, ...]
    files: dict[str, tuple[str, int]]
    container: str
    kind: str
    item: tuple[int, ...]
    dtype: str
    fields: tuple[Field, ...] | None
    absent: tuple[int, ...]

    @property
    def shape(self) -> tuple[Any, ...]:
        """What shards of one column must have in common."""
        return self.container, self.kind, self.item, self.dtype, self.fields

    def open(self) -> Dense | Ragged:
        """The column, memory-mapped; its checksums are compared once a process.

        Raises:
            IntegrityError: a file is missing or is not what was written.
        """
        present = np.ones(len(self.keys), dtype=bool)
        present[list(self.absent)] = False
        values = self._load("values")
        if self.container == "Dense":
            whole = values.shape == (len(self.keys), *self.item) and values.dtype == np.dtype(self.dtype)
            column: Any = _trusted(Dense(values[:0], None, "vector"), values=values, present=present, kind=self.kind, fields=self.fields)
        else:
            offsets = self._load("offsets")
            times = self._load("times") if "times" in self.files else None
            whole = values.shape[1:] == self.item and len(offsets) == len(self.keys) + 1 and offsets[-1] == len(values)
            empty = Ragged(values[:0], np.zeros(1, dtype=np.int64))
            column = _trusted(empty, values=values, offsets=offsets, present=present, times=times, kind=self.kind)
        if not whole:
            raise IntegrityError(f"shard {self.name} has values of shape {values.shape}, its manifest says otherwise; it is computed again")
        return column

    def _load(self, part: str) -> np.ndarray:
        path = self.folder / f"{self.name}.{part}.npy"
        digest, size = self.files[part]
        try:
            stamp = path.stat()
            seen = (str(path), stamp.st_size, stamp.st_mtime_ns)
            if seen not in _verified:
                if stamp.st_size != size or sha256_file(path) != digest:
                    raise IntegrityError(f"{path.name} does not match its SHA-256; it is computed again")
                _verified.add(seen)
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        except (OSError, ValueError) as error:
            raise IntegrityError(f"{path.name} cannot be read ({error}); it is computed again") from error


def write(folder: Path, keys: Sequence[str], column: Dense | Ragged) -> Shard:
    """Store the rows of ``column`` under their keys."""
    parts: dict[str, np.ndarray] = {"values": column.values}
    if isinstance(column, Ragged):
        parts |= {"offsets": column.offsets} | ({} if column.times is None else {"times": column.times})
    about: dict[str, Any] = {
        "format": FORMAT,
        "keys": list(keys),
        "container": type(column).__name__,
        "kind": column.kind,
        "item": list(column.item),
        "dtype": column.values.dtype.str,
        "fields": None if getattr(column, "fields", None) is None else [[f.name, f.kind, list(f.levels)] for f in column.fields],  # type: ignore[union-attr]
        "absent": np.flatnonzero(~column.present).tolist(),
    }
    content = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for array in parts.values():
        content.update(np.ascontiguousarray(array).data if array.size else b"")
    name = content.hexdigest()[:32]
    about["name"] = name
    about["files"] = {part: _save(folder / f"{name}.{part}.npy", array) for part, array in parts.items()}
    body = json.dumps(about, sort_keys=True)
    atomic_write(folder / f"{name}.json", json.dumps({"sha256": sha256_bytes(body.encode()), "shard": about}, sort_keys=True))
    return _shard(folder, about)


def _save(path: Path, array: np.ndarray) -> tuple[str, int]:
    """Write one array; its SHA-256 and size as they are on disk."""
    with atomic_open(path) as handle:
        np.save(handle, array, allow_pickle=False)
    return sha256_file(path), path.stat().st_size


def read(path: Path) -> Shard:
    """The shard of a manifest.

    Raises:
        IntegrityError: it is not what was written.
    """
    try:
        outer = json.loads(path.read_bytes())
        about = outer["shard"]
        if outer["sha256"] != sha256_bytes(json.dumps(about, sort_keys=True).encode()) or about["name"] != path.stem:
            raise IntegrityError(f"{path.name} does not match its SHA-256; what it names is computed again")
        if about["format"] != FORMAT:
            raise IntegrityError(f"{path.name} has format {about['format']}, not {FORMAT}; what it names is computed again")
        return _shard(path.parent, about)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(f"{path.name} cannot be read ({type(error).__name__}); what it names is computed again") from error


def _shard(folder: Path, about: dict[str, Any]) -> Shard:
    fields = about["fields"]
    return Shard(
        folder=folder,
        name=about["name"],
        keys=tuple(about["keys"]),
        files={part: (digest, size) for part, (digest, size) in about["files"].items()},
        container=about["container"],
        kind=about["kind"],
        item=tuple(about["item"]),
        dtype=about["dtype"],
        fields=None if fields is None else tuple(Field(name, kind, tuple(levels)) for name, kind, levels in fields),
        absent=tuple(about["absent"]),
    )


def remove(shard_path: Path) -> None:
    """Delete a shard: the manifest first, so that what remains is invisible."""
    for path in (shard_path, *shard_path.parent.glob(f"{shard_path.stem}.*.npy")):
        with contextlib.suppress(OSError):
            path.unlink()


def manifests(folder: Path) -> Iterator[Path]:
    """The manifests in ``folder``, by name."""
    yield from sorted(folder.glob("*.json"))
