"""A folder of files as data: one sub-folder a class, files of one name and different kinds in one row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.cells import Reject, unreadable, whole_text
from mcgurk.data.column import Lazy
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, McgurkError, listing

TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson")
KINDS = ("image", "audio", "video", "text")


def table_in(folder: Path) -> Path | None:
    """The one table directly in ``folder``, or None.

    Raises:
        DataError: D03, several tables.
    """
    found = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in TABLES and entry.is_file())
    if len(found) > 1:
        raise DataError(f"{folder.name} holds {len(found)} tables ({listing(f.name for f in found)}); read the one you mean", code="D03")
    return found[0] if found else None


def files_of(folder: Path) -> tuple[Dataset, np.ndarray | None, tuple[Reject, ...], tuple[tuple[str, str, str], ...]]:
    """X, the class of each row (None without sub-folders), the files set aside, and a note a column."""
    from mcgurk.data.media import read_text, sniff

    rows: dict[str, dict[str, Any]] = {}
    rejects: list[Reject] = []
    for path in _walk(folder, folder):
        key = path.relative_to(folder).with_suffix("").as_posix()
        error = unreadable(path)
        kind = None if error else sniff(path)
        if kind is None:
            why = str(error) if error else f"{path.name} is no image, sound, video or text known here"
            rejects.append(Reject(len(rejects), "file", path.relative_to(folder).as_posix(), error.code if error else "F04", why))
            continue
        row = rows.setdefault(key, {})
        if kind in row:
            raise DataError(f"{key} exists twice as {kind}; files of one name and kind would be one row, rename one", code="I01")
        try:
            row[kind] = whole_text(read_text(path)) if kind == "text" else path
        except McgurkError as failed:
            rejects.append(Reject(len(rejects), "file", path.relative_to(folder).as_posix(), failed.code, str(failed)))
            del rows[key]
    if not rows:
        raise DataError(
            f"{folder.name} holds no image, sound, video or text file and no table; expected one sub-folder a class", code="D03"
        )
    keys = sorted(rows)
    kinds = [kind for kind in KINDS if any(kind in rows[key] for key in keys)]
    X = Dataset({kind: Lazy([rows[key].get(kind) for key in keys], kind=kind) for kind in kinds}, ids=np.array(keys, dtype=object))
    classes = np.array([key.split("/")[0] if "/" in key else None for key in keys], dtype=object)
    notes = tuple((kind, kind, f"{sum(kind in rows[key] for key in keys)} files are {kind} files") for kind in kinds)
    return X, (classes if any("/" in key for key in keys) else None), tuple(rejects), notes


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """Files below ``folder`` in the order of their names; hidden ones and links out of ``root`` or in a circle are passed over."""
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            inside = entry.resolve()
            if not entry.is_symlink() or (inside.is_relative_to(root.resolve()) and not folder.resolve().is_relative_to(inside)):
                yield from _walk(entry, root)
        else:
            yield entry
