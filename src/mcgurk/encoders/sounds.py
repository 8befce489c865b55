"""What every encoder of sounds shares: decoding, the sampling rate, absent rows, one vector or one sequence a sound."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders.cells import per_item, scatter
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

Steps = tuple[np.ndarray, np.ndarray]


class SoundEncoder(Encoder):
    """One channel at ``rate`` samples a second in, a vector (d,) or steps (T, d) with their times out.

    Reads sound files (paths or bytes), several of them a cell, and arrays: a Ragged column of samples (N,) or (N, channels), or a Dense
    one (n, T) or (n, T, channels). Channels are averaged. Arrays are resampled where their column has times; without
    times they are taken to be at ``rate`` already.

    Raises:
        MediaError: a file that cannot be decoded.
        DataError: N01, NaN or inf among the samples of an array; D00, arrays of another shape.
    """

    kinds = ("audio",)
    rate: int

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers in a vector or step."""

    @abstractmethod
    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        """(n,) samples -> (d,), or ((T, d), times (T,)); ``n`` may be 0."""

    def prepare(self, column: Column) -> Dense | Ragged:
        if isinstance(column, Lazy):
            return per_item(column, self._prepare_files)
        rows = np.flatnonzero(column.present)
        return self._gather([self.encode(self._samples(column, int(i))) for i in rows], column.present)

    def _prepare_files(self, column: Lazy) -> Dense | Ragged:
        from mcgurk.data.audio import read_audio

        rows = np.flatnonzero(column.present)
        return self._gather([self.encode(read_audio(column.items[i], rate=self.rate).samples) for i in rows], column.present)

    def _gather(self, encoded: list[np.ndarray | Steps], present: np.ndarray) -> Dense | Ragged:
        """Rows back in their places. With no present row, a probe of silence tells vectors from sequences."""
        probe = encoded[0] if encoded else self.encode(np.zeros(0, dtype=np.float32))
        if not isinstance(probe, tuple):
            values = np.stack(encoded) if encoded else np.zeros((0, self.width))
            return scatter(values.astype(np.float32), present)
        steps = np.concatenate([np.zeros((0, self.width)), *(e[0] for e in encoded)]).astype(np.float32)
        times = np.concatenate([np.zeros(0), *(e[1] for e in encoded)])
        lengths = np.zeros(len(present), dtype=np.int64)
        lengths[present] = [len(e[0]) for e in encoded]
        return Ragged(steps, np.concatenate([[0], np.cumsum(lengths)]), present, times, "series")

    def _samples(self, column: Dense | Ragged, row: int) -> np.ndarray:
        values = column.row(row) if isinstance(column, Ragged) else column.values[row]
        if values.ndim not in (1, 2):
            raise DataError(f"row {row} holds samples of shape {values.shape}; expected (n,) or (n, channels)")
        if values.dtype.kind not in "if":
            raise DataError(f"row {row} holds samples of type {values.dtype}; expected floats of full scale 1, or signed integers")
        whole = np.iinfo(values.dtype).max if values.dtype.kind == "i" else 1
        sound = values.astype(np.float32) / whole
        sound = sound.mean(axis=1) if sound.ndim == 2 else sound
        if sound.size and not np.isfinite(sound).all():
            place = int(np.flatnonzero(~np.isfinite(sound))[0])
            raise DataError(f"sample {place} of row {row} is NaN or inf; cut or repair the sound, or mark the row absent", code="N01")
        times = column.row_times(row) if isinstance(column, Ragged) else None
        if times is None or len(times) < 2:
            return sound
        given = (len(times) - 1) / (times[-1] - times[0])
        if abs(given / self.rate - 1) < 1e-4:
            return sound
        import soxr

        return soxr.resample(sound, given, self.rate)


def frame_times(count: int, hop: float, offset: float = 0.0) -> np.ndarray:
    """Centres of ``count`` frames, seconds: offset + k hop."""
    return offset + hop * np.arange(count, dtype=np.float64)


def mean_sd(steps: np.ndarray) -> np.ndarray:
    """Mean and standard deviation over the steps, zeros for none: (T, d) -> (2 d,)."""
    if not len(steps):
        return np.zeros(2 * steps.shape[1])
    x = steps.astype(np.float64)
    return np.concatenate([x.mean(axis=0), x.std(axis=0)])
