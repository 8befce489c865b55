"""Datasets in Parquet files that come back as they were, and other people's Parquet files as Arrow tables; checksums always on.

Page checksums cover pages only, not the footer with its names and counts; so a file of ours also carries the SHA-256 of its description
and of each row group's decoded content, and every read compares them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field, Lazy, Ragged, gather_steps, objects
from mcgurk.data.dataset import Dataset
from mcgurk.data.fingerprint import fingerprint
from mcgurk.errors import DataError, IntegrityError, McgurkError
from mcgurk.files import atomic_open, sha256_bytes

if TYPE_CHECKING:
    import pyarrow

FORMAT = 1
_ABOUT, _SUMS = b"mcgurk", b"mcgurk.sums"
_GROUP_BYTES = 64 << 20


@contextlib.contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """The Parquet file; whatever Arrow raises on damaged bytes is one IntegrityError."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            yield file
    except McgurkError:
        raise
    except FileNotFoundError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        text = " ".join(str(error).split())[:160]
        raise IntegrityError(
            f"{Path(path).name} cannot be read as Parquet ({type(error).__name__}: {text}); write it again or restore a copy"
        ) from error


def is_own(path: str | os.PathLike[str]) -> bool:
    """Whether :func:`write_own` wrote this file."""
    with _opened(path) as file:
        marks = file.metadata.metadata or {}
        return _ABOUT in marks or _SUMS in marks


def read_arrow(path: str | os.PathLike[str], rows: int | None = None) -> pyarrow.Table:
    """A foreign table, or its first ``rows``, within the limit on decoded bytes."""
    import pyarrow

    from mcgurk.data.limits import check_parquet

    check_parquet(path, rows=rows)
    with _opened(path) as file:
        if rows is None:
            return file.read(use_threads=False)
        parts, seen = [], 0
        for batch in file.iter_batches(batch_size=max(rows, 1), use_threads=False):
            parts.append(batch.slice(0, rows - seen))
            seen += len(parts[-1])
            if seen >= rows:
                break
        return pyarrow.Table.from_batches(parts, schema=file.schema_arrow)


def iter_arrow(path: str | os.PathLike[str], chunk: int) -> Iterator[pyarrow.Table]:
    """A foreign table in pieces of at most ``chunk`` rows."""
    import pyarrow

    from mcgurk.data.limits import check_parquet

    check_parquet(path, rows=chunk)
    with _opened(path) as file:
        for batch in file.iter_batches(batch_size=chunk, use_threads=False):
            if len(batch):
                yield pyarrow.Table.from_batches([batch])


def write_arrow(table: pyarrow.Table, path: str | os.PathLike[str]) -> None:
    """Write an Arrow table atomically, with page checksums."""
    import pyarrow.parquet

    with atomic_open(path) as handle:
        pyarrow.parquet.write_table(table, handle, compression="zstd", write_page_checksum=True)


