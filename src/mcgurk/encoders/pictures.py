"""Pictures of a column as uint8 arrays of one size, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.image import read_image
from mcgurk.encoders.cells import per_item, scatter
from mcgurk.errors import DataError

Encode = Callable[[Any], np.ndarray]


def encode_pictures(column: Column, name: str, size: int | None, encode: Encode, batch: int = 16) -> Dense | Ragged:
    """``encode`` over all pictures of a column: files and bytes, arrays, or several of them a cell.

    Args:
        column: Lazy items (paths, bytes, tuples of them), Dense uint8 (n, H, W), (n, H, W, 1 | 3), or Ragged with such steps.
        name: the encoder, for messages.
        size: side of the square every picture is resized to; None keeps each picture's own size.
        encode: (b, size, size, 3) uint8 -> (b, *item); without a size, a list of b arrays (H, W, 3).
        batch: pictures decoded at a time.

    Shapes: Dense (n, *item); Ragged with one step a picture for sequences.

    Raises:
        DataError: arrays that are no pictures.
        MediaError: a picture cannot be decoded (see :func:`mcgurk.data.image.read_image`).
    """
    if isinstance(column, Lazy):
        return per_item(column, lambda flat: scatter(_all(_read(flat, size, batch), encode, size), flat.present))
    _check(column, name)
    if isinstance(column, Dense):
        return scatter(_all(_resized(column.values[column.present], size, batch), encode, size), column.present)
    values = _all(_resized(column.values, size, batch), encode, size)
    return Ragged(values, column.offsets, column.present, column.times, "series")


def as_steps(column: Dense | Ragged) -> Ragged:
    """Places of a picture as steps: (n, places, d), or such a step a picture, -> Ragged (N, d), ``places`` steps a picture."""
    places, width = column.item
    counts = np.concatenate([[0], np.cumsum(column.present)]) if isinstance(column, Dense) else column.offsets
    values = column.values[column.present] if isinstance(column, Dense) else column.values
    return Ragged(values.reshape(-1, width), counts.astype(np.int64) * places, column.present, None, "series")


def square(picture: np.ndarray, size: int | None) -> np.ndarray:
    """(H, W), (H, W, 1) or (H, W, 3) uint8 -> (size, size, 3), antialiased bilinear; the proportions are not kept."""
    picture = (
        np.repeat(picture.reshape(*picture.shape[:2], -1), 3, axis=2) if picture.size == picture.shape[0] * picture.shape[1] else picture
    )
    if size is None or picture.shape[:2] == (size, size):
        return picture
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR))


def _all(pieces: Iterator[list[np.ndarray]], encode: Encode, size: int | None) -> np.ndarray:
    gather = list if size is None else np.stack
    out = [encode(gather(piece)) for piece in pieces]
    side = size or 32  # no picture at all: a black one tells the shape
    return np.concatenate(out) if out else encode(gather([np.zeros((side, side, 3), np.uint8)]))[:0]


def _read(column: Lazy, size: int | None, batch: int) -> Iterator[list[np.ndarray]]:
    rows = np.flatnonzero(column.present)
    for start in range(0, len(rows), batch):
        yield [read_image(column.items[i], size=size) for i in rows[start : start + batch]]


def _resized(values: np.ndarray, size: int | None, batch: int) -> Iterator[list[np.ndarray]]:
    for start in range(0, len(values), batch):
        yield [square(picture, size) for picture in values[start : start + batch]]


def _check(column: Dense | Ragged, name: str) -> None:
    item = column.item
    if column.values.dtype != np.uint8 or not (len(item) == 2 or (len(item) == 3 and item[2] in (1, 3))):
        raise DataError(
            f"{name} reads picture files, or uint8 arrays of (height, width) or (height, width, 1 or 3); got {column.values.dtype} {item}: "
            "give 0 to 255 as uint8, channels last"
        )
