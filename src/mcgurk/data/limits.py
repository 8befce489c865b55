"""Bounds on everything that is decoded: one frozen setting a limit, one error code a limit."""

from __future__ import annotations

import dataclasses
import os
import time
from contextvars import ContextVar
from types import TracebackType
from typing import Any, NoReturn

from mcgurk.errors import DataError, MediaError

_CODES = {
    "max_pixels": "B01",
    "max_video_pixels": "B02",
    "max_frames": "B03",
    "max_audio_seconds": "B04",
    "max_channels": "B05",
    "max_rate": "B06",
    "max_text_bytes": "B07",
    "max_archive_ratio": "B08",
    "max_members": "B09",
    "max_depth": "B10",
    "max_table_bytes": "B11",
    "max_seconds": "B12",
    "max_audio_bytes": "B13",
    "max_file_bytes": "B14",
    "max_elements": "B15",
    "max_worker_bytes": "B16",
}


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a single file may cost. Every limit is a setting with an error code of its own.

    ``limits()`` gives the limits in force, ``limits(max_pixels=4e8)`` a changed copy, which is in force inside its ``with`` block.
    Limits belong to a thread (a context variable); ``decode_many`` carries them to its workers.

    Args:
        max_pixels: width x height of one picture or video frame.
        max_video_pixels: frames x width x height of the frames returned by one call (three bytes each).
        max_frames: frames decoded, or packets scanned, of one video (4.6 hours at 30 a second).
        max_audio_seconds: length of one sound.
        max_channels: channels of one sound.
        max_rate: sampling rate in Hz, of a file or asked for.
        max_audio_bytes: float32 samples returned by one call.
        max_text_bytes: one text, JSON, XML or annotation file.
        max_archive_ratio: unpacked bytes / packed bytes of an archive, and of each member.
        max_members: files in one archive.
        max_depth: nesting of JSON or XML.
        max_elements: elements of one XML file.
        max_table_bytes: decoded cells of one table, or of the rows held at a time.
        max_seconds: time spent on one file, plus 10 s for each MB of it.
        max_file_bytes: a file that must be read whole (pictures).
        max_worker_bytes: resident memory of one decode worker.

    Example:
        >>> from mcgurk.data.limits import limits
        >>> limits().max_pixels
        100000000
        >>> with limits(max_pixels=1_000):
        ...     limits().max_pixels
        1000
    """

    max_pixels: int = 100_000_000
    max_video_pixels: int = 1_000_000_000
    max_frames: int = 500_000
    max_audio_seconds: float = 12 * 3600.0
    max_channels: int = 64
    max_rate: int = 192_000
    max_audio_bytes: int = 4 << 30
    max_text_bytes: int = 64 << 20
    max_archive_ratio: float = 100.0
    max_members: int = 100_000
    max_depth: int = 64
    max_elements: int = 500_000
    max_table_bytes: int = 4 << 30
    max_seconds: float = 60.0
    max_file_bytes: int = 1 << 30
    max_worker_bytes: int = 4 << 30

    def __enter__(self) -> Limits:
        _STACK.set((*_STACK.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _STACK.set(_STACK.get()[:-1])


_STACK: ContextVar[tuple[Limits, ...]] = ContextVar("mcgurk_limits", default=(Limits(),))


def limits(**changes: Any) -> Limits:
    """The limits in force, with ``changes``; use the result in a ``with`` block to put it in force.

    Raises:
        DataError: D00, a name that is no limit, or a value that is not positive.
    """
    current = _STACK.get()[-1]
    if not changes:
        return current
    for name, value in changes.items():
        if name not in _CODES:
            raise DataError(f"there is no limit {name!r}; the limits are {', '.join(sorted(_CODES))}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise DataError(f"limit {name} must be a positive number, but {value!r} was given")
    return dataclasses.replace(current, **changes)


def code_of(limit: str) -> str:
    """The error code of one limit."""
    return _CODES[limit]


def over(limit: str, found: str, name: str) -> NoReturn:
    """Raise the error of ``limit``: what ``name`` holds, what is allowed, how to allow more."""
    allowed = getattr(limits(), limit)
    raise MediaError(
        f"{name}: {found}, more than the {allowed:,} that limit {limit} allows; "
        f"make it smaller, or raise the limit with `with mcgurk.data.limits.limits({limit}=...)` if you trust the file",
        code=_CODES[limit],
    )


def check(limit: str, value: float, found: str, name: str) -> None:
    """Raise the error of ``limit`` where ``value`` is above it; ``found`` says it in words, with its unit."""
    if value > getattr(limits(), limit):
        over(limit, found, name)


class Deadline:
    """The time one file may take: ``max_seconds`` plus 10 s a MB, so that a long film may and a small hostile file may not."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.allowed = limits().max_seconds + size / 100_000
        self.end = time.monotonic() + self.allowed

    def check(self) -> None:
        """Raise B12 when the time is over."""
        if time.monotonic() > self.end:
            over("max_seconds", f"decoding took more than {self.allowed:.0f} s", self.name)


