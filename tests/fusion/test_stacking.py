"""Stacking: out-of-fold inputs only, patterns of presence, context, every target, and what the leak would look like."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import FitData
from mcgurk.data import Dataset, Dense
from mcgurk.data.target import encode_target
from mcgurk.fusion import FusionGraph, SideBySide, Source, Stacking, TreesUnit
from mcgurk.fusion.decision import Decision
from mcgurk.fusion.graph_model import GraphModel
from mcgurk.run import Run

RNG = np.random.default_rng(0)
N = 400
EVERY = np.ones(N, bool)


def fitted(decisions, y, stacking=None, offsets=None, weight=None):
    return (stacking or Stacking()).fit(decisions, y, weight, np.arange(len(y.values)), Run.of(0), offsets)


def target(values, family="regressor", **given):
    return encode_target(values, family, **given).with_statistics()


TRUTH = RNG.normal(size=N)
NUMBERS = {
    "good": Decision((TRUTH + 0.3 * RNG.normal(size=N))[:, None], EVERY),
    "fair": Decision((TRUTH + 0.6 * RNG.normal(size=N))[:, None], EVERY),
    "noise": Decision(0.1 * RNG.normal(size=(N, 1)), EVERY),
}


def test_weights_of_numbers_are_not_negative_and_beat_every_input():
    stack = fitted(NUMBERS, target(TRUTH))
    weights = dict(zip(stack.names_, stack.models_[""][0]["weights"], strict=True))
    assert min(weights.values()) >= 0 and weights["good"] > weights["fair"] > weights["noise"]
    errors = [np.mean((d.scores[:, 0] - TRUTH) ** 2) for d in (stack.combine(NUMBERS, None), *NUMBERS.values())]
    assert errors[0] == min(errors)


def test_twins_share_their_weight():
    twice = {"a": NUMBERS["good"], "b": NUMBERS["good"]}
    weights = fitted(twice, target(TRUTH)).models_[""][0]["weights"]
    assert weights[0] == pytest.approx(weights[1])


def test_classes_labels_and_counts():
    codes = np.digitize(TRUTH, [-0.5, 0.5])
    logits = Decision(-np.abs(TRUTH[:, None] - [-1, 0, 1]) * 2 + 0.3 * RNG.normal(size=(N, 3)), EVERY)
    noise = Decision(RNG.normal(size=(N, 3)), EVERY)
    combined = fitted({"a": logits, "b": noise}, target(codes, "classifier")).combine({"a": logits, "b": noise}, None)
    assert np.mean(combined.scores.argmax(axis=1) == codes) > 0.85
    labels = np.stack([TRUTH > 0, TRUTH > 1], axis=1).astype(float)
    labels[::7, 1] = np.nan
    parts = {"a": Decision(np.stack([TRUTH, TRUTH - 1], axis=1), EVERY), "b": Decision(RNG.normal(size=(N, 2)), EVERY)}
    scores = fitted(parts, target(labels, "classifier", task="multilabel")).combine(parts, None).scores
    assert np.mean((scores > 0) == (np.stack([TRUTH, TRUTH - 1], axis=1) > 0)) > 0.95
    counts = RNG.poisson(np.exp(TRUTH / 2)).astype(float)
    parts = {"a": Decision(TRUTH[:, None] / 2, EVERY), "b": Decision(0.1 * RNG.normal(size=(N, 1)), EVERY)}
    rate = fitted(parts, target(counts, task="count")).combine(parts, None).scores[:, 0]
    assert np.corrcoef(rate, TRUTH)[0, 1] > 0.95


def test_patterns_of_presence_have_their_own_models():
    here = np.arange(N) % 2 == 0
    parts = {"good": NUMBERS["good"], "half": Decision(np.where(here, TRUTH, np.nan)[:, None], here)}
    stack = fitted(parts, target(TRUTH), Stacking(least=50))
    assert set(stack.models_) == {"", "10", "11"}
    combined = stack.combine(parts, None)
    assert np.mean((combined.scores[here, 0] - TRUTH[here]) ** 2) < 0.05
    alone = stack.combine({"good": parts["good"], "half": Decision(parts["half"].scores, ~EVERY)}, None)
    np.testing.assert_allclose(alone.scores[~here], combined.scores[~here])
    assert set(fitted(parts, target(TRUTH), Stacking(least=1000)).models_) == {""}


def test_nothing_present_gets_the_prior():
    gone = {name: Decision(np.full((N, 1), np.nan), ~EVERY) for name in NUMBERS}
    combined = fitted(NUMBERS, target(TRUTH)).combine(gone, None)
    assert not combined.present.any()
    np.testing.assert_allclose(combined.scores, TRUTH.mean())


def test_context_adds_neighbours_and_the_whole_sequence_but_nothing_of_others():
    offsets = np.array([0, 4, 4, 6])
    parts = {"a": Decision(np.arange(6.0)[:, None], np.ones(6, bool))}
    stack = Stacking(context=1)
    stack.target_, stack.context_ = target(np.arange(6.0)).spec, 1
    (inputs,) = stack._inputs(parts, offsets)
    np.testing.assert_allclose(inputs[:, 1], [1, 1, 2, 2, 5, 4])
    np.testing.assert_allclose(inputs[:, 2], [1.5, 1.5, 1.5, 1.5, 4.5, 4.5])
    (plain,) = stack._inputs(parts, None)
    assert plain.shape == (6, 1)


@pytest.mark.parametrize("task", ["classes", "number"])
def test_the_reach_of_context_is_chosen_on_sequences_left_out(task):
    """Steps whose label follows the two neighbours on each side, not the step's own score."""
    rng = np.random.default_rng(0)
    offsets = np.arange(0, 601, 12)
    scores = rng.normal(size=600)
    padded = np.pad(scores.reshape(50, 12), ((0, 0), (2, 2)))
    around = (padded[:, :-4] + padded[:, 1:-3] + padded[:, 3:-1] + padded[:, 4:]).ravel()
    y = target((around > 0).astype(int), "classifier") if task == "classes" else target(around)
    part = Decision(np.stack([-scores, scores], axis=1) if task == "classes" else scores[:, None], np.ones(600, bool))
    stack = Stacking().fit({"a": part}, y, None, np.repeat(np.arange(50), 12), Run.of(0), offsets)
    assert stack.context_ == 2
    combined = stack.combine({"a": part}, offsets).scores
    assert np.corrcoef(combined[:, -1], around)[0, 1] > 0.7


