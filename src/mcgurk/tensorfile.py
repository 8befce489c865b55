"""Arrays and a JSON manifest in one safetensors file that notices every changed byte."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """The safetensors format, in one order: the format's own library shuffles the metadata, and equal models would differ in their bytes."""
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
    """Arrays and manifest, every byte checked. Loading runs no code.

    Raises:
        StoreError: the file cannot be opened.
        IntegrityError: it is damaged, truncated or not such a file.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}; give the path of a file mcgurk wrote", code="S03") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """:func:`read_tensors` of bytes; ``name`` is for messages."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    damaged = f"{name} is damaged or no mcgurk file"
    size = int.from_bytes(data[:8], "little") if len(data) >= 8 else -1
    if not 2 <= size <= min(MAX_HEADER, len(data) - 8):
        raise IntegrityError(f"{damaged} (its header claims {size} bytes of {len(data)}); restore it from a copy or write it again")
    try:
        header = json.loads(data[8 : 8 + size], object_pairs_hook=_once)
        metadata = header["__metadata__"]
        text, expected = metadata["manifest"], metadata["sha256"]
        arrays = load(data)
        manifest = json.loads(text, object_pairs_hook=_once)
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError) as error:
        raise IntegrityError(f"{damaged} ({type(error).__name__}: {error}); restore it from a copy or write it again") from None
    if not isinstance(manifest, dict) or len(metadata) != 2 or digest(arrays, text) != expected:
        raise IntegrityError(f"{name} does not match its checksum; restore it from a copy or write it again")
    return arrays, manifest


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