_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 4}
_FREE = 64 << 20
_RATIO = 1000


def check_parquet(path: str | os.PathLike[str], *, columns: list[str] | None = None, rows: int | None = None) -> int:
    """Refuse a Parquet file that would decode to more than ``max_table_bytes``; return the bytes it decodes to.

    Fixed-width columns cost values x width, which is what a reader allocates; the sizes the file claims for itself
    (``total_byte_size``) are never believed. Text and binary columns are walked once with their dictionaries kept, so that a
    value stored once and repeated a million times is counted a million times and never built. A file of which more than
    1000 bytes come out for each byte on disk is refused above 64 MB: no table of observations packs like that.

    Args:
        path: the file.
        columns: those that will be read; all by default.
        rows: at most this many rows are held at a time (a streaming reader); all by default.

    Raises:
        MediaError: B11 over budget, F05 not a readable Parquet file.
    """
    import pyarrow
    import pyarrow.parquet

    from mcgurk.data.footer import values_per_column
    from mcgurk.data.source import opened  # which needs this module's limits

    name = os.path.basename(os.fspath(path))
    budget = limits().max_table_bytes
    with opened(path) as regular:
        size = regular.size
    try:
        with pyarrow.parquet.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            fixed, texts = _fixed_bytes(file, values_per_column(path), columns)
            total = max(file.metadata.num_rows, 1)
            share = 1.0 if rows is None else min(1.0, rows / total)
            found = int(fixed * share)
            allowed = min(budget, max(_FREE, _RATIO * size)) if rows is None else budget
            if found <= allowed and texts:
                found += int(_text_bytes(path, texts, (allowed - found) / share) * share)
    except MediaError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError, OverflowError, AttributeError) as error:
        raise MediaError(
            f"{name}: not a readable Parquet file ({type(error).__name__}: {str(error)[:200]}); write the table again", code="F05"
        ) from error
    if found > allowed:
        over("max_table_bytes", f"the table decodes to at least {found:,} bytes from {size:,} on disk", name)
    return found


def _fixed_bytes(file: Any, counts: list[int], columns: list[str] | None) -> tuple[int, list[str]]:
    """Bytes of the fixed widths (offsets for text), and the paths of text columns."""
    meta, schema = file.metadata, file.schema
    wanted = None if columns is None else set(columns)
    total, texts = 0, []
    for i in range(meta.num_columns):
        leaf = schema.column(i)
        if wanted is not None and leaf.path.split(".")[0] not in wanted:
            continue
        width = leaf.length if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" else _WIDTHS[leaf.physical_type]
        total += (counts[i] if counts else 0) * max(width, 1)
        if leaf.physical_type == "BYTE_ARRAY":
            texts.append(leaf.path)
    return max(total, meta.num_rows), texts


def _text_bytes(path: str | os.PathLike[str], names: list[str], allowed: float) -> int:
    """Bytes of the text columns when decoded, counted through their dictionaries; stops as soon as they are more than ``allowed``."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    total = 0
    plain = [name for name in names if "." not in name]  # dictionaries inside lists cannot be read across row groups
    with pyarrow.parquet.ParquetFile(path, read_dictionary=plain, page_checksum_verification=True, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=16_384, columns=names, use_threads=False):
            for column in batch.columns:
                if pyarrow.types.is_dictionary(column.type):
                    lengths = pyarrow.compute.binary_length(column.dictionary)
                    total += pyarrow.compute.sum(lengths.take(column.indices)).as_py() or 0
                else:
                    total += column.nbytes
            if total > allowed:
                break
    return total
