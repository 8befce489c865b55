"""Tracks are checked when they are made."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mcgurk.data.timeline import IntervalTrack, PointTrack, RegularTrack, Timeline, exact
from mcgurk.errors import DataError


def test_exact_times() -> None:
    assert exact("30000/1001") == Fraction(30000, 1001) and exact(0.1) == Fraction(1, 10) and exact(3) == 3
    for bad in (float("nan"), float("inf"), "soon", None):
        with pytest.raises(DataError, match="finite number"):
            exact(bad)  # type: ignore[arg-type]


def test_events_are_put_in_order() -> None:
    points = PointTrack([2.0, 1.0], [20.0, 10.0], "intensive")
    assert points.times.tolist() == [1, 2] and points.values.ravel().tolist() == [10, 20] and points.span == (1, 2)
    words = IntervalTrack([1.0, 0.0], [2.0, 1.0], ["b", "a"], confidence=[0.5, 1.0])
    assert list(words.label) == ["a", "b"] and words.confidence.tolist() == [1, 0.5] and words.levels == ("a", "b") and len(words) == 2


def test_spans() -> None:
    regular = RegularTrack(np.zeros(20), 10, "intensive", t0=1)
    assert regular.span == (1, 3) and len(regular) == 20
    early = IntervalTrack([0.0], [0.5], ["a"])
    line = Timeline({"r": regular, "i": early, "p": PointTrack([4.5], observed=(2, 5)), "e": PointTrack([])})
    assert line.span == (2, 3) and line.union() == (0, 5) and line.names == ("e", "i", "p", "r")
    assert Timeline({"i": early}).span == (0, Fraction(1, 2)) and Timeline({"e": PointTrack([])}).span == (0, 0)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: RegularTrack([1.0], 10, "level"), "say 'intensive'"),
        (lambda: RegularTrack([1.0], 0, "intensive"), "above 0"),
        (lambda: RegularTrack(np.zeros((2, 2, 2)), 10, "intensive"), "expected \\(n,\\)"),
        (lambda: RegularTrack([np.inf], 10, "intensive"), "is inf"),
        (lambda: RegularTrack([1.0, 2.0], 10, "intensive", valid=np.array([True])), "expected bool"),
        (lambda: PointTrack([1.0, 2.0], [1.0], "intensive"), "1 values for 2"),
        (lambda: PointTrack([1.0], [1.0]), "say 'intensive'"),
        (lambda: PointTrack([np.nan]), "finite numbers"),
        (lambda: PointTrack([1.0], observed=(2, 1)), "ends before"),
        (lambda: IntervalTrack([0.0], [1.0]), "labels or values"),
        (lambda: IntervalTrack([0.0], [1.0], ["a"], values=[1.0]), "labels or values"),
        (lambda: IntervalTrack([0.0], [1.0], values=[1.0]), "say 'intensive'"),
        (lambda: IntervalTrack([0.0], [1.0], ["a", "b"]), "differ in number"),
        (lambda: IntervalTrack([1.0], [0.0], ["a"]), "before it starts"),
        (lambda: Timeline({}), "at least one"),
        (lambda: Timeline({"a": [1, 2]}), "is a list"),  # type: ignore[dict-item]
    ],
)
def test_errors(call, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=word):
        call()
