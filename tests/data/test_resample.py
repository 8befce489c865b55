"""Rates changed without inventing anything."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mcgurk.data.resample import resample
from mcgurk.data.timeline import RegularTrack
from mcgurk.errors import DataError


@pytest.mark.parametrize(
    ("how", "rate"), [("hold", 25), ("linear", 25), ("hold", 10), ("lowpass", 4), ("lowpass", 25), ("mean", 4), ("mean", 3)]
)
def test_a_constant_stays_constant(how: str, rate: int) -> None:
    """Check: under every resampler; also beside a gap."""
    values = np.full((100, 2), 7.25)
    out = resample(RegularTrack(values, 10, "intensive"), rate, how)
    assert out.rate == rate and out.valid.all() and out.values == pytest.approx(np.full((len(out), 2), 7.25), abs=1e-9)
    values[40:60] = np.nan
    gap = resample(RegularTrack(values, 10, "intensive"), rate, how)
    assert gap.values[gap.valid] == pytest.approx(np.full((gap.valid.sum(), 2), 7.25), abs=1e-9)
    middles = (np.arange(len(gap)) + 0.5) / rate
    assert not gap.valid[(middles > 4.3) & (middles < 5.7)].any() and gap.valid[(middles < 3.5) | (middles > 6.5)].all()


@pytest.mark.parametrize("rate", [10, 13, "30000/1001", 100])
def test_a_line_is_exact_under_linear(rate: object) -> None:
    """Check: up-sampled linearly."""
    times = (np.arange(50) + 0.5) / 10
    out = resample(RegularTrack(3 * times - 2, 10, "intensive", t0=5), rate, "linear")
    assert out.t0 == 5 and out.values[:, 0] == pytest.approx(3 * (np.arange(len(out)) + 0.5) / float(out.rate) - 2, abs=1e-9)


def test_a_tone_above_the_new_limit_is_gone() -> None:
    """Check: a 40 Hz sine at 100 Hz, down to 50 Hz: below 1 % of its power is left."""
    tone = np.sin(2 * np.pi * 40 * np.arange(1000) / 100)
    out = resample(RegularTrack(tone, 100, "intensive"), 50, "lowpass")
    assert len(out) == 500 and (out.values**2).mean() < 0.01 * (tone**2).mean()
    kept = resample(RegularTrack(np.sin(2 * np.pi * 5 * np.arange(1000) / 100), 100, "intensive"), 50, "lowpass")
    assert (kept.values[50:-50] ** 2).mean() == pytest.approx(0.5, rel=0.01)


def test_lowpass_keeps_the_moments() -> None:
    """The middle of the first sample does not move, so a slow wave stays where it was."""
    wave = np.cos(2 * np.pi * 0.5 * (np.arange(1000) + 0.5) / 100)
    out = resample(RegularTrack(wave, 100, "intensive"), 20, "lowpass")
    middles = float(out.t0) + (np.arange(len(out)) + 0.5) / 20
    assert out.values[5:-5, 0] == pytest.approx(np.cos(2 * np.pi * 0.5 * middles)[5:-5], abs=1e-2)


def test_gaps_are_bridged_only_as_far_as_said() -> None:
    values = np.array([0.0, 1, np.nan, np.nan, 4, 5, np.nan, 7])
    track = RegularTrack(values, 1, "intensive")
    held = resample(track, 1, "linear")
    assert held.valid.tolist() == [True, True, False, False, True, True, False, True]
    short = resample(track, 1, "linear", max_gap=1.0)
    assert short.valid.tolist() == [True, True, False, False, True, True, True, True] and short.values[6, 0] == 6
    whole = resample(track, 2, "linear", max_gap=2.0)
    assert whole.valid.all() and whole.values[:, 0] == pytest.approx((np.arange(16) + 0.5) / 2 - 0.5)


def test_mean_keeps_the_sum_of_amounts() -> None:
    values = np.random.default_rng(0).normal(size=30)
    out = resample(RegularTrack(values, 10, "extensive"), 3, "mean")
    assert out.values.sum() == pytest.approx(values.sum()) and len(out) == 9
    assert resample(RegularTrack(np.arange(6.0), 10, "intensive"), 5, "mean").values.ravel().tolist() == [0.5, 2.5, 4.5]


def test_empty_and_unseen() -> None:
    assert len(resample(RegularTrack(np.zeros((0, 1)), 10, "intensive"), 20, "hold")) == 0
    assert not resample(RegularTrack(np.full(5, np.nan), 10, "intensive"), 20, "linear").valid.any()
    one = resample(RegularTrack([np.nan, 3.0, np.nan], 1, "intensive"), 2, "linear")
    assert one.valid.tolist() == [False, False, True, True, False, False] and one.values[2:4, 0].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("quantity", "rate", "how", "word"),
    [
        ("intensive", 5, "hold", "skip samples"),
        ("intensive", 5, "linear", "skip samples"),
        ("extensive", 20, "linear", "change its sum"),
        ("intensive", 5, "cubic", "'cubic'"),
        ("intensive", 0, "hold", "above 0"),
        ("intensive", Fraction(1000003, 200000), "lowpass", "no simple ratio"),
    ],
)
def test_errors(quantity: str, rate: object, how: str, word: str) -> None:
    with pytest.raises(DataError, match=word):
        resample(RegularTrack(np.arange(5.0), 10, quantity), rate, how)