def test_sample_weights_reach_the_meta_model():
    wrong = {"a": Decision(np.where(np.arange(N) < 200, TRUTH, -TRUTH)[:, None], EVERY), "b": NUMBERS["noise"]}
    first = fitted(wrong, target(TRUTH), weight=np.where(np.arange(N) < 200, 1.0, 1e-6)).models_[""][0]["weights"]
    second = fitted(wrong, target(TRUTH), weight=np.where(np.arange(N) < 200, 1e-6, 1.0)).models_[""][0]["weights"]
    assert first[0] > 0.8 and second[0] < 0.1


def noise_graph():
    nodes = {}
    for name in ("a", "b"):
        nodes |= {
            name: Source(name, "precomputed"),
            f"{name} f": (SideBySide(), (name,)),
            f"{name} d": (TreesUnit(30, rate=0.3, least=3, leaves=31), (f"{name} f",)),
        }
    return FusionGraph({**nodes, "out": (Stacking(), ("a d", "b d"))})


def test_level_one_inputs_of_pure_noise_are_at_chance_and_leaked_ones_are_not():
    rng = np.random.default_rng(3)
    X = Dataset({k: Dense(rng.normal(size=(1000, 5)), kind="vector") for k in "ab"})
    y = encode_target(np.arange(1000) % 2, "classifier").with_statistics()
    data, run = FitData(X, y), Run.of(0)
    model = GraphModel(noise_graph())
    model.spec_, model.target_ = data.spec, data.target
    table, labels = model.encode(data, run)
    rows = np.arange(1000)
    model.nodes_ = model.fit_units(data, table, labels, rows, run)
    held = model.out_of_fold(data, table, labels, rows, run)
    leaked = model.decide(model.nodes_, table, rows)  # what the public interface never hands to a meta-model

    def judged(decisions):
        from sklearn.linear_model import LogisticRegression

        inputs = np.stack([d.scores[:, 1] for d in decisions.values()], axis=1)
        return cross_val_score(LogisticRegression(), inputs, y.values, cv=5).mean()

    assert judged(held) == pytest.approx(0.5, abs=0.06)
    assert judged(leaked) > 0.9


@pytest.mark.parametrize("family", [FusionClassifier, FusionRegressor])
def test_end_to_end_with_groups(family):
    X = {"a": RNG.normal(size=(120, 2)), "b": RNG.normal(size=(120, 2))}
    total = X["a"][:, 0] + X["b"][:, 0]
    model = family(fusion="late").fit(X, total > 0 if family is FusionClassifier else total, groups=np.arange(120) // 3)
    assert model.score(X, total > 0 if family is FusionClassifier else total) > 0.85
