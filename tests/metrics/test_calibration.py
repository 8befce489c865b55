"""Calibration error by hand, and Brier's parts sum up."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.metrics import calibration as c

CONFIDENCE = np.array([0.95, 0.95, 0.55, 0.55])
SCORES = np.column_stack([CONFIDENCE, 1 - CONFIDENCE])
Y = np.array([0, 0, 0, 1])


def test_known_answers():
    assert c.calibration_error(Y, SCORES, mass=False) == pytest.approx(0.05)
    assert c.calibration_error(Y, SCORES, bins=2) == pytest.approx(0.05)
    assert c.calibration_error(Y, SCORES, bins=2, mass=False) == pytest.approx(0.0)
    assert c.maximum_calibration_error(Y, SCORES) == pytest.approx(0.05)


def test_equal_confidences_stay_together_and_weights_repeat_rows():
    assert len(c.reliability(np.ones(9), np.full(9, 0.3))["share"]) == 1
    rng = np.random.default_rng(0)
    p, hit, w = rng.random(50).round(1), rng.integers(0, 2, 50), rng.integers(0, 4, 50)
    repeated = np.repeat(np.arange(50), w)
    for mass in (True, False):
        a, b = c.reliability(hit, p, weight=w, mass=mass, bins=5), c.reliability(hit[repeated], p[repeated], mass=mass, bins=5)
        for key in a:
            np.testing.assert_allclose(a[key], b[key])


def test_equal_mass_bins_have_equal_mass():
    shares = c.reliability(np.ones(1000), np.random.default_rng(0).random(1000), bins=10)["share"]
    np.testing.assert_allclose(shares, 0.1, atol=0.0011)


def test_brier_decomposition_is_exact_on_bin_means():
    rng = np.random.default_rng(1)
    p = rng.random(300)
    hit = (rng.random(300) < p).astype(float)
    table = c.reliability(hit, p, bins=6, mass=False)
    means = table["confidence"][np.minimum((p * 6).astype(int), 5)]
    parts = c.brier_decomposition(hit, p, bins=6, mass=False)
    assert ((means - hit) ** 2).mean() == pytest.approx(parts["reliability"] - parts["resolution"] + parts["uncertainty"], abs=1e-12)


def test_errors():
    with pytest.raises(DataError, match="probabilities"):
        c.reliability([1], [1.5])
    with pytest.raises(DataError, match="at least one bin"):
        c.reliability([1], [0.5], bins=0)
