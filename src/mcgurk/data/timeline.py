"""One recording: streams with clocks of their own, as tracks of samples, points and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from mcgurk.data.tier import Tier
from mcgurk.errors import DataError, listing

QUANTITIES = ("intensive", "extensive")
Seconds = int | float | Fraction


def exact(value: Seconds | str, name: str = "time") -> Fraction:
    """A number of seconds, or a rate, as a fraction; floats to the nanosecond ("30000/1001" is 29.97 frames a second exactly).

    Raises:
        DataError: not a finite number.

    Example:
        >>> exact(0.1), exact("30000/1001")
        (Fraction(1, 10), Fraction(30000, 1001))
    """
    try:
        made = Fraction(value)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError) as error:
        raise DataError(f"{name} {value!r} was given; expected a finite number, or a fraction such as '30000/1001'") from error
    return made.limit_denominator(10**9) if isinstance(value, float) else made


@dataclass(frozen=True, eq=False)
class RegularTrack:
    """A sampled signal or frame features; sample i covers [t0 + i / rate, t0 + (i + 1) / rate).

    Args:
        values: (T, d) or (T,); NaN is a sample that was not observed.
        rate: samples a second, best as an int, a Fraction or "30000/1001".
        quantity: "intensive" (a level: pitch, temperature, probability; windows take its mean) or "extensive" (an amount: counts,
            energy; windows take its sum). Nobody can guess which.
        t0: when the first sample begins, seconds.
        valid: (T,) bool, besides NaN.

    Raises:
        DataError: D00 for shapes, rates and quantities that cannot be; N01 for inf.
    """

    values: np.ndarray
    rate: Fraction
    quantity: str
    t0: Fraction = Fraction(0)
    valid: Any = None

    def __post_init__(self) -> None:
        values = _matrix(self.values, "samples")
        _set(self, values=values, rate=exact(self.rate, "rate"), t0=exact(self.t0, "t0"))
        _quantity(self.quantity)
        if self.rate <= 0:
            raise DataError(f"rate {self.rate} was given; expected samples a second above 0")
        seen = ~np.isnan(values).any(axis=1)
        if self.valid is not None:
            valid = np.asarray(self.valid)
            if valid.dtype != bool or valid.shape != (len(values),):
                raise DataError(f"valid is {valid.dtype} of shape {valid.shape}; expected bool, one per sample ({len(values)},)")
            seen = seen & valid
        _set(self, valid=seen)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """First and last moment covered."""
        return self.t0, self.t0 + len(self.values) / self.rate


@dataclass(frozen=True, eq=False)
class PointTrack:
    """Events without duration; an event at t belongs to the window with start <= t < end.

    Args:
        times: (N,) seconds, in any order.
        values: (N, d) or (N,), or None for bare events, which count 1 each.
        quantity: "intensive" or "extensive", see :class:`RegularTrack`; bare events are extensive.
        observed: (start, end) in seconds between which an event would have been noted; default: all that the timeline covers.
    """

    times: np.ndarray
    values: Any = None
    quantity: str = ""
    observed: Any = None

    def __post_init__(self) -> None:
        times = _times(self.times, "times")
        if self.values is None and not self.quantity:
            _set(self, quantity="extensive")
        _quantity(self.quantity)
        values = np.ones((len(times), 1)) if self.values is None else _matrix(self.values, "values")
        if len(values) != len(times):
            raise DataError(f"{len(values)} values for {len(times)} events; give one row an event")
        order = np.argsort(times, kind="stable")
        _set(self, times=times[order], values=values[order], observed=_observed(self.observed))

    def __len__(self) -> int:
        return len(self.times)

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """What was observed, or first to last event."""
        return _span(self.observed, self.times, self.times)


@dataclass(frozen=True, eq=False)
class IntervalTrack:
    """Words, turns, gaze segments: intervals [start, end) with a label or values each.

    Args:
        start, end: (N,) seconds, in any order.
        label: N strings; or give ``values``.
        values: (N, d) or (N,).
        quantity: "intensive" or "extensive" for values, see :class:`RegularTrack`; labels are states and need none.
        confidence: (N,) weights of a vote, default 1.
        observed: (start, end) in seconds that were annotated, empty stretches included; default: all that the timeline covers.

    Raises:
        DataError: T02 where an interval ends before it starts; D00 for neither or both of label and values.

    Example:
        >>> IntervalTrack([0.0, 0.5], [0.4, 0.9], ["ba", "ga"]).levels
        ('ba', 'ga')
    """

    start: np.ndarray
    end: np.ndarray
    label: Any = None
    values: Any = None
    quantity: str = ""
    confidence: Any = None
    observed: Any = None

    def __post_init__(self) -> None:
        start, end = _times(self.start, "start"), _times(self.end, "end")
        if (self.label is None) == (self.values is None):
            raise DataError("an interval track needs labels or values, and not both")
        if self.values is not None:
            _quantity(self.quantity)
        values = None if self.values is None else _matrix(self.values, "values")
        label = None if self.label is None else np.array([str(text) for text in self.label], dtype=object)
        confidence = np.ones(len(start)) if self.confidence is None else _times(self.confidence, "confidence")
        lengths = {"start": len(start), "end": len(end), "confidence": len(confidence)}
        lengths |= {"label": len(label)} if label is not None else {"values": len(values if values is not None else ())}
        if len(set(lengths.values())) > 1:
            raise DataError(f"intervals differ in number: {listing(f'{k} {v}' for k, v in lengths.items())}")
        if (end < start).any():
            i = int(np.flatnonzero(end < start)[0])
            raise DataError(f"interval {i} ends at {end[i]:g} s, before it starts at {start[i]:g} s; correct its times", code="T02")
        order = np.lexsort((end, start))
        _set(self, start=start[order], end=end[order], confidence=confidence[order], observed=_observed(self.observed))
        _set(self, label=None if label is None else label[order], values=None if values is None else values[order])

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, tier: Tier, observed: tuple[Seconds, Seconds] | None = None) -> IntervalTrack:
        """A tier of an annotation file (:func:`mcgurk.data.annotations.read_annotations`)."""
        return cls(tier.start, tier.end, tier.label, observed=observed)

    @property
    def levels(self) -> tuple[str, ...]:
        """Distinct labels, sorted."""
        return () if self.label is None else tuple(sorted(set(self.label)))

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """What was observed, or first start to last end."""
        return _span(self.observed, self.start, self.end)


Track = RegularTrack | PointTrack | IntervalTrack


@dataclass(frozen=True, eq=False)
class Timeline:
    """The tracks of one recording, on one clock (correct offsets first: :mod:`mcgurk.functional.offset`).

    Args:
        tracks: name -> track.
        group: whose recording it is; rows of one group stay on one side of every split.
        name: what ``rows["timeline"]`` calls it.

    Example:
        >>> talk = Timeline({"pitch": RegularTrack([100.0, 120.0, 110.0, 90.0], 2, "intensive")}, group="speaker 1")
        >>> talk.span
        (Fraction(0, 1), Fraction(2, 1))
    """

    tracks: Mapping[str, Track]
    group: Any = None
    name: str = ""
    _sorted: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        if not self.tracks:
            raise DataError("a timeline needs at least one track")
        wrong = [name for name, track in self.tracks.items() if not isinstance(track, RegularTrack | PointTrack | IntervalTrack)]
        if wrong:
            given = type(self.tracks[wrong[0]]).__name__
            raise DataError(f"track {wrong[0]!r} is a {given}; expected a RegularTrack, PointTrack or IntervalTrack")
        _set(self, tracks={name: self.tracks[name] for name in sorted(self.tracks)}, _sorted=tuple(sorted(self.tracks)))

    @property
    def names(self) -> tuple[str, ...]:
        return self._sorted

    @property
    def span(self) -> tuple[Fraction, Fraction]:
        """What all regular tracks and all tracks with ``observed`` cover; :meth:`union` where there is none. Empty tracks do not count."""
        firm = [t.span for t in self.tracks.values() if isinstance(t, RegularTrack) or t.observed is not None]
        spans = [span for span in firm if span[1] > span[0]] or [self.union()]
        return max(s for s, _ in spans), min(e for _, e in spans)

    def union(self) -> tuple[Fraction, Fraction]:
        """What any track covers."""
        spans = [track.span for track in self.tracks.values() if len(track)] or [(Fraction(0), Fraction(0))]
        return min(s for s, _ in spans), max(e for _, e in spans)


def _set(track: Any, **values: Any) -> None:
    for name, value in values.items():
        object.__setattr__(track, name, value)


def _matrix(values: Any, name: str) -> np.ndarray:
    out = np.asarray(values, dtype=np.float64)
    out = out[:, None] if out.ndim == 1 else out
    if out.ndim != 2:
        raise DataError(f"{name} have shape {out.shape}; expected (n,) or (n, d)")
    if np.isinf(out).any():
        raise DataError(f"row {int(np.argwhere(np.isinf(out))[0][0])} of {name} is inf; mark what is unknown with NaN", code="N01")
    return out


def _times(values: Any, name: str) -> np.ndarray:
    out = np.asarray(values, dtype=np.float64)
    if out.ndim != 1 or not np.isfinite(out).all():
        raise DataError(
            f"{name} must be finite numbers, one per event; got shape {out.shape}" + ("" if out.ndim != 1 else " with NaN or inf")
        )
    return out


def _quantity(value: str) -> None:
    if value not in QUANTITIES:
        raise DataError(
            f"quantity {value!r} was given; say 'intensive' (a level: windows take its mean) or 'extensive' (an amount: their sum)"
        )


def _observed(given: tuple[Seconds, Seconds] | None) -> tuple[Fraction, Fraction] | None:
    if given is None:
        return None
    first, last = exact(given[0], "observed"), exact(given[1], "observed")
    if last < first:
        raise DataError(f"observed {given} ends before it starts")
    return first, last


def _span(observed: Any, start: np.ndarray, end: np.ndarray) -> tuple[Fraction, Fraction]:
    if observed is not None:
        return observed[0], observed[1]
    return (exact(float(start.min())), exact(float(end.max()))) if len(start) else (Fraction(0), Fraction(0))
