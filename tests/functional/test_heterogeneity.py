"""Heterogeneity of modalities: entropies, the distance and its undefined cases, and sharing groups."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.heterogeneity import heterogeneity, null_entropy, sharing_groups


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


def test_refusals():
    with pytest.raises(DataError, match="square"):
        heterogeneity(np.ones((2, 3)))
    with pytest.raises(DataError, match="at least one group"):
        sharing_groups(np.zeros((2, 2)), 0)
