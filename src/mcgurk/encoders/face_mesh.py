"""Where the face is in a picture, and 468 points on it: the packaged BlazeFace and face mesh in ai-edge-litert."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np

from mcgurk.encoders import assets
from mcgurk.errors import MissingPackage

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""Points of the outer lips, around."""
_SIDE, _MESH = 128, 192
_lock = threading.Lock()


def available() -> bool:
    """Whether faces can be looked for: the package and the weights are installed."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return assets.installed("faces")


def require() -> None:
    """Raise P01 with the command that installs what is missing."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError as error:
        text = 'finding mouths needs ai-edge-litert, which is not installed; run: pip install "mcgurk[faces]", or give the mouth with box='
        raise MissingPackage(text) from error
    assets.path("faces")


def find_face(picture: np.ndarray, threshold: float = 0.5) -> np.ndarray | None:
    """The surest face of a picture as ((x0, y0), (x1, y1), eye, eye), (4, 2) pixels, or None; below a tenth of the picture it is missed.

    Source: V. Bazarevsky and others, BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019.
    """
    side = max(picture.shape[:2])
    offset = np.array([side - picture.shape[1], side - picture.shape[0]]) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[offset[1] : offset[1] + picture.shape[0], offset[0] : offset[0] + picture.shape[1]] = picture
    found, scores = _run("detector.tflite", _resized(square, _SIDE) / 127.5 - 1.0)
    chance = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -80, 80)))
    place = int(chance.argmax())
    if chance[place] < threshold:
        return None
    numbers = found[0, place, :8].astype(np.float64).reshape(4, 2) / _SIDE  # centre, width and height, two eyes
    centre = numbers[0] + _anchors()[place]
    corners = np.stack([centre - numbers[1] / 2, centre + numbers[1] / 2, *(numbers[2:] + _anchors()[place])])
    return corners * side - offset


def landmarks(picture: np.ndarray, face: np.ndarray) -> np.ndarray | None:
    """468 points (x, y) in pixels on a face that :func:`find_face` found, or None where the network sees no face there.

    Source: Y. Kartynnik and others, Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019.
    """
    points = _points(picture, (face[0] + face[1]) / 2, float((face[1] - face[0]).max()), face[3] - face[2])
    if points is None:  # a second pass on what the first one saw, as the network is used in video
        return None
    axis = points[263] - points[33]
    turned = points @ _turn(axis).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    return _points(picture, _turn(axis).T @ ((low + high) / 2), float((high - low).max()), axis)


def _points(picture: np.ndarray, centre: np.ndarray, size: float, axis: np.ndarray) -> np.ndarray | None:
    """Points of one pass over the square of 1.5 ``size`` around ``centre``, turned until ``axis`` (eye to eye) is level."""
    side = 1.5 * size
    back = _turn(axis).T * (side / _MESH)
    corner = centre - back @ np.full(2, _MESH / 2)
    found, chance = _run("mesh.tflite", _warped(picture, back, corner, side) / 255.0)
    if float(chance.ravel()[0]) < 0.0:  # a logit: below even
        return None
    return found.reshape(-1, 3)[:, :2].astype(np.float64) @ back.T + corner


def _turn(axis: np.ndarray) -> np.ndarray:
    """The rotation that takes ``axis`` to the right."""
    x, y = axis / max(float(np.linalg.norm(axis)), 1e-9)
    return np.array([[x, y], [-y, x]])


def _warped(picture: np.ndarray, back: np.ndarray, corner: np.ndarray, side: float) -> np.ndarray:
    """The 192 x 192 picture whose pixel p is pixel ``back`` p + ``corner`` of ``picture``; large faces are reduced first."""
    from PIL import Image

    image, shrink = Image.fromarray(picture), max(int(side // _MESH), 1)
    image = image.reduce(shrink) if shrink > 1 else image
    (a, b), (c, d) = back / shrink
    x, y = corner / shrink
    return np.asarray(image.transform((_MESH, _MESH), Image.Transform.AFFINE, (a, b, x, c, d, y), Image.Resampling.BILINEAR), np.float32)


def openness(points: np.ndarray) -> float:
    """Distance between the inner lips over the width of the mouth; about 0 closed, above 0.3 wide open."""
    return float(np.linalg.norm(points[13] - points[14]) / max(float(np.linalg.norm(points[61] - points[291])), 1e-9))


@cache
def _anchors() -> np.ndarray:
    """Centres of the 896 anchors: two on a grid of 16 x 16, six on one of 8 x 8."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        centre = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(centre, centre)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), each, axis=0))
    return np.concatenate(grids)


def _resized(picture: np.ndarray, side: int) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)


@cache
def _interpreter(file: str) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    made = Interpreter(model_path=str(assets.path("faces") / file), num_threads=1)
    made.allocate_tensors()
    return made


def _run(file: str, picture: np.ndarray) -> list[np.ndarray]:
    with _lock:
        made = _interpreter(file)
        made.set_tensor(made.get_input_details()[0]["index"], picture[None].astype(np.float32))
        made.invoke()
        return [made.get_tensor(detail["index"]).copy() for detail in made.get_output_details()]
