"""Archives, JSON and XML from strangers: unpacked inside their folder, within limits, without entities or links."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, TreeBuilder

import numpy as np

from mcgurk.data.limits import Deadline, check, limits, over
from mcgurk.data.source import Opened, Source, decoding, fail, opened, safe_join
from mcgurk.errors import MediaError
from mcgurk.files import atomic_open

_FREE = 1 << 20
_PIECE = 1 << 18
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # an unclosed string matches too: no second look, linear time


def extract(source: Source, folder: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> list[Path]:
    """Unpack a zip or tar (plain, gz, bz2, xz) into ``folder``; return the files written, in archive order.

    Sizes are counted while unpacking, never believed. Names that lead out of the folder, names that are equal on a system without
    upper and lower case, links, devices and encrypted members are refused before anything is written; archives inside archives
    are files like others and are not opened.

    Raises:
        MediaError: F01 to F03, F09 a name leads out of the folder, F10 damaged, encrypted, or holding links, devices or twins,
            B08 unpacks to more than ``max_archive_ratio`` times its size, B09 too many members.

    Example:
        >>> from mcgurk.data.archive import extract
        >>> extract("corpus.zip", "corpus")  # doctest: +SKIP
    """
    with opened(source, root=root) as file:
        head = file.head(512)
        with decoding(file.name, "get the archive again"):
            if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
                return _unzip(file, Path(folder))
            reader = _decompressor(head)
            if reader is None and head[257:262] != b"ustar":
                fail("F04", file.name, "is no zip or tar archive", "give a .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz")
            return _untar(file, reader, Path(folder))


def _decompressor(head: bytes) -> Any:
    """The function that opens the stream for reading, by the first bytes; None for what is not compressed."""
    table = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
    return next((function for mark, function in table.items() if head.startswith(mark)), None)


class _Names:
    """Refuses a name that leads out of the folder or that another member has, in any case or Unicode form."""

    def __init__(self, folder: Path, archive: str) -> None:
        self.folder, self.archive, self.seen = folder, archive, set[str]()

    def take(self, name: str, *, folder: bool = False) -> Path:
        check("max_members", len(self.seen) + 1, f"the archive has more than {len(self.seen):,} members", self.archive)
        name = name.removeprefix("./")
        if folder and name in ("", "."):
            return self.folder
        path = safe_join(self.folder, name)
        key = unicodedata.normalize("NFC", name.rstrip("/")).casefold()
        if key in self.seen and not folder:
            fail("F10", self.archive, f"two members are called {name!r}, give or take upper case", "rename one of them")
        self.seen.add(key)
        return path


class _Budget:
    """Counts unpacked bytes against ``max_archive_ratio`` x the packed size (1 MB is free)."""

    def __init__(self, file: Opened) -> None:
        self.name, self.size, self.total = file.name, file.size, 0
        self.deadline = Deadline(file.name, file.size)

    def spend(self, count: int) -> None:
        self.total += count
        if self.total > _FREE + limits().max_archive_ratio * self.size:
            over("max_archive_ratio", f"unpacks to more than {self.total / max(self.size, 1):,.0f} times its size", self.name)
        self.deadline.check()

    def copy(self, source: IO[bytes], path: Path) -> None:
        with atomic_open(path) as out:
            while piece := source.read(_PIECE):
                self.spend(len(piece))
                out.write(piece)


def _unzip(file: Opened, folder: Path) -> list[Path]:
    names, budget, planned = _Names(folder, file.name), _Budget(file), 0
    with zipfile.ZipFile(file.stream) as archive:
        members = archive.infolist()
        check("max_members", len(members), f"the archive has {len(members):,} members", file.name)
        todo: list[tuple[zipfile.ZipInfo, Path]] = []
        for member in members:
            name = member.orig_filename
            mode = member.external_attr >> 16
            if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_IFMT(mode) == 0):
                fail("F10", file.name, f"member {name!r} is a link or a device", "pack the files themselves")
            if member.flag_bits & 1:
                fail("F10", file.name, f"member {name!r} is encrypted", "pack it without a password")
            planned += member.file_size
            path = names.take(name, folder=name.endswith("/"))
            if not name.endswith("/"):
                todo.append((member, path))
        if planned > _FREE + limits().max_archive_ratio * file.size:
            over("max_archive_ratio", f"says that it unpacks to {planned:,} bytes from {file.size:,}", file.name)
        for member, path in todo:
            with archive.open(member) as source:
                budget.copy(source, path)
    return [path for _, path in todo]


class _Counted:
    """A decompressed stream that counts what comes out of it, headers included."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self.stream, self.budget = stream, budget

    def read(self, count: int = -1) -> bytes:
        pieces = []
        while count != 0 and (piece := self.stream.read(_PIECE if count < 0 else min(count, _PIECE))):
            self.budget.spend(len(piece))
            pieces.append(piece)
            count -= len(piece) if count > 0 else 0
        return b"".join(pieces)


