"""How many values a Parquet file claims to hold, read from its footer without Arrow.

Arrow's Python face ends the whole process on some damaged footers (the column metadata is checked where no exception may pass), so what
must be known before reading is read here: Thrift's compact protocol, a few fields of it.
"""

from __future__ import annotations

import os
from typing import Any

from mcgurk.errors import MediaError

_MAGIC = b"PAR1"
_DEEPEST = 32
_LARGEST = 256 << 20
_ROW_GROUPS, _COLUMNS, _META, _VALUES = 4, 1, 3, 5


def values_per_column(path: str | os.PathLike[str]) -> list[int]:
    """Values of each leaf column over all row groups, in the file's order; a negative count counts as none.

    Raises:
        MediaError: F05, no Parquet file, or a footer that cannot be read.

    Example:
        >>> import pyarrow, pyarrow.parquet, tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "t.parquet"
        >>> pyarrow.parquet.write_table(pyarrow.table({"a": [1, 2], "b": [[1], [2, 3]]}), file)
        >>> values_per_column(file)
        [2, 3]
    """
    name = os.path.basename(os.fspath(path))
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 8, 0))
            tail = file.read(8)
            length = int.from_bytes(tail[:4], "little")
            if tail[4:] != _MAGIC or not 0 < length <= min(size - 12, _LARGEST):
                raise ValueError("its last bytes are not those of a Parquet file")
            file.seek(size - 8 - length)
            meta, _ = _struct(file.read(length), 0, 0)
        totals: list[int] = []
        for group in meta.get(_ROW_GROUPS, []):
            counts = [max(int(chunk[_META][_VALUES]), 0) for chunk in group[_COLUMNS]]
            totals = totals or [0] * len(counts)
            totals = [a + b for a, b in zip(totals, counts, strict=True)]
        return totals
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise MediaError(f"{name}: not a readable Parquet file ({error}); write the table again", code="F05") from error


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 70:
            raise ValueError("a number in its footer is too long")


def _number(data: bytes, place: int) -> tuple[int, int]:
    raw, place = _varint(data, place)
    return (raw >> 1) ^ -(raw & 1), place


def _struct(data: bytes, place: int, depth: int) -> tuple[dict[int, Any], int]:
    if depth > _DEEPEST:
        raise ValueError("its footer is nested too deep")
    out: dict[int, Any] = {}
    field = 0
    while head := data[place]:
        place += 1
        if head >> 4:
            field += head >> 4
        else:
            field, place = _number(data, place)
        kind = head & 15
        out[field], place = (kind == 1, place) if kind in (1, 2) else _value(data, place, kind, depth)
    return out, place + 1


def _value(data: bytes, place: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2, 3):
        return data[place], place + 1
    if kind in (4, 5, 6):
        return _number(data, place)
    if kind == 7:
        return None, place + 8
    if kind == 8:
        length, place = _varint(data, place)
        return data[place : place + length], place + length
    if kind in (9, 10):
        return _list(data, place, depth)
    if kind == 12:
        return _struct(data, place, depth + 1)
    raise ValueError(f"its footer holds a field of unknown type {kind}")


def _list(data: bytes, place: int, depth: int) -> tuple[list[Any], int]:
    head, place = data[place], place + 1
    count = head >> 4
    if count == 15:
        count, place = _varint(data, place)
    if count > len(data):
        raise ValueError("its footer names more items than it has bytes")
    out = []
    for _ in range(count):
        item, place = _value(data, place, head & 15, depth + 1)
        out.append(item)
    return out, place
