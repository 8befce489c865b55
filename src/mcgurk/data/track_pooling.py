"""One track, one rule, all windows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from mcgurk.data import pooling
from mcgurk.data.pooling import Pairs
from mcgurk.data.timeline import IntervalTrack, PointTrack, RegularTrack, Track
from mcgurk.data.windows import Windows, disjoint, sample_pairs
from mcgurk.errors import DataError, McgurkWarning, listing

_AMOUNTS = ("sum", "count", "any", "shares", "entropy")


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """(K, d) values, (K,) present, coverage and imputed; ``category`` where values are codes of labels."""

    values: np.ndarray
    present: np.ndarray
    coverage: np.ndarray
    imputed: np.ndarray
    category: bool = False

    def replaced(self, values: np.ndarray, imputed: np.ndarray) -> Pooled:
        """With filled windows."""
        return replace(self, values=values, present=self.present | imputed, imputed=imputed)


def pool_track(
    track: Track | None,
    windows: Windows,
    rule: str,
    name: str,
    levels: tuple[str, ...],
    *,
    recorded: tuple[Fraction, Fraction],
    overlap: str,
    edges: str,
    least: float,
) -> Pooled:
    """The rule's value of every window of a timeline that was ``recorded`` from … to; one without the track has no window of it.

    Raises:
        DataError: a rule that does not fit the track; T04 (see :func:`mcgurk.data.windows.disjoint`).
    """
    if edges not in ("onset", "overlap"):
        raise DataError(f"edges {edges!r} was given; expected 'onset' or 'overlap'")
    labelled = rule in ("vote", "shares", "entropy")
    if track is not None and labelled != (isinstance(track, IntervalTrack) and track.label is not None) and rule not in ("count", "any"):
        kind = "labels" if isinstance(track, IntervalTrack) and track.label is not None else "values"
        raise DataError(f"rule {rule!r} was given for track {name!r}, which holds {kind}; choose a rule of {kind}")
    none = np.zeros(len(windows), dtype=bool)
    if track is None or not len(windows):
        width = len(levels) if rule == "shares" else 1
        return Pooled(np.zeros((len(windows), width)), none, np.zeros(len(windows)), none, rule == "vote")
    if isinstance(track, RegularTrack):
        values, coverage, enough = _regular(track, windows, rule)
    elif isinstance(track, PointTrack):
        values, coverage, enough = _points(track, windows, rule, recorded)
    else:
        values, coverage, enough = _intervals(
            track, windows, rule, name, levels, _shares(track.observed or recorded, windows), overlap, edges
        )
    present = (enough >= least - 1e-9) & (enough > 0) if least > 0 else enough > 0
    if rule == "vote":
        present &= values[:, 0] >= 0
    return Pooled(np.where(present[:, None], values, 0.0), present, coverage, none, rule == "vote")


def _regular(track: RegularTrack, windows: Windows, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    whole, part = windows.samples(track)
    valid = track.valid.astype(np.float64)[:, None]
    seen = pooling.sample_sums(valid, whole, part)
    coverage = np.clip(seen[:, 0] / (windows.width * float(track.rate)), 0.0, 1.0)
    if rule in ("mean", "sum"):
        center = track.values[track.valid].mean(axis=0) if rule == "mean" and track.valid.any() else np.zeros(track.values.shape[1])
        sums = pooling.sample_sums(np.where(valid > 0, track.values - center, 0.0), whole, part)
        values = sums if rule == "sum" else sums / np.where(seen > 0, seen, 1.0) + center
    elif rule in ("count", "any"):
        values = seen if rule == "count" else (seen > 0).astype(float)
    else:
        pairs = sample_pairs(track, whole, part)
        middle = float(track.t0) + (np.arange(len(track)) + 0.5) / float(track.rate)
        values = _by_rule(track.values, pairs, rule, middle)
    return values, coverage, coverage


def _points(
    track: PointTrack, windows: Windows, rule: str, recorded: tuple[Fraction, Fraction]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pairs = pooling.touching(track.times, track.times, windows.start, windows.end)
    pairs = Pairs(pairs.window, pairs.item, np.ones(len(pairs.item)), pairs.count)
    count = np.bincount(pairs.window, minlength=len(windows)).astype(float)
    observed = _shares(track.observed or recorded, windows)
    if rule == "sum":
        values = np.zeros((len(windows), track.values.shape[1]))
        np.add.at(values, pairs.window, track.values[pairs.item])
    elif rule in ("count", "any"):
        values = count[:, None] if rule == "count" else (count > 0).astype(float)[:, None]
    else:
        values = _by_rule(track.values, pairs, rule, track.times)
        return values, observed, np.where(count > 0, observed, 0.0)
    return values, observed, np.maximum(observed, count > 0)


def _intervals(
    track: IntervalTrack, windows: Windows, rule: str, name: str, levels: tuple[str, ...], observed: np.ndarray, overlap: str, edges: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    start, end, item, share = disjoint(track, overlap, name)
    pairs = pooling.touching(start, end, windows.start, windows.end)
    covered = np.clip(pooling.union_length(track.start, track.end, windows.start, windows.end) / windows.width, 0.0, 1.0)
    enough = np.maximum(observed, covered) if rule in _AMOUNTS else covered
    length = (track.end - track.start)[item][pairs.item]
    portion = np.where(length > 0, pairs_weight(pairs, share) / np.where(length > 0, length, 1.0), 1.0)
    if rule in ("count", "any"):
        values = _counted(track, windows, pairs, portion, edges)
        values = values if rule == "count" else (values > 0).astype(float)
    elif rule == "sum":
        values = np.zeros((len(windows), track.values.shape[1]))
        np.add.at(values, pairs.window, portion[:, None] * track.values[item][pairs.item])
    elif track.label is None:
        weighted = Pairs(pairs.window, pairs.item, pairs_weight(pairs, share), pairs.count)
        values = _by_rule(track.values[item], weighted, rule, (start + end) / 2)
    else:
        values = _labels(track, windows, pairs, item, share, rule, name, levels)
    return values, covered, enough


def pairs_weight(pairs: Pairs, share: np.ndarray) -> np.ndarray:
    """Seconds of overlap times the item's share in its piece."""
    return pairs.weight * share[pairs.item]


