"""Seven ways to break a file; each is a pure function of (bytes, generator)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Mutator = Callable[[bytes, np.random.Generator], bytes]


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    """Keep a beginning of any length, the empty one included."""
    return data[: int(rng.integers(0, len(data)))]


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip 1 to 256 bits anywhere."""
    out = np.frombuffer(data, np.uint8).copy()
    count = int(2 ** rng.uniform(0, 8))
    np.bitwise_xor.at(out, rng.integers(0, len(out), count), (1 << rng.integers(0, 8, count)).astype(np.uint8))
    return out.tobytes()


def header(data: bytes, rng: np.random.Generator) -> bytes:
    """Replace 1 to 16 of the first 256 bytes, the magic number mostly spared."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 17))):
        out[int(rng.integers(0 if rng.random() < 0.1 else 12, min(256, len(out))))] = int(rng.integers(0, 256))
    return bytes(out)


def lengths(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite two- to eight-byte fields with 0, 1, the largest or the smallest number, half of them near the start."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        width = int(rng.choice([2, 4, 8]))
        span = min(512, len(out)) if rng.random() < 0.5 else len(out)
        place = int(rng.integers(4, max(span - width, 5)))
        value = [
            b"\0" * width,
            b"\xff" * width,
            b"\x7f" + b"\xff" * (width - 1),
            b"\xff" * (width - 1) + b"\x7f",
            b"\0" * (width - 1) + b"\1",
        ]
        out[place : place + width] = value[int(rng.integers(0, len(value)))]
    return bytes(out)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """Take a piece out of the middle."""
    first, last = np.sort(rng.integers(0, len(data), 2))
    return data[:first] + data[last:]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    """Write a piece of up to 64 KB two to nine times."""
    first = int(rng.integers(0, len(data)))
    last = min(len(data), first + int(rng.integers(1, 65_536)))
    return data[:first] + data[first:last] * int(rng.integers(2, 10)) + data[last:]


def noise(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a block with random bytes."""
    first = int(rng.integers(0, len(data)))
    count = min(len(data) - first, int(2 ** rng.uniform(0, 13)))
    return data[:first] + rng.bytes(count) + data[first + count :]


MUTATORS: dict[str, Mutator] = {f.__name__: f for f in (truncate, flip, header, lengths, cut, repeat, noise)}


def mutate(name: str, seed_name: str, k: int, data: bytes) -> bytes:
    """The k-th mutant of one seed file by one mutator: the same bytes on every run."""
    rng = np.random.default_rng([k, *name.encode(), *seed_name.encode()])
    return MUTATORS[name](data, rng)
