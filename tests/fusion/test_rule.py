"""Fixed, weighted and fitted rules on decisions: known answers, absence, every target."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from mcgurk.data.target import encode_target
from mcgurk.errors import DataError
from mcgurk.functional.decisions import RULES
from mcgurk.fusion import Rule
from mcgurk.fusion.decision import Decision

PARTS = {
    "a": Decision(np.log([[0.7, 0.2, 0.1]]), np.array([True])),
    "b": Decision(np.log([[0.4, 0.5, 0.1]]), np.array([True])),
}
THREE = encode_target(["u", "v", "w"], "classifier").with_statistics()


def fitted(rule, decisions=PARTS, y=THREE):
    return rule.fit(decisions, y, None, np.arange(len(y.values)), None, None)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("product"), (0.717949, 0.256410, 0.025641)),
        (Rule("mean"), (0.55, 0.35, 0.10)),
        (Rule("max"), (0.538462, 0.384615, 0.076923)),
        (Rule("min"), (0.571429, 0.285714, 0.142857)),
        (Rule("log", weights={"a": 0.75, "b": 0.25}), (0.633905, 0.261939, 0.104156)),
        (Rule("linear", weights={"a": 0.75, "b": 0.25}), (0.625, 0.275, 0.1)),
    ],
)
def test_known_answers(rule, expected):
    np.testing.assert_allclose(np.exp(fitted(rule).combine(PARTS, None).scores[0]), expected, atol=2e-6)


def test_the_prior_of_the_training_rows_enters_product_and_sum():
    y = encode_target([*"uuuuuvvvww"], "classifier").with_statistics()
    product, total = (np.exp(fitted(Rule(name), y=y).combine(PARTS, None).scores[0]) for name in ("product", "sum"))
    np.testing.assert_allclose(product, (0.593640, 0.353357, 0.053004), atol=1e-6)
    np.testing.assert_allclose(total, (0.6, 0.4, 0.0), atol=1e-9)


@pytest.mark.parametrize("name", sorted(set(RULES) - {"and", "or", "noisy_or"}))
def test_an_absent_decision_is_left_out_whatever_it_holds(name):
    rng = np.random.default_rng(0)
    present = np.array([True, False, True, False])
    a, b = (log_softmax(rng.normal(size=(4, 3)), axis=1) for _ in range(2))
    bad = np.where(present[:, None], b, np.nan)
    both = fitted(Rule(name)).combine({"a": Decision(a, np.ones(4, bool)), "b": Decision(bad, present)}, None)
    alone = fitted(Rule(name)).combine({"a": Decision(a, np.ones(4, bool))}, None)
    np.testing.assert_allclose(both.scores[~present], alone.scores[~present], rtol=1e-10)
    assert np.isfinite(both.scores).all()


def test_nothing_present_is_absent():
    gone = {name: Decision(d.scores, np.array([False])) for name, d in PARTS.items()}
    assert not fitted(Rule("mean")).combine(gone, None).present.any()


def test_fitted_pool_weights_find_the_informative_unit():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, 300)
    y = encode_target(codes, "classifier").with_statistics()
    good = log_softmax(np.eye(2)[codes] * 2 + rng.normal(size=(300, 2)), axis=1)
    coin = log_softmax(rng.normal(size=(300, 2)) * 0.1, axis=1)
    every = np.ones(300, bool)
    rule = fitted(Rule("log", weights="fit"), {"good": Decision(good, every), "coin": Decision(coin, every)}, y)
    assert rule.learns and rule.weights_["good"] > 0.9
    assert sum(rule.weights_.values()) == pytest.approx(1)


def test_forecast_weights_of_numbers_are_bates_and_granger():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2000)
    y = encode_target(truth, "regressor").with_statistics()
    every = np.ones(2000, bool)
    parts = {
        "a": Decision(truth[:, None] + rng.normal(size=(2000, 1)), every),
        "b": Decision(truth[:, None] + 2 * rng.normal(size=(2000, 1)), every),
    }
    rule = fitted(Rule("mean", weights="fit"), parts, y)
    assert rule.weights_["a"] == pytest.approx(0.8, abs=0.03)
    half = {"a": parts["a"], "b": Decision(np.full((2000, 1), np.nan), ~every)}
    np.testing.assert_allclose(rule.combine(half, None).scores, parts["a"].scores)


@pytest.mark.parametrize(("name", "expected"), [("mean", 2.0), ("median", 1.0), ("min", 0.0), ("max", 5.0)])
def test_numbers(name, expected):
    y = encode_target([0.0, 1.0], "regressor").with_statistics()
    parts = {k: Decision(np.array([[v]]), np.array([k != "d"])) for k, v in {"a": 0.0, "b": 1.0, "c": 5.0, "d": np.nan}.items()}
    assert fitted(Rule(name), parts, y).combine(parts, None).scores[0, 0] == pytest.approx(expected)


def test_labels_are_fused_one_by_one():
    y = encode_target(np.array([[0, 1], [1, 1], [1, 0], [0, 0]]), "classifier").with_statistics()
    logit = np.log(0.8) - np.log(0.2)
    parts = {"a": Decision(np.array([[logit, -logit]]), np.array([True])), "b": Decision(np.array([[0.0, 0.0]]), np.array([True]))}
    scores = fitted(Rule("mean"), parts, y).combine(parts, None).scores
    np.testing.assert_allclose(1 / (1 + np.exp(-scores)), [[0.65, 0.35]], atol=1e-9)


def test_calibration_undoes_overconfidence():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 2))
    codes = (rng.random(4000) < np.exp(log_softmax(logits, axis=1))[:, 1]).astype(int)
    y = encode_target(codes, "classifier").with_statistics()
    every = np.ones(4000, bool)
    rule = fitted(Rule("product", calibrate=True), {"a": Decision(3 * logits, every), "b": Decision(logits, every)}, y)
    assert rule.learns
    assert rule.temperatures_["a"] == pytest.approx(3.0, rel=0.1)
    assert rule.temperatures_["b"] == pytest.approx(1.0, rel=0.1)


def test_a_function_is_a_rule():
    def first(logp, present, *, prior=None, weights=None):
        return logp[:, 0]

    np.testing.assert_allclose(fitted(Rule(first)).combine(PARTS, None).scores, PARTS["a"].scores)


@pytest.mark.parametrize(
    ("rule", "y", "words"),
    [
        (Rule("loud"), THREE, "there are product"),
        (Rule("product"), encode_target([1.0, 2.0], "regressor").with_statistics(), "there are mean"),
        (Rule("mean", weights="best"), THREE, "expected None, 'fit' or a dict"),
        (Rule("max", weights="fit"), THREE, "pools 'linear' and 'log'"),
        (Rule("mean", calibrate=True), encode_target([1.0, 2.0], "regressor").with_statistics(), "calibrate=True"),
    ],
)
def test_what_cannot_be(rule, y, words):
    with pytest.raises(DataError, match=words):
        fitted(rule, y=y)


def test_weights_of_what_is_no_input():
    rule = fitted(Rule("linear", weights={"a": 0.5, "sound": 0.5}))
    with pytest.raises(DataError, match="'sound', which is no input of the rule; inputs are a, b"):
        rule.combine(PARTS, None)