def _counted(track: IntervalTrack, windows: Windows, pairs: Pairs, portion: np.ndarray, edges: str) -> np.ndarray:
    if edges == "overlap":
        return np.bincount(pairs.window, portion, minlength=len(windows))[:, None]
    onset = pooling.touching(track.start, track.start, windows.start, windows.end)
    return np.bincount(onset.window, minlength=len(windows)).astype(float)[:, None]


def _labels(
    track: IntervalTrack, windows: Windows, pairs: Pairs, item: np.ndarray, share: np.ndarray, rule: str, name: str, levels: tuple[str, ...]
) -> np.ndarray:
    place = {level: i for i, level in enumerate(levels)}
    codes = np.array([place.get(text, -1) for text in track.label[item]], dtype=np.int64)
    if (codes < 0).any():
        odd = sorted({str(text) for text in track.label[item][codes < 0]})
        warnings.warn(McgurkWarning(f"track {name!r}: labels {listing(odd)} are not among its levels; left out", code="L02"), stacklevel=5)
    keep = codes[pairs.item] >= 0
    kept = Pairs(pairs.window[keep], pairs.item[keep], pairs.weight[keep], pairs.count)
    weight = pairs_weight(kept, share)
    if rule == "vote":
        return pooling.vote(codes, weight * track.confidence[item][kept.item], kept, max(len(levels), 1))[:, None].astype(float)
    shares = pooling.label_weights(codes, weight, kept, len(levels)) / windows.width[:, None]
    return shares if rule == "shares" else pooling.entropy(shares)


def _by_rule(values: np.ndarray, pairs: Pairs, rule: str, middle: np.ndarray) -> np.ndarray:
    return pooling.slope(values, pairs, middle) if rule == "slope" else pooling.rule(rule)(values, pairs)


def _shares(span: tuple[Fraction, Fraction], windows: Windows) -> np.ndarray:
    """Share of each window inside the observed stretch."""
    low, high = (float(v) for v in span)
    inside = np.minimum(high, windows.end) - np.maximum(low, windows.start)
    return np.clip(inside / windows.width, 0.0, 1.0)
