"""Autocorrelation and spectrum with steps left out."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional import series


def test_autocorrelation_by_hand() -> None:
    x = np.array([2.0, 4.0, 6.0, 4.0])[:, None]
    deviation = np.array([-2.0, 0.0, 2.0, 0.0])
    variance = (deviation**2).mean()
    expected = [(deviation[1:] * deviation[:-1]).mean() / variance, (deviation[2:] * deviation[:-2]).mean() / variance]
    assert series.autocorrelation(x, (1, 2))[:, 0] == pytest.approx(np.clip(expected, -1, 1))
    assert series.autocorrelation(x, (9,))[0, 0] == 0


def test_gaps_are_left_out() -> None:
    """An AR(1) series keeps its autocorrelation when a third of it is missing."""
    rng = np.random.default_rng(0)
    x = np.zeros(20000)
    noise = rng.normal(size=len(x))
    for t in range(1, len(x)):
        x[t] = 0.7 * x[t - 1] + noise[t]
    holes = np.where(rng.random(len(x)) < 0.33, np.nan, x)
    assert series.autocorrelation(holes[:, None], (1, 2))[:, 0] == pytest.approx([0.7, 0.49], abs=0.03)


def test_constant_and_missing_channels_are_zero() -> None:
    x = np.stack([np.full(20, 1e9), np.full(20, np.nan), np.arange(20.0)], axis=1)
    x[0, 2] = np.nan
    found = series.autocorrelation(x, (1,))
    assert found[0, :2].tolist() == [0, 0] and found[0, 2] > 0.5
    frequency, power = series.periodogram(x)
    assert np.isfinite(power).all() and power[:, 1].max() == 0 and len(frequency) == len(power)


def test_a_line_survives_a_gap() -> None:
    x = np.cos(2 * np.pi * 0.2 * np.arange(200))[:, None] + 5
    x[60:90] = np.nan
    frequency, power = series.periodogram(x)
    assert frequency[power[:, 0].argmax()] == pytest.approx(0.2)


def test_octaves_and_shape() -> None:
    shares = series.octave_shares(np.array([0.5, 0.3, 0.25, 0.01]), np.ones((4, 1)), 3)
    assert shares[:, 0].tolist() == [0.5, 0.25, 0.25]
    center, spread, entropy, top, height = series.spectral_shape(np.array([0.1, 0.3]), np.array([[1.0], [1.0]]))[:, 0]
    assert (center, spread, entropy, top, height) == pytest.approx((0.2, 0.1, 1.0, 0.1, 0.5))
    assert series.spectral_shape(*series.periodogram(np.zeros((2, 3)))).tolist() == np.zeros((5, 3)).tolist()


def test_shape_is_checked() -> None:
    with pytest.raises(DataError, match="steps, channels"):
        series.periodogram(np.zeros(5))
