"""Interaction regressions: exact cases, the change of coordinates, the nested tests and the mixed difference."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.interactions import (
    all_pairs,
    change_of_center,
    design_matrix,
    fit_interactions,
    intervals,
    mixed_difference,
    nested_test,
)

PAIR = [[0, 1]]


def planted(x):
    return 2 * x[:, 0] + 3 * x[:, 1] - 1.5 * x[:, 0] * x[:, 1] + 1


def test_recovers_a_noise_free_surface():
    x = np.random.default_rng(0).normal([3, -2], size=(50, 2))
    np.testing.assert_allclose(fit_interactions(x, planted(x), PAIR).raw, [[1, 2, 3, -1.5]], rtol=1e-10)


def test_additive_fit_misses_exactly_the_product_on_a_factorial_grid():
    x = np.array([[a, b] for a in np.arange(5.0) for b in np.arange(4.0) ** 2])
    fit = fit_interactions(x, planted(x), PAIR, form="additive")
    c = x - x.mean(axis=0)
    np.testing.assert_allclose(fit.model.rss / len(x), 2.25 * (c[:, 0] * c[:, 1]).var(), rtol=1e-10)
    assert fit.test is None


def test_centring_changes_main_effects_only_by_the_other_mean():
    rng = np.random.default_rng(1)
    x = rng.normal([1.0, -3.0], size=(80, 2))
    y = planted(x) + rng.normal(size=80)
    near, far = fit_interactions(x, y, PAIR), fit_interactions(x + np.array([10.0, -5.0]), y, PAIR)
    w3, mean = near.raw[0, 3], x.mean(axis=0)
    np.testing.assert_allclose(near.centred[0, 1:3], near.raw[0, 1:3] + w3 * mean[::-1], rtol=1e-10)
    np.testing.assert_allclose(near.centred[0, 3], w3, rtol=1e-12)
    np.testing.assert_allclose(near.test.statistic, far.test.statistic, rtol=1e-10)
    raw = design_matrix(x, np.array(PAIR)) @ near.raw[0]
    np.testing.assert_allclose(raw, design_matrix(x - mean, np.array(PAIR)) @ near.centred[0], rtol=1e-9)
    np.testing.assert_allclose(
        raw, np.column_stack([np.ones(80), x, x.prod(axis=1)]) @ np.linalg.lstsq(np.column_stack([np.ones(80), x, x.prod(axis=1)]), y)[0]
    )


def test_raw_errors_equal_those_of_a_raw_fit():
    rng = np.random.default_rng(2)
    x = rng.normal([1.0, 2.0], size=(60, 2))
    y = planted(x) + rng.normal(size=60)
    fit = fit_interactions(x, y, PAIR)
    D = np.column_stack([np.ones(60), x, x.prod(axis=1)])
    expected = np.sqrt(np.diag(np.linalg.inv(D.T @ D)) * fit.model.rss / 56)
    np.testing.assert_allclose(fit.raw_error[0], expected, rtol=1e-9)


def test_mixed_difference_of_a_fit_is_the_product_of_the_steps():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 2))
    fit = fit_interactions(x, planted(x) + rng.normal(size=40), PAIR)

    def function(a, b):
        return design_matrix(np.hstack([a, b]), np.array(PAIR)) @ fit.raw[0]

    a, a2, b, b2 = rng.normal(size=(4, 7, 1))
    np.testing.assert_allclose(mixed_difference(function, a, a2, b, b2), fit.raw[0, 3] * ((a - a2) * (b - b2))[:, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mixed_difference(lambda u, v: (u**2 + np.sin(v))[:, 0], a, a2, b, b2), 0, atol=1e-12)


def test_f_test_keeps_its_level():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(30, 2)) + 1
    y = x.sum(axis=1)[:, None] + rng.normal(size=(30, 2000))
    some = [fit_interactions(x, y[:, i], PAIR).test.p_value for i in range(200)]
    full, reduced = (np.column_stack([np.ones(30), x, x.prod(axis=1)][: 2 + k]) for k in (1, 0))
    rss = [((y - d @ np.linalg.lstsq(d, y)[0]) ** 2).sum(axis=0) for d in (full, reduced)]
    from scipy import stats

    p = stats.f.sf((rss[1] - rss[0]) / (rss[0] / 26), 1, 26)  # the same test for all 2000 at once
    np.testing.assert_allclose(some, p[:200], rtol=1e-8)
    assert abs((p < 0.05).mean() - 0.05) < 0.015


def test_multiplicative_models_raw_products():
    rng = np.random.default_rng(5)
    x = rng.normal([2.0, 1.0], size=(50, 2))
    fit = fit_interactions(x, 4 - 2 * x.prod(axis=1), PAIR, form="multiplicative")
    np.testing.assert_allclose(fit.raw, [[4, 0, 0, -2]], atol=1e-10)
    np.testing.assert_allclose(fit.centred[0, 1:3], -2 * x.mean(axis=0)[::-1], rtol=1e-9)


@pytest.mark.parametrize("family", ["multinomial", "poisson", "negative_binomial"])
def test_likelihood_ratio_finds_a_planted_product(family):
    rng = np.random.default_rng(6)
    x = rng.normal(size=(600, 2))
    eta = 0.3 * x[:, 0] + 0.8 * x.prod(axis=1)
    y = (rng.random(600) < 1 / (1 + np.exp(-eta))).astype(int) if family == "multinomial" else rng.poisson(np.exp(0.5 * eta))
    fit = fit_interactions(x, y, PAIR, family=family)
    assert fit.test.p_value < 1e-4 and fit.test.df == (1, np.inf) and 0 < fit.test.partial_r2 < 1
    assert fit.df == np.inf


def test_squares_and_their_centre():
    move = change_of_center(np.array([2.0]), np.array([[0, 0]]))
    x = np.linspace(-1, 3, 7)[:, None]
    b = np.array([1.0, -1.0, 0.5])
    np.testing.assert_allclose(design_matrix(x, np.array([[0, 0]])) @ (move @ b), design_matrix(x - 2, np.array([[0, 0]])) @ b)


def test_ridge_shrinks_and_undetermined_terms_are_marked():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(40, 2))
    y = planted(x) + rng.normal(size=40)
    assert abs(fit_interactions(x, y, PAIR, ridge=10.0).centred[0, 3]) < abs(fit_interactions(x, y, PAIR).centred[0, 3])
    twice = fit_interactions(np.hstack([x, x[:, :1]]), y, PAIR)
    assert np.isnan(twice.centred_error[0, 3]) and twice.centred[0, 3] == 0 and np.isfinite(twice.centred_error[0, [0, 1, 2, 4]]).all()


def test_intervals_cover_and_tests_without_freedom_are_nan():
    low, high, p = intervals(np.array([0.0]), np.array([1.0]), np.inf, 0.95)
    np.testing.assert_allclose([low[0], high[0], p[0]], [-1.959964, 1.959964, 1.0], atol=1e-6)
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert np.isnan(fit_interactions(x, [1.0, 2.0, 3.0, 5.0], PAIR).test.p_value)
    same = fit_interactions(x, [1.0, 2.0, 3.0, 4.0], PAIR, form="additive").model
    assert np.isnan(nested_test(same, same, 4).p_value)
    assert all_pairs([range(2), range(2, 3)]) == [(0, 2), (1, 2)]


@pytest.mark.parametrize(("change", "match"), [({"form": "odd"}, "form='odd'"), ({"pairs": [[0, 5]]}, "name columns 0 to 5")])
def test_refusals(change, match):
    options = {"pairs": PAIR, **change}
    with pytest.raises(DataError, match=match):
        fit_interactions(np.ones((4, 2)), np.ones(4), options.pop("pairs"), **options)
