"""Colour, edges and texture of pictures whose values are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dense, Lazy
from mcgurk.encoders import ImageStats
from mcgurk.encoders.image_stats import _labels, binary_patterns, colors, oriented_gradients
from mcgurk.errors import DataError


def plain(color, size=128) -> np.ndarray:
    return np.tile(np.array(color, np.uint8), (1, size, size, 1))


def test_colours_of_halves():
    x = plain((255, 0, 0))
    x[:, :, 64:] = (0, 0, 255)
    out = colors(x)[0]
    hist, moments, places = out[:64], out[64:73], out[73:].reshape(3, 3, 3)
    assert np.flatnonzero(hist).tolist() == [3, 48] and hist[3] == pytest.approx(np.sqrt(0.5))
    np.testing.assert_allclose(moments[:6], [0.5, 0, 0.5, 0.5, 0, 0.5])
    np.testing.assert_allclose(moments[6:], 0, atol=1e-6)
    np.testing.assert_allclose(places[:, 0], [[1, 0, 0]] * 3)
    np.testing.assert_allclose(places[:, 2], [[0, 0, 1]] * 3)


def test_edges_have_their_angle():
    for turn in (False, True):
        x = plain((0, 0, 0))
        x[:, :, 48:80] = 255
        out = oriented_gradients(x.transpose(0, 2, 1, 3) if turn else x).reshape(3, 3, 4, 9)
        angles = out.sum(axis=(0, 1, 2))
        assert set(np.argsort(-angles)[:2]) == ({4} | set(np.argsort(-angles)[:2]) if turn else {0, 8})
        assert angles.argmax() in ((4,) if turn else (0, 8))
    assert not oriented_gradients(plain((9, 9, 9))).any()


def test_edges_do_not_see_brightness():
    x = np.random.default_rng(0).integers(0, 100, (1, 128, 128, 3), dtype=np.uint8)
    np.testing.assert_allclose(oriented_gradients(x), oriented_gradients(x + 100), atol=1e-12)
    np.testing.assert_allclose(oriented_gradients(x), oriented_gradients(x * 2), atol=1e-3)
    assert (np.linalg.norm(oriented_gradients(x).reshape(9, 36), axis=1) <= 1 + 1e-9).all()


def test_there_are_58_uniform_patterns():
    assert sorted(set(_labels().tolist())) == list(range(59)) and (_labels() == 58).sum() == 256 - 58
    out = binary_patterns(plain((7, 7, 7)))[0]
    assert out[_labels()[255]] == 1 and out.sum() == 1
    x = np.random.default_rng(0).integers(0, 200, (1, 128, 128, 3), dtype=np.uint8)
    np.testing.assert_array_equal(binary_patterns(x), binary_patterns(x + 50))


def test_parts_are_in_the_order_asked_for():
    column = Dense(np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), dtype=np.uint8), np.array([True, True, False]), "image")
    whole = ImageStats().prepare(column)
    assert whole.values.shape == (3, 483) and whole.values.dtype == np.float32 and not whole.values[2].any()
    turned = ImageStats(parts=("texture", "color")).prepare(column).values
    np.testing.assert_array_equal(turned, np.concatenate([whole.values[:, 424:], whole.values[:, :100]], axis=1))
    np.testing.assert_array_equal(ImageStats().prepare(column.take(np.array([1]))).values[0], whole.values[1])
    for bad in ((), ("shape",)):
        with pytest.raises(DataError, match="color, edges, texture"):
            ImageStats(parts=bad).prepare(column)


def test_real_photos(data_root):
    import zipfile

    with zipfile.ZipFile(data_root("houses") / "images_160px.zip") as archive:
        names = [n for n in archive.namelist() if n.endswith(".jpg")][:4]
        out = ImageStats().prepare(Lazy([archive.read(n) for n in names], kind="image")).values
    assert np.isfinite(out).all() and len(np.unique(out, axis=0)) == 4
