"""Streams with times of their own on one clock: what is held, averaged, interpolated, and when it is too old."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.target import encode_target
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import Clock, Rule
from mcgurk.fusion.streams import Stream

SLOW = Stream(np.array([0.0, 1.0, 4.0]), np.array([[0.0], [2.0], [8.0]]))
TIMES = (-1.0, 0.0, 0.5, 1.0, 2.5, 4.0, 6.0)


def at(**settings):
    _, decisions = Clock(times=TIMES, **settings).align({"slow": SLOW})
    return np.where(decisions["slow"].present, decisions["slow"].scores[:, 0], np.nan)


def test_sample_and_hold_looks_back_only():
    np.testing.assert_allclose(at(), [np.nan, 0, 0, 2, 2, 8, 8])
    np.testing.assert_allclose(at(limit=1.0), [np.nan, 0, 0, 2, np.nan, 8, np.nan])


def test_linear_interpolation_stays_between_samples():
    np.testing.assert_allclose(at(how="linear"), [np.nan, 0, 1, 2, 5, 8, np.nan])
    np.testing.assert_allclose(at(how="linear", limit=1.0), [np.nan, 0, 1, 2, np.nan, 8, np.nan])


def test_windowed_mean():
    np.testing.assert_allclose(at(how="window", window=1.5), [np.nan, 0, 0, 1, np.nan, 8, np.nan])
    np.testing.assert_allclose(at(how="window", window=3.5, limit=0.5), [np.nan, 0, 0, 1, np.nan, 5, np.nan])


def test_what_comes_later_changes_nothing_earlier():
    longer = Stream(np.append(SLOW.times, 5.0), np.append(SLOW.scores, [[99.0]], axis=0))
    for settings in ({}, {"how": "window", "window": 2.0}):
        clock = Clock(times=TIMES[:-1], **settings)
        short, more = clock.align({"s": SLOW})[1]["s"], clock.align({"s": longer})[1]["s"]
        np.testing.assert_array_equal(short.scores, more.scores)


def test_streams_are_fused_and_a_stale_one_counts_as_absent():
    fast = Stream(np.arange(0, 5, 0.5), np.ones((10, 1)))
    rule = Rule("mean").fit({}, encode_target([0.0, 1.0], "regressor").with_statistics(), None, np.arange(2), None, None)
    times, fused = Clock(step=1.0, how={"fast": "hold", "slow": "linear"}, limit={"fast": None, "slow": 1.2}).fuse(
        {"fast": fast, "slow": SLOW}, rule
    )
    np.testing.assert_allclose(times, [0, 1, 2, 3, 4])
    np.testing.assert_allclose(fused.scores[:, 0], [0.5, 1.5, 1.0, 1.0, 4.5])


def test_an_empty_stream_is_absent_everywhere():
    empty = Stream(np.zeros(0), np.zeros((0, 1)))
    times, decisions = Clock(step=1.0).align({"slow": SLOW, "empty": empty})
    assert len(times) == 5 and not decisions["empty"].present.any()
    assert len(Clock(step=1.0).align({"empty": empty})[0]) == 0


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"times": (0.0,), "step": 1.0}, DataError, "either times or a step"),
        ({}, DataError, "give times, or a step"),
        ({"step": 0.0}, DataError, "step above 0"),
        ({"times": (1.0, 0.0)}, DataError, "the clock must be finite and strictly increasing"),
        ({"step": 1.0, "how": "nearest"}, UnknownName, "hold, window"),
        ({"step": 1.0, "how": {"other": "hold"}}, UnknownName, "'slow' has no entry"),
        ({"step": 1.0, "how": "window"}, DataError, "window's length"),
        ({"step": 1.0, "limit": -1.0}, DataError, "seconds >= 0"),
    ],
)
def test_settings_without_meaning(settings, error, words):
    with pytest.raises(error, match=words):
        Clock(**settings).align({"slow": SLOW})


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (Stream(np.array([0.0, 0.0]), np.zeros((2, 1))), "strictly increasing"),
        (Stream(np.array([0.0, np.nan]), np.zeros((2, 1))), "strictly increasing"),
        (Stream(np.array([0.0]), np.zeros(1)), r"expected \(T,\) and \(T, k\)"),
        (Stream(np.array([0.0]), np.array([[np.inf]])), "not finite"),
    ],
)
def test_damaged_streams(stream, words):
    with pytest.raises(DataError, match=words):
        Clock(step=1.0).align({"s": stream})


def test_no_stream():
    with pytest.raises(DataError, match="no stream"):
        Clock(step=1.0).align({})
