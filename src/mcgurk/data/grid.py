"""From streams to a table: one row a window, every track pooled by a rule."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field
from mcgurk.data.dataset import Dataset
from mcgurk.data.timeline import IntervalTrack, Seconds, Timeline, Track, exact
from mcgurk.data.track_pooling import Pooled, pool_track
from mcgurk.data.windows import Windows, whole_windows
from mcgurk.errors import DataError, McgurkWarning, listing

PRESETS: dict[str, tuple[str, str]] = {"frame": ("1/40", "1/80"), "1s": ("1", "1"), "2s": ("2", "2"), "60s": ("60", "60")}
Rules = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Grid:
    """Windows [origin + k hop, origin + k hop + width): the raster on which tracks of different clocks become rows.

    Args:
        width: seconds, or a preset: "frame" (25 ms every 12.5 ms), "1s", "2s", "60s", or "global" (one window a timeline).
        hop: seconds between windows; default ``width`` (they tile).
        origin: a moment on the raster; default the start of each timeline's span.
        n: number of windows; default all that lie wholly inside the span.
        span: "intersection" (what all tracks cover) or "union" (what any covers).
        words: take the intervals of this track as windows instead.
        custom: (starts, ends) in seconds instead.

    Example:
        >>> from mcgurk.data.timeline import IntervalTrack, RegularTrack, Timeline
        >>> talk = Timeline({
        ...     "pitch": RegularTrack(range(10), 10, "intensive"),
        ...     "turn": IntervalTrack([0.0, 0.6], [0.6, 1.0], ["A", "B"]),
        ... }, group="talk 1")
        >>> X = Grid(0.5).apply([talk])
        >>> X["pitch"].values.ravel().tolist(), X["turn"].values.round(2).tolist()
        ([2.0, 7.0], [[1.0, 0.0], [0.2, 0.8]])
        >>> X.rows[["group", "start", "end", "coverage.pitch"]].values.tolist()
        [['talk 1', 0.0, 0.5, 1.0], ['talk 1', 0.5, 1.0, 1.0]]
    """

    width: Seconds | str | None = None
    hop: Seconds | str | None = None
    origin: Seconds | str | None = None
    n: int | None = None
    span: str = "intersection"
    words: str | None = None
    custom: tuple[Sequence[float], Sequence[float]] | None = None

    def windows(self, timeline: Timeline) -> Windows:
        """The windows of one timeline.

        Raises:
            DataError: D00, not exactly one of width, words and custom; a track of words that is none.
        """
        if sum(v is not None for v in (self.width, self.words, self.custom)) != 1:
            raise DataError("a grid needs exactly one of width, words and custom")
        if self.span not in ("intersection", "union"):
            raise DataError(f"span {self.span!r} was given; expected 'intersection' or 'union'")
        if self.custom is not None:
            return Windows.custom(np.asarray(self.custom[0]), np.asarray(self.custom[1]))
        if self.words is not None:
            track = timeline.tracks.get(self.words)
            if not isinstance(track, IntervalTrack):
                raise DataError(
                    f"windows were to be the intervals of {self.words!r}, but the timeline's tracks are {listing(timeline.names)}"
                )
            long = track.end - track.start >= 1e-9
            return Windows.custom(track.start[long], track.end[long])
        span = timeline.span if self.span == "intersection" else timeline.union()
        if self.width == "global":
            return Windows.regular(span[0], span[1] - span[0], span[1] - span[0], int(span[1] > span[0]))
        width, hop = self._steps()
        origin = span[0] if self.origin is None else exact(self.origin, "origin")
        start, count = whole_windows(span, origin, hop, width)
        return Windows.regular(start, hop, width, count if self.n is None else self.n)

    def _steps(self) -> tuple[Fraction, Fraction]:
        given = PRESETS.get(str(self.width)) or (self.width, self.width if self.hop is None else self.hop)
        width, hop = exact(given[0] or 0, "width"), exact(given[1] or 0, "hop")
        if width <= 0 or hop <= 0:
            raise DataError(f"windows of {width} s every {hop} s were asked for; expected both above 0")
        return width, hop

    def apply(
        self,
        timelines: Timeline | Sequence[Timeline],
        rules: Rules | None = None,
        *,
        min_coverage: float = 0.5,
        overlap: str = "error",
        edges: str = "onset",
        fill: tuple[str, float] | None = None,
        levels: Mapping[str, Sequence[str]] | None = None,
    ) -> Dataset:
        """One row a window, one column a track (a track and a rule where a track has several).

        A window is absent in a column where less than ``min_coverage`` of it was observed: valid samples of a regular track; the union
        of the intervals for rules that speak of them (mean, vote, …); the observed stretch for counts, sums and shares of intervals
        and for points. Nothing is filled unless asked.

        Args:
            timelines: one or several recordings.
            rules: track -> rule or rules: mean, sum, sd, max, min, first, last, median, q01 to q99, slope, count, any; for labels vote,
                shares (seconds of each label over the window's), entropy (of the shares, nats), count, any. Default: mean of what is
                intensive, sum of what is extensive, shares of labels.
            min_coverage: share of a window that must have been observed.
            overlap: what to do where intervals of one tier overlap: "error", "multilabel", "highest_confidence", "earliest", "split_equal".
            edges: counts of intervals by "onset" (an interval counts where it starts) or by "overlap" (in proportion).
            fill: ("hold", seconds), ("linear", seconds) or ("constant", value): absent windows are filled from their neighbours at most
                so many seconds away, or by a constant; ``rows["imputed.<column>"]`` says where.
            levels: track -> labels, to read new recordings as earlier ones were; labels beyond them are left out with a warning.

        Shapes: Dense (windows, d) a column; "vote" is a category. ``rows``: group, timeline, start, end, coverage.<track>.

        Raises:
            DataError: T04 overlapping intervals; D00 rules that do not fit a track, no window at all, or tracks that change their type.

        Source: D. Knox and C. Lucas, American Political Science Review 115, 2021 (windows as units of analysis).
        """
        import pandas as pd

        given = [timelines] if isinstance(timelines, Timeline) else list(timelines)
        if not given:
            raise DataError("no timeline was given; give at least one")
        plan = _plan(given, rules or {})
        known = {name: tuple(levels[name]) if levels and name in levels else _levels(given, name) for name in plan}
        parts: dict[str, list[Pooled]] = {_column(n, r, plan[n]): [] for n in plan for r in plan[n]}
        facts: list[Any] = []
        options: dict[str, Any] = {"overlap": overlap, "edges": edges, "least": min_coverage}
        for number, timeline in enumerate(given):
            windows, recorded = self.windows(timeline), timeline.union()
            frame: dict[str, Any] = {"group": [timeline.group] * len(windows), "timeline": timeline.name or number}
            frame |= {"start": windows.start, "end": windows.end}
            for name, wanted in plan.items():
                track = timeline.tracks.get(name)
                for rule in wanted:
                    pooled = pool_track(track, windows, rule, name, known[name], recorded=recorded, **options)
                    pooled = _filled(pooled, windows, fill)
                    parts[_column(name, rule, wanted)].append(pooled)
                    frame[f"coverage.{name}"] = pooled.coverage
                    if fill is not None:
                        frame[f"imputed.{_column(name, rule, wanted)}"] = pooled.imputed
            facts.append(pd.DataFrame(frame, index=range(len(windows))))
        rows = pd.concat(facts, ignore_index=True)
        if not len(rows):
            raise DataError("the timelines hold no whole window; make the width smaller, or span='union'", code="S01")
        if fill is not None:
            shares = {column: float(np.mean(rows[f"imputed.{column}"])) for column in parts}
            said = ", ".join(f"{column} {100 * share:.1f} %" for column, share in shares.items())
            warnings.warn(McgurkWarning(f"windows filled by {fill[0]}: {said}", code="T07"), stacklevel=2)
        columns = {column: _stack(column, pieces, known) for column, pieces in parts.items()}
        return Dataset(columns, rows=rows.drop(columns="group") if rows["group"].isna().all() else rows)


def _plan(timelines: Sequence[Timeline], rules: Rules) -> dict[str, tuple[str, ...]]:
    """Track -> its rules."""
    tracks: dict[str, Track] = {}
    for timeline in timelines:
        for name, track in timeline.tracks.items():
            if name in tracks and _kind(track) != _kind(tracks[name]):
                raise DataError(f"track {name!r} is {_kind(tracks[name])} in one timeline and {_kind(track)} in another; make them alike")
            tracks.setdefault(name, track)
    unknown = [name for name in rules if name not in tracks]
    if unknown:
        raise DataError(f"rules were given for {listing(unknown)}, but the timelines' tracks are {listing(sorted(tracks))}")
    plan = {}
    for name in sorted(tracks):
        chosen = rules.get(name, _default(tracks[name]))
        plan[name] = (chosen,) if isinstance(chosen, str) else tuple(chosen)
    return plan


def _kind(track: Track) -> str:
    labels = isinstance(track, IntervalTrack) and track.label is not None
    width = 0 if labels or track.values is None else track.values.shape[1]
    return f"{type(track).__name__} of " + ("labels" if labels else f"{width} {track.quantity} values")


def _default(track: Track) -> str:
    if isinstance(track, IntervalTrack) and track.label is not None:
        return "shares"
    return "mean" if track.quantity == "intensive" else "sum"


def _levels(timelines: Sequence[Timeline], name: str) -> tuple[str, ...]:
    tracks = [t.tracks[name] for t in timelines if name in t.tracks]
    return tuple(sorted({level for track in tracks if isinstance(track, IntervalTrack) for level in track.levels}))


def _column(name: str, rule: str, wanted: tuple[str, ...]) -> str:
    return name if len(wanted) == 1 else f"{name}.{rule}"


def _filled(pooled: Pooled, windows: Windows, fill: tuple[str, float] | None) -> Pooled:
    """Absent windows from observed ones, by the windows' middles."""
    if fill is None:
        return pooled
    how, limit = fill
    if how not in ("hold", "linear", "constant") or (pooled.category and how != "hold"):
        raise DataError(f"fill {fill!r} was given; expected ('hold' | 'linear', seconds) or ('constant', value), and 'hold' for a vote")
    values, present = pooled.values.copy(), pooled.present
    middle, seen = (windows.start + windows.end) / 2, np.flatnonzero(present)
    if how == "constant":
        values[~present] = limit
        return pooled.replaced(values, ~present)
    if not len(seen):
        return pooled.replaced(values, np.zeros(len(present), dtype=bool))
    after = np.searchsorted(seen, np.arange(len(present)))
    left, right = seen[np.maximum(after - 1, 0)], seen[np.minimum(after, len(seen) - 1)]
    near = ~present & (after > 0) & (middle - middle[left] <= limit + 1e-9)
    if how == "hold":
        values[near] = values[left[near]]
        return pooled.replaced(values, near)
    near = ~present & (after > 0) & (after < len(seen)) & (middle[right] - middle[left] <= limit + 1e-9)
    share = ((middle - middle[left]) / np.maximum(middle[right] - middle[left], 1e-12))[near, None]
    values[near] = values[left[near]] * (1 - share) + values[right[near]] * share
    return pooled.replaced(values, near)


def _stack(column: str, pieces: list[Pooled], known: Mapping[str, tuple[str, ...]]) -> Column:
    width = max(piece.values.shape[1] for piece in pieces)
    shaped = [p.values if p.values.shape[1] == width else np.zeros((len(p.values), width)) for p in pieces]
    values, present = np.concatenate(shaped), np.concatenate([p.present for p in pieces])
    values = np.where(present[:, None], values, 0.0)
    if any(p.category for p in pieces):
        name = column if column in known else column.rpartition(".")[0]
        return Dense(np.where(present[:, None], values, np.nan), present, "tabular", (Field(f"{column}.label", "category", known[name]),))
    return Dense(values, present, "vector")
