"""Heterogeneity of modalities: entropies, the distance and its undefined cases, and sharing groups."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from mcgurk.errors import DataError
from mcgurk.functional.heterogeneity import heterogeneity, natural_groups, null_entropy, sharing_groups, silhouette


def test_the_null_is_the_label_entropy():
    codes = np.repeat([0, 1, 2], [50, 30, 20])
    p = np.array([0.5, 0.3, 0.2])
    assert null_entropy(codes, codes, 3) == pytest.approx(-(p * np.log(p)).sum(), rel=1e-12)


def test_equal_and_useless_sources():
    d = heterogeneity([[0.8, 0.8, 0.0], [0.8, 0.8, 0.0], [0.0, 0.0, 0.8]])
    np.testing.assert_allclose(d, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])
    assert heterogeneity([[1.0, 1.5], [2.0, 1.0]])[0, 1] == 0


def test_undefined_where_a_target_has_no_information():
    d = heterogeneity([[0.005, 0.3, 0.0], [0.1, 0.6, 0.0], [0.0, 0.0, 0.001]])
    assert d[0, 1] == pytest.approx(0.5)
    assert np.isnan(d[0, 2]) and d[1, 2] == 1.0


def test_groups():
    d = np.array([[0, 0.9, 0.1, 0.8], [0.9, 0, 0.8, 0.2], [0.1, 0.8, 0, 0.9], [0.8, 0.2, 0.9, 0]])
    assert sharing_groups(d, 2).tolist() == [0, 1, 0, 1]
    assert sharing_groups(d, 4).tolist() == [0, 1, 2, 3]
    assert sharing_groups(d, 1).tolist() == [0, 0, 0, 0]
    assert sharing_groups([[0.0]], 3).tolist() == [0]
    assert sharing_groups([[0, np.nan, 0.2], [np.nan, 0, 0.9], [0.2, 0.9, 0]], 2).tolist() == [0, 1, 0]


def test_silhouettes_are_scikit_learns():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(9, 2))
    d = np.linalg.norm(x[:, None] - x[None], axis=2)
    groups = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2])
    assert silhouette(d, groups) == pytest.approx(silhouette_score(d, groups, metric="precomputed"), rel=1e-12)
    assert silhouette(1 - np.eye(3), [0, 1, 2]) == 0


def test_the_number_of_groups():
    blocks = np.kron(1 - np.eye(3), np.ones((2, 2)))
    assert natural_groups(blocks).tolist() == [0, 0, 1, 1, 2, 2]
    assert natural_groups(0.1 * blocks).tolist() == [0] * 6  # nothing is far enough to be kept apart
    assert natural_groups([[0, 0.6], [0.6, 0]]).tolist() == [0, 1]
    assert natural_groups(1 - np.eye(4)).tolist() == [0, 1, 2, 3]
    assert natural_groups([[0, np.nan], [np.nan, 0]]).tolist() == [0, 1]


def test_refusals():
    with pytest.raises(DataError, match="at least two"):
        silhouette(np.zeros((2, 2)), [0, 0])
    with pytest.raises(DataError, match="square"):
        heterogeneity(np.ones((2, 3)))
    with pytest.raises(DataError, match="at least one group"):
        sharing_groups(np.zeros((2, 2)), 0)
