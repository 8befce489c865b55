"""Foreign weight files to safetensors, once, at installation; run as a process of its own, so that no foreign file is parsed in the user's.

python -m mcgurk.encoders._convert torch|ctranslate2 SOURCE TARGET
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.errors import StoreError
from mcgurk.files import atomic_write

_DTYPES = ("<f4", "<i1", "<i2", "<i4", "<f2")


def read_torch(path: Path) -> dict[str, np.ndarray]:
    """A torch state dictionary; ``weights_only`` refuses everything that is no tensor."""
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in state.items()}


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """CTranslate2's ``model.bin``: version, specification, revision, then named arrays, little-endian.

    The aliases after them (a projection tied to its embedding) are left out: whoever reads the weights ties them again.
    """
    data = memoryview(path.read_bytes())
    place = 0

    def take(layout: str) -> Any:
        nonlocal place
        (value,) = struct.unpack_from("<" + layout, data, place)
        place += struct.calcsize("<" + layout)
        return value

    def text() -> str:
        nonlocal place
        size = take("H")
        place += size
        return bytes(data[place - size : place - 1]).decode()

    take("I"), text(), take("I")
    arrays: dict[str, np.ndarray] = {}
    for _ in range(take("I")):
        name = text()
        shape = [take("I") for _ in range(take("B"))]
        code, size = take("B"), take("I")
        if code >= len(_DTYPES) or place + size > len(data):
            raise StoreError(f"{path.name}: array {name!r} cannot be read; the file is damaged, install it again")
        arrays[name] = np.frombuffer(data[place : place + size], _DTYPES[code]).reshape(shape)
        place += size
    return arrays


READERS = {"torch": read_torch, "ctranslate2": read_ctranslate2}


def convert(kind: str, source: Path, target: Path) -> None:
    """Read ``source`` and write ``target`` as safetensors, whole or not at all."""
    from safetensors.numpy import save

    # save() writes memory as it lies: a channels-last tensor would come back scrambled
    atomic_write(target, save({name: np.array(array, order="C") for name, array in READERS[kind](source).items()}))


if __name__ == "__main__":
    convert(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
