"""Mel-frequency cepstral coefficients with their changes."""

from __future__ import annotations

import numpy as np

from mcgurk.encoders.sounds import SoundEncoder, Steps, frame_times, mean_sd
from mcgurk.errors import DataError
from mcgurk.functional.spectra import mfcc, regression_deltas


class Mfcc(SoundEncoder):
    """Cepstral coefficients every 10 ms, c_0 first, then their first and second slopes over two frames to each side.

    When not to use it: for music and noises, whose fine spectrum the cepstrum smooths away; take "log_mel".

    Args:
        n: coefficients.
        style: "librosa" or "htk"; see :func:`mcgurk.functional.spectra.mfcc` for how they differ.
        deltas: 0, 1 or 2 orders of slopes behind the coefficients.
        rate: samples a second that sounds are brought to.
        window, hop: seconds under the window and between frames.
        pool: None for the sequence, "mean+sd" for one vector.
        center: subtract each sound's mean over its frames, which takes off what a microphone or a steady noise adds (cepstral mean
            subtraction); for sounds of some seconds.

    Shapes: sounds -> steps (T, n (1 + deltas)), or (n, 2 n (1 + deltas)); none, or zeros, for a sound without samples.

    Source: S. B. Davis and P. Mermelstein, IEEE Transactions on Acoustics, Speech, and Signal Processing 28, 1980; S. Furui,
    ibid. 34, 1986; B. S. Atal, Journal of the Acoustical Society of America 55, 1974 (mean subtraction).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> Mfcc(pool="mean+sd").prepare(Ragged.of([np.sin(np.arange(1600))], kind="audio")).values.shape
        (1, 78)
    """

    def __init__(
        self,
        n: int = 13,
        style: str = "librosa",
        deltas: int = 2,
        rate: int = 16000,
        window: float = 0.025,
        hop: float = 0.010,
        pool: str | None = None,
        center: bool = False,
    ) -> None:
        super().__init__()
        self.n = n
        self.style = style
        self.deltas = deltas
        self.rate = rate
        self.window = window
        self.hop = hop
        self.pool = pool
        self.center = center

    @property
    def width(self) -> int:
        return self.n * (1 + self.deltas) * (1 if self.pool is None else 2)

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        if self.pool not in (None, "mean+sd") or self.deltas not in (0, 1, 2):
            raise DataError(f"pool {self.pool!r} and deltas {self.deltas!r}; expected None or 'mean+sd', and 0, 1 or 2")
        length, step = round(self.window * self.rate), round(self.hop * self.rate)
        size = 1 << max(length - 1, 1).bit_length()
        if len(samples):
            parts = [mfcc(samples, self.rate, self.n, style=self.style, n_fft=size, hop=step, length=length)]
            for _ in range(self.deltas):
                parts.append(regression_deltas(parts[-1]))
            steps = np.concatenate(parts, axis=1)
            steps = steps - steps.mean(axis=0) if self.center else steps
        else:
            steps = np.zeros((0, self.n * (1 + self.deltas)))
        if self.pool is not None:
            return mean_sd(steps)
        first = 0.0 if self.style == "librosa" else length / 2 / self.rate
        return steps, frame_times(len(steps), step / self.rate, first)
