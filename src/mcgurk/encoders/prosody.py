"""How something is said: pitch, loudness, voicing and pauses."""

from __future__ import annotations

import numpy as np

from mcgurk.encoders.sounds import SoundEncoder, Steps
from mcgurk.functional.pitch import pitch
from mcgurk.functional.spectra import to_db

CONTOURS = ("pitch", "level")
CONTOUR_STATISTICS = ("mean", "sd", "q10", "median", "q90", "slope", "mean_change")
NAMES: tuple[str, ...] = (
    *(f"{contour}_{statistic}" for contour in CONTOURS for statistic in CONTOUR_STATISTICS),
    "voiced_share", "voiced_runs_per_second", "voiced_run_seconds", "pause_share", "pauses_per_second", "harmonics_to_noise", "log_seconds",
)  # fmt: skip
STEP_NAMES = ("pitch", "voiced", "strength", "level")
_HOP = 0.01
_FLOOR = 1e-8


class Prosody(SoundEncoder):
    """Statistics of the pitch contour (semitones above 100 Hz, voiced frames), the level (dB) and of voicing and pauses.

    Each contour gives mean, standard deviation, 10 %, 50 % and 90 % quantile, slope a second and mean absolute change a second. A
    pause is a stretch of at least 0.15 s more than 25 dB below the 95 % quantile of the level. Harmonics-to-noise is
    10 log10(r / (1 - r)) of the mean strength r. Where nothing is voiced, or there is no sound, what cannot be said is 0 and
    ``voiced_share`` is 0.

    When not to use it: on music or on several people talking at once; pitch is then of no one.

    Args:
        rate: samples a second that sounds are brought to.
        low, high: range of pitch, Hz (children go up to about 600).
        sequence: 100 frames a second of (semitones or 0, voiced 0/1, strength, dB) instead of statistics.

    Shapes: sounds -> (n, 21) in the order of :data:`NAMES`, or steps (T, 4) in the order of :data:`STEP_NAMES`.

    Source: P. Boersma 1993 (pitch); the statistics are those of F. Eyben and others, GeMAPS, IEEE Transactions on Affective Computing 7,
    2016, that need no formants, on our own frames.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Ragged
        >>> tone = np.sin(np.arange(16000) * 2 * np.pi * 200 / 16000)
        >>> column = Prosody().prepare(Ragged.of([tone], kind="audio"))
        >>> dict(zip(NAMES, column.values[0].round(1).tolist()))["pitch_mean"]
        12.0
    """

    def __init__(self, rate: int = 16000, low: float = 75.0, high: float = 500.0, sequence: bool = False) -> None:
        super().__init__()
        self.rate = rate
        self.low = low
        self.high = high
        self.sequence = sequence

    @property
    def width(self) -> int:
        return len(STEP_NAMES) if self.sequence else len(NAMES)

    def encode(self, samples: np.ndarray) -> np.ndarray | Steps:
        contour = pitch(samples, self.rate, low=self.low, high=self.high, hop=_HOP)
        semitones = np.where(contour.voiced, 12 * np.log2(np.where(contour.voiced, contour.hz, 100.0) / 100.0), 0.0)
        level = self._level(samples, contour.times)
        if self.sequence:
            return np.stack([semitones, contour.voiced, contour.strength, level], axis=1), contour.times
        if not len(contour.times):
            return np.zeros(self.width)
        return np.concatenate([
            _statistics(semitones[contour.voiced], contour.times[contour.voiced], np.diff(contour.voiced.nonzero()[0]) == 1),
            _statistics(level, contour.times, np.ones(len(level) - 1, dtype=bool)),
            self._voicing(contour.voiced, contour.strength, level, len(samples) / self.rate),
        ])  # fmt: skip

    def _level(self, samples: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Mean square of 40 ms around each time, dB; silence is -80."""
        if not len(times):
            return np.zeros(0)
        half = round(0.02 * self.rate)
        total = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
        centre = np.round(times * self.rate).astype(int)
        first, last = np.maximum(centre - half, 0), np.minimum(centre + half, len(samples))
        return to_db((total[last] - total[first]) / (last - first), floor=_FLOOR)

    def _voicing(self, voiced: np.ndarray, strength: np.ndarray, level: np.ndarray, seconds: float) -> list[float]:
        runs = _runs(voiced)
        pauses = [r for r in _runs(level < np.quantile(level, 0.95) - 25.0) if r * _HOP >= 0.15]
        r = np.clip(strength[voiced].mean(), 1e-6, 1 - 1e-6) if voiced.any() else 0.5
        return [
            voiced.mean(), len(runs) / seconds, float(np.mean(runs)) * _HOP if runs else 0.0, sum(pauses) / len(level),
            len(pauses) / seconds, 10 * float(np.log10(r / (1 - r))), float(np.log(seconds)),
        ]  # fmt: skip


def _statistics(values: np.ndarray, times: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """:data:`CONTOUR_STATISTICS` of a contour; ``neighbours`` says which consecutive values are one hop apart."""
    if not len(values):
        return np.zeros(len(CONTOUR_STATISTICS))
    centred = times - times.mean()
    slope = centred @ values / (centred @ centred) if len(values) > 1 else 0.0
    change = np.abs(np.diff(values))[neighbours]
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return np.array([values.mean(), values.std(), low, middle, high, slope, change.mean() / _HOP if len(change) else 0.0])


def _runs(flags: np.ndarray) -> list[int]:
    """Lengths of the stretches of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [int(end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)]
