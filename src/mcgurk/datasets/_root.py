"""Finding and reading files of a data set that does not travel with mcgurk."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mcgurk.errors import DataError, MediaError, listing

VARIABLE = "MCGURK_DATA"
MAX_MEMBER_BYTES = 64 * 2**20


def data_folder(root: str | os.PathLike[str] | None, folder: str, needs: Sequence[str]) -> Path:
    """The folder of one data set: ``root`` itself where it holds the files, else ``root/folder``.

    Args:
        root: a folder; None is the environment variable MCGURK_DATA.
        folder: the data set's usual folder name.
        needs: files that must be there.

    Raises:
        DataError: F02 when there is no root, or files are not there.
    """
    given = root if root is not None else os.environ.get(VARIABLE)
    if not given:
        remedy = f"give root=FOLDER (--data-root FOLDER), or set {VARIABLE}, to the folder that holds {folder}/"
        raise DataError(f"{folder} is not shipped; {remedy}", code="F02")
    base = Path(given)
    for place in (base / folder, base):
        if all((place / name).is_file() for name in needs):
            return place
    lacking = [name for name in needs if not (base / folder / name).is_file()]
    raise DataError(f"{base / folder} lacks {listing(lacking)}; put the files of {folder} there", code="F02")


def decode_text(path: Path, encoding: str = "cp1252") -> str:
    """The file's text as UTF-8 where it is, else as ``encoding``; bytes that encoding does not define become U+FFFD, none is dropped."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(encoding, errors="replace")


def read_rows(path: Path, encoding: str = "utf-8") -> list[list[str]]:
    """Lines of a CSV file; every cell is text ("NA" too)."""
    return list(csv.reader(io.StringIO(decode_text(path, encoding), newline="")))


def read_table(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    """Lines of a CSV file with a header."""
    header, *lines = read_rows(path, encoding)
    return [dict(zip(header, line)) for line in lines]


def zip_members(path: Path, names: Iterable[str]) -> list[bytes | None]:
    """Bytes of named members, None where the archive has no such member. Nothing is unpacked to disk.

    Raises:
        MediaError: F05 for a member over 64 MiB or an archive that cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            known = {entry.filename: entry for entry in archive.infolist()}
            out: list[bytes | None] = []
            for name in names:
                entry = known.get(name)
                if entry is not None and entry.file_size > MAX_MEMBER_BYTES:
                    raise MediaError(f"{name} in {path} has {entry.file_size} bytes; at most {MAX_MEMBER_BYTES} are read", code="F05")
                out.append(None if entry is None else archive.read(entry))
            return out
    except (zipfile.BadZipFile, OSError) as error:
        raise MediaError(f"{path} cannot be read as a zip archive ({error}); fetch it again", code="F05") from None


def components(n: int, ties: Iterable[Sequence[int]]) -> np.ndarray:
    """(n,) the smallest row of the connected component of each row, where every item of ``ties`` names rows that belong together."""
    parent = list(range(n))

    def top(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for rows in ties:
        for other in rows[1:]:
            low, high = sorted((top(rows[0]), top(other)))
            parent[high] = low
    return np.array([top(i) for i in range(n)], dtype=np.int64)
