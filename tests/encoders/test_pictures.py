"""Pictures of every source as arrays of one size."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mcgurk.data import Dense, Lazy, Ragged
from mcgurk.encoders.pictures import encode_pictures, square
from mcgurk.errors import DataError, MediaError


def mean(pixels: np.ndarray) -> np.ndarray:
    assert pixels.dtype == np.uint8 and pixels.shape[1:] == (4, 4, 3)
    return pixels.mean(axis=(1, 2)).astype(np.float32)


def png(color: tuple[int, int, int], size=(6, 5)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def test_files_bytes_and_several_a_cell(tmp_path):
    (tmp_path / "a.png").write_bytes(png((255, 0, 0)))
    out = encode_pictures(Lazy([str(tmp_path / "a.png"), None, png((0, 0, 9)), tmp_path / "a.png"], kind="image"), "toy", 4, mean, batch=2)
    assert out.values.tolist() == [[255, 0, 0], [0, 0, 0], [0, 0, 9], [255, 0, 0]] and out.present.tolist() == [True, False, True, True]
    steps = encode_pictures(Lazy([(png((1, 2, 3)), png((4, 5, 6))), None], kind="image"), "toy", 4, mean)
    assert steps.values.tolist() == [[1, 2, 3], [4, 5, 6]] and steps.lengths.tolist() == [2, 0]


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 1), (8, 6, 3)])
def test_arrays_grey_or_coloured(shape):
    values = np.full((2, *shape), 7, np.uint8)
    values[1] = 200
    out = encode_pictures(Dense(values, np.array([True, False]), "image"), "toy", 4, mean)
    assert out.values.tolist() == [[7, 7, 7], [0, 0, 0]]


def test_frames_stay_a_sequence_with_their_clock():
    column = Ragged.of([np.full((2, 8, 6, 3), 7, np.uint8), None], kind="video", times=[np.array([0.0, 0.04]), None])
    out = encode_pictures(column, "toy", 4, mean)
    assert out.lengths.tolist() == [2, 0] and out.times.tolist() == [0.0, 0.04] and out.item == (3,)


def test_a_column_without_a_picture_has_the_right_width():
    assert encode_pictures(Lazy([None, None], kind="image"), "toy", 4, mean).values.shape == (2, 3)


def test_square_keeps_what_fits_and_shrinks_evenly():
    same = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert square(same, 4) is same
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (64, 1, 3))
    assert np.abs(np.diff(square(ramp, 4)[0, :, 0].astype(float)) - 64).max() < 8


def test_what_is_no_picture_is_refused():
    for bad in (
        Dense(np.zeros((2, 4, 4, 3)), kind="image"),
        Dense(np.zeros((2, 4), np.uint8), kind="image"),
        Dense(np.zeros((1, 3, 4, 4), np.uint8)),
    ):
        with pytest.raises(DataError, match="channels last"):
            encode_pictures(bad, "toy", 4, mean)
    with pytest.raises(MediaError):
        encode_pictures(Lazy([b"no picture"], kind="image"), "toy", 4, mean)
