"""Gaussian fusion: the known answer, against brute force, absence."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.gaussian import fuse_gaussian

RNG = np.random.default_rng(0)


def test_known_answer():
    mean, covariance = fuse_gaussian(np.array([[[0.0], [3.0]]]), np.array([[[1.0]], [[0.5]]]))
    assert mean.item() == pytest.approx(2.0)
    assert covariance.item() == pytest.approx(1 / 3)


def test_equals_the_formula_and_leaves_absent_out():
    roots = RNG.standard_normal((4, 3, 2, 2))
    R = roots @ roots.transpose(0, 1, 3, 2) + np.eye(2)
    x = RNG.standard_normal((4, 3, 2))
    present = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    x[~present], R[~present] = np.nan, np.nan
    mean, covariance = fuse_gaussian(x, R, present, prior=(np.ones(2), 2 * np.eye(2)))
    for i in range(4):
        P = np.linalg.inv(np.eye(2) / 2 + sum((np.linalg.inv(R[i, m]) for m in range(3) if present[i, m]), np.zeros((2, 2))))
        expected = P @ (np.ones(2) / 2 + sum((np.linalg.inv(R[i, m]) @ x[i, m] for m in range(3) if present[i, m]), np.zeros(2)))
        np.testing.assert_allclose(covariance[i], P, atol=1e-12)
        np.testing.assert_allclose(mean[i], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        ((np.zeros((2, 2)), np.eye(2)), {}, "rows, modalities"),
        ((np.zeros((1, 2, 2)), np.eye(2)), {}, "do not fit"),
        ((np.zeros((1, 1, 2)), -np.eye(2)[None]), {}, "not positive definite"),
        ((np.full((1, 1, 2), np.nan), np.eye(2)[None]), {}, "not finite"),
        ((np.zeros((1, 1, 2)), np.eye(2)[None]), {"present": np.zeros((1, 1), bool)}, "no estimate"),
    ],
)
def test_errors(arguments, options, match):
    with pytest.raises(DataError, match=match):
        fuse_gaussian(*arguments, **options)
