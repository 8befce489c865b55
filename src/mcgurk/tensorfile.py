"""Arrays and a JSON manifest in one safetensors file that notices every changed byte."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import stat
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from mcgurk.errors import IntegrityError, StoreError
from mcgurk.files import atomic_write

if TYPE_CHECKING:
    import numpy as np

MAX_HEADER = 100 << 20
_TYPES = {
    "b1": "BOOL", "i1": "I8", "u1": "U8", "i2": "I16", "u2": "U16", "i4": "I32", "u4": "U32", "i8": "I64", "u8": "U64",
    "f2": "F16", "f4": "F32", "f8": "F64",
}  # fmt: skip


def write_tensors(path: str | os.PathLike[str], tensors: dict[str, np.ndarray], manifest: dict[str, Any]) -> None:
    """Write arrays and manifest atomically. The header holds ``manifest`` (one JSON string) and ``sha256`` over manifest and arrays.

    Raises:
        StoreError: the folder cannot be written.
    """
    import numpy

    arrays = {name: _plain(numpy.asarray(value)) for name, value in tensors.items()}
    text = json.dumps(manifest, sort_keys=True, allow_nan=True)
    if len(text) + 200 * len(arrays) > MAX_HEADER // 2:
        raise StoreError(
            f"{path} would need a manifest of {len(text):,} bytes, the limit is {MAX_HEADER // 2:,}; learn fewer words or levels",
            code="S04",
        )
    try:
        atomic_write(path, _packed(arrays, {"manifest": text, "sha256": digest(arrays, text)}))
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}; check the folder and the space left", code="S02") from error


def _packed(arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """The safetensors format in one order: its own library shuffles the metadata, and equal models would differ in their bytes."""
    header: dict[str, Any] = {"__metadata__": metadata}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))  # every array starts at a multiple of its item's size
    start = 0
    for name in order:
        value = arrays[name]
        header[name] = {"dtype": _TYPES[value.dtype.str[1:]], "shape": list(value.shape), "data_offsets": [start, start + value.nbytes]}
        start += value.nbytes
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(arrays[name].tobytes() for name in order)])


def _plain(value: np.ndarray) -> np.ndarray:
    """In C order and little-endian, of the same shape (``ascontiguousarray`` makes a number an array of one)."""
    return value.astype(value.dtype.newbyteorder("<"), order="C", copy=False)


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and manifest, every byte checked. Loading runs no code, and takes no more memory than the file is long.

    Raises:
        StoreError: the file cannot be opened, or is a pipe or a device.
        IntegrityError: it is damaged, truncated or not such a file.
    """
    try:
        facts = os.stat(path)
        if not stat.S_ISREG(facts.st_mode):
            raise StoreError(f"{path} is no regular file; give the path of a file mcgurk wrote", code="S03")
        with open(path, "rb") as handle:
            data = _head(handle, facts.st_size, str(path))
            data += handle.read(facts.st_size - len(data))
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}; give the path of a file mcgurk wrote", code="S03") from error
    return parse(data, str(path))


def _head(handle: IO[bytes], length: int, name: str) -> bytes:
    """The header's bytes, once it accounts for every byte of the file: a file can be long and empty, and cost all memory to read."""
    start = handle.read(8)
    size = int.from_bytes(start, "little") if len(start) == 8 else -1
    if not 2 <= size <= min(MAX_HEADER, length - 8):
        raise IntegrityError(f"{_damaged(name)} (its header claims {size} bytes of {length}); {_RESTORE}")
    text = handle.read(size)
    with _refusing(name):
        claimed = max((int(about["data_offsets"][1]) for key, about in _json(text).items() if key != "__metadata__"), default=0)
        if 8 + size + claimed != length:
            raise ValueError(f"its header accounts for {8 + size + claimed} bytes of {length}")
    return start + text


def parse(data: bytes, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """:func:`read_tensors` of bytes; ``name`` is for messages."""
    from safetensors.numpy import load

    text = _head(io.BytesIO(data), len(data), name)[8:]
    with _refusing(name):
        metadata = _json(text)["__metadata__"]
        manifest_text, expected = metadata["manifest"], metadata["sha256"]
        arrays = load(data)
        manifest = _json(manifest_text)
        if not isinstance(manifest, dict) or len(metadata) != 2 or digest(arrays, manifest_text) != expected:
            raise IntegrityError(f"{name} does not match its checksum; {_RESTORE}")
    return arrays, manifest


_RESTORE = "restore it from a copy or write it again"


def _damaged(name: str) -> str:
    return f"{name} is damaged or no mcgurk file"


@contextlib.contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Whatever a hostile header makes a parser say becomes one kind of error."""
    from safetensors import SafetensorError

    try:
        yield
    except (
        SafetensorError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
        MemoryError,
    ) as error:
        raise IntegrityError(f"{_damaged(name)} ({type(error).__name__}: {error}); {_RESTORE}") from None


def _json(text: bytes | str) -> Any:
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys differ: readers disagree on which of two equal keys counts."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a key repeats")
    return out


def digest(arrays: dict[str, np.ndarray], manifest: str) -> str:
    """SHA-256 over the manifest and every array's name, dtype, shape and bytes."""
    state = hashlib.sha256(manifest.encode())
    for name in sorted(arrays):
        value = arrays[name]
        state.update(f"{name}\0{value.dtype.str}\0{value.shape}\0".encode())
        state.update(value.reshape(-1).view("u1").data if value.size else b"")
    return state.hexdigest()
