"""Mouth crops from boxes, from planted faces, and from the real networks where they are installed."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
import scipy.fft

from mcgurk.data.column import Ragged
from mcgurk.encoders import assets, face_mesh, mouth
from mcgurk.encoders.mouth import MouthCrops
from mcgurk.errors import DataError, McgurkWarning, MissingPackage

RNG = np.random.default_rng(0)
CLIP = RNG.integers(0, 256, (6, 40, 60), dtype=np.uint8)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A "face" wherever a frame has a white pixel: lips 10 wide and 4 high around it."""

    def find_face(picture: np.ndarray) -> np.ndarray | None:
        place = np.argwhere(picture[:, :, 0] == 255)
        return None if not len(place) else np.array([place[0][::-1]] * 4, dtype=float)

    def landmarks(picture: np.ndarray, face: np.ndarray) -> np.ndarray:
        points = np.tile(face[0], (468, 1))
        points[list(face_mesh.LIPS)] += np.stack([np.linspace(-5, 5, 20), np.tile([-2.0, 2.0], 10)], axis=1)
        points[61], points[291] = face[0] - [5, 0], face[0] + [5, 0]
        points[13], points[14] = face[0] - [0, 1], face[0] + [0, 1]
        points[33], points[263] = face[0] - [10, 20], face[0] + [10, -20]
        return points

    monkeypatch.setattr(face_mesh, "require", lambda: None)
    monkeypatch.setattr(face_mesh, "find_face", find_face)
    monkeypatch.setattr(face_mesh, "landmarks", landmarks)


def moving(count: int = 26) -> np.ndarray:
    """A white pixel that goes right, one pixel a frame, over a grey ground."""
    clip = np.full((count, 64, 96), 100, np.uint8)
    clip[np.arange(count), 30, 30 + np.arange(count)] = 255
    return clip


def test_the_whole_picture_as_pixels() -> None:
    out = MouthCrops("pixels", box=(0, 0, 1, 1), size=(40, 60), fps=None).prepare(Ragged.of([CLIP, None, CLIP[:0]], kind="video"))
    assert out.lengths.tolist() == [6, 0, 0] and out.present.tolist() == [True, False, True]
    assert out.row(0) == pytest.approx(CLIP.reshape(6, -1) / 255)
    assert out.times == pytest.approx(np.arange(6) / 25)


def test_a_box_is_shares_of_the_picture() -> None:
    clip = np.zeros((1, 40, 60), np.uint8)
    clip[0, 10:20, 30:60] = 200
    out = MouthCrops("pixels", box=(0.5, 0.25, 1, 0.5), size=(10, 30), fps=None).prepare(Ragged.of([clip], kind="video"))
    assert out.values == pytest.approx(np.full((1, 300), 200 / 255), abs=1e-6)


def test_cosines_keep_the_lowest_frequencies() -> None:
    encoder = MouthCrops("cosines", box=(0, 0, 1, 1), size=(40, 60), coefficients=6, fps=None)
    out = encoder.prepare(Ragged.of([CLIP], kind="video")).row(0)
    whole = scipy.fft.dctn(CLIP[0] / 255, norm="ortho")
    assert out[0] == pytest.approx([whole[0, 0], whole[0, 1], whole[1, 0], whole[0, 2], whole[1, 1], whole[2, 0]], abs=1e-4)
    with pytest.raises(DataError, match="at most 16"):
        MouthCrops(box=(0, 0, 1, 1), size=(4, 4)).prepare(Ragged.of([CLIP], kind="video"))


def test_the_crop_follows_the_lips(planted: None) -> None:
    column = Ragged(moving(), [0, 26], times=np.arange(26) / 25, kind="video")
    out = MouthCrops("pixels", size=(12, 18), fps=None).prepare(column)
    centre = out.row(0).reshape(26, 12, 18)
    brightest = [np.unravel_index(frame.argmax(), frame.shape) for frame in centre]
    assert np.abs(np.array(brightest)[6:21] - [6, 9]).max() <= 1  # inside the looks; the median of three flattens the ends


def test_openness_and_lost_frames(planted: None) -> None:
    clip = moving(4)
    clip[2] = 100
    out = MouthCrops("openness", fps=None).prepare(Ragged.of([clip], kind="video")).row(0)
    assert out[0] == pytest.approx([0.2, 0.5]) and np.isnan(out[2]).all() and len(out) == 4


@pytest.mark.parametrize("features", ["pixels", "openness"])
def test_no_face_is_absent_and_said(planted: None, features: str) -> None:
    column = Ragged.of([moving(), np.zeros((3, 64, 96), np.uint8)], kind="video")
    with pytest.warns(McgurkWarning, match="1 of 2 videos") as caught:
        out = MouthCrops(features, fps=None).prepare(column)
    assert caught[0].message.code == "M05" and out.present.tolist() == [True, False] and out.lengths[1] == 0


