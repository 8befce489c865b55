"""CSV and TSV as text cells: encodings, separators, lines that do not fit. What the cells mean is decided in :mod:`mcgurk.data.infer`."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import re
import warnings
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

from mcgurk.data.limits import check, limits
from mcgurk.errors import DataError, McgurkWarning

if TYPE_CHECKING:
    import pyarrow

SEPARATORS = (",", ";", "\t", "|")
_PIECE = 1 << 20
_ESCAPED = re.compile("[\udc80-\udcff]+")
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Utf8(io.RawIOBase):
    """A binary stream that gives UTF-8 whatever ``raw`` is encoded in, piece by piece.

    UTF-16 and UTF-32 are known by their byte-order mark. In a file that is not UTF-8, valid UTF-8 stays and every other byte is taken for
    Windows-1252, so a file of mixed origin is read better than by either encoding alone. ``foreign`` counts these bytes; ``lost`` those
    that Windows-1252 does not know either (shown as U+FFFD).

    Args:
        raw: the file, open in binary mode.
        encoding: given by the caller; then damage is an error instead.
    """

    def __init__(self, raw: IO[bytes], encoding: str | None = None) -> None:
        super().__init__()
        self.raw, self.foreign, self.lost = raw, 0, 0
        head = raw.read(4)
        mark = next((mark for mark in _MARKS if head.startswith(mark)), b"")
        self.encoding = encoding or _MARKS.get(mark, "utf-8")
        self._mends = encoding is None and self.encoding == "utf-8"
        try:
            self._decoder = codecs.getincrementaldecoder(self.encoding)("surrogateescape" if self._mends else "strict")
        except LookupError:
            raise DataError(
                f"encoding {encoding!r} is not known; leave it out to have it found, or give one such as 'cp1252'", code="X01"
            ) from None
        plain = codecs.lookup(self.encoding).name == "utf-8" and mark == codecs.BOM_UTF8
        self._ready = b""
        self._ended = False
        self._feed(head[len(mark) :] if plain else head)

    def _feed(self, piece: bytes) -> None:
        try:
            text = self._decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            raise DataError(
                f"the file is not {self.encoding}: "
                f"byte 0x{error.object[error.start]:02x} cannot be read; leave the encoding out to have it found",
                code="X01",
            ) from None
        if not piece and not self._ended:
            self._ended, text = True, text + "\n"
        self._ready = (_ESCAPED.sub(self._mend, text) if self._mends else text).encode("utf-8", "replace")

    def _mend(self, match: re.Match[str]) -> str:
        text = bytes(ord(c) - 0xDC00 for c in match.group()).decode("cp1252", "replace")
        self.foreign += len(text)
        self.lost += text.count("\ufffd")
        return text

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._ready and not self._ended:
            self._feed(self.raw.read(_PIECE))
        count = min(len(view), len(self._ready))
        view[:count], self._ready = self._ready[:count], self._ready[count:]
        return count


def separator_of(line: str) -> str:
    """The separator of a header line: the one of ``, ; tab |`` that occurs most outside quotes.

    Example:
        >>> separator_of('id;"a, b";c')
        ';'
    """
    outside = "".join(line.split('"')[::2])
    return max(SEPARATORS, key=outside.count)


def header(path: str | os.PathLike[str], *, encoding: str | None = None, separator: str | None = None) -> tuple[list[str], str, int]:
    """Column names, separator, and the number of blank lines above. An unnamed column is called ``column1``, ``column2``, … by its place.

    Raises:
        DataError: D03, no header line, or a name that occurs twice.
    """
    with _open(path, encoding) as stream:
        text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", newline="")
        first = text.readline(limits().max_text_bytes)
        blank = 0
        while first and not first.strip():
            first, blank = text.readline(limits().max_text_bytes), blank + 1
        while first.count('"') % 2 and (more := text.readline(limits().max_text_bytes)):
            first += more
    if not first.strip():
        raise DataError(f"{os.path.basename(path)} is empty; expected a first line with the column names", code="D03")
    separator = separator or separator_of(first)
    if len(separator) != 1:
        raise DataError(f"separator {separator!r} was given; expected one character, or leave it out to have it found", code="C02")
    try:
        names = next(csv.reader(io.StringIO(first, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DataError(f"{os.path.basename(path)}: the first line is no line of column names ({error}); mend it", code="D03") from None
    names = [name.strip() or f"column{j + 1}" for j, name in enumerate(names)]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(
            f"{os.path.basename(path)}: the column name {twice[0]!r} occurs {names.count(twice[0])} times; rename the columns", code="D03"
        )
    return names, separator, blank


def batches(
    path: str | os.PathLike[str], *, encoding: str | None = None, separator: str | None = None, block: int = 16 << 20, chunk: int = 16_384
) -> Iterator[pyarrow.Table]:
    """The table in pieces of at most ``chunk`` lines, every cell a string or null (an empty cell).

    Raises:
        DataError: D03 no header or a repeated name, D04 a line with too few or too many cells, X01 not in the encoding asked for.
    """
    import pyarrow
    import pyarrow.csv

    names, separator, blank = header(path, encoding=encoding, separator=separator)
    odd: list[int] = []

    def misfit(row: object) -> str:
        odd.append(int(row.actual_columns))  # type: ignore[attr-defined]
        return "error"

    with _open(path, encoding) as stream:
        try:
            reader = pyarrow.csv.open_csv(
                io.BufferedReader(stream, _PIECE),
                read_options=pyarrow.csv.ReadOptions(
                    use_threads=False, block_size=block, column_names=names, skip_rows=blank, skip_rows_after_names=1
                ),
                parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=misfit),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types={name: pyarrow.large_string() for name in names},
                    strings_can_be_null=True,
                    null_values=[""],
                    quoted_strings_can_be_null=True,
                ),
            )
            for batch in reader:
                for start in range(0, len(batch), chunk):
                    yield pyarrow.Table.from_batches([batch.slice(start, chunk)])
        except pyarrow.ArrowInvalid as error:
            if "straddling" in str(error):
                raise DataError(
                    f"{os.path.basename(path)}: a line is longer than {block:,} bytes; a quote is probably not closed", code="D04"
                ) from None
            raise DataError(_misfit(path, encoding, separator, names, odd, error), code="D04") from None
    _report(path, stream)


def read(
    path: str | os.PathLike[str], *, encoding: str | None = None, separator: str | None = None, rows: int | None = None
) -> pyarrow.Table:
    """The whole table, or its first ``rows`` lines, within the limit ``max_table_bytes``."""
    import pyarrow

    parts: list[pyarrow.Table] = []
    seen = size = 0
    for part in batches(path, encoding=encoding, separator=separator):
        part = part if rows is None else part.slice(0, rows - seen)
        parts.append(part)
        seen, size = seen + len(part), size + part.nbytes
        check("max_table_bytes", size, f"the table has more than {size:,} bytes", os.path.basename(path))
        if rows is not None and seen >= rows:
            break
    if parts:
        return pyarrow.concat_tables(parts)
    names, _, _ = header(path, encoding=encoding, separator=separator)
    return pyarrow.table({name: pyarrow.array([], pyarrow.large_string()) for name in names})


@contextlib.contextmanager
def _open(path: str | os.PathLike[str], encoding: str | None) -> Iterator[Utf8]:
    from mcgurk.data.source import opened

    with opened(path) as file:
        yield Utf8(file.stream, encoding)


def _misfit(path: str | os.PathLike[str], encoding: str | None, separator: str, names: list[str], odd: list[int], error: Exception) -> str:
    """Names the physical line: quoted cells may hold line breaks, so the line number is not the row number."""
    name = os.path.basename(path)
    if odd:
        with _open(path, encoding) as stream, contextlib.suppress(csv.Error):
            reader = csv.reader(io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8", newline=""), delimiter=separator)
            before = 0
            for cells in reader:
                if cells and len(cells) != len(names):
                    return (
                        f"{name}, line {before + 1}: {len(cells)} cells where the header names {len(names)} columns; "
                        "quote cells that hold the separator, or mend the line"
                    )
                before = reader.line_num
    return f"{name}: not readable as a table separated by {separator!r} ({str(error)[:120]}); mend the line, or give another separator"


def _report(path: str | os.PathLike[str], stream: Utf8) -> None:
    if stream.foreign:
        lost = f", of which {stream.lost:,} stand for nothing there and are shown as U+FFFD" if stream.lost else ""
        warnings.warn(
            McgurkWarning(
                f"{os.path.basename(path)}: {stream.foreign:,} bytes are not UTF-8; they are read as Windows-1252{lost}; "
                "nothing is dropped (give encoding= to say what the file is)",
                code="X01",
            ),
            stacklevel=4,
        )