def _untar(file: Opened, decompress: Any, folder: Path) -> list[Path]:
    """Two passes over the stream: names and kinds first, so that nothing is written from an archive that is refused."""
    todo = {m.offset: path for m, path, _ in _tar_members(file, decompress, folder) if path is not None}
    budget = _Budget(file)
    for member, path, source in _tar_members(file, decompress, folder):
        if path is not None and source is not None and member.offset in todo:
            budget.copy(source, path)
    return list(todo.values())


def _tar_members(file: Opened, decompress: Any, folder: Path) -> Iterator[tuple[tarfile.TarInfo, Path | None, IO[bytes] | None]]:
    file.stream.seek(0)
    names, budget = _Names(folder, file.name), _Budget(file)
    raw: Any = file.stream if decompress is None else decompress(file.stream, "rb")
    counted: Any = _Counted(raw, budget)
    with tarfile.open(fileobj=counted, mode="r|") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()) or member.issparse():
                fail("F10", file.name, f"member {member.name!r} is a link, a device or has holes", "pack the files themselves")
            path = names.take(member.name, folder=member.isdir())
            yield member, (path if member.isreg() else None), (archive.extractfile(member) if member.isreg() else None)


def load_json(source: Source, *, root: str | os.PathLike[str] | None = None) -> Any:
    """A JSON file, its size and depth checked before it is parsed.

    Raises:
        MediaError: F01 to F03, F09, F05 not JSON, B07 too large, B10 nested too deep.

    Example:
        >>> from mcgurk.data.archive import load_json
        >>> load_json(b'{"a": [1, 2]}')
        {'a': [1, 2]}
    """
    with opened(source, root=root) as file:
        check("max_text_bytes", file.size, f"the file has {file.size:,} bytes", file.name)
        data = file.read()
    name = file.name
    depth = json_depth(data)
    check("max_depth", depth, f"its values are nested {depth:,} deep", name)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else None
        text = f"{f'{name} at {place}' if place else name}: not valid JSON ({str(error)[:120]}); save it again as UTF-8 JSON"
        raise MediaError(text, code="F05") from error


def json_depth(data: bytes) -> int:
    """The deepest nesting of brackets outside strings, in one pass without recursion."""
    plain = np.frombuffer(_STRING.sub(b"", data), dtype=np.uint8)
    deepest = level = 0
    for start in range(0, len(plain), 1 << 20):
        piece = plain[start : start + (1 << 20)]
        opening, closing = (piece == 0x5B) | (piece == 0x7B), (piece == 0x5D) | (piece == 0x7D)
        levels = level + np.cumsum(opening.astype(np.int32) - closing)
        deepest, level = max(deepest, int(levels.max())), int(levels[-1])
    return deepest


def load_xml(source: Source, *, root: str | os.PathLike[str] | None = None) -> Element:
    """The root element of an XML file. Document types and entities are refused: they name other files or grow without bound.

    Raises:
        MediaError: F01 to F03, F09, F05 not well-formed, F12 a DOCTYPE, B07 too large, B10 nested too deep, B15 too many elements.

    Example:
        >>> from mcgurk.data.archive import load_xml
        >>> load_xml(b"<a><b>ba</b></a>").find("b").text
        'ba'
    """
    with opened(source, root=root) as file:
        check("max_text_bytes", file.size, f"the file has {file.size:,} bytes", file.name)
        data = file.read()
    bound = limits().max_elements
    if data.count(b"</") + data.count(b"/>") > bound:
        over("max_elements", f"the file has more than {bound:,} elements", file.name)
    return _Parser(file.name).parse(data)


class _Parser:
    """Expat with every door but elements and text closed."""

    def __init__(self, name: str) -> None:
        from xml.parsers import expat

        self.name, self.depth, self.count = name, 0, 0
        self.builder = TreeBuilder()
        self.error = expat.ExpatError
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.StartDoctypeDeclHandler = self._doctype
        self.expat.EntityDeclHandler = self._doctype
        self.expat.ExternalEntityRefHandler = self._doctype
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self.builder.data

    def parse(self, data: bytes) -> Element:
        try:
            self.expat.Parse(data, True)
            return self.builder.close()
        except (self.error, ValueError, LookupError, AssertionError) as error:
            if isinstance(error, MediaError):
                raise
            text = f"{self.name} at line {self.expat.CurrentLineNumber}: not well-formed XML ({error}); save it again"
            raise MediaError(text, code="F05") from error

    def _doctype(self, *_: Any) -> int:
        at = f"line {self.expat.CurrentLineNumber}"
        fail("F12", self.name, "declares a document type or an entity", "remove the DOCTYPE", at=at)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth, self.count = self.depth + 1, self.count + 1
        check("max_depth", self.depth, f"its elements are nested more than {self.depth - 1} deep", self.name)
        check("max_elements", self.count, f"the file has more than {self.count - 1:,} elements", self.name)
        self.builder.start(tag, attributes)

    def _end(self, tag: str) -> None:
        self.depth -= 1
        self.builder.end(tag)
