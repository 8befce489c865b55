"""One SHA-256 for a Dataset's content: what a checkpoint, a result and a stored table are tied to."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged, item_hash
from mcgurk.data.dataset import Dataset


def fingerprint(X: Dataset, y: Any = None) -> str:
    """Hex SHA-256 over names, kinds, ids, presence and values. Absent rows' values do not count; a path counts by its file's bytes.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dataset, Dense
        >>> X = Dataset({"a": Dense(np.array([[1.0], [9.0]]), np.array([True, False]))})
        >>> Z = Dataset({"a": Dense(np.array([[1.0], [7.0]]), np.array([True, False]))})
        >>> fingerprint(X) == fingerprint(Z)
        True
    """
    digest = hashlib.sha256()
    _add(digest, "ids", X.ids)
    for name, column in X.items():
        digest.update(column_fingerprint(name, column).encode())
    for name in () if X.rows is None else sorted(map(str, X.rows.columns)):
        _add(digest, f"rows.{name}", X.rows[name].to_numpy())  # type: ignore[index]
    if isinstance(y, Ragged):
        digest.update(column_fingerprint("y", y).encode())
    elif y is not None:
        _add(digest, "y", np.asarray(y))
    return digest.hexdigest()


def column_fingerprint(name: str, column: Column) -> str:
    """The same for one column under its name."""
    digest = hashlib.sha256()
    fields = [[f.name, f.kind, list(f.levels)] for f in getattr(column, "fields", None) or ()]
    _add(digest, json.dumps([name, type(column).__name__, column.kind, list(column.item), fields], default=str), column.present)
    kept = np.flatnonzero(column.present)
    if isinstance(column, Lazy):
        for row in kept:
            digest.update(bytes.fromhex(item_hash(column, int(row))))
        return digest.hexdigest()
    part = column if len(kept) == len(column) else column.take(kept)
    _add(digest, "values", part.values if isinstance(part, (Dense, Ragged)) else None)
    if isinstance(part, Ragged):
        _add(digest, "offsets", part.offsets)
        _add(digest, "times", part.times)
    return digest.hexdigest()


def _add(digest: Any, label: str, values: np.ndarray | None) -> None:
    digest.update(f"\0{label}\0".encode())
    if values is None:
        return
    if values.dtype.kind in "OUSmM":
        digest.update(json.dumps([str(v) for v in values.ravel().tolist()]).encode())
        return
    values = np.ascontiguousarray(values)
    digest.update(f"{values.dtype.str}{values.shape}".encode())
    digest.update(values.data if values.size else b"")
