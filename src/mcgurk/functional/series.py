"""Autocorrelation and spectrum of a series some of whose steps were not observed: those steps are left out, never filled."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from mcgurk.errors import DataError

Float = NDArray[np.float64]


def _channels(values: Any) -> Float:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2:
        raise DataError(f"a series has shape {x.shape}; expected (steps, channels)")
    return x


def autocorrelation(values: Any, lags: tuple[int, ...]) -> Float:
    """Mean product of deviations over the pairs of observed steps a lag apart, divided by the variance; 0 where there is no such pair.

    Shapes: (T, d) with NaN at unobserved steps -> (len(lags), d), within [-1, 1].

    Source: G. E. P. Box, G. M. Jenkins, Time Series Analysis, 1970, section 2.1; pairs of observed steps as in E. Parzen, 1963.

    Example:
        >>> autocorrelation(np.array([1.0, -1, 1, -1, 1, -1])[:, None], (1, 2)).ravel().tolist()
        [-1.0, 1.0]
    """
    x = _channels(values)
    seen = ~np.isnan(x)
    count = np.maximum(seen.sum(axis=0), 1)
    deviation = np.where(seen, x, 0.0)
    deviation = np.where(seen, deviation - deviation.sum(axis=0) / count, 0.0)
    variance = (deviation**2).sum(axis=0) / count
    level = np.abs(np.where(seen, x, 0.0)).max(axis=0, initial=0.0)
    varies = variance > (1e-12 * level) ** 2
    out = np.zeros((len(lags), x.shape[1]))
    for row, lag in enumerate(lags):
        if 0 < lag < len(x):
            pairs = (seen[lag:] & seen[:-lag]).sum(axis=0)
            product = (deviation[lag:] * deviation[:-lag]).sum(axis=0) / np.maximum(pairs, 1)
            out[row] = np.divide(product, variance, out=np.zeros_like(product), where=varies)
    return np.clip(out, -1.0, 1.0)


def periodogram(values: Any) -> tuple[Float, Float]:
    """Power at every frequency from the observed steps alone: |sum_t w_t (x_t - m) exp(-2 pi i f t)|^2 / sum_t w_t^2, Hann weights w, m
    the weighted mean.

    A gap is a factor of the window: it smears the spectrum but puts no invented value into it.

    Shapes: (T, d) -> frequencies (F,) in cycles a step, 0 left out, and power (F, d).

    Example:
        >>> f, p = periodogram(np.cos(np.arange(64) * np.pi / 4)[:, None])
        >>> f[p[:, 0].argmax()].item()
        0.125
    """
    x = _channels(values)
    if len(x) < 3:
        return np.zeros(0), np.zeros((0, x.shape[1]))
    seen = ~np.isnan(x)
    weight = np.where(seen, np.hanning(len(x) + 2)[1:-1, None], 0.0)
    total = np.maximum(weight.sum(axis=0), 1e-300)
    filled = np.where(seen, x, 0.0)
    deviation = np.where(seen, filled - (weight * filled).sum(axis=0) / total, 0.0) * weight
    size = scipy.fft.next_fast_len(len(x), real=True)
    transform = scipy.fft.rfft(deviation, size, axis=0)[1:]
    norm = np.maximum((weight**2).sum(axis=0), 1e-300)
    return np.arange(1, len(transform) + 1) / size, (transform.real**2 + transform.imag**2) / norm


def octave_shares(frequency: Float, power: Float, octaves: int) -> Float:
    """Share of the power in the octaves below 1/2 cycle a step: (1/4, 1/2], (1/8, 1/4], …, the last one down to 0. -> (octaves, d).

    Octaves mean the same for long and short series; one that is too short for an octave has no power there.
    """
    place = np.clip(np.floor(-np.log2(np.maximum(2 * frequency, 1e-12)) + 1e-9).astype(int), 0, octaves - 1)
    out = np.zeros((octaves, power.shape[1]))
    np.add.at(out, place, power)
    total = out.sum(axis=0)
    return out / np.where(total > 0, total, 1.0)


def spectral_shape(frequency: Float, power: Float) -> Float:
    """Centroid, spread, entropy as a share of its largest value, frequency and share of the highest peak; 0 without power. -> (5, d)."""
    if not len(frequency):
        return np.zeros((5, power.shape[1]))
    total = power.sum(axis=0)
    share = power / np.where(total > 0, total, 1.0)
    center = frequency @ share
    spread = np.sqrt(np.maximum(frequency**2 @ share - center**2, 0.0))
    entropy = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=0) / max(np.log(len(frequency)), 1e-12)
    top = np.where(total > 0, frequency[share.argmax(axis=0)], 0.0)
    return np.stack([center, spread, entropy, top, share.max(axis=0)])
