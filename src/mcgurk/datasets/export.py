"""A Dataset as a person would keep it: one CSV table and, beside it, the pictures and sounds it names."""

from __future__ import annotations

import csv
import datetime
import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Field, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError
from mcgurk.files import atomic_open, atomic_write

TABLE = "table.csv"
MEDIA = ("image", "audio", "video")
_SIGNATURES = (
    (b"\x89PNG", 0, ".png"),
    (b"\xff\xd8\xff", 0, ".jpg"),
    (b"WEBP", 8, ".webp"),
    (b"GIF8", 0, ".gif"),
    (b"fLaC", 0, ".flac"),
    (b"OggS", 0, ".ogg"),
    (b"WAVE", 8, ".wav"),
    (b"ID3", 0, ".mp3"),
    (b"ftyp", 4, ".mp4"),
    (b"\x1aE\xdf\xa3", 0, ".mkv"),
)


def export(X: Dataset, y: Any, folder: str | os.PathLike[str], *, target: str = "y", facts: Sequence[str] = ("group", "split")) -> Path:
    """Write ``folder/table.csv``, one line a row, and the media beside it; ``mcgurk.read_csv(…, target=…, id="id")`` reads it back.

    Texts and table cells stand in the cells, files are named by relative paths; vectors, series and several values in a
    cell are JSON lists. An absent cell is empty.

    When not to use it: as an archive. CSV cannot tell an empty text from an absent one and writes numbers as text; Parquet keeps both.

    Args:
        X: the data.
        y: (n,) or (n, k) labels, a Ragged of one a step, or None.
        folder: made where it does not exist; files of equal name are replaced.
        target: name of the label column (``y_0``, ``y_1``, … for several).
        facts: row facts to write where X has them.

    Returns:
        The path of the table.

    Raises:
        DataError: D06 for pictures kept as arrays row by row, which no table cell holds, or two columns of one name.

    Example:
        >>> import tempfile, numpy as np
        >>> from mcgurk.data import Dataset, Lazy
        >>> path = export(Dataset({"words": Lazy(["red", None])}), np.array([1, 0]), tempfile.mkdtemp())
        >>> path.read_text().splitlines()
        ['id,words,y', '0,red,1', '1,,0']
    """
    base = Path(folder)
    columns: dict[str, list[Any]] = {"id": [str(i) for i in X.ids]}
    names = _file_names(X.ids)
    for name, column in X.items():
        if isinstance(column, Dense) and column.kind == "tabular":
            for j, field in enumerate(column.fields or ()):
                _add(columns, field.name, _table_cells(column.values[:, j], field))
        elif isinstance(column, Lazy):
            write = _media_writer(base, name, names) if column.kind in MEDIA else None
            pairs = enumerate(zip(column.items, column.present))
            _add(columns, name, [_lazy_cell(item, i, write) if ok else "" for i, (item, ok) in pairs])
        else:
            _add(columns, name, _array_cells(name, column))
    for fact in facts:
        if X.rows is not None and fact in X.rows and fact not in columns:
            columns[fact] = X.rows[fact].tolist()
    for name, cells in _labels(y, target):
        _add(columns, name, cells)
    with atomic_open(base / TABLE, "w") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values()))
    return base / TABLE


def _add(columns: dict[str, list[Any]], name: str, cells: list[Any]) -> None:
    if name in columns:
        raise DataError(f"two columns would be named {name!r} in the table; rename one (the labels' column by target=)", code="D06")
    columns[name] = cells


def _file_names(ids: np.ndarray) -> list[str]:
    """A safe file stem a row: its id where that is one and is distinct even on disks that ignore case, else its number."""
    stems = [re.sub(r"[^\w.-]+", "_", str(i)).strip(".") for i in ids]
    lowered = [s.lower() for s in stems]
    distinct = len(set(lowered)) == len(stems) and all(0 < len(s) <= 100 for s in stems)
    return stems if distinct else [f"{i:06d}" for i in range(len(stems))]


def _media_writer(base: Path, column: str, names: list[str]) -> Callable[[Any, int, str], str]:
    folder = re.sub(r"[^\w.-]+", "_", column).strip(".") or "media"

    def write(item: Any, row: int, part: str) -> str:
        content = item if isinstance(item, bytes) else Path(item).read_bytes()
        suffix = next((end for mark, at, end in _SIGNATURES if content[at : at + len(mark)] == mark), None)
        suffix = suffix or ("" if isinstance(item, bytes) else Path(item).suffix) or ".bin"
        relative = f"{folder}/{names[row]}{part}{suffix}"
        atomic_write(base / relative, content)
        return relative

    return write


def _lazy_cell(item: Any, row: int, write: Callable[[Any, int, str], str] | None) -> str:
    if isinstance(item, tuple):
        parts = [str(p) if write is None else write(p, row, f"_{k}") for k, p in enumerate(item)]
        return json.dumps(parts, ensure_ascii=False)
    return str(item) if write is None else write(item, row, "")


def _array_cells(name: str, column: Dense | Ragged) -> list[str]:
    if column.kind in MEDIA:
        raise DataError(
            f"column {name!r} holds {column.kind}s as arrays, which no cell of a table can hold; leave it out with X.select(…), "
            "or keep the data with mcgurk.data.write_parquet",
            code="D06",
        )
    values = [column.values[i] if isinstance(column, Dense) else column.row(i) for i in range(len(column))]
    return [json.dumps(_numbers(v)) if ok else "" for v, ok in zip(values, column.present)]


def _numbers(values: np.ndarray) -> Any:
    """Nested lists; a step of one number is that number, NaN is null."""
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind == "f" and np.isnan(values).any():
        cells = values.astype(object)
        cells[np.isnan(values)] = None
        return cells.tolist()
    return values.tolist()


def _table_cells(values: np.ndarray, field: Field) -> list[Any]:
    def cell(v: float) -> Any:
        if np.isnan(v):
            return ""
        if field.kind == "category":
            return field.levels[int(v)]
        if field.kind == "flag":
            return "true" if v else "false"
        if field.kind == "date":
            moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=float(v))
            return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat(timespec="seconds")
        return int(v) if float(v).is_integer() and abs(v) < 2**53 else repr(float(v))

    return [cell(v) for v in values]


def _labels(y: Any, target: str) -> list[tuple[str, list[Any]]]:
    if y is None:
        return []
    if isinstance(y, Ragged):
        return [(target, [json.dumps(_numbers(y.row(i))) if y.present[i] else "" for i in range(len(y))])]
    values = np.asarray(y)
    cells = np.where(values != values, "", values.astype(object))  # NaN is unlabelled
    cells = np.where(cells == None, "", cells)  # noqa: E711  element by element
    if values.ndim == 1:
        return [(target, cells.tolist())]
    return [(f"{target}_{j}", cells[:, j].tolist()) for j in range(values.shape[1])]
