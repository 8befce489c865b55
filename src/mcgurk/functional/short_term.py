"""The classic 34 short-term features of a sound and their mid-term statistics."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from mcgurk.errors import DataError
from mcgurk.functional.spectra import BLOCK, frames, signal

Float = NDArray[np.float64]

PITCH_CLASSES = ("A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#")
NAMES: tuple[str, ...] = (
    "zero_crossing_rate", "energy", "energy_entropy", "spectral_centroid", "spectral_spread", "spectral_entropy", "spectral_flux",
    "spectral_rolloff", *(f"mfcc_{i}" for i in range(1, 14)), *(f"chroma_{c}" for c in PITCH_CLASSES), "chroma_deviation",
)  # fmt: skip
STATISTICS = ("mean", "sd", "delta_mean", "delta_sd")
_TINY = 1e-8


def zero_crossing_rate(rows: Float) -> Float:
    """Sign changes per sample step, (T, n) -> (T,) in [0, 1]; an exact zero counts as positive."""
    negative = rows < 0
    return (negative[:, 1:] != negative[:, :-1]).mean(axis=1) if rows.shape[1] > 1 else np.zeros(len(rows))


def energy(rows: Float) -> Float:
    """Mean square, (T, n) -> (T,)."""
    return (rows**2).mean(axis=1)


def block_entropy(values: Float, blocks: int = 10) -> Float:
    """Entropy in bits of the shares that equal blocks have in the sum; 0 where the sum is 0. (T, n) -> (T,), at most log2 of the blocks."""
    size = max(values.shape[1] // blocks, 1)
    parts = values[:, : size * (values.shape[1] // size)][:, : size * blocks].reshape(len(values), -1, size).sum(axis=2)
    share = parts / np.maximum(parts.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return -(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1)


def centroid_spread(magnitude: Float, frequency: Float) -> tuple[Float, Float]:
    """Mean and standard deviation of ``frequency`` under the spectrum, 0 in silence. (T, K), (K,) -> (T,), (T,)."""
    total = magnitude.sum(axis=1)
    share = magnitude / np.where(total > _TINY, total, np.inf)[:, None]
    center = share @ frequency
    return center, np.sqrt(np.maximum(share @ frequency**2 - center**2, 0.0))


def flux(magnitude: Float, before: Float | None = None) -> Float:
    """Squared distance between the spectra, each summing to 1, of a frame and the one before it; 0 for the very first. (T, K) -> (T,)."""
    previous = magnitude[:1] if before is None else before[None]
    both = np.concatenate([previous, magnitude])
    share = both / np.maximum(both.sum(axis=1, keepdims=True), _TINY)
    return (np.diff(share, axis=0) ** 2).sum(axis=1)


def rolloff(squared: Float, share: float = 0.9) -> Float:
    """Position, 0 to 1, of the first bin below which ``share`` of the power lies; 0 in silence. (T, K) -> (T,)."""
    total = np.cumsum(squared, axis=1)
    reached = (total >= share * total[:, -1:]) & (total[:, -1:] > 0)
    return np.where(reached.any(axis=1), reached.argmax(axis=1), 0) / squared.shape[1]


@lru_cache(maxsize=8)
def slaney_bank(rate: int, n_fft: int) -> Float:
    """The 40 triangles of the Auditory Toolbox: 13 of linear spacing from 133.3 Hz, 27 spaced by the ratio 1.0711703. (40, n_fft // 2)."""
    linear = 133.33333 + 66.66667 * np.arange(13)
    corners = np.concatenate([linear, linear[-1] * 1.0711703 ** np.arange(1, 30)])
    bins = np.arange(n_fft // 2) * rate / n_fft
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    out = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (corners[2:] - corners[:-2]))[:, None]
    out.setflags(write=False)
    return out


@lru_cache(maxsize=8)
def chroma_bank(rate: int, n_fft: int, low: float = 27.5) -> Float:
    """0/1 matrix that gives every bin from ``low`` Hz on to the nearest pitch class, A = 440 Hz. (12, n_fft // 2)."""
    hz = np.arange(n_fft // 2) * rate / n_fft
    kept = hz >= low
    out = np.zeros((12, len(hz)))
    out[np.round(12 * np.log2(hz[kept] / 440.0)).astype(int) % 12, np.flatnonzero(kept)] = 1.0
    out.setflags(write=False)
    return out


def short_term(samples: Any, rate: int, *, window: float = 0.050, hop: float = 0.025, normalise: bool = True) -> Float:
    """The 34 features :data:`NAMES` of every frame.

    With the magnitude spectrum X of a frame (rectangular window, divided by its number of bins): zero-crossing rate; energy; entropy
    of energy over 10 parts of the frame; centroid and spread as shares of rate / 2; entropy over 10 parts of the spectrum; flux;
    90 % roll-off; 13 cepstral coefficients (log10, Slaney's 40 filters); the share of power in the 12 pitch classes; the standard
    deviation of those 12.

    When not to use it: pitch classes need frames long enough to tell semitones apart (a 50 ms frame does above about 340 Hz).

    Args:
        samples: one channel.
        rate: samples a second, at least 8,000 for the filters to hold anything.
        window: seconds in a frame.
        hop: seconds between frames.
        normalise: take away the mean and divide by the peak first, as the original does: the level of a recording is seldom
            information, and then the logarithm's floor (1e-8) is below the sound. The level is lost.

    Shapes: (n,) -> (T, 34); a sound shorter than a window is one frame, padded with zeros; an empty sound has no frame.

    Source: T. Giannakopoulos, pyAudioAnalysis, PLoS ONE 10(12), 2015, table 2. Pitch classes hold all their power (the original keeps
    one bin of each semitone).

    Example:
        >>> short_term(np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000), 16000).shape
        (39, 34)
    """
    x = signal(samples).astype(np.float64)
    if not len(x):
        return np.zeros((0, len(NAMES)))
    if normalise:
        x = x - x.mean()
        x /= max(np.abs(x).max(), 1e-10)
    length, step = max(round(window * rate), 2), max(round(hop * rate), 1)
    rows, out, before = frames(x, length, step), [], None
    for start in range(0, len(rows), BLOCK):
        part, before = _features(rows[start : start + BLOCK], rate, before)
        out.append(part)
    return np.concatenate(out)


def _features(rows: Float, rate: int, before: Float | None) -> tuple[Float, Float]:
    length = rows.shape[1]
    half = length // 2
    magnitude = np.abs(scipy.fft.rfft(rows, axis=1)[:, :half]) / half
    squared = magnitude**2
    center, spread = centroid_spread(magnitude, np.arange(1, half + 1) / half)
    cepstra = scipy.fft.dct(np.log10(magnitude @ slaney_bank(rate, length).T + _TINY), type=2, norm="ortho", axis=1)[:, :13]
    total = squared.sum(axis=1, keepdims=True)
    chroma = (squared @ chroma_bank(rate, length).T) / np.where(total > _TINY**2, total, np.inf)
    columns = [
        zero_crossing_rate(rows), energy(rows), block_entropy(rows**2), center, spread, block_entropy(squared), flux(magnitude, before),
        rolloff(squared), cepstra, chroma, chroma.std(axis=1),
    ]  # fmt: skip
    return np.concatenate([c if c.ndim == 2 else c[:, None] for c in columns], axis=1), magnitude[-1]


def deltas(features: Float) -> Float:
    """Difference to the frame before, 0 for the first. (T, d) -> (T, d)."""
    return np.diff(features, axis=0, prepend=features[:1])


def mid_term(features: Any, frames_per_window: int, hop: int) -> Float:
    """Mean and standard deviation of short-term features and of their :func:`deltas` in longer windows.

    Args:
        features: (T, d).
        frames_per_window: short-term frames in a window; the last windows hold what is left.
        hop: short-term frames between windows.

    Shapes: (T, d) -> (K, 4 d) in the order :data:`STATISTICS`; K = 1 + max(T - 1, 0) // hop, and no window for no frame.

    Raises:
        DataError: windows or hops of no frame.

    Source: Giannakopoulos 2015, section "Mid-term features".

    Example:
        >>> mid_term(np.arange(4.0)[:, None], 2, 2).tolist()
        [[0.5, 0.5, 0.5, 0.5], [2.5, 0.5, 1.0, 0.0]]
    """
    x = np.asarray(features, dtype=np.float64)
    if frames_per_window < 1 or hop < 1:
        raise DataError(f"mid-term windows of {frames_per_window} frames every {hop}; both must be at least 1")
    both = np.concatenate([x, deltas(x)], axis=1) if len(x) else np.zeros((0, 2 * x.shape[1]))
    d = x.shape[1]
    rows = []
    for start in range(0, len(x), hop):
        part = both[start : start + frames_per_window]
        mean, sd = part.mean(axis=0), part.std(axis=0)
        rows.append(np.concatenate([mean[:d], sd[:d], mean[d:], sd[d:]]))
    return np.array(rows).reshape(-1, 4 * d)
