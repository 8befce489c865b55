"""Another rate for a regular track: held, drawn straight, low-passed or averaged; gaps stay gaps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from mcgurk.data.pooling import sample_sums
from mcgurk.data.timeline import RegularTrack, Seconds, exact
from mcgurk.data.windows import Windows
from mcgurk.errors import DataError

METHODS = ("hold", "linear", "lowpass", "mean")


def resample(track: RegularTrack, rate: Seconds | str, how: str, *, max_gap: float = 0.0) -> RegularTrack:
    """The track at another rate.

    "hold" repeats the sample that covers a moment and "linear" draws straight lines between the middles of samples (beyond the first and
    the last the line goes on): for going up. "lowpass" filters below half the lower rate and then decimates (polyphase), for signals;
    "mean" takes the mean of every new sample's stretch, for features: for going down. Nothing is ever decimated unfiltered.

    When not to use it: to bring several tracks to rows; :class:`mcgurk.data.grid.Grid` does that, with coverage.

    Args:
        track: what to resample; an extensive track only by "mean", which then keeps its sum.
        rate: samples a second.
        how: "hold", "linear", "lowpass" or "mean".
        max_gap: seconds of missing samples that "linear" may bridge; no longer gap is crossed by any method.

    Raises:
        DataError: going down by "hold" or "linear"; an extensive track by anything but "mean"; an unknown method.

    Source: R. Crochiere and L. Rabiner, Multirate Digital Signal Processing, 1983 (polyphase).

    Example:
        >>> up = resample(RegularTrack([0.0, 2.0, 4.0], 1, "intensive"), 2, "linear")
        >>> up.values.ravel().tolist()
        [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    """
    new = exact(rate, "rate")
    if how not in METHODS:
        raise DataError(f"how {how!r} was given; expected one of {', '.join(METHODS)}")
    if new <= 0:
        raise DataError(f"rate {new} was given; expected samples a second above 0")
    if new < track.rate and how in ("hold", "linear"):
        raise DataError(f"{how!r} would skip samples from {float(track.rate):g} to {float(new):g} a second; take 'lowpass' or 'mean'")
    if track.quantity == "extensive" and how != "mean":
        raise DataError(f"an extensive track cannot be resampled by {how!r}, which would change its sum; take 'mean'")
    if not len(track):
        return RegularTrack(track.values, new, track.quantity, track.t0)
    if how == "lowpass":
        return _lowpass(track, new)
    if how == "mean":
        return _mean(track, new)
    count = -((-len(track) * new) // track.rate)
    middle = np.array([float((k + Fraction(1, 2)) * track.rate / new) for k in (0, 1)])
    place = middle[0] + (middle[1] - middle[0]) * np.arange(int(count))  # in old samples; sample i covers [i, i + 1)
    if how == "hold":
        covering = np.clip(np.floor(place + 1e-9).astype(int), 0, len(track) - 1)
        return RegularTrack(track.values[covering], new, track.quantity, track.t0, track.valid[covering])
    return _linear(track, new, place - 0.5, max_gap)


def _linear(track: RegularTrack, rate: Fraction, place: np.ndarray, max_gap: float) -> RegularTrack:
    """``place`` counts from the middle of the first sample."""
    seen = np.flatnonzero(track.valid)
    if not len(seen):
        return RegularTrack(np.full((len(place), track.values.shape[1]), np.nan), rate, track.quantity, track.t0)
    right = np.clip(np.searchsorted(seen, place + 1e-9), 1, max(len(seen) - 1, 1))
    first, last = seen[right - 1], seen[np.minimum(right, len(seen) - 1)]
    share = np.where(last > first, (place - first) / np.maximum(last - first, 1), 0.0)[:, None]
    line = track.values[first] * (1 - share) + track.values[last] * share
    near = np.clip(np.round(place).astype(int), 0, len(track) - 1)
    bridged = (last - first - 1) / float(track.rate) <= max_gap + 1e-9
    between = (place >= first) & (place <= last)
    values = np.where(bridged[:, None], line, track.values[near])  # beside a long gap a sample speaks for its own stretch only
    return RegularTrack(values, rate, track.quantity, track.t0, (bridged & between) | track.valid[near])


def _mean(track: RegularTrack, rate: Fraction) -> RegularTrack:
    count = int(-((-len(track) * rate) // track.rate))
    windows = Windows.regular(track.t0, 1 / rate, 1 / rate, count)
    whole, part = windows.samples(track)
    seen = sample_sums(track.valid.astype(np.float64)[:, None], whole, part)
    sums = sample_sums(np.where(track.valid[:, None], track.values, 0.0), whole, part)
    values = sums if track.quantity == "extensive" else sums / np.where(seen > 0, seen, 1.0)
    full = np.minimum(float(track.rate / rate), len(track) - np.arange(count) * float(track.rate / rate))
    return RegularTrack(values, rate, track.quantity, track.t0, seen[:, 0] >= 0.5 * full)


def _lowpass(track: RegularTrack, rate: Fraction) -> RegularTrack:
    """sum h v x / sum h v over the observed samples v: a constant stays one beside gaps and ends. The first middle stays where it was."""
    from scipy.signal import resample_poly

    ratio = rate / track.rate
    up, down = ratio.numerator, ratio.denominator
    if max(up, down) > 10**5:
        raise DataError(f"rates {track.rate} and {rate} have no simple ratio; give them as small fractions")
    center = track.values[track.valid].mean(axis=0) if track.valid.any() else np.zeros(track.values.shape[1])
    sums = resample_poly(np.where(track.valid[:, None], track.values - center, 0.0), up, down, axis=0)
    weight = resample_poly(track.valid.astype(np.float64), up, down)
    place = np.arange(len(weight)) * (down / up)
    low, high = np.floor(place + 1e-9).astype(int), np.minimum(np.ceil(place - 1e-9).astype(int), len(track) - 1)
    seen = track.valid[low] & track.valid[high] & (weight > 0.1)
    shift = (1 / track.rate - 1 / rate) / 2
    return RegularTrack(sums / np.where(seen, weight, 1.0)[:, None] + center, rate, track.quantity, track.t0 + shift, seen)
