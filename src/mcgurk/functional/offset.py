"""How far apart two clocks are: offset and drift from two envelopes of the same event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from mcgurk.errors import DataError

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Offset:
    """Where b agrees best with a.

    Args:
        lag: samples by which b is late: b[t + lag] goes with a[t].
        height: normalised correlation there.
        ratio: height over that of the second peak.
        strength: height sqrt(overlap): below 4.8 in 300 pairs of white noise of 4,000 samples.
    """

    lag: float
    height: float
    ratio: float
    strength: float


@dataclass(frozen=True)
class Drift:
    """t_b = alpha t_a + beta.

    Args:
        alpha: rate of b's clock against a's.
        beta: seconds.
        residual: root mean square of the blocks about the line, seconds.
        blocks: blocks with a reliable peak, and all of them.
    """

    alpha: float
    beta: float
    residual: float
    blocks: tuple[int, int]


def correlation(a: Any, b: Any, min_overlap: int) -> tuple[NDArray[np.int64], Float, Float]:
    """Normalised cross-correlation by lag: r(l) = sum_t (a_t - mean)(b_{t+l} - mean) / (n_l s_a s_b), means and deviations of the overlap.

    Shapes: (n,), (m,) -> lags (L,), r (L,), overlaps n_l (L,), only where n_l >= ``min_overlap``.
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (a, b))
    n, m = len(x), len(y)
    x, y = x - x.mean(), y - y.mean()  # keeps the sums small; the overlap's own means are taken off below
    size = scipy.fft.next_fast_len(n + m, real=True)

    def sums(u: Float, v: Float) -> Float:
        both = scipy.fft.irfft(np.conj(scipy.fft.rfft(u, size)) * scipy.fft.rfft(v, size), size)
        return np.concatenate([both[size - n + 1 :], both[:m]])

    lags = np.arange(-n + 1, m)
    ones_x, ones_y = np.ones(n), np.ones(m)
    count = np.round(sums(ones_x, ones_y))
    keep = count >= max(min_overlap, 2)
    if not keep.any():
        raise DataError(
            f"envelopes of {n} and {m} samples never overlap by {min_overlap}; give longer ones or a smaller min_overlap", code="S01"
        )
    count = count[keep]
    mean_x, mean_y = sums(x, ones_y)[keep] / count, sums(ones_x, y)[keep] / count
    variance_x = sums(x**2, ones_y)[keep] / count - mean_x**2
    variance_y = sums(ones_x, y**2)[keep] / count - mean_y**2
    scale = np.sqrt(np.maximum(variance_x, 0) * np.maximum(variance_y, 0))
    together = sums(x, y)[keep] / count - mean_x * mean_y
    floor = 1e-12 * max(float(scale.max()), 1e-300)
    return lags[keep], np.where(scale > floor, together / np.maximum(scale, floor), 0.0), count


def offset(
    a: Any, b: Any, *, min_overlap: int | None = None, max_lag: int | None = None, ratio: float = 1.2, strength: float = 5.0
) -> Offset:
    """The delay of ``b`` against ``a``, to a fraction of a sample: the highest normalised correlation, refined by a parabola.

    Accuracy: whole-sample delays exactly in noise as loud as the signal (4,000 samples); fractional ones to about 0.1 sample for envelopes
    smoothed over one or two samples, worse for smoother ones (up-sample those first).

    When not to use it: recordings whose clocks run at different speeds (take :func:`drift`), or signals that repeat themselves.

    Args:
        a, b: envelopes at one rate (log energy, frame differences).
        min_overlap: samples that must overlap (default: half of the shorter).
        max_lag: largest delay looked at, samples.
        ratio: least height of the peak over the second one.
        strength: least height times the root of the overlap.

    Raises:
        DataError: T05, no reliable peak; S01, too little overlap.

    Example:
        >>> x = np.random.default_rng(0).normal(size=500)
        >>> round(offset(x[20:], x).lag, 3)
        20.0
    """
    least = min(len(a), len(b)) // 2 if min_overlap is None else min_overlap
    lags, r, count = correlation(a, b, least)
    if max_lag is not None:
        near = np.abs(lags) <= max_lag
        lags, r, count = lags[near], r[near], count[near]
    top = int(r.argmax())
    height = float(r[top])
    peaks = np.flatnonzero((r[1:-1] >= r[:-2]) & (r[1:-1] > r[2:])) + 1
    others = r[peaks[np.abs(peaks - top) > _half_width(r, top)]]
    second = float(others.max()) if len(others) else 0.0
    found = height / second if second > 0 else np.inf
    strong = height * float(np.sqrt(count[top]))
    if found < ratio or strong < strength:
        raise DataError(
            f"no reliable peak: height {height:.3f} is {found:.2f} times the second peak and {strong:.1f} standard deviations of chance; "
            f"expected {ratio:g} and {strength:g}: give longer envelopes of the same event, or align by hand",
            code="T05",
        )
    return Offset(float(lags[top] + _parabola(r, top)), height, found, strong)