def write_own(X: Dataset, path: str | os.PathLike[str]) -> None:
    """Write ``X`` atomically, row group by row group."""
    import pyarrow.parquet

    folder = Path(path).resolve().parent
    X = _with_stored_paths(X, folder)
    about = _about(X)
    text = json.dumps(about)
    size = sum(_bytes(column) for _, column in X.items()) + 8 * len(X)
    step = int(np.clip(_GROUP_BYTES * len(X) // max(size, 1), 1, 65_536))
    sums: dict[str, Any] = {"about": sha256_bytes(text.encode()), "groups": []}
    schema = _schema(X, about).with_metadata({_ABOUT: text})
    with (
        atomic_open(path) as handle,
        pyarrow.parquet.ParquetWriter(handle, schema, compression="zstd", write_page_checksum=True) as writer,
    ):
        for start in range(0, max(len(X), 1), step):
            table = _encode(X[start : start + step], about).cast(schema)
            sums["groups"].append(fingerprint(_decode(table, about)))
            writer.write_table(table, row_group_size=step)
        writer.add_key_value_metadata({_SUMS: json.dumps(sums)})


def _schema(X: Dataset, about: dict[str, Any]) -> pyarrow.Schema:
    """Types of a whole file: a part of it may hold only nulls."""
    schema = _encode(X[:0], about).schema
    for label, values in [(about["ids"], X.ids), *_facts(X, about)]:
        place = schema.get_field_index(label)
        schema = schema.set(place, schema.field(place).with_type(_arrow(values).type))
    return schema


def _facts(X: Dataset, about: dict[str, Any]) -> list[tuple[str, Any]]:
    """Each row fact under its label in the file."""
    return [] if X.rows is None else [(label, X.rows[fact]) for fact, label in about["rows"]]


def _arrow(values: Any) -> Any:
    import pyarrow

    return pyarrow.array(values.tolist() if values.dtype == object else values, from_pandas=True)


def read_own(path: str | os.PathLike[str]) -> Dataset:
    """What :func:`write_own` wrote."""
    from mcgurk.data.limits import check_parquet

    check_parquet(path)
    parts = list(iter_own(path))
    return parts[0] if len(parts) == 1 else Dataset.stack(parts)


def iter_own(path: str | os.PathLike[str]) -> Iterator[Dataset]:
    """One verified row group after another.

    Raises:
        IntegrityError: a description or row group that does not match its SHA-256.
    """
    name = Path(path).name
    with _opened(path) as file:
        marks = file.metadata.metadata or {}
        about, sums = _description(name, marks)
        if file.num_row_groups != len(sums["groups"]):
            raise IntegrityError(f"{name} has {file.num_row_groups} row groups where {len(sums['groups'])} were written; restore a copy")
        for i, expected in enumerate(sums["groups"]):
            part = _decode(file.read_row_group(i, use_threads=False), about)
            if fingerprint(part) != expected:
                raise IntegrityError(f"{name}: row group {i} does not match its SHA-256; restore a copy, or write the table again")
            yield _with_real_paths(part, about, Path(path).resolve().parent)


def _description(name: str, marks: dict[bytes, bytes]) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        about, sums = json.loads(marks[_ABOUT]), json.loads(marks[_SUMS])
        whole = sums["about"] == sha256_bytes(marks[_ABOUT])
    except (KeyError, ValueError, TypeError):
        whole = False
    if not whole:
        raise IntegrityError(f"{name}: its description does not match its SHA-256; restore a copy, or write the table again")
    if about["format"] > FORMAT:
        raise DataError(f"{name} has format {about['format']}, this version reads up to {FORMAT}; install a newer mcgurk")
    return about, sums


def _bytes(column: Column) -> int:
    return 64 * len(column) if isinstance(column, Lazy) else column.values.nbytes


def _about(X: Dataset) -> dict[str, Any]:
    """The description: how each column is laid out in the file, under which names."""
    taken: set[str] = set(X.names)
    columns: dict[str, Any] = {}
    for name, column in X.items():
        entry: dict[str, Any] = {"container": type(column).__name__, "kind": column.kind, "item": list(column.item)}
        if isinstance(column, Lazy):
            entry["several"] = column.multiple
            entry["items"] = _item_type(name, column)
        else:
            entry["dtype"] = column.values.dtype.str
        if isinstance(column, Ragged) and column.times is not None:
            entry["times"] = _free(f"{name}.times", taken)
        if isinstance(column, Dense) and column.kind == "tabular":
            for f in column.fields or ():
                if len({str(level) for level in f.levels}) < len(f.levels):
                    raise DataError(f"levels of {f.name!r} are equal as text ({f.levels[:4]}); make them distinct to write them")
            entry["fields"] = [[f.name, f.kind, list(f.levels), _free(f.name, taken)] for f in column.fields or ()]
            entry["present"] = _free(f"{name}.present", taken)
        columns[name] = entry
    facts = [] if X.rows is None else [[str(fact), _free(f"rows.{fact}", taken)] for fact in X.rows.columns]
    return {"format": FORMAT, "columns": columns, "ids": _free("id", taken), "rows": facts if X.rows is not None else None}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _item_type(name: str, column: Lazy) -> str:
    types = set()
    for i in np.flatnonzero(column.present):
        types |= {type(v) for v in (column.items[i] if isinstance(column.items[i], tuple) else (column.items[i],))}
    if len(types) > 1:
        raise DataError(f"column {name!r} mixes {' and '.join(sorted(t.__name__ for t in types))}; give one type to write it")
    found = types.pop() if types else str
    return "path" if found is _Stored else "bytes" if found is bytes else "str"


class _Stored(str):
    """A path in the form it has in the file: POSIX, relative to the file's folder where it lies below."""

    __slots__ = ()


def _with_stored_paths(X: Dataset, folder: Path) -> Dataset:
    def stored(path: Any) -> Any:
        if not isinstance(path, Path):
            return path
        real = Path(os.path.abspath(path))
        return _Stored((real.relative_to(folder) if real.is_relative_to(folder) else real).as_posix())

    return _mapped(X, [n for n, c in X.items() if isinstance(c, Lazy)], stored)


def _with_real_paths(X: Dataset, about: dict[str, Any], folder: Path) -> Dataset:
    return _mapped(X, [n for n, e in about["columns"].items() if e.get("items") == "path"], lambda text: folder / text)


def _mapped(X: Dataset, names: list[str], change: Any) -> Dataset:
    for name in names:
        column: Lazy = X[name]
        items = np.empty(len(column), dtype=object)
        for i in np.flatnonzero(column.present):
            item = column.items[i]
            items[i] = tuple(change(v) for v in item) if isinstance(item, tuple) else change(item)
        X = X.with_column(name, Lazy(items, column.present, column.kind))
    return X


def _encode(X: Dataset, about: dict[str, Any]) -> pyarrow.Table:
    import pyarrow

    out: dict[str, Any] = {about["ids"]: _arrow(X.ids)}
    for name, entry in about["columns"].items():
        column = X[name]
        if isinstance(column, Lazy):
            out[name] = _encode_lazy(name, column, entry)
        elif isinstance(column, Ragged):
            steps, _ = gather_steps(column.offsets, np.flatnonzero(column.present))
            out[name] = _lists(column.values[steps], column.lengths, column.present)
            if column.times is not None:
                out[entry["times"]] = _lists(column.times[steps], column.lengths, column.present)
        elif "fields" in entry:
            for j, (_, kind, levels, label) in enumerate(entry["fields"]):
                out[label] = _encode_cells(column.values[:, j], kind, levels)
            out[entry["present"]] = pyarrow.array(column.present)
        else:
            size = int(np.prod(column.item, dtype=np.int64))
            out[name] = _lists(column.values[column.present].ravel(), np.full(len(column), size), column.present)
    for label, values in _facts(X, about):
        out[label] = _arrow(values)
    return pyarrow.table(out)


def _lists(values: Any, lengths: np.ndarray, present: np.ndarray) -> Any:
    """A list array of the present rows' values, null elsewhere; steps of more than one number are lists of fixed size."""
    import pyarrow

    offsets = np.concatenate([[0], np.cumsum(np.where(present, lengths, 0))]).astype(np.int64)
    flat = pyarrow.array(np.ascontiguousarray(values).ravel())
    inner = flat if values.ndim == 1 else pyarrow.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))
    return pyarrow.LargeListArray.from_arrays(pyarrow.array(offsets), inner, mask=pyarrow.array(~present))


