"""Fitted pool weights: minima on the simplex, known combinations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_softmax

from mcgurk.errors import DataError
from mcgurk.functional import pools
from mcgurk.functional.decisions import RULES


def held_out(n=400, C=3, seed=0):
    """Three modalities: sharp, blurred, noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, C, n)
    truth = np.eye(C)[y]
    logits = np.stack([2.0 * truth, truth, 0.0 * truth], axis=1) + rng.standard_normal((n, 3, C))
    return log_softmax(logits, axis=2), y


@pytest.mark.parametrize("kind", ["linear", "log"])
def test_fitted_weights_are_the_minimum_over_the_simplex(kind):
    logp, y = held_out()
    present = np.ones((400, 3), bool)
    weight = np.arange(400) % 3 + 0.5

    def nll(w):
        return -(weight * RULES[kind](logp, present, weights=w)[np.arange(400), y]).sum()

    best = pools.fit_pool_weights(logp, y, kind=kind, weight=weight)
    assert best.sum() == pytest.approx(1.0) and (best >= 0).all()
    grid = [(a, b, 1 - a - b) for a in np.linspace(0, 1, 21) for b in np.linspace(0, 1 - a, 21)]
    assert nll(best) <= min(map(nll, map(np.clip, grid, [0] * len(grid), [1] * len(grid)))) + 1e-6


@pytest.mark.parametrize("loss", [pools._linear_loss, pools._log_loss])
def test_gradients(loss):
    logp, y = held_out(20)
    mask = np.random.default_rng(1).random((20, 3)) < 0.6
    mask[:, 0] = True
    s = np.full(20, 0.05)
    error = check_grad(lambda w: loss(w, logp, mask, y, s)[0], lambda w: loss(w, logp, mask, y, s)[1], np.array([0.2, 0.5, 0.3]))
    assert error < 1e-6


def test_absent_values_do_not_matter_and_empty_rows_are_ignored():
    logp, y = held_out(60)
    present = np.random.default_rng(2).random((60, 3)) < 0.7
    present[3] = False
    poisoned = np.where(present[:, :, None], logp, np.nan)
    weights = pools.fit_pool_weights(logp, y, present)
    np.testing.assert_array_equal(pools.fit_pool_weights(poisoned, y, present), weights)
    rest = np.arange(60) != 3
    np.testing.assert_allclose(pools.fit_pool_weights(logp[rest], y[rest], present[rest]), weights, atol=1e-12)


def test_bates_granger_minimises_the_squared_error():
    rng = np.random.default_rng(0)
    y = rng.standard_normal(500)
    forecasts = y[:, None] + rng.standard_normal((500, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 2.0]])
    w = pools.fit_forecast_weights(forecasts, y, ridge=0.0)

    def mse(v):
        return ((forecasts @ v - y) ** 2).mean()

    for direction in ((1, -1, 0), (0, 1, -1)):
        for step in (1e-3, -1e-3):
            assert mse(w) < mse(w + step * np.array(direction))


def test_nonnegative_weights_are_the_best_on_the_simplex():
    rng = np.random.default_rng(1)
    y = rng.standard_normal(300)
    shared = rng.standard_normal(300)
    forecasts = np.column_stack([y + shared, y + 2 * shared + 0.1 * rng.standard_normal(300), y + 3 * rng.standard_normal(300)])
    assert pools.fit_forecast_weights(forecasts, y).min() < 0
    w = pools.fit_forecast_weights(forecasts, y, nonnegative=True, ridge=0.0)
    assert w.min() == 0.0 and w.sum() == pytest.approx(1.0)
    grid = [np.array([a, b, 1 - a - b]) for a in np.linspace(0, 1, 51) for b in np.linspace(0, 1 - a, 51)]
    assert ((forecasts @ w - y) ** 2).mean() <= min(((forecasts @ g - y) ** 2).mean() for g in grid) + 1e-9


def test_variance_of_average():
    assert pools.variance_of_average(2, 3.0, 0.5) == pytest.approx(2.25)


def test_errors():
    logp, y = held_out(10)
    with pytest.raises(DataError, match="kind"):
        pools.fit_pool_weights(logp, y, kind="max")
    with pytest.raises(DataError, match="no row has"):
        pools.fit_pool_weights(logp, y, np.zeros((10, 3), bool))
    with pytest.raises(DataError, match="linearly dependent"):
        pools.fit_forecast_weights(np.ones((5, 2)), np.zeros(5), ridge=0.0)
