"""Late-fusion rules: the known answers, absence, order, and what no rule can do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.datasets import load_digits

from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional import linear
from mcgurk.functional.decisions import RULES, WEIGHTED
from mcgurk.functional.pools import fit_pool_weights

EXAMPLE = np.log([[[0.7, 0.2, 0.1], [0.4, 0.5, 0.1]]])
BOTH = np.ones((1, 2), bool)
RNG = np.random.default_rng(0)


def decisions(n=30, M=3, C=2, seed=0):
    return log_softmax(2 * np.random.default_rng(seed).standard_normal((n, M, C)), axis=2)


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("product", {}, (0.717949, 0.256410, 0.025641)),
        ("mean", {}, (0.55, 0.35, 0.10)),
        ("max", {}, (0.538462, 0.384615, 0.076923)),
        ("min", {}, (0.571429, 0.285714, 0.142857)),
        ("log", {"weights": (0.75, 0.25)}, (0.633905, 0.261939, 0.104156)),
        ("linear", {"weights": (0.75, 0.25)}, (0.625, 0.275, 0.1)),
        ("product", {"prior": (0.5, 0.3, 0.2)}, (0.593640, 0.353357, 0.053004)),
        ("median", {}, (0.55, 0.35, 0.10)),
        ("borda", {}, (0.5, 0.5, 0.0)),
        ("dempster", {}, (0.717949, 0.256410, 0.025641)),
    ],
)
def test_known_answers(name, options, expected):
    result = np.exp(RULES[name](EXAMPLE, BOTH, **options))
    np.testing.assert_allclose(result[0], expected, atol=2e-6)


def test_sum_rule_clips_and_says_so():
    with pytest.warns(McgurkWarning, match="clipped in 1 of 1") as caught:
        result = np.exp(RULES["sum"](np.log([[[0.9, 0.1, 1e-9], [0.7, 0.2, 0.1]]]), BOTH, prior=(0.5, 0.3, 0.2)))
    assert caught[0].message.code == "Q01"
    np.testing.assert_allclose(result, [[1.1 / 1.1, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(np.exp(RULES["sum"](EXAMPLE, BOTH, prior=(0.5, 0.3, 0.2))), [[0.6, 0.4, 0.0]], atol=1e-9)
    logp = decisions(C=4)
    present = np.ones((30, 3), bool)
    with pytest.warns(McgurkWarning):
        summed = RULES["sum"](logp, present)
    np.testing.assert_array_equal(summed.argmax(1), RULES["mean"](logp, present).argmax(1))


def test_mcgurk_effect_in_closed_form():
    visual, audio = np.array([0.0, 2.0, 2.5]), np.array([0.0, 0.5, 2.5])
    seen, heard = 2.5, 0.0
    logp = log_softmax(np.stack([-((seen - visual) ** 2) / 2, -((heard - audio) ** 2) / 2]), axis=1)[None]
    assert logp[0].argmax(1).tolist() == [2, 0]
    np.testing.assert_allclose(np.exp(RULES["product"](logp, BOTH))[0], [0.050696, 0.898608, 0.050696], atol=1e-6)


def test_digits_halves_reach_the_reference_accuracies():
    digits = load_digits()
    images = digits.data.reshape(-1, 8, 8) / 16
    left, right = images[:, :, :4].reshape(-1, 32), images[:, :, 4:].reshape(-1, 32)
    both, y = np.hstack([left, right]), digits.target
    logp = {}
    for name, X in (("L", left), ("R", right), ("early", both)):
        logp[name] = linear.log_proba(linear.scores(X[1200:], *linear.fit_logistic(X[:1200], y[:1200], 10)))

    def accuracy(names, rule="mean"):
        stacked = np.stack([logp[n] for n in names], axis=1)
        return (RULES[rule](stacked, np.ones(stacked.shape[:2], bool)).argmax(1) == y[1200:]).mean()

    for names, rule, expected in (
        (["L"], "mean", 0.781),
        (["R"], "mean", 0.826),
        (["early"], "mean", 0.921),
        (["L", "R"], "mean", 0.881),
        (["L", "R"], "product", 0.906),
        (["L", "R"], "max", 0.861),
        (["L", "R"], "min", 0.903),
        (["L", "R", "early"], "mean", 0.913),
    ):
        assert accuracy(names, rule) == pytest.approx(expected, abs=0.01), (names, rule)


def test_xor_needs_early_fusion():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = x[:, 0] ^ x[:, 1]
    unimodal = np.log(np.full((4, 2, 2), 0.5))
    for name, kind in (("linear", "linear"), ("log", "log")):
        weights = fit_pool_weights(unimodal, y, kind=kind)
        np.testing.assert_allclose(np.exp(RULES[name](unimodal, np.ones((4, 2), bool), weights=weights)), 0.5)
    features = np.column_stack([x, x[:, 0] * x[:, 1]]).astype(float)
    coef, intercept = linear.fit_logistic(features, y, 2, C=1e3)
    np.testing.assert_array_equal(linear.scores(features, coef, intercept)[:, 0] > 0, y == 1)


@pytest.mark.filterwarnings("ignore::mcgurk.errors.McgurkWarning")
@pytest.mark.parametrize("name", RULES)
def test_dropping_a_modality_is_not_having_it(name):
    logp, prior = decisions(), (0.7, 0.3)
    weights = np.array([0.5, 0.2, 0.3]) if name in WEIGHTED else None
    present = np.ones((30, 3), bool)
    present[:, 1] = False
    logp[:, 1] = np.nan
    dropped = RULES[name](logp, present, prior=prior, weights=weights)
    rest = RULES[name](logp[:, [0, 2]], present[:, [0, 2]], prior=prior, weights=None if weights is None else weights[[0, 2]])
    np.testing.assert_allclose(dropped, rest, rtol=1e-10, atol=1e-12)


@pytest.mark.filterwarnings("ignore::mcgurk.errors.McgurkWarning")
@pytest.mark.parametrize("name", RULES)
def test_every_rule_gives_a_distribution_in_any_order_and_the_prior_for_nothing(name):
    logp, prior = decisions(), (0.7, 0.3)
    present = RNG.random((30, 3)) < 0.7
    present[4] = False
    result = RULES[name](logp, present, prior=prior)
    np.testing.assert_allclose(np.exp(result).sum(1), 1.0)
    np.testing.assert_allclose(np.exp(result[4]), prior)
    np.testing.assert_allclose(RULES[name](logp[:, ::-1], present[:, ::-1], prior=prior), result, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(RULES[name](logp[4:5], present[4:5], prior=prior), result[4:5])


@pytest.mark.filterwarnings("ignore::mcgurk.errors.McgurkWarning")
@pytest.mark.parametrize("name", RULES)
def test_certain_decisions_never_give_nan(name):
    sure = np.log(
        np.array([[[1.0, 1e-320], [1.0, 0.0]], [[0.0, 1.0], [0.3, 0.7]]]) + 0.0,
        where=[[[1, 1], [1, 0]], [[0, 1], [1, 1]]],
        out=np.full((2, 2, 2), -np.inf),
    )
    result = RULES[name](sure, np.ones((2, 2), bool))
    assert not np.isnan(result).any()
    assert result.argmax(1).tolist() == [0, 1]


def test_total_contradiction_gives_the_prior_and_dempster_raises():
    clash = np.array([[[0.0, -np.inf], [-np.inf, 0.0]]])
    for name in ("product", "min", "log"):
        np.testing.assert_allclose(np.exp(RULES[name](clash, BOTH, prior=(0.8, 0.2))), [[0.8, 0.2]])
    with pytest.raises(DataError, match="row 0 contradict"):
        RULES["dempster"](clash, BOTH)


def test_votes_and_their_ties():
    p = np.log([[[0.9, 0.1], [0.4, 0.6], [0.45, 0.55]]])
    present = np.ones((1, 3), bool)
    np.testing.assert_allclose(np.exp(RULES["vote"](p, present)), [[1 / 3, 2 / 3]], atol=1e-5)
    np.testing.assert_allclose(np.exp(RULES["vote"](p, present, weights=(3, 1, 1))), [[0.6, 0.4]], atol=1e-5)
    present[0, 2] = False  # one vote each: the larger summed probability wins
    assert RULES["vote"](p, present).argmax() == 0
    assert RULES["vote"](p[:, ::-1], present[:, ::-1]).argmax() == 0
    flat = np.log(np.full((1, 2, 4), 0.25))
    assert RULES["vote"](flat, BOTH).argmax() == 0
    np.testing.assert_allclose(np.exp(RULES["borda"](flat, BOTH)), 0.25)


def test_detection_rules():
    p = np.log([[[0.2, 0.8], [0.7, 0.3]]])
    np.testing.assert_array_equal(np.exp(RULES["and"](p, BOTH)), [[1, 0]])
    np.testing.assert_array_equal(np.exp(RULES["or"](p, BOTH)), [[0, 1]])
    np.testing.assert_allclose(np.exp(RULES["noisy_or"](p, BOTH)), [[0.14, 0.86]])
    with pytest.raises(DataError, match="2 classes"):
        RULES["or"](EXAMPLE, BOTH)


def test_zero_weight_zero_prior_and_products():
    logp = decisions(C=3)
    present = np.ones((30, 3), bool)
    logp[:, 1, 0] = -np.inf
    for name in ("linear", "log", "vote", "borda"):
        with_zero = RULES[name](logp, present, weights=(1, 0, 1))
        np.testing.assert_allclose(with_zero, RULES[name](logp[:, [0, 2]], present[:, [0, 2]]), atol=1e-10)
        np.testing.assert_allclose(np.exp(RULES[name](logp, present, weights=(0, 0, 0))), 1 / 3)
    assert np.isneginf(RULES["product"](decisions(C=3), present, prior=(0.5, 0.5, 0))[:, 2]).all()
    logp = decisions(C=3)
    np.testing.assert_allclose(log_softmax(3 * RULES["log"](logp, present), axis=1), RULES["product"](logp, present), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: RULES["mean"](EXAMPLE, BOTH, weights=(1, 1)), "takes no weights"),
        (lambda: RULES["mean"](EXAMPLE[0], BOTH), "expected \\(rows, modalities, classes\\)"),
        (lambda: RULES["mean"](EXAMPLE, np.ones((1, 2))), "expected bool"),
        (lambda: RULES["mean"](np.exp(EXAMPLE), BOTH), "a number <= 0"),
        (lambda: RULES["mean"](EXAMPLE * np.nan, BOTH), "row 0, modality 0, class 0"),
        (lambda: RULES["mean"](EXAMPLE, BOTH, prior=(0, 0, 0)), "positive sum"),
        (lambda: RULES["linear"](EXAMPLE, BOTH, weights=(-1, 2)), "-1"),
        (lambda: RULES["dempster"](EXAMPLE, BOTH, weights=(0.5, 2)), "between 0 and 1"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