def _encode_lazy(name: str, column: Lazy, entry: dict[str, Any]) -> Any:
    import pyarrow

    kind = pyarrow.large_binary() if entry["items"] == "bytes" else pyarrow.large_string()
    cells = [column.items[i] if column.present[i] else None for i in range(len(column))]
    if entry["several"]:
        cells = [None if c is None else list(c) if isinstance(c, tuple) else [c] for c in cells]
    try:
        return pyarrow.array(cells, pyarrow.large_list(kind) if entry["several"] else kind)
    except UnicodeEncodeError as error:
        raise DataError(f"column {name!r} holds a lone surrogate ({error.reason}); clean the text before writing it", code="X01") from None


def _encode_cells(values: np.ndarray, kind: str, levels: list[Any]) -> Any:
    import pyarrow

    missing = np.isnan(values)
    if kind == "category":
        texts = np.array([*(str(level) for level in levels), None], dtype=object)
        return pyarrow.array(texts[np.where(missing, len(levels), values).astype(np.int64)], pyarrow.string())
    return pyarrow.array(values, pyarrow.float64(), mask=missing)


def _decode(table: pyarrow.Table, about: dict[str, Any]) -> Dataset:
    import pandas as pd

    columns: dict[str, Column] = {}
    for name, entry in about["columns"].items():
        if entry["container"] == "Lazy":
            columns[name] = _decode_lazy(table.column(name), entry)
        elif "fields" in entry:
            cells = [_decode_cells(table.column(label), kind, levels) for _, kind, levels, label in entry["fields"]]
            values = np.stack(cells, axis=1) if cells else np.zeros((len(table), 0))
            present = table.column(entry["present"]).to_numpy()
            columns[name] = Dense(values, present, entry["kind"], tuple(Field(n, k, tuple(levels)) for n, k, levels, _ in entry["fields"]))
        else:
            columns[name] = _decode_lists(table, name, entry)
    facts = (
        None
        if about["rows"] is None
        else pd.DataFrame({fact: _fact(table.column(label)) for fact, label in about["rows"]}, index=range(len(table)))
    )
    return Dataset(columns, ids=_fact(table.column(about["ids"])), rows=facts)


