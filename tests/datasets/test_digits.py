from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mcgurk.datasets import load_digits_halves


def test_reference_values_of_the_two_halves():
    """Check: logistic regression on rows 0 to 1199, accuracy on the rest: left .781, right .826, concatenated .921."""
    X, y = load_digits_halves()
    train = (X.rows["split"] == "train").to_numpy()
    assert train.sum() == 1200
    left, right = X["left"].values, X["right"].values
    for features, known in ((left, 0.781), (right, 0.826), (np.hstack([left, right]), 0.921)):
        model = LogisticRegression(max_iter=2000).fit(features[train], y[train])
        assert model.score(features[~train], y[~train]) == pytest.approx(known, abs=0.01)
    assert left.min() == 0
    assert left.max() == 1
