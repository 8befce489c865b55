"""The classic 34 short-term features of a sound with mid-term statistics."""

from __future__ import annotations

import numpy as np

from mcgurk.encoders.sounds import SoundEncoder, Steps
from mcgurk.functional.short_term import NAMES, STATISTICS, mid_term, short_term


class AudioStats(SoundEncoder):
    """Zero crossings, energy, spectrum, 13 cepstral coefficients and 12 pitch classes every 25 ms; their means, standard deviations and
    those of their changes in windows of a second; the mean of the windows, weighted by what they hold, is the vector.

    A sound without samples gives zeros (no window with ``sequence``).

    When not to use it: for speech content (take "whisper") or where loudness matters (``normalise=False``, or "prosody").

    Args:
        rate: samples a second that sounds are brought to.
        window, hop: seconds of a short-term frame and between frames.
        mid_window, mid_hop: seconds of a mid-term window and between windows.
        normalise: remove mean and peak level of each sound first.
        sequence: keep the mid-term windows as steps, timed at their centres, instead of their mean.

    Shapes: sounds -> (n, 136), or steps (T, 136), in the order of :attr:`names`.

    Source: T. Giannakopoulos, pyAudioAnalysis, PLoS ONE 10(12), 2015.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> tone = np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)
        >>> column = AudioStats().prepare(Ragged.of([tone, None, tone[:8000]], kind="audio"))
        >>> column.values.shape, column.present.tolist()
        ((3, 136), [True, False, True])
    """

    def __init__(
        self, rate: int = 16000, window: float = 0.050, hop: float = 0.025, mid_window: float = 1.0, mid_hop: float = 1.0,
        normalise: bool = True, sequence: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.rate = rate
        self.window = window
        self.hop = hop
        self.mid_window = mid_window
        self.mid_hop = mid_hop
        self.normalise = normalise
        self.sequence = sequence

    @property
    def width(self) -> int:
        return len(STATISTICS) * len(NAMES)

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is, such as "energy_sd"."""
        return tuple(f"{name}_{statistic}" for statistic in STATISTICS for name in NAMES)

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        short = short_term(samples, self.rate, window=self.window, hop=self.hop, normalise=self.normalise)
        length, step = max(round(self.mid_window / self.hop), 1), max(round(self.mid_hop / self.hop), 1)
        windows = mid_term(short, length, step)
        first = step * np.arange(len(windows))
        last = np.minimum(first + length, len(short)) - 1
        if self.sequence:
            return windows, (self.hop * (first + last) + self.window) / 2
        return np.average(windows, axis=0, weights=last - first + 1) if len(windows) else np.zeros(self.width)
