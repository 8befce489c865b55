"""Log-mel frames: the picture of a sound that networks read."""

from __future__ import annotations

import numpy as np

from mcgurk.encoders.sounds import SoundEncoder, Steps, frame_times, mean_sd
from mcgurk.errors import DataError
from mcgurk.functional.spectra import log_mel


class LogMel(SoundEncoder):
    """Power in mel bands, in decibels, every 10 ms, as a timed sequence or as means and standard deviations.

    When not to use it: as a vector of a few sounds with labels that depend on order in time; then keep the sequence.

    Args:
        rate: samples a second that sounds are brought to.
        n_mels: bands from 0 to rate / 2 (Slaney's scale, equal areas).
        window, hop: seconds under the Hann window and between frames; frames are centred at k hop.
        pool: None for the sequence, "mean+sd" for one vector of 2 n_mels numbers.

    Shapes: sounds -> steps (T, n_mels), T = 1 + samples // hop, none for a sound without samples; or (n, 2 n_mels).

    Source: S. Stevens, J. Volkmann, E. Newman, Journal of the Acoustical Society of America 8, 1937 (the scale).

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> LogMel(n_mels=40).prepare(Ragged.of([np.zeros(1600)], kind="audio")).row(0).shape
        (11, 40)
    """

    def __init__(self, rate: int = 16000, n_mels: int = 80, window: float = 0.025, hop: float = 0.010, pool: str | None = None) -> None:
        super().__init__()
        self.rate = rate
        self.n_mels = n_mels
        self.window = window
        self.hop = hop
        self.pool = pool

    @property
    def width(self) -> int:
        return self.n_mels if self.pool is None else 2 * self.n_mels

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        if self.pool not in (None, "mean+sd"):
            raise DataError(f"pool {self.pool!r}; expected None or 'mean+sd'")
        length, step = round(self.window * self.rate), round(self.hop * self.rate)
        size = 1 << max(length - 1, 1).bit_length()
        empty = np.zeros((0, self.n_mels))
        steps = log_mel(samples, self.rate, n_mels=self.n_mels, n_fft=size, hop=step, length=length) if len(samples) else empty
        return (steps, frame_times(len(steps), step / self.rate)) if self.pool is None else mean_sd(steps)
