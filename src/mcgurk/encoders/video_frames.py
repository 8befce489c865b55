"""A video as its frames, each through an encoder of pictures."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from sklearn.base import clone

from mcgurk import registry
from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.spec import ColumnSpec
from mcgurk.encoders.auto import default_encoder
from mcgurk.encoders.cells import flatten, per_item, scatter
from mcgurk.encoders.frames import Timed, timed_frames, video_rows
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder
from mcgurk.params import learn

_BATCH = 16
_POOLS = (None, "mean", "mean+diff")


class VideoFrames(Encoder):
    """Frames sampled from a video, each a vector; their mean, their mean and mean absolute change, or the timed sequence.

    "mean+diff" puts m = mean_t f_t beside mean_t |f_{t+1} - f_t|: what is seen, and how much it changes. An encoder that learns does so
    from the frames of the training rows.

    When not to use it: for what only motion tells (a gesture's direction): the mean forgets order; take the sequence with a network
    over time.

    Args:
        frame: encoder of pictures: a registry name, a pair (name, {params}), an object, or "auto" (the best whose weights are installed).
        n_frames: frames a video, the middles of equal parts (used where ``fps`` is None).
        fps: frames a second instead.
        size: pixels of the square that frames are decoded to.
        pool: "mean", "mean+diff", or None for the sequence.

    Shapes: videos (files, or uint8 frames (T, H, W) or (T, H, W, 1 | 3)) -> Dense (n, d), (n, 2 d), or Ragged (T, d) with times. A
    video without frames gives zeros, or no step; several videos a cell give one step a video.

    Raises:
        MediaError: a file that cannot be decoded.
        DataError: a frame encoder that gives no vector, or that trains with the model.

    Source: J. Yue-Hei Ng and others, Beyond Short Snippets: Deep Networks for Video Classification, CVPR 2015 (feature pooling).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> from mcgurk.encoders import VideoFrames
        >>> clip = np.zeros((5, 32, 32, 3), np.uint8)
        >>> VideoFrames("image_stats", n_frames=2, pool=None).prepare(Ragged.of([clip], kind="video")).times.tolist()
        [0.04, 0.12]
    """

    kinds = ("video",)

    def __init__(
        self, frame: Any = "auto", n_frames: int = 8, fps: float | None = None, size: int = 224, pool: str | None = "mean"
    ) -> None:
        super().__init__()
        self.frame = frame
        self.n_frames = n_frames
        self.fps = fps
        self.size = size
        self.pool = pool

    def prepare_fit(self, column: Column) -> None:
        vars(self).pop("frame_name_", None)
        if self.frame == "auto":  # the same encoder wherever the model is loaded
            self.frame_name_ = default_encoder(self._frame_spec())
        inner = self._inner()
        if type(inner).prepare_fit is not Encoder.prepare_fit:
            flat = flatten(column)[0] if isinstance(column, Lazy) else column
            pictures = [frame for row in video_rows(flat) for _, frame in self._sampled(flat, row)]
            if pictures:
                inner.prepare_fit(Dense(np.stack(pictures), kind="image"))
        self.frame_state_ = inner.learned()

    def prepare(self, column: Column) -> Dense | Ragged:
        if self.pool not in _POOLS:
            raise DataError(f"pool {self.pool!r}; expected None, 'mean' or 'mean+diff'")
        return per_item(column, self._prepare) if isinstance(column, Lazy) else self._prepare(column)

    @property
    def assets(self) -> tuple[str, ...]:
        """Packaged weights of the encoder of frames."""
        return getattr(self._inner(), "assets", ())

    def weights_hash(self) -> str:
        return str(self._inner().fingerprint())

    def _prepare(self, column: Column) -> Dense | Ragged:
        inner = self._inner()
        present = np.asarray(column.present)
        encoded = [self._encode(inner, self._sampled(column, row)) for row in video_rows(column)]
        width = len(encoded[0][0][0]) if encoded and len(encoded[0][0]) else self._width(inner)
        if self.pool is not None:
            pooled = np.array([self._pooled(values, width) for values, _ in encoded], dtype=np.float32)
            return scatter(pooled.reshape(len(encoded), -1 if encoded else width * (1 + (self.pool == "mean+diff"))), present)
        lengths = np.zeros(len(present), dtype=np.int64)
        lengths[present] = [len(times) for _, times in encoded]
        values = np.concatenate([np.zeros((0, width), np.float32), *(v for v, t in encoded if len(t))])
        times = np.concatenate([np.zeros(0), *(t for _, t in encoded)])
        return Ragged(values, np.concatenate([[0], np.cumsum(lengths)]), present, times, "series")

    def _sampled(self, column: Column, row: int) -> Any:
        n_frames = None if self.fps is not None else self.n_frames
        return timed_frames(column, row, n_frames=n_frames, fps=self.fps, size=self.size)

    def _encode(self, inner: Encoder, frames: Any) -> tuple[np.ndarray, np.ndarray]:
        """(T, d) and (T,) seconds."""
        values, times = [], []
        while piece := list[Timed](islice(frames, _BATCH)):
            out = inner.prepare(Dense(np.stack([frame for _, frame in piece]), kind="image"))
            if not isinstance(out, Dense):
                raise DataError(f"{inner!r} gives a sequence for every frame; choose an encoder of pictures that gives one vector")
            values.append(out.values.reshape(len(piece), -1).astype(np.float32))
            times += [moment for moment, _ in piece]
        return np.concatenate(values) if values else np.zeros((0, 0), np.float32), np.array(times)

    def _pooled(self, values: np.ndarray, width: int) -> np.ndarray:
        x = values.astype(np.float64) if len(values) else np.zeros((1, width))
        if self.pool == "mean":
            return x.mean(axis=0)
        change = np.abs(np.diff(x, axis=0)).mean(axis=0) if len(x) > 1 else np.zeros(width)
        return np.concatenate([x.mean(axis=0), change])

    def _width(self, inner: Encoder) -> int:
        """Numbers of a frame's vector, asked of a black frame."""
        return int(self._encode(inner, iter([(0.0, np.zeros((self.size, self.size, 3), np.uint8))]))[0].shape[1])

    def _frame_spec(self) -> ColumnSpec:
        return ColumnSpec("dense", "image", (self.size, self.size, 3))

    def _inner(self) -> Encoder:
        """A fresh frame encoder with what was learned in :meth:`prepare_fit`."""
        inner = inner_encoder(getattr(self, "frame_name_", self.frame), self._frame_spec())
        learn(inner, getattr(self, "frame_state_", {}))
        return inner


def inner_encoder(value: Any, spec: ColumnSpec) -> Encoder:
    """A fresh encoder from a registry name, a pair, an object, or "auto" for columns of ``spec``; refused if it trains with the model."""
    if value == "auto":
        value = default_encoder(spec)
    inner = registry.make("encoders", value)
    inner = clone(inner) if inner is value else inner
    if inner.trains:
        raise DataError(f"{inner!r} trains with the model and cannot stand inside another encoder; choose a frozen one")
    return inner
