"""Tables whose cells have types (Arrow, JSON lines) as one numpy array a column."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import objects
from mcgurk.data.infer import load_json, plain_number_name
from mcgurk.data.limits import check
from mcgurk.errors import DataError, McgurkError

if TYPE_CHECKING:
    import pyarrow


def numbers_of(table: pyarrow.Table, kept: Collection[str]) -> pyarrow.Table:
    """A table of strings with the columns that hold nothing but plain numbers as numbers; those ``kept`` stay as they are written.

    Identifiers, codes and numbers that start with zeros stay strings too. What is not converted here is looked at cell by cell.
    """
    import pyarrow

    for place, name in enumerate(table.column_names):
        if name in kept or not plain_number_name(name):
            continue
        column = table.column(place)
        for kind in (pyarrow.int64(), pyarrow.float64()):
            if _plain(column):
                try:
                    table = table.set_column(place, name, column.cast(kind))
                    break
                except pyarrow.ArrowInvalid:
                    continue
    return table


def _plain(column: pyarrow.ChunkedArray) -> bool:
    import pyarrow.compute

    odd = pyarrow.compute.match_substring_regex(column, r"[xX_]|^[+-]?0\d")
    return not pyarrow.compute.any(odd, min_count=0).as_py()


def cells_of(table: pyarrow.Table) -> dict[str, np.ndarray]:
    """Numbers, booleans and dates as arrays of their own type (float64 with NaN where one is missing), the rest as objects."""
    import pyarrow

    out = {}
    for name in table.column_names:
        try:
            out[name] = _cells(table.column(name))
        except (pyarrow.ArrowException, ValueError, OverflowError) as error:
            said = " ".join(str(error).split())[:120]
            raise DataError(
                f"column {name!r} holds cells that cannot be read ({said}); write the table again, or drop it", code="F05"
            ) from None
    return out


def _cells(column: pyarrow.ChunkedArray) -> np.ndarray:
    import pyarrow
    import pyarrow.compute

    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pyarrow.types.is_decimal(kind):
        column, kind = column.cast(pyarrow.float64()), pyarrow.float64()
    if pyarrow.types.is_temporal(kind) and not pyarrow.types.is_duration(kind) and not pyarrow.types.is_time(kind):
        return column.cast(pyarrow.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).to_numpy().astype("datetime64[us]")
    plain = pyarrow.types.is_integer(kind) or pyarrow.types.is_boolean(kind)
    if plain and not column.null_count:
        return column.to_numpy()
    if pyarrow.types.is_floating(kind) or pyarrow.types.is_integer(kind):
        return pyarrow.compute.fill_null(column.cast(pyarrow.float64(), safe=False), float("nan")).to_numpy()
    nested = pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind)
    number = nested and (pyarrow.types.is_floating(kind.value_type) or pyarrow.types.is_integer(kind.value_type))
    return objects(list(column.to_numpy()) if number and not pyarrow.types.is_fixed_size_list(kind) else column.to_pylist())


def iter_jsonl(path: str | os.PathLike[str], chunk: int) -> Iterator[dict[str, np.ndarray]]:
    """JSON lines in pieces of at most ``chunk`` objects; the keys of the first piece are the columns.

    Raises:
        DataError: D05 a line that is no JSON object, D03 a key that the first piece did not have.
    """
    names: list[str] | None = None
    held: list[dict[str, Any]] = []
    for number, row in _objects(path):
        held.append(row)
        if len(held) == chunk:
            names = names or _names(held)
            yield _columns(held, names, path, number)
            held = []
    if held:
        yield _columns(held, names or _names(held), path, number)


def jsonl_cells(path: str | os.PathLike[str], rows: int | None = None) -> dict[str, np.ndarray]:
    """The whole file, or its first ``rows`` objects."""
    held: list[dict[str, Any]] = []
    for _, row in _objects(path):
        if rows is not None and len(held) >= rows:
            break
        held.append(row)
    return _columns(held, _names(held), path, len(held))


def _objects(path: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    from mcgurk.data.source import opened

    name, size = os.path.basename(path), 0
    with opened(path) as file:
        for number, line in enumerate(file.stream, start=1):
            size += len(line)
            check("max_text_bytes", len(line), f"line {number} has {len(line):,} bytes", name)
            if not line.strip():
                continue
            try:
                row = load_json(line.decode("utf-8-sig"))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{name}, line {number}: byte {error.start} is not UTF-8; JSON is UTF-8, save the file so", code="X01"
                ) from None
            except McgurkError as error:
                raise DataError(f"{name}, line {number}: {error}", code=error.code) from None
            if not isinstance(row, dict):
                raise DataError(
                    f'{name}, line {number}: expected an object such as {{"text": "…"}}, found {type(row).__name__}', code="D05"
                )
            yield number, row
        check("max_table_bytes", size, f"the table has {size:,} bytes", name)


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _columns(rows: list[dict[str, Any]], names: list[str], path: str | os.PathLike[str], last: int) -> dict[str, np.ndarray]:
    known = set(names)
    strange = next((name for row in rows for name in row if name not in known), None)
    if strange is not None:
        raise DataError(
            f"{os.path.basename(path)}: the key {strange!r} appears first near line {last}; give it in the first rows (null: unknown)",
            code="D03",
        )
    return {name: _tight([row.get(name) for row in rows]) for name in names}


def _tight(cells: list[Any]) -> np.ndarray:
    """An array of numbers or booleans where all cells are, else objects."""
    types = {type(c) for c in cells}
    if types == {bool} or types == {int} or (float in types and types <= {int, float, type(None)}):
        try:
            return np.array(cells, dtype=np.float64 if float in types else None) if types != {bool} else np.array(cells, dtype=bool)
        except OverflowError:
            pass
    return objects(cells)