def drift(a: Any, b: Any, rate: float, *, block: float = 30.0, max_lag: float = 5.0) -> Drift:
    """Speed and offset of b's clock against a's: offsets of consecutive blocks, a line through them by Huber's weights.

    Args:
        a, b: envelopes at ``rate`` samples a second, roughly aligned (within ``max_lag`` seconds).
        block: seconds in a block, 30 to 60.

    Raises:
        DataError: T05, fewer than three blocks with a reliable peak.

    Example:
        >>> x = np.random.default_rng(0).normal(size=12000)
        >>> round(drift(x, x, 100.0).alpha, 6)
        1.0
    """
    x, y = (np.asarray(v, dtype=np.float64) for v in (a, b))
    length, reach = int(block * rate), int(max_lag * rate)
    starts = range(0, len(x) - length + 1, length)
    times: list[float] = []
    delays: list[float] = []
    for start in starts:
        low = max(start - reach, 0)
        other = y[low : start + length + reach]
        try:
            found = offset(x[start : start + length], other, min_overlap=length // 2, max_lag=None)
        except DataError as error:
            if error.code not in ("T05", "S01"):
                raise
            continue
        times.append((start + length / 2) / rate)
        delays.append((found.lag + low - start) / rate)
    if len(times) < 3:
        raise DataError(
            f"{len(times)} of {len(starts)} blocks have a reliable peak; at least 3 are needed: give longer recordings", code="T05"
        )
    t, d = np.array(times, dtype=np.float64), np.array(delays, dtype=np.float64)
    slope, level = _huber_line(t, d)
    residual = float(np.sqrt(np.mean((d - level - slope * t) ** 2)))
    return Drift(1.0 + slope, level, residual, (len(times), len(starts)))


def _parabola(r: Float, top: int) -> float:
    if not 0 < top < len(r) - 1:
        return 0.0
    left, middle, right = r[top - 1], r[top], r[top + 1]
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _half_width(r: Float, top: int) -> int:
    """Samples from the top to where its own peak has fallen to half."""
    low = np.flatnonzero(r[top:] < r[top] / 2)
    back = np.flatnonzero(r[top::-1] < r[top] / 2)
    return 2 * max(int(low[0]) if len(low) else len(r), int(back[0]) if len(back) else len(r))


def _huber_line(t: Float, d: Float, rounds: int = 50) -> tuple[float, float]:
    """Slope and level by iterated weights min(1, 1.345 s / |residual|), s from the median absolute residual."""
    weight, slope, level = np.ones(len(t)), 0.0, 0.0
    for _ in range(rounds):
        center, height = np.average(t, weights=weight), np.average(d, weights=weight)
        slope = float((weight * (t - center) * (d - height)).sum() / (weight * (t - center) ** 2).sum())
        level = float(height - slope * center)
        away = np.abs(d - level - slope * t)
        scale = 1.4826 * float(np.median(away))
        if scale < 1e-15:
            break
        weight = np.minimum(1.0, 1.345 * scale / np.maximum(away, 1e-15))
    return slope, level
