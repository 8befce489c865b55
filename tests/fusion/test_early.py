"""Early fusion: one model of balanced blocks."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier
from mcgurk.fusion import Early, LinearUnit

RNG = np.random.default_rng(0)
SMALL, WIDE = RNG.normal(size=(150, 2)), RNG.normal(size=(150, 300))
X = {"small": SMALL, "wide": WIDE}
Y = SMALL[:, 0] > 0


def test_a_small_block_does_not_drown_beside_a_wide_one():
    fresh = {"small": np.random.default_rng(1).normal(size=(400, 2)), "wide": np.random.default_rng(2).normal(size=(400, 300))}
    truth = fresh["small"][:, 0] > 0
    balanced, plain = (FusionClassifier(fusion=Early(LinearUnit(C=1.0), balance=b)).fit(X, Y).score(fresh, truth) for b in (True, False))
    assert balanced > plain + 0.08


def test_correlations_across_modalities_are_seen():
    a, b = RNG.normal(size=(400, 1)), RNG.normal(size=(400, 1))
    y = a[:, 0] * b[:, 0] > 0
    trees = FusionClassifier(fusion=("early", {"unit": ("trees", {"iterations": 60})})).fit({"a": a[:300], "b": b[:300]}, y[:300])
    late = FusionClassifier(fusion="late").fit({"a": a[:300], "b": b[:300]}, y[:300])
    assert trees.score({"a": a[300:], "b": b[300:]}, y[300:]) > 0.85
    assert late.score({"a": a[300:], "b": b[300:]}, y[300:]) < 0.7  # no pool of single decisions can


def test_the_order_of_columns_changes_no_bit():
    one = FusionClassifier(fusion="early").fit(X, Y).predict_proba(X)
    other = FusionClassifier(fusion="early").fit(dict(reversed(X.items())), Y).predict_proba(X)
    np.testing.assert_array_equal(one, other)


def test_columns_can_be_chosen():
    model = FusionClassifier(fusion=Early(columns=("small",))).fit(X, Y)
    assert list(model.model_.encoders_) == ["small"]
    assert model.score(X, Y) > 0.95


@pytest.mark.parametrize("unit", ["kernel", ("trees", {"iterations": 10})])
def test_wide_blocks_become_components(unit):
    model = FusionClassifier(fusion=Early(unit)).fit(X, Y)
    assert model.model_.nodes_["decision features"].parts_["wide"]["basis"].shape == (300, 24)
