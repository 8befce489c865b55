"""Decisions that come at times of their own, brought onto one clock before they are fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion.decision import Decision, DecisionFusion
from mcgurk.params import Params

RULES = ("hold", "window", "linear")


@dataclass(frozen=True, eq=False)
class Stream:
    """Scores (T, k) of one unit at strictly increasing times (T,) in seconds."""

    times: np.ndarray
    scores: np.ndarray


class Clock(Params):
    """Brings (time, decision) streams onto common times; a stream whose news is too old counts as absent there.

    At clock time t, with samples s_j at t_j: "hold" gives the last ``s_j`` with ``t_j <= t``; "window" the mean of those with
    ``t - window < t_j <= t``; "linear" the straight line between the neighbours on both sides. All but "linear" look back only, so they
    serve live. The age of a decision is ``t - t_j`` of the last sample, and for "linear" also the time to the next, whichever is longer (0
    where a sample falls on t); nothing is extrapolated.

    Not for: labels that must not be averaged (use "hold"), or scores of steps already on one grid (give them as rows).

    Args:
        times: of the clock, strictly increasing seconds, or None for steps of ``step`` from the first sample of any stream to the last.
        step: seconds between clock times; only without ``times``.
        how: "hold", "window" or "linear", one for all or a dict from stream to rule.
        limit: staleness: greatest age in seconds, one for all or a dict; None for any.
        window: seconds, for "window".

    Shapes: streams (T_m, k) -> decisions (T, k) with presence (T,).

    Raises:
        DataError: T08 times that do not increase, N01 scores that are not finite, or a setting without meaning.
        UnknownName: an unknown rule, or a dict without one of the streams.

    Source: synchronisation before fusion; Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 4.3.

    Example:
        >>> import numpy as np
        >>> from mcgurk.fusion.streams import Clock, Stream
        >>> voice = Stream(np.array([0.0, 1.0]), np.array([[1.0], [3.0]]))
        >>> times, decisions = Clock(times=(0.0, 0.5, 2.0), how="linear").align({"voice": voice})
        >>> decisions["voice"].scores[:, 0].tolist(), decisions["voice"].present.tolist()
        ([1.0, 2.0, 0.0], [True, True, False])
    """

    def __init__(
        self,
        times: Sequence[float] | np.ndarray | None = None,
        *,
        step: float | None = None,
        how: str | Mapping[str, str] = "hold",
        limit: float | Mapping[str, float | None] | None = None,
        window: float | None = None,
    ) -> None:
        self.times = times
        self.step = step
        self.how = how
        self.limit = limit
        self.window = window

    def align(self, streams: Mapping[str, Stream]) -> tuple[np.ndarray, dict[str, Decision]]:
        """The clock's times and every stream's decision at them."""
        if not streams:
            raise DataError("there is no stream to align; give a dict from name to Stream")
        checked = {name: _checked(name, stream) for name, stream in streams.items()}
        clock = self._ticks(checked)
        return clock, {name: self._at(clock, stream, _of(self.how, name), _of(self.limit, name)) for name, stream in checked.items()}

    def fuse(self, streams: Mapping[str, Stream], fusion: DecisionFusion) -> tuple[np.ndarray, Decision]:
        """The clock's times and the decision of a fitted decision fusion at them; absent where every stream is stale."""
        clock, decisions = self.align(streams)
        return clock, fusion.combine(decisions, None)

    def _ticks(self, streams: Mapping[str, Stream]) -> np.ndarray:
        if self.times is not None:
            if self.step is not None:
                raise DataError("a clock has either times or a step, both were given; leave one out")
            return _increasing(np.asarray(self.times, dtype=np.float64), "the clock")
        if self.step is None or not self.step > 0:
            raise DataError(f"the clock's step is {self.step}; give times, or a step above 0 seconds")
        known = np.concatenate([s.times for s in streams.values()])
        if not len(known):
            return np.zeros(0)
        return known.min() + self.step * np.arange(int(np.floor((known.max() - known.min()) / self.step + 1e-9)) + 1)

    def _at(self, clock: np.ndarray, stream: Stream, how: str, limit: float | None) -> Decision:
        if how not in RULES:
            raise UnknownName(f"streams are aligned by {listing(RULES)}; got {how!r}")
        if limit is not None and not limit >= 0:
            raise DataError(f"the staleness limit is {limit}; give seconds >= 0, or None for any age")
        if not len(stream.times):
            return Decision(np.zeros((len(clock), stream.scores.shape[1])), np.zeros(len(clock), dtype=bool))
        last = np.searchsorted(stream.times, clock, side="right") - 1
        here = last >= 0
        age = clock - stream.times[np.maximum(last, 0)]
        if how == "hold":
            values = stream.scores[np.maximum(last, 0)]
        elif how == "window":
            values, some = self._mean(clock, stream, last)
            here = here & some
        else:
            following = np.minimum(last + 1, len(stream.times) - 1)
            ahead = stream.times[following] - clock
            exact = here & (age == 0)
            here = exact | (here & (last + 1 < len(stream.times)))
            share = np.where(exact, 0.0, age / np.where(age + ahead > 0, age + ahead, 1.0))[:, None]
            values = stream.scores[np.maximum(last, 0)] * (1 - share) + stream.scores[following] * share
            age = np.where(exact, 0.0, np.maximum(age, ahead))
        if limit is not None:
            here = here & (age <= limit)
        return Decision(np.where(here[:, None], values, 0.0), here)

    def _mean(self, clock: np.ndarray, stream: Stream, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.window is None or not self.window > 0:
            raise DataError(f"how='window' with window={self.window}; give the window's length in seconds")
        first = np.searchsorted(stream.times, clock - self.window, side="right")
        out = np.zeros((len(clock), stream.scores.shape[1]))
        for i, (a, b) in enumerate(zip(first, last + 1, strict=True)):
            if b > a:
                out[i] = stream.scores[a:b].mean(axis=0)
        return out, last + 1 > first


def _of(choice: Any, name: str) -> Any:
    if not isinstance(choice, Mapping):
        return choice
    if name not in choice:
        raise UnknownName(f"stream {name!r} has no entry; there are {listing(choice)}")
    return choice[name]


def _checked(name: str, stream: Stream) -> Stream:
    times, scores = np.asarray(stream.times, dtype=np.float64), np.asarray(stream.scores, dtype=np.float64)
    if scores.ndim != 2 or times.shape != scores.shape[:1]:
        raise DataError(f"stream {name!r} has times {times.shape} and scores {scores.shape}; expected (T,) and (T, k)")
    if not np.isfinite(scores).all():
        raise DataError(f"stream {name!r} holds scores that are not finite; leave those samples out", code="N01")
    return Stream(_increasing(times, f"stream {name!r}"), scores)


def _increasing(times: np.ndarray, whose: str) -> np.ndarray:
    if times.ndim != 1 or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise DataError(f"the times of {whose} must be finite and strictly increasing seconds; sort them and drop repeats", code="T08")
    return times
