"""One door for every file that is decoded: regular files only, inside their root, not changed while they are read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

from mcgurk.data.limits import check
from mcgurk.errors import McgurkError, MediaError

Source = str | os.PathLike[str] | bytes

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_DRIVE = re.compile(r"^[A-Za-z]:")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def name_of(source: Source) -> str:
    """What a message calls ``source``: the file's name, or the size of the bytes."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<{len(source)} bytes>"
    shown = os.fsdecode(os.fspath(source))
    return os.path.basename(shown) or shown


def fail(code: str, name: str, cause: str, remedy: str, *, at: str | None = None) -> NoReturn:
    """Raise a MediaError in the one shape: file, position where known, cause; what to do."""
    raise MediaError(f"{name}{f' at {at}' if at else ''}: {cause}; {remedy}", code=code)


@contextlib.contextmanager
def decoding(name: str, remedy: str = "replace or re-encode the file") -> Iterator[None]:
    """Turn whatever a codec library raises on hostile bytes (ten kinds were seen) into one MediaError."""
    try:
        yield
    except McgurkError:
        raise
    except MemoryError as error:
        raise MediaError(f"{name}: the file asks for more memory than there is; {remedy}", code="F05") from error
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        raise MediaError(f"{name}: cannot be decoded ({type(error).__name__}: {text}); {remedy}", code="F05") from error


class Opened:
    """An open regular file (or bytes) with its name and size; ``stream`` is seekable and binary."""

    def __init__(self, name: str, stream: IO[bytes], size: int, path: Path | None) -> None:
        self.name, self.stream, self.size, self.path = name, stream, size, path

    @property
    def suffix(self) -> str:
        """The extension in lower case with its dot; empty for bytes."""
        return "" if self.path is None else self.path.suffix.lower()

    def head(self, count: int = 4096) -> bytes:
        """The first bytes; leaves the stream at its start."""
        self.stream.seek(0)
        data = self.stream.read(count)
        self.stream.seek(0)
        return data

    def read(self) -> bytes:
        """The whole file, within ``max_file_bytes``."""
        check("max_file_bytes", self.size, f"the file has {self.size:,} bytes", self.name)
        self.stream.seek(0)
        return self.stream.read(self.size)


@contextlib.contextmanager
def opened(source: Source, *, root: str | os.PathLike[str] | None = None) -> Iterator[Opened]:
    """Open ``source`` for decoding.

    A FIFO, socket, device or folder is refused before anything is read (opening does not block); with ``root``, a path whose links
    lead out of that folder is refused; a file whose size or time changed while it was read is an error, for what was decoded is
    then neither the old file nor the new one.

    Raises:
        MediaError: F01 not a regular file or a loop of links, F02 missing or unreadable, F03 changed during reading,
            F09 outside ``root``.
    """
    if not isinstance(source, (str, os.PathLike, bytes, bytearray, memoryview)):
        fail("F02", type(source).__name__, "a path or bytes were expected", "give a file's path or its bytes")
    name = name_of(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        yield Opened(name, io.BytesIO(data), len(data), None)
        return
    path = Path(source)
    with _stream(path, root, name) as stream:
        before = os.fstat(stream.fileno())
        if not stat.S_ISREG(before.st_mode):
            fail("F01", name, f"is {_kind(before.st_mode)}, not a regular file", "give a regular file")
        yield Opened(name, stream, before.st_size, path)
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        fail("F03", name, "changed while it was read", "wait until it is written completely and try again")


def _stream(path: Path, root: str | os.PathLike[str] | None, name: str) -> IO[bytes]:
    """Open without blocking; with ``root``, the file its links lead to, which must lie inside."""
    try:
        real = path if root is None else _inside(path, Path(root), name)
        return os.fdopen(os.open(real, _FLAGS | (0 if root is None else getattr(os, "O_NOFOLLOW", 0))), "rb")
    except MediaError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.ELOOP or isinstance(error, RuntimeError):
            raise MediaError(f"{name}: its links lead in a circle; give the file itself", code="F01") from error
        if getattr(error, "errno", None) in (errno.ENXIO, errno.EISDIR):
            raise MediaError(f"{name}: is not a regular file; give a regular file", code="F01") from error
        text = getattr(error, "strerror", None) or " ".join(str(error).split())[:120]
        raise MediaError(f"{name}: cannot be read ({text}); check the path and its permissions", code="F02") from error


def _kind(mode: int) -> str:
    tests = {
        stat.S_ISFIFO: "a FIFO",
        stat.S_ISDIR: "a folder",
        stat.S_ISSOCK: "a socket",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
    }
    return next((said for test, said in tests.items() if test(mode)), "special")


def _inside(path: Path, root: Path, name: str) -> Path:
    real = path.resolve(strict=False)
    if not real.is_relative_to(root.resolve()):
        fail("F09", name, "lies outside the folder it must stay in", "move the file there, or drop the row")
    return real


def safe_join(root: str | os.PathLike[str], name: str) -> Path:
    """``root / name`` for a name that came from a file: an annotation, an archive, a table.

    Refused: empty, absolute, drive and network names, backslashes, ``..``, NUL and control characters, URLs, names that Windows
    reserves, trailing dots or blanks, and anything that leads out of ``root`` through a link.

    Raises:
        MediaError: F09.

    Example:
        >>> from mcgurk.data.source import safe_join
        >>> safe_join("corpus", "clips/a.wav").as_posix().endswith("corpus/clips/a.wav")
        True
    """
    shown = repr(name)[:80]
    reason = _unsafe(name)
    if reason:
        fail("F09", shown, f"{reason}, so it may name a file outside its folder", "use a plain relative name such as clips/a.wav")
    return _inside(Path(root) / name, Path(root), shown)


def _unsafe(name: str) -> str | None:
    """Why ``name`` may not be joined to a folder, or None."""
    if not isinstance(name, str) or not name or name.strip() in ("", "."):
        return "it is empty"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        return "it holds control characters"
    if "\\" in name or name.startswith(("/", "~")) or _DRIVE.match(name):
        return "it is absolute, or names a drive, a home or a network folder"
    if "://" in name or re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", name):
        return "it is a link"
    for part in name.rstrip("/").split("/"):
        if part in ("", ".", ".."):
            return "it holds '..' or an empty part"
        if part != part.rstrip(". ") or _RESERVED.match(part) or ":" in part:
            return "it holds a name that means something else on another system"
    return None


def content_hash(source: Source, *, root: str | os.PathLike[str] | None = None) -> str:
    """Hex SHA-256 of the item's bytes: the same for a path and for the bytes it holds.

    Raises:
        MediaError: F01, F02, F03 (changed during reading), F09.

    Example:
        >>> from mcgurk.data.source import content_hash
        >>> content_hash(b"ba")[:8]
        '970f519c'
    """
    with opened(source, root=root) as file:
        digest = hashlib.sha256()
        left = file.size + 1
        while left > 0 and (piece := file.stream.read(min(left, 1 << 20))):
            digest.update(piece)
            left -= len(piece)
        if left != 1:
            fail("F03", file.name, "changed while it was read", "wait until it is written completely and try again")
    return digest.hexdigest()
