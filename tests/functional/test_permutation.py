"""Permutation tests: exact answers, uniform p under the null, restriction to groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mcgurk.errors import DataError
from mcgurk.functional import permutation as p


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_observed_arrangement_counts():
    assert p.p_value(5.0, np.zeros(99)) == 0.01
    assert p.p_value(0.0, np.zeros(99)) == 1.0
    assert p.p_value(0.1 + 0.2, [0.3]) == 1.0  # a last bit is no evidence
    assert p.p_value(-1.0, [0.0, 1.0, 2.0], alternative="less") == 0.25
    assert p.p_value(-1.0, [0.0, 1.0, 2.0], alternative="two-sided") == 0.5


def test_exact_equals_scipy_and_monte_carlo(monkeypatch):
    a, b = rng().standard_normal(10) + 0.5, rng(1).standard_normal(10)
    reference = stats.permutation_test((a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf)
    exact = p.paired_test(a, b, rng=rng())
    assert exact == pytest.approx(reference.pvalue, abs=1e-12)
    monkeypatch.setattr(p, "_EXACT", 0)
    sampled = p.paired_test(a, b, rng=rng(), repeats=9999)
    assert abs(sampled - exact) < 3 * np.sqrt(exact * (1 - exact) / 9999) + 2e-4


def test_groups_flip_together():
    groups = np.repeat([0, 1, 2], 4)
    assert p.paired_test(np.ones(12), np.zeros(12), rng=rng(), groups=groups) == 2 / 8
    assert p.paired_test(np.ones(12), np.zeros(12), rng=rng()) == 2 / 4096
    assert p.paired_test(np.ones(12), np.zeros(12), rng=rng(), alternative="less") == 1.0


def test_uniform_under_the_null():
    values = [p.paired_test(x := rng(s).standard_normal(20), rng(s + 500).standard_normal(20), rng=rng(s), repeats=199) for s in range(200)]
    assert stats.kstest(values, "uniform").pvalue > 0.01 and x is not None


def test_permutation_within_groups_and_of_groups():
    groups = np.array([2, 0, 0, 1, 1, 2, 3, 3, 3])
    within, between = p._arrangements(9, groups, False), p._arrangements(9, groups, True)
    seen = set()
    for seed in range(30):
        order = within(rng(seed))
        np.testing.assert_array_equal(groups[order], groups)
        moved = between(rng(seed))
        assert sorted(moved) == list(range(9))
        np.testing.assert_array_equal(moved[6:], [6, 7, 8])  # the only group of its size stays
        assert len(np.unique(groups[moved][[1, 2]])) == 1
        seen.add(tuple(moved))
    assert len(seen) == 6


def test_a_group_effect_is_no_effect_within_groups():
    groups = np.repeat(np.arange(10), 10)
    level = np.repeat(rng().standard_normal(10), 10)
    x, y = level + 0.5 * rng(1).standard_normal(100), level + 0.5 * rng(2).standard_normal(100)
    free = p.permutation_test(lambda o: float(x @ y[o]), 100, rng=rng(), repeats=199)
    restricted = p.permutation_test(lambda o: float(x @ y[o]), 100, rng=rng(), groups=groups, repeats=199)
    assert free[1] == 0.005 and restricted[1] > 0.05
    assert len(restricted[2]) == 199 and free[0] == restricted[0]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: p.p_value(0.0, [1.0], alternative="both"), "alternative"),
        (lambda: p.paired_test([], [], rng=rng()), "at least one"),
        (lambda: p.paired_test([1.0], [1.0, 2.0], rng=rng()), "second has 2"),
        (lambda: p.paired_test([1.0], [1.0], rng=rng(), groups=[1, 2]), "one group per row"),
        (lambda: p.permutation_test(lambda o: 0.0, 3, rng=rng(), groups=[1, 2]), "one group per row"),
        (lambda: p.permutation_test(lambda o: 0.0, 3, rng=rng(), groups=[1, 2, 3]), "one row"),
        (lambda: p.permutation_test(lambda o: 0.0, 3, rng=rng(), groups=[1, 2, 2], whole_groups=True), "same size"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
