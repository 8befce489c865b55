"""The elbow of a scree plot, against the likelihood it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from mcgurk.errors import DataError
from mcgurk.functional.scree import scree_rank


def test_is_the_profile_likelihood():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = np.sort(np.concatenate([rng.normal(8, 1, 4), rng.normal(3, 1, 12)]))[::-1]
        likelihood = []
        for q in range(1, 16):
            parts = [values[:q], values[q:]]
            sd = np.sqrt(sum(((p - p.mean()) ** 2).sum() for p in parts) / 14)
            likelihood.append(sum(norm.logpdf(p, p.mean(), sd).sum() for p in parts))
        assert scree_rank(values) == int(np.argmax(likelihood)) + 1


def test_edges():
    assert scree_rank([5.0, 1.0]) == 1 and scree_rank([2.0, 2.0, 2.0]) == 1
    with pytest.raises(DataError, match="at least 2"):
        scree_rank([1.0])
    with pytest.raises(DataError, match="decreasing"):
        scree_rank([1.0, 2.0])
