"""What a picture looks like without any learning: colours, edges, texture."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Column, Dense, Ragged
from mcgurk.encoders.pictures import encode_pictures
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

SIZE, CELL, ANGLES = 128, 32, 9
PARTS = ("color", "edges", "texture")
_AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


class ImageStats(Encoder):
    """Classic picture features of the picture resized to 128 x 128: 100 of colour, 324 of edges, 59 of texture.

    color    square root of the share of pixels in each of 4 x 4 x 4 cells of the RGB cube (64); mean, standard deviation and cube root of
             the third moment of every channel (9); mean of every channel in 3 x 3 places (27). In units of full brightness.
    edges    histograms of oriented gradients: 4 x 4 cells of 32 pixels, 9 unsigned angles with a vote split between the two nearest,
             3 x 3 blocks of 2 x 2 cells, each scaled to length 1, clipped at 0.2, scaled again (324).
    texture  share of each of the 58 uniform local binary patterns of the 8 neighbours, and of all others (59).

    For kinds of scene, colour and texture on small data; not for what is depicted: ``efficientnet``.

    Args:
        parts: any of "color", "edges", "texture", in the order of the output.

    Shapes: n pictures -> Dense (n, 483) float32; a cell of several pictures -> one step a picture.

    Raises:
        DataError: no part, or an unknown one.
        MediaError: a picture cannot be decoded.

    Source: Swain, Ballard 1991, IJCV 7; Stricker, Orengo 1995, SPIE 2420; Dalal, Triggs 2005, CVPR; Ojala, Pietikaeinen, Maeenpaeae 2002,
        IEEE TPAMI 24(7).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dense
        >>> from mcgurk.encoders import ImageStats
        >>> red = np.zeros((1, 8, 8, 3), np.uint8); red[..., 0] = 255
        >>> values = ImageStats(parts=("color",)).prepare(Dense(red, kind="image")).values[0]
        >>> values.shape, values[64:67].tolist(), int(values[:64].argmax())
        ((100,), [1.0, 0.0, 0.0], 48)
    """

    kinds = ("image",)

    def __init__(self, *, parts: tuple[str, ...] = PARTS) -> None:
        super().__init__()
        self.parts = parts

    def prepare(self, column: Column) -> Dense | Ragged:
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown or not self.parts:
            raise DataError(f"parts={self.parts!r} was given; expected some of {', '.join(PARTS)}")
        rules = {"color": colors, "edges": oriented_gradients, "texture": binary_patterns}
        return encode_pictures(
            column, "ImageStats", SIZE, lambda x: np.concatenate([rules[part](x) for part in self.parts], axis=1).astype(np.float32)
        )


def colors(pixels: np.ndarray) -> np.ndarray:
    """(b, S, S, 3) uint8 -> (b, 100): histogram, moments, means by place."""
    count, side = len(pixels), pixels.shape[1]
    codes = (pixels >> 6).reshape(count, -1, 3).astype(np.int64) @ np.array([16, 4, 1])
    cube = np.stack([np.bincount(row, minlength=64) for row in codes]) / codes.shape[1]
    levels = pixels.reshape(count, -1, 3).astype(np.int64) + 256 * np.arange(3)
    shares = np.stack([np.bincount(row.ravel(), minlength=768) for row in levels]).reshape(count, 3, 256) / codes.shape[1]
    level = np.arange(256) / 255.0
    mean = shares @ level
    away = level - mean[..., None]
    moments = [mean, np.sqrt((shares * away**2).sum(axis=-1)), np.cbrt((shares * away**3).sum(axis=-1))]
    edges = np.linspace(0, side, 4).astype(int)
    area = np.outer(np.diff(edges), np.diff(edges))[..., None] * 255.0
    places = np.add.reduceat(np.add.reduceat(pixels, edges[:-1], axis=1, dtype=np.int64), edges[:-1], axis=2) / area
    return np.concatenate([np.sqrt(cube), *moments, places.reshape(count, -1)], axis=1)


def oriented_gradients(pixels: np.ndarray) -> np.ndarray:
    """(b, S, S, 3) uint8 -> (b, 324): of the three channels, the one with the steepest slope speaks for a pixel."""
    x = np.pad(pixels.astype(np.int32), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    down, across = x[:, 2:, 1:-1] - x[:, :-2, 1:-1], x[:, 1:-1, 2:] - x[:, 1:-1, :-2]
    channel = (down**2 + across**2).argmax(axis=-1)[..., None]
    rise, run = (np.take_along_axis(slope, channel, -1)[..., 0].astype(np.float64) for slope in (down, across))
    place = np.arctan2(rise, run) % np.pi * (ANGLES / np.pi) - 0.5
    low = np.floor(place).astype(np.int64)
    vote, part = np.hypot(rise, run) / 255.0, place - low
    count, cells = len(pixels), SIZE // CELL
    inside = np.arange(SIZE) // CELL
    cell = (np.arange(count)[:, None, None] * cells + inside[:, None]) * cells + inside
    votes = ((low % ANGLES, vote * (1 - part)), ((low + 1) % ANGLES, vote * part))
    size = count * cells * cells * ANGLES
    histogram = sum(np.bincount((cell * ANGLES + angle).ravel(), weight.ravel(), size) for angle, weight in votes)
    histogram = np.asarray(histogram).reshape(count, cells, cells, ANGLES)
    blocks = np.concatenate([histogram[:, i : cells - 1 + i, j : cells - 1 + j] for i in (0, 1) for j in (0, 1)], axis=-1)
    for clip in (0.2, None):
        blocks = blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-6)
        blocks = np.minimum(blocks, clip) if clip else blocks
    return blocks.reshape(count, -1)


def binary_patterns(pixels: np.ndarray) -> np.ndarray:
    """(b, S, S, 3) uint8 -> (b, 59): at most two changes around the circle are a pattern of their own, the rest is one."""
    grey = (pixels.astype(np.int64) @ np.array([299, 587, 114])) // 1000
    center, side = grey[:, 1:-1, 1:-1], grey.shape[1]
    codes = np.zeros_like(center)
    for bit, (i, j) in enumerate(_AROUND):
        codes |= (grey[:, 1 + i : side - 1 + i, 1 + j : side - 1 + j] >= center).astype(np.int64) << bit
    labels = _labels()[codes].reshape(len(pixels), -1)
    return np.stack([np.bincount(row, minlength=59) for row in labels]) / labels.shape[1]


def _labels() -> np.ndarray:
    """0 to 57 for the uniform codes in rising order, 58 for the others."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, 58)
