"""The mouth of a speaking person: crops found by face landmarks or given, as pixels, cosines or openness over time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.ndimage import median_filter

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders import assets, face_mesh
from mcgurk.encoders.cells import per_item
from mcgurk.encoders.frames import timed_frames, video_rows
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.nn.component import Encoder

Box = tuple[float, float, float, float]
FEATURES = ("pixels", "cosines", "openness")
_LOOKS = 5.0  # a second: how often a face is looked for


class MouthCrops(Encoder):
    """The grey picture of the mouth in every frame, as pixels or as its lowest cosine coefficients; or how open the mouth is.

    The face is looked for five times a second; the crop follows the lips' middle (median of three looks, straight lines between) and is
    1.8 times as wide as they are (median of the video). A video in which no face is found is absent here, and said (warning M05).
    With ``box`` nothing is looked for.

    When not to use it: faces in profile or smaller than about a tenth of the picture; several faces (the surest one is taken).

    Args:
        features: "pixels", "cosines" (two-dimensional cosine transform, lowest frequencies first) or "openness" (distance of the inner lips
            over the width of the mouth, and that width over the distance of the eyes' outer corners).
        box: the mouth as (x0, y0, x1, y1), shares of the picture's width and height: (0, 0, 1, 1) for videos that are mouths already.
        size: (height, width) of the crop.
        coefficients: numbers kept of the cosine transform.
        fps: frames a second; None for every frame.
        center: subtract each video's mean over its frames: what is left is how this mouth moves, not where the crop sits or how light
            it is.

    Shapes: videos (files, or uint8 frames (T, H, W) or (T, H, W, 1 | 3)) -> Ragged (T, d) float32 with times in seconds; d = height x width
    (grey levels 0 to 1), ``coefficients``, or 2.

    Raises:
        MissingPackage: P01, no ``box`` and ai-edge-litert or the weights "faces" are not installed.
        DataError: "openness" with a box; a box that is none; unknown features.

    Source: G. Potamianos and others, Recent Advances in the Automatic Recognition of Audiovisual Speech, Proceedings of the IEEE 91, 2003
    (cosines of the mouth region, and their mean over the video taken off).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> clip = np.zeros((5, 48, 64), np.uint8)
        >>> encoder = MouthCrops("cosines", box=(0, 0, 1, 1), coefficients=10, fps=None)
        >>> encoder.prepare(Ragged.of([clip], kind="video")).row(0).shape
        (5, 10)
    """

    kinds = ("video",)
    assets = ("faces",)

    def __init__(
        self,
        features: str = "cosines",
        box: Box | None = None,
        size: tuple[int, int] = (32, 48),
        coefficients: int = 64,
        fps: float | None = 25.0,
        center: bool = False,
    ) -> None:
        super().__init__()
        self.features = features
        self.box = box
        self.size = size
        self.coefficients = coefficients
        self.fps = fps
        self.center = center

    @property
    def width(self) -> int:
        """Numbers in a step."""
        return {"pixels": self.size[0] * self.size[1], "cosines": self.coefficients, "openness": 2}[self.features]

    def weights_hash(self) -> str:
        return assets.weights_hash("faces") if self.box is None else ""

    def prepare(self, column: Column) -> Dense | Ragged:
        self._check()
        return per_item(column, self._prepare) if isinstance(column, Lazy) else self._prepare(column)

    def _prepare(self, column: Column) -> Ragged:
        present, rows = np.asarray(column.present).copy(), list(video_rows(column))
        steps, times, lost = [np.zeros((0, self.width), np.float32)], [np.zeros(0)], []
        lengths = np.zeros(len(present), dtype=np.int64)
        for row in rows:
            found = self._openness(column, row) if self.features == "openness" else self._crops(column, row)
            if found is None:
                present[row] = False
                lost.append(row)
                continue
            steps.append(found[0] - _middle(found[0]) if self.center else found[0])
            times.append(found[1])
            lengths[row] = len(found[1])
        if lost:
            text = (
                f"no face was found in {len(lost)} of {len(rows)} videos; their mouths are absent: give the place with box= if one is there"
            )
            warnings.warn(McgurkWarning(text, code="M05"), stacklevel=4)
        return Ragged(np.concatenate(steps), np.concatenate([[0], np.cumsum(lengths)]), present, np.concatenate(times), "series")

    def _crops(self, column: Column, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        track = None if self.box is not None else _track(column, row)
        fixed = self.box
        if fixed is None and track is None:
            return None
        steps, times = [], []
        for moment, frame in timed_frames(column, row, n_frames=None, fps=self.fps):
            box = fixed if track is None else track.box(moment, frame.shape, self.size)
            assert box is not None
            crop = crop_grey(frame, box, self.size)
            steps.append(crop.ravel() / np.float32(255) if self.features == "pixels" else _cosines(crop, self.coefficients))
            times.append(moment)
        return np.array(steps, dtype=np.float32).reshape(-1, self.width), np.array(times)

    def _openness(self, column: Column, row: int) -> tuple[np.ndarray, np.ndarray] | None:
        """A frame without a face repeats nothing: its step is NaN, which is a masked step."""
        steps, times = [], []
        for moment, points in _faces(column, row, self.fps):
            steps.append((np.nan, np.nan) if points is None else (face_mesh.openness(points), _relative_width(points)))
            times.append(moment)
        if steps and np.isnan(steps).all():
            return None
        return np.array(steps, dtype=np.float32).reshape(-1, 2), np.array(times)

    def _check(self) -> None:
        if self.features not in FEATURES:
            raise DataError(f"features {self.features!r}; expected one of {', '.join(FEATURES)}")
        if self.box is None:
            face_mesh.require()
            return
        x0, y0, x1, y1 = self.box
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise DataError(f"box {self.box} was given; expected shares of the picture, 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1")
        if self.features == "openness":
            raise DataError("openness is measured on face landmarks, not in a given box; leave box out, or choose pixels or cosines")


def crop_grey(frame: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    """The box (shares of width and height) of a frame, grey, resized with antialiasing: uint8 (height, width)."""
    from PIL import Image

    flat = frame.reshape(frame.shape[0], frame.shape[1], -1)
    picture = Image.fromarray(flat[:, :, 0] if flat.shape[2] == 1 else flat).convert("L")
    width, height = picture.size
    edges = (box[0] * width, box[1] * height, box[2] * width, box[3] * height)
    if edges == (0, 0, *picture.size) and picture.size == (size[1], size[0]):
        return np.asarray(picture)
    return np.asarray(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=edges))


def _middle(steps: np.ndarray) -> np.ndarray:
    """(T, d) -> (d,) mean of the observed steps, 0 where there is none."""
    seen = ~np.isnan(steps)
    return np.asarray(np.where(seen, steps, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1), dtype=steps.dtype)


def _cosines(crop: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` lowest coefficients of the orthonormal two-dimensional cosine transform of the crop, along its diagonals."""
    height, width = crop.shape
    if count > height * width:
        raise DataError(f"{count} coefficients of a crop of {height} x {width}; give at most {height * width}")
    y, x = np.divmod(np.arange(height * width), width)
    order = np.lexsort((y, x + y))[:count]
    return scipy.fft.dctn(crop.astype(np.float32) / np.float32(255), norm="ortho").ravel()[order]


def _faces(column: Column, row: int, fps: float | None) -> Iterator[tuple[float, np.ndarray | None]]:
    """(seconds, landmarks in pixels or None) of frames."""
    for moment, frame in timed_frames(column, row, n_frames=None, fps=fps):
        picture = np.repeat(frame.reshape(*frame.shape[:2], -1), 3, axis=2) if frame.ndim == 2 or frame.shape[2] == 1 else frame
        face = face_mesh.find_face(picture)
        yield moment, None if face is None else face_mesh.landmarks(picture, face)


@dataclass(frozen=True)
class _Track:
    """Where the lips are: seconds (k,), middles (k, 2) and one width, in pixels."""

    times: np.ndarray
    middles: np.ndarray
    span: float

    def box(self, moment: float, shape: tuple[int, ...], size: tuple[int, int]) -> Box:
        """The crop at a moment, as shares of the picture; shifted, and if need be shrunk, to lie inside it."""
        side = np.array([shape[1], shape[0]], dtype=np.float64)
        extent = np.minimum(np.array([1.0, size[0] / size[1]]) * 1.8 * self.span, side)
        middle = np.array([np.interp(moment, self.times, self.middles[:, axis]) for axis in (0, 1)])
        corner = np.clip(middle - extent / 2, 0, side - extent)
        (x0, y0), (x1, y1) = corner / side, (corner + extent) / side
        return (float(x0), float(y0), min(float(x1), 1.0), min(float(y1), 1.0))


def _track(column: Column, row: int) -> _Track | None:
    """None where no face is found."""
    looks = [(moment, points[list(face_mesh.LIPS)]) for moment, points in _faces(column, row, _LOOKS) if points is not None]
    if not looks:
        return None
    middles = np.array([(lips.max(axis=0) + lips.min(axis=0)) / 2 for _, lips in looks])
    if len(middles) > 2:
        middles = median_filter(middles, size=(3, 1), mode="nearest")
    return _Track(np.array([moment for moment, _ in looks]), middles, float(np.median([np.ptp(lips[:, 0]) for _, lips in looks])))


def _relative_width(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[61] - points[291]) / max(float(np.linalg.norm(points[33] - points[263])), 1e-9))
