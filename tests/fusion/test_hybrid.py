"""Hybrid fusion: early and single branches below one decision."""

from __future__ import annotations

import numpy as np

from mcgurk import FusionClassifier
from mcgurk.fusion import Hybrid

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(120, 2)), "b": RNG.normal(size=(120, 2))}
Y = X["a"][:, 0] + X["b"][:, 0] > 0


def test_weight_one_on_the_early_branch_is_early_fusion():
    whole = FusionClassifier(fusion=Hybrid("linear", weights={"early": 1.0})).fit(X, Y)
    early = FusionClassifier(fusion="early").fit(X, Y)
    np.testing.assert_array_equal(whole.predict(X), early.predict(X))
    none = FusionClassifier(fusion=Hybrid("linear", weights={"a": 1.0, "b": 3.0, "early": 0.0})).fit(X, Y)
    late = FusionClassifier(fusion=("late", {"rule": "linear", "weights": {"a": 0.25, "b": 0.75}})).fit(X, Y)
    np.testing.assert_array_equal(none.predict(X), late.predict(X))


def test_all_branches_are_stacked():
    model = FusionClassifier(fusion=Hybrid(joint=("trees", {"iterations": 20}), columns=("a", "b"))).fit(X, Y)
    assert set(model.model_.nodes_["decision"].names_) == {"a decision", "b decision", "early decision"}
    assert model.score(X, Y) > 0.9
