"""Calibrators recover what was planted and agree with scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from mcgurk.errors import DataError
from mcgurk.functional import calibrate as c


def draw(n=10_000, k=5, seed=0):
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.standard_normal((n, k))
    return logits, np.argmax(logits + rng.gumbel(size=(n, k)), axis=1)


def test_temperature_is_recovered_and_keeps_the_arg_max():
    logits, y = draw()
    T = c.fit_temperature(2 * logits, y)
    assert abs(T - 2.0) < 0.1
    np.testing.assert_array_equal(c.apply_temperature(logits, T).argmax(1), logits.argmax(1))


def test_temperature_is_the_minimum_of_the_log_loss():
    logits, y = draw(300, 3)
    weight = np.arange(300) % 3 + 0.5

    def nll(T):
        return -(weight * log_softmax(logits / T, axis=1)[np.arange(300), y]).sum()

    T = c.fit_temperature(logits, y, weight=weight)
    assert nll(T) < min(nll(T * 1.001), nll(T / 1.001))
    binary = c.fit_temperature(logits[:, :1], np.minimum(y, 1))
    assert binary == pytest.approx(c.fit_temperature(np.column_stack([np.zeros(300), logits[:, 0]]), np.minimum(y, 1)))


def test_temperature_stays_in_its_range():
    z = np.array([[3.0, 0.0], [0.0, 3.0]])
    assert c.fit_temperature(z, np.array([0, 1])) == 0.01
    assert c.fit_temperature(z, np.array([1, 0])) == 100.0
    assert c.fit_temperature(np.zeros((2, 2)), np.array([0, 1])) == 1.0


def test_platt_equals_scikit_learn():
    logits, y = draw(500, 2)
    scores = 3 * logits[:, 1] - 1
    weight = 1.0 + (np.arange(500) % 2)
    a, b = c.fit_platt(scores, y, weight=weight)
    reference = _sigmoid_calibration(scores, y, weight)
    assert (a, b) == pytest.approx((-reference[0], -reference[1]), abs=1e-3)
    p = np.exp(c.apply_platt(scores, a, b))
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-(a * scores + b))))


def test_platt_on_separable_and_on_huge_scores():
    a, b = c.fit_platt(np.array([-1e6, -1e6 + 1, 1e6, 1e6 + 1]), np.array([0, 0, 1, 1]))
    assert np.isfinite([a, b]).all() and a > 0


def test_isotonic_equals_scikit_learn():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 30, 400) / 3.0
    y = (rng.random(400) < 1 / (1 + np.exp(-(x - 5)))).astype(float)
    w = rng.uniform(0, 2, 400)
    knots, values = c.fit_isotonic(x, y, weight=w)
    model = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=w)
    grid = np.linspace(-1, 12, 77)
    np.testing.assert_allclose(c.apply_isotonic(grid, knots, values), model.predict(grid), atol=1e-12)


def test_errors():
    with pytest.raises(DataError, match="one class only") as caught:
        c.fit_platt(np.ones(3), np.ones(3, int))
    assert caught.value.code == "S01"
    with pytest.raises(DataError, match="finite"):
        c.fit_temperature(np.array([[-np.inf, 0.0]]), np.array([1]))
    with pytest.raises(DataError, match="temperature"):
        c.apply_temperature(np.zeros((1, 2)), 0.0)
