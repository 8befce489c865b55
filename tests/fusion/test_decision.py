"""Decisions: scores with presence, and decisions as features."""

from __future__ import annotations

import numpy as np

from mcgurk.data.target import encode_target
from mcgurk.fusion import AsFeatures
from mcgurk.fusion.decision import Decision, log_proba, stacked

Y = encode_target(["u", "u", "u", "v"], "classifier").with_statistics().spec
HALF = Decision(np.array([[1.0, 2.0], [np.nan, np.nan]]), np.array([True, False]))


def test_what_cannot_decide_has_the_priors_scores():
    np.testing.assert_allclose(HALF.filled(Y), [[1, 2], [np.log(0.75), np.log(0.25)]])
    np.testing.assert_array_equal(AsFeatures().transform(HALF, Y), HALF.filled(Y))


def test_log_probabilities():
    np.testing.assert_allclose(np.exp(log_proba(np.array([[0.0, np.log(3)], [1000.0, 0.0]]), "classes")), [[0.25, 0.75], [1, 0]])
    both = np.exp(log_proba(np.array([[np.log(3), -1000.0]]), "multilabel"))
    np.testing.assert_allclose(both, [[[0.25, 0.75], [1, 0]]])


def test_stacked():
    scores, present = stacked({"a": HALF, "b": HALF})
    assert scores.shape == (2, 2, 2) and present.tolist() == [[True, True], [False, False]]