def test_boxes_stay_inside_the_picture() -> None:
    track = mouth._Track(np.array([0.0]), np.array([[2.0, 2.0]]), 10.0)
    assert track.box(0.0, (64, 96, 3), (32, 48)) == pytest.approx((0, 0, 18 / 96, 12 / 64))
    huge = mouth._Track(np.array([0.0]), np.array([[50.0, 30.0]]), 200.0)
    assert huge.box(0.0, (64, 96, 3), (32, 48)) == pytest.approx((0, 0, 1, 1))


def test_without_the_package_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    assert not face_mesh.available()
    with pytest.raises(MissingPackage, match=r"mcgurk\[faces\].*box="):
        MouthCrops().prepare(Ragged.of([CLIP], kind="video"))
    assert MouthCrops(box=(0, 0, 1, 1)).weights_hash() == "" != MouthCrops().weights_hash()


@pytest.mark.parametrize(
    ("encoder", "word"),
    [
        (MouthCrops("lips", box=(0, 0, 1, 1)), "'lips'"),
        (MouthCrops(box=(0.5, 0, 0.5, 1)), "x0 < x1"),
        (MouthCrops("openness", box=(0, 0, 1, 1)), "landmarks"),
    ],
)
def test_errors(encoder: MouthCrops, word: str) -> None:
    with pytest.raises(DataError, match=word):
        encoder.prepare(Ragged.of([CLIP], kind="video"))


def test_colour_and_grey_agree() -> None:
    colour = np.repeat(CLIP[:, :, :, None], 3, axis=3)
    boxed = MouthCrops("pixels", box=(0, 0, 1, 1), fps=None)
    grey = boxed.prepare(Ragged.of([CLIP], kind="video")).values
    assert boxed.prepare(Ragged.of([colour], kind="video")).values == pytest.approx(grey, abs=1 / 255)


def test_geometry_of_the_mesh_with_a_made_up_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that always answers the middle of its square puts the points where the face is, turned or not."""

    def run(file: str, picture: np.ndarray) -> list[np.ndarray]:
        if file == "detector.tflite":
            boxes, scores = np.zeros((1, 896, 16)), np.full((1, 896, 1), -9.0)
            scores[0, 0] = 9.0
            boxes[0, 0, :8] = np.array([60, 60, 40, 40, 50, 55, 70, 50]) - np.array([4, 4, 0, 0, 4, 4, 4, 4])
            return [boxes, scores]
        points = np.full((468, 3), 96.0)
        points[33, 0], points[263, 0] = 60, 132
        return [points.reshape(1, 1, 1, -1), np.ones((1, 1, 1, 1))]

    monkeypatch.setattr(face_mesh, "_run", run)
    picture = np.zeros((64, 128, 3), np.uint8)
    face = face_mesh.find_face(picture)
    assert face == pytest.approx(np.array([[40, 8], [80, 48], [50, 23], [70, 18]]))  # 32 rows of black above the picture
    points = face_mesh.landmarks(picture, face)
    assert points[0] == pytest.approx([60, 28]) and (points[263] - points[33])[1] < 0
    monkeypatch.setattr(face_mesh, "_run", lambda file, picture: [np.zeros((1, 896, 16)), np.full((1, 896, 1), -9.0)])
    assert face_mesh.find_face(picture) is None
    monkeypatch.setattr(face_mesh, "_run", lambda file, picture: [np.zeros((1, 1, 1, 1404)), -np.ones((1, 1, 1, 1))])
    assert face_mesh.landmarks(picture, face) is None


@pytest.mark.skipif(not face_mesh.available(), reason="ai-edge-litert or the weights 'faces' are not installed")
def test_real_networks_see_no_face_in_noise() -> None:
    assets.path("faces")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = MouthCrops(fps=5).prepare(Ragged.of([RNG.integers(0, 255, (10, 64, 64, 3), dtype=np.uint8)], kind="video"))
    assert not out.present[0] and [w.message.code for w in caught if isinstance(w.message, McgurkWarning)] == ["M05"]


def test_centred_mouths_forget_light(planted: None) -> None:
    darker = Ragged.of([CLIP // 2, CLIP // 2 + 50], kind="video")
    whole = MouthCrops("cosines", box=(0, 0, 1, 1), size=(40, 60), coefficients=9, fps=None, center=True).prepare(darker)
    assert whole.row(0) == pytest.approx(whole.row(1), abs=1e-4)
    assert whole.row(0).mean(axis=0) == pytest.approx(np.zeros(9), abs=1e-5)


def test_centring_passes_lost_frames_over() -> None:
    assert mouth._middle(np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]])).tolist() == [2.0, 3.0]
