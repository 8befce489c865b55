"""Frames, spectra, mel bands and cepstra of a sound: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from mcgurk.errors import DataError

Array = NDArray[Any]

BLOCK = 128
"""Frames transformed at a time: they stay in the processor's cache, and an hour of sound needs no gigabytes of overlapping frames."""


def signal(samples: Any) -> Array:
    """``samples`` as one channel of finite floats (float32 stays float32, all else becomes float64).

    Raises:
        DataError: D00 unless there is one axis, N01 on NaN or inf.
    """
    out = np.asarray(samples)
    if out.ndim != 1:
        raise DataError(f"samples have shape {out.shape}; expected one channel (n,): average the channels first")
    out = np.ascontiguousarray(out, dtype=out.dtype if out.dtype == np.float32 else np.float64)
    if out.size and not np.isfinite(out).all():
        raise DataError(f"sample {int(np.flatnonzero(~np.isfinite(out))[0])} is NaN or inf; cut or repair the sound first", code="N01")
    return out


def frames(samples: Any, length: int, hop: int) -> Array:
    """Whole frames as a read-only view, row t = ``samples[t hop : t hop + length]``; a shorter sound is one frame, padded with zeros.

    Shapes: (n,) -> (T, length), T = 1 + (max(n, length) - length) // hop.

    Example:
        >>> frames([1.0, 2, 3, 4, 5], 3, 2).tolist()
        [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    if length < 1 or hop < 1:
        raise DataError(f"frames of {length} samples every {hop} samples; both must be at least 1")
    x = signal(samples)
    if len(x) < length:
        x = np.concatenate([x, np.zeros(length - len(x), dtype=x.dtype)])
    return np.lib.stride_tricks.sliding_window_view(x, length)[::hop]


@lru_cache(maxsize=64)
def window(name: str, length: int, size: int | None = None) -> Array:
    """A periodic window ("hann", "hamming", "boxcar", …; scipy's names), centred in ``size`` samples by zeros."""
    out = scipy.signal.get_window(name, length, fftbins=True)
    if size is not None and size != length:
        left = (size - length) // 2
        out = np.pad(out, (left, size - length - left))
    out.setflags(write=False)
    return out


def stft(
    samples: Any, n_fft: int, hop: int, *, length: int | None = None, shape: str = "hann", center: bool = True, pad: str = "constant"
) -> Array:
    """Short-time Fourier transform, X[t, k] = sum_m w[m] x[t hop + m] exp(-2 pi i k m / n_fft).

    Args:
        samples: one channel.
        n_fft: samples in a transform.
        hop: samples between frames.
        length: samples under the window, at most ``n_fft`` (default ``n_fft``); the window stands in the middle of the transform.
        shape: window.
        center: frame t is centred at sample t hop, the ends padded; otherwise it starts there.
        pad: "constant" (zeros) or "reflect".

    Shapes: (n,) -> (T, n_fft // 2 + 1) complex; T = 1 + n // hop with ``center``.

    Source: J. B. Allen and L. R. Rabiner, Proceedings of the IEEE 65, 1977.

    Example:
        >>> np.abs(stft(np.cos(np.arange(64) * np.pi / 4), 16, 8, center=False))[0].argmax().item()
        2
    """
    blocks = list(_transforms(samples, n_fft, hop, length, shape, center, pad))
    return np.concatenate(blocks)


def power(
    samples: Any, n_fft: int, hop: int, *, length: int | None = None, shape: str = "hann", center: bool = True, pad: str = "constant"
) -> Array:
    """|:func:`stft`|^2, (T, n_fft // 2 + 1), made block by block."""
    return np.concatenate([_squared(block) for block in _transforms(samples, n_fft, hop, length, shape, center, pad)])


def _transforms(samples: Any, n_fft: int, hop: int, length: int | None, shape: str, center: bool, pad: str) -> Iterator[Array]:
    x = signal(samples)
    if length is not None and not 1 <= length <= n_fft:
        raise DataError(f"a window of {length} samples in transforms of {n_fft}; give a window of 1 to {n_fft} samples")
    w = window(shape, length or n_fft, n_fft).astype(x.dtype)
    if center:
        half = n_fft // 2
        if pad == "reflect" and len(x) <= half:  # too short to mirror: silence beyond what there is
            x = np.pad(x, (0, half + 1 - len(x)))
        x = np.pad(x, half, mode="reflect" if pad == "reflect" else "constant")
    rows = frames(x, n_fft, hop)
    for start in range(0, len(rows), BLOCK):
        yield scipy.fft.rfft(rows[start : start + BLOCK] * w, axis=1)


def _squared(values: Array) -> Array:
    return values.real**2 + values.imag**2


def hz_to_mel(hz: Any, scale: str = "slaney") -> Array:
    """Mels of a frequency. "slaney": linear below 1 kHz, logarithmic above; "htk": 2595 log10(1 + f / 700).

    Source: M. Slaney, Auditory Toolbox, technical report 1998-010, Interval; S. Young and others, The HTK Book, 2006, section 5.4.

    Example:
        >>> hz_to_mel([500.0, 1000.0]).tolist(), hz_to_mel(1000.0, "htk").round(2).item()
        ([7.5, 15.0], 999.99)
    """
    f = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return 2595.0 * np.log10(1.0 + f / 700.0)
    if scale != "slaney":
        raise DataError(f"mel scale {scale!r}; expected 'slaney' or 'htk'")
    return np.where(f < 1000.0, f * 3 / 200, 15.0 + 27.0 * np.log(np.maximum(f, 1e-12) / 1000.0) / np.log(6.4))


def mel_to_hz(mel: Any, scale: str = "slaney") -> Array:
    """The inverse of :func:`hz_to_mel`."""
    m = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700.0 * (10.0 ** (m / 2595.0) - 1.0)
    if scale != "slaney":
        raise DataError(f"mel scale {scale!r}; expected 'slaney' or 'htk'")
    return np.where(m < 15.0, m * 200 / 3, 1000.0 * np.exp(np.log(6.4) * (m - 15.0) / 27.0))


@lru_cache(maxsize=32)
def mel_filters(
    rate: int, n_fft: int, n_mels: int = 80, low: float = 0.0, high: float | None = None, scale: str = "slaney", norm: str | None = "slaney"
) -> Array:
    """Triangles with corners equally spaced in mels: rows are filters, columns the bins of a transform.

    Args:
        rate: samples a second.
        n_fft: samples in a transform.
        n_mels: filters.
        low: lowest frequency, Hz.
        high: highest frequency, Hz (default rate / 2).
        scale: "slaney" or "htk".
        norm: "slaney" gives every triangle the same area (2 / width in Hz); None gives it a peak of 1.

    Shapes: -> (n_mels, n_fft // 2 + 1) float64.

    Raises:
        DataError: not 0 <= low < high <= rate / 2.
    """
    high = rate / 2 if high is None else high
    if not 0 <= low < high <= rate / 2:
        raise DataError(f"mel bands from {low:g} to {high:g} Hz at {rate} samples a second; expected 0 <= low < high <= {rate / 2:g}")
    bins = np.linspace(0.0, rate / 2, n_fft // 2 + 1)
    corners = mel_to_hz(np.linspace(hz_to_mel(low, scale), hz_to_mel(high, scale), n_mels + 2), scale)
    rising = (bins - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bins) / np.diff(corners)[1:, None]
    out = np.maximum(0.0, np.minimum(rising, falling))
    if norm == "slaney":
        out *= (2.0 / (corners[2:] - corners[:-2]))[:, None]
    elif norm is not None:
        raise DataError(f"norm {norm!r}; expected 'slaney' or None")
    out.setflags(write=False)
    return out


def to_db(values: Any, *, floor: float = 1e-10, range_db: float | None = None) -> Array:
    """Power in decibels, 10 log10(max(x, floor)), at most ``range_db`` below the loudest where that is given.

    Example:
        >>> to_db([1.0, 0.01, 0.0], range_db=80).tolist()
        [0.0, -20.0, -80.0]
    """
    x = np.asarray(values)
    out = 10.0 * np.log10(np.maximum(x, np.asarray(floor, dtype=x.dtype if x.dtype.kind == "f" else np.float64)))
    if range_db is not None and out.size:
        out = np.maximum(out, out.max() - range_db)
    return out


def mel_power(samples: Any, rate: int, *, n_mels: int = 80, n_fft: int = 512, hop: int = 160, length: int | None = 400, low: float = 0.0,
              high: float | None = None, center: bool = True, pad: str = "constant", scale: str = "slaney", norm: str | None = "slaney",
              shape: str = "hann") -> Array:  # fmt: skip
    """Power in mel bands, (T, n_mels): :func:`power` through :func:`mel_filters`. The defaults are 25 ms every 10 ms at 16 kHz.

    Equal to librosa's ``melspectrogram`` (transposed) with the same arguments.
    """
    filters = mel_filters(rate, n_fft, n_mels, low, high, scale, norm)
    parts = [_squared(block) @ filters.T.astype(block.real.dtype) for block in _transforms(samples, n_fft, hop, length, shape, center, pad)]
    return np.concatenate(parts)


def log_mel(samples: Any, rate: int, *, range_db: float | None = None, **bands: Any) -> Array:
    """:func:`mel_power` in decibels, (T, n_mels): silence is -100 dB, a full-scale sine about +20 to +30 dB.

    When not to use it: for a network that was trained on another convention (window, hop, scale, norm, logarithm): take that one's.

    Example:
        >>> log_mel(np.zeros(1600), 16000).shape
        (11, 80)
    """
    return to_db(mel_power(samples, rate, **bands), range_db=range_db)


def cepstrum(log_bands: Any, n: int, *, lifter: float = 0.0) -> Array:
    """The first ``n`` coefficients of the orthonormal cosine transform (type II) of log bands, (T, bands) -> (T, n).

    ``lifter`` > 0 multiplies coefficient k by 1 + lifter / 2 sin(pi k / lifter), k = 0 unchanged (The HTK Book, section 5.4).

    Source: S. B. Davis and P. Mermelstein, IEEE Transactions on Acoustics, Speech, and Signal Processing 28, 1980.
    """
    bands = np.asarray(log_bands)
    if not 1 <= n <= bands.shape[-1]:
        raise DataError(f"{n} cepstral coefficients of {bands.shape[-1]} bands; give 1 to {bands.shape[-1]}")
    out = scipy.fft.dct(bands, type=2, norm="ortho", axis=-1)[..., :n]
    if lifter > 0:
        out = out * (1.0 + lifter / 2 * np.sin(np.pi * np.arange(n) / lifter)).astype(out.dtype)
    return out


def mfcc(samples: Any, rate: int, n: int = 13, *, style: str = "librosa", n_mels: int | None = None, n_fft: int = 512, hop: int = 160,
         length: int | None = 400) -> Array:  # fmt: skip
    """Mel-frequency cepstral coefficients, (T, n), c_0 first.

    The two conventions in use differ in every step, so features of one mean nothing to a model fitted on the other:

    ========== =========================================== ==============================================
    step       "librosa"                                   "htk"
    ========== =========================================== ==============================================
    sound      as it is                                    x_t - 0.97 x_{t-1}
    frames     centred, Hann window, power                 whole frames only, Hamming window, magnitude
    mels       128, Slaney scale, equal areas              26, 2595 log10(1 + f / 700), peaks of 1
    logarithm  decibels, 80 dB below the loudest at most   natural, of max(band, 1) at 16-bit scale
    cosines    orthonormal                                 sqrt(2 / bands), c_0 too; lifter 22
    ========== =========================================== ==============================================

    Args:
        samples: one channel, full scale = 1.
        rate: samples a second.
        n: coefficients.
        style: "librosa" or "htk".
        n_mels: bands (default 128 or 26).
        n_fft, hop, length: samples in a transform, between frames, under the window.

    Source: Davis and Mermelstein 1980; S. Young and others, The HTK Book, 2006, sections 5.2 to 5.6 (C_0 = "_0").

    Example:
        >>> mfcc(np.sin(np.arange(1600)), 16000, 13).shape
        (11, 13)
    """
    if style == "librosa":
        bands = log_mel(samples, rate, n_mels=n_mels or 128, n_fft=n_fft, hop=hop, length=length, range_db=80.0)
        return cepstrum(bands, n)
    if style != "htk":
        raise DataError(f"MFCC style {style!r}; expected 'librosa' or 'htk'")
    x = signal(samples) * 32768.0
    x = np.concatenate([x[:1] * 0.03, x[1:] - 0.97 * x[:-1]])
    width = length or n_fft
    count = n_mels or 26
    filters = mel_filters(rate, n_fft, count, scale="htk", norm=None).T
    shape = np.hamming(width).astype(x.dtype)
    rows = frames(x, width, hop)
    parts = [np.abs(scipy.fft.rfft(rows[s : s + BLOCK] * shape, n_fft, axis=1)) @ filters for s in range(0, len(rows), BLOCK)]
    out = cepstrum(np.log(np.maximum(np.concatenate(parts), 1.0)), n, lifter=22.0)
    out[:, 0] *= np.sqrt(2.0)
    return out


def regression_deltas(features: Any, reach: int = 2) -> Array:
    """Slope over the ``reach`` frames before and after, ends repeated: sum_k k (c_{t+k} - c_{t-k}) / (2 sum_k k^2). (T, d) -> (T, d).

    Source: The HTK Book, 2006, equation 5.16.

    Example:
        >>> regression_deltas(np.arange(5.0)[:, None])[2].tolist()
        [1.0]
    """
    x = np.asarray(features)
    if not len(x):
        return x
    padded = np.concatenate([np.repeat(x[:1], reach, axis=0), x, np.repeat(x[-1:], reach, axis=0)])
    steps = range(1, reach + 1)
    total = sum(k * (padded[reach + k : reach + k + len(x)] - padded[reach - k : reach - k + len(x)]) for k in steps)
    return total / (2 * sum(k * k for k in steps))
