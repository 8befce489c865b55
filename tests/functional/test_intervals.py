"""Intervals: known answers, limits, and coverage on simulated cross-validation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.functional import intervals as i


def test_corrected_t_by_hand():
    d = np.array([1.0, 2.0, 3.0, 4.0])
    got = i.corrected_resampled_t(d, rho=0.25, level=0.9)
    se = np.sqrt((0.25 + 0.25) * d.var(ddof=1))
    assert got.se == pytest.approx(se)
    assert got.high - got.low == pytest.approx(2 * stats.t.ppf(0.95, 3) * se)
    assert got.p_value == pytest.approx(2 * stats.t.sf(2.5 / se, 3))


def test_corrected_t_tends_to_the_ordinary_one_and_knows_constants():
    d = np.random.default_rng(0).standard_normal(30)
    assert i.corrected_resampled_t(d, rho=1e-12).p_value == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=1e-8)
    assert i.corrected_resampled_t(np.zeros(5), 0.1).p_value == 1.0
    assert i.corrected_resampled_t(np.ones(5), 0.1).p_value == 0.0


def test_corrected_t_keeps_its_level_where_the_ordinary_one_does_not():
    """Two equally good learners (row means of two noise columns) on 5 x 5 cross-validation of 60 rows, 200 simulations."""
    rng = np.random.default_rng(0)
    corrected = ordinary = 0
    for _ in range(200):
        x, y = rng.standard_normal((60, 2)), rng.standard_normal(60)
        d = []
        for _ in range(5):
            for test in np.array_split(rng.permutation(60), 5):
                train = np.setdiff1d(np.arange(60), test)
                slope = (x[train] * y[train, None]).mean(0) / (x[train] ** 2).mean(0)
                error = ((y[test, None] - slope * x[test]) ** 2).mean(0)
                d.append(error[0] - error[1])
        corrected += i.corrected_resampled_t(d, 1 / 4).p_value < 0.05
        ordinary += stats.ttest_1samp(d, 0).pvalue < 0.05
    assert corrected <= 20 < ordinary


def test_wilson():
    got = i.wilson(8, 10)
    reference = stats.binomtest(8, 10).proportion_ci(0.95, method="wilson")
    assert (got.low, got.high) == pytest.approx((reference.low, reference.high))
    assert i.wilson(0, 5).low == 0.0 and i.wilson(5, 5).high == 1.0
    rng = np.random.default_rng(1)
    covered = [i.wilson(k, 30).low <= 0.2 <= i.wilson(k, 30).high for k in rng.binomial(30, 0.2, 1000)]
    assert 0.92 <= np.mean(covered) <= 0.985


def test_multiplicity():
    p = [0.01, 0.04, 0.03, 0.005]
    np.testing.assert_allclose(i.holm(p), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(i.benjamini_hochberg(p), [0.02, 0.04, 0.04, 0.02])
    many = np.random.default_rng(0).random(50)
    np.testing.assert_allclose(i.benjamini_hochberg(many), stats.false_discovery_control(many))
    assert len(i.holm([])) == 0 and i.holm([0.9, 0.8]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: i.corrected_resampled_t([1.0], 0.1), "at least 2"),
        (lambda: i.corrected_resampled_t([1.0, 2.0], 0.0), "rho"),
        (lambda: i.corrected_resampled_t([1.0, 2.0], 0.1, level=95), "level is 95"),
        (lambda: i.wilson(3, 2), "between 0 and n"),
        (lambda: i.holm([1.5]), "between 0 and 1"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
