"""The floor: shares and means."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import FitData
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError
from mcgurk.fusion.average import AverageModel
from mcgurk.run import Run

X = np.zeros((4, 1))


def test_shares_means_labels_and_counts():
    np.testing.assert_allclose(FusionClassifier(fusion="average").fit(X, [0, 0, 0, 1]).predict_proba(X[:1]), [[0.75, 0.25]])
    assert FusionRegressor(fusion="average").fit(X, [1.0, 2.0, 3.0, 6.0]).predict(X[:1]).tolist() == [3.0]
    assert FusionRegressor(fusion="average", task="count").fit(X, [1, 2, 3, 6]).predict(X[:1]) == pytest.approx([3.0])
    labels = FusionClassifier(fusion="average").fit(X, np.array([[0, 1], [0, 1], [1, 1], [0, 1]]))
    np.testing.assert_allclose(labels.predict_proba(X[:1]), [[0.25, 1.0]], atol=1e-5)
    assert labels.parameters() == 2


def test_a_label_a_step():
    offsets = np.array([0, 2, 5])
    data = Dataset({"s": Ragged(np.zeros((5, 1)), offsets, kind="series"), "v": Dense(np.zeros((2, 1)), kind="vector")})
    model = FusionClassifier(fusion="average").fit(data, Ragged(np.array([0, 1, 1, 1, 1]), offsets))
    assert model.predict(data).tolist() == [1] * 5
    with pytest.raises(DataError, match="no sequence column"):
        model.model_._scores(data.select(["v"]))


def test_labels_are_needed():
    with pytest.raises(DataError, match="needs labels"):
        AverageModel()._fit(FitData(Dataset({"v": Dense(X, kind="vector")})), Run.of(0))