def _fact(column: pyarrow.ChunkedArray) -> np.ndarray:
    import pyarrow

    if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type) or column.type == pyarrow.null():
        return objects(column.to_pylist())
    return column.to_pandas().to_numpy()


def _decode_lazy(column: pyarrow.ChunkedArray, entry: dict[str, Any]) -> Lazy:
    items = objects([tuple(v) if isinstance(v, list) else v for v in column.to_pylist()])
    return Lazy(items, np.array([v is not None for v in items], dtype=bool), entry["kind"])


def _decode_cells(column: pyarrow.ChunkedArray, kind: str, levels: list[Any]) -> np.ndarray:
    if kind == "category":
        codes = {str(level): float(i) for i, level in enumerate(levels)}
        return np.array([np.nan if v is None else codes[v] for v in column.to_pylist()], dtype=np.float64)
    return column.to_numpy().astype(np.float64)


def _decode_lists(table: pyarrow.Table, name: str, entry: dict[str, Any]) -> Dense | Ragged:
    array = table.column(name).combine_chunks()
    present = ~array.is_null().to_numpy(zero_copy_only=False)
    offsets = array.offsets.to_numpy()
    item, dtype = tuple(entry["item"]), np.dtype(entry["dtype"])
    values = array.values
    while hasattr(values, "flatten") and hasattr(values.type, "list_size"):
        values = values.flatten()
    flat = values.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    if entry["container"] == "Dense":
        size = int(np.prod(item, dtype=np.int64))
        kept = np.zeros((len(array), size), dtype=dtype)
        kept[present] = flat[offsets[0] : offsets[-1]].reshape(int(present.sum()), size)
        return Dense(kept.reshape(len(array), *item), present, entry["kind"])
    times = None
    if "times" in entry:
        clock = table.column(entry["times"]).combine_chunks()
        times = clock.values.to_numpy(zero_copy_only=False)[clock.offsets.to_numpy()[0] : clock.offsets.to_numpy()[-1]].astype(np.float64)
    width = int(np.prod(item, dtype=np.int64))
    steps = flat[offsets[0] * width : offsets[-1] * width].reshape(int(offsets[-1] - offsets[0]), *item)
    return Ragged(steps, offsets - offsets[0], present, times, entry["kind"])
