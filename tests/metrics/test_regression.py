"""Regression metrics equal scikit-learn's and scipy's."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.metrics import METRICS

RNG = np.random.default_rng(0)
Y = np.round(RNG.uniform(1, 9, 80))
F = Y + RNG.standard_normal(80)
W = RNG.uniform(0, 2, 80)


@pytest.mark.parametrize("w", [None, W])
def test_equal_to_scikit_learn(w):
    expected = {
        "mae": sk.mean_absolute_error(Y, F, sample_weight=w),
        "mse": sk.mean_squared_error(Y, F, sample_weight=w),
        "rmse": sk.root_mean_squared_error(Y, F, sample_weight=w),
        "mape": 100 * sk.mean_absolute_percentage_error(Y, F, sample_weight=w),
        "r2": sk.r2_score(Y, F, sample_weight=w),
        "poisson_deviance": sk.mean_poisson_deviance(Y, np.abs(F), sample_weight=w),
    }
    for name, value in expected.items():
        assert METRICS[name](Y, np.abs(F) if name == "poisson_deviance" else F, weight=w) == pytest.approx(value, abs=1e-12), name


def test_correlations():
    assert METRICS["pearson"](Y, F) == pytest.approx(stats.pearsonr(Y, F)[0])
    assert METRICS["spearman"](Y, F) == pytest.approx(stats.spearmanr(Y, F)[0])
    covariance = np.cov(Y, F, bias=True)
    assert METRICS["ccc"](Y, F) == pytest.approx(2 * covariance[0, 1] / (np.trace(covariance) + (Y.mean() - F.mean()) ** 2))
    assert METRICS["pearson"](Y, F, weight=W) == pytest.approx(
        np.cov(Y, F, aweights=W)[0, 1] / np.sqrt(np.prod(np.diag(np.cov(Y, F, aweights=W))))
    )


def test_outputs_are_averaged_and_constants_are_defined():
    both = np.column_stack([Y, 2 * Y]), np.column_stack([F, Y])
    for name in ("mae", "r2", "pearson", "ccc", "spearman"):
        single = [METRICS[name](both[0][:, j], both[1][:, j]) for j in range(2)]
        assert METRICS[name](*both) == pytest.approx(np.mean(single))
    flat = np.ones(5)
    assert METRICS["r2"](flat, flat) == 1.0 and METRICS["r2"](flat, flat + 1) == 0.0
    assert METRICS["pearson"](flat, np.arange(5.0)) == 0.0 and METRICS["ccc"](flat, flat) == 0.0


@pytest.mark.parametrize(
    ("name", "truth", "given", "match"),
    [
        ("mape", [0.0], [1.0], "true value is 0"),
        ("mae", [1.0], [1.0, 2.0], "expected the same"),
        ("mae", [np.inf], [1.0], "finite"),
        ("poisson_deviance", [1.0], [0.0], "expected counts > 0"),
    ],
)
def test_errors(name, truth, given, match):
    with pytest.raises(DataError, match=match):
        METRICS[name](truth, given)
    with pytest.raises(DataError, match="takes no weights"):
        METRICS["spearman"](Y, F, weight=W)
