"""Intervals of folds and of resamples."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.study.interval import Estimate, adjusted, drawn, level, resampled, weights


def test_corrected_interval_covers() -> None:
    """Overlapping training sets: the corrected interval is wider than the naive one by sqrt(1 + K ratio)."""
    values = np.array([0.02, 0.04, 0.03, 0.05, 0.01])
    found = resampled(values, 0.25)
    naive = values.std(ddof=1) / np.sqrt(5)
    assert found.error == pytest.approx(naive * np.sqrt(1 + 5 * 0.25))
    assert found.clear == 1
    assert resampled(-values, 0.25).clear == -1


def test_few_folds() -> None:
    assert np.isnan(resampled(np.array([0.3]), 0.25).low)
    assert resampled(np.array([0.3, np.nan]), 0.25).value == 0.3
    assert np.isnan(resampled(np.array([np.nan]), 0.25).value)
    assert resampled(np.zeros(5), 0.25).p == 1.0


def test_drawn() -> None:
    found = drawn(1.0, np.linspace(-0.1, 2.1, 1001))
    assert found.low < 0 < found.high and found.clear == 0
    assert found.p == pytest.approx(2 * 47 / 1002, abs=0.01)
    assert np.isnan(drawn(1.0, np.array([np.nan, 1.0])).low)


def test_weights_draw_whole_units() -> None:
    w = weights(7, seed=5, draws=50)
    assert w.shape == (50, 7) and (w.sum(axis=1) == 7).all()
    assert (w == weights(7, seed=5, draws=50)).all()


def test_holm_with_gaps() -> None:
    assert adjusted([0.01, np.nan, 0.04, 0.03, 0.005]).round(3).tolist()[0] == 0.03
    assert np.isnan(adjusted([np.nan])).all()


def test_clear_needs_an_interval() -> None:
    assert Estimate(1.0, np.nan, np.nan, np.nan, np.nan).clear == 0


def test_intervals_that_hold_at_once_are_wider_and_agree_with_bonferroni() -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, 20)
    one, many = resampled(values, 0.25), resampled(values, 0.25, among=10)
    assert many.low < one.low < one.value < one.high < many.high and many.p == one.p
    for scale in (0.2, 0.6, 1.2):  # the widened interval leaves out 0 exactly where p times the number of tests is below .05
        e = resampled(values * 0.5 + scale, 0.25, among=10)
        assert (e.clear != 0) == (10 * e.p < 0.05)
    draws = np.random.default_rng(1).normal(0.5, 0.2, 2000)
    one, many = drawn(0.5, draws), drawn(0.5, draws, among=10)
    assert many.low < one.low < one.high < many.high and level(1) == 0.95 and level(10) == pytest.approx(0.995)
