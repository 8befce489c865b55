"""Shares of modalities add up and are fair."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk.data import Dataset, Dense
from mcgurk.errors import DataError
from mcgurk.study.explain import explain


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    X = Dataset({name: Dense(rng.normal(size=(200, 1)), rng.random(200) > 0.2) for name in "abc"})
    y = 3 * np.where(X["a"].present, X["a"].values[:, 0], 0) + np.where(X["b"].present, X["b"].values[:, 0], 0)
    return X, y, mcgurk.FusionRegressor(fusion="early").fit(X, y)


def test_shares_add_up_and_follow_the_truth(numbers) -> None:
    X, _, model = numbers
    found = explain(model, X)
    assert np.allclose(found.base + sum(found.shares.values()), found.value)
    assert list(found.mean_share())[:2] == ["a", "b"]
    assert np.array_equal(found.value, model.predict(X))


def test_an_absent_modality_has_no_share(numbers) -> None:
    X, _, model = numbers
    found = explain(model, X)
    for name in X.names:
        assert (found.shares[name][~X[name].present] == 0).all()


def test_frame_and_json(numbers) -> None:
    X, _, model = numbers
    found = explain(model, X[:5])
    assert list(found.to_frame().columns) == ["id", "prediction", "value", "base", "from_a", "from_b", "from_c"]
    assert "shares" in found.to_json()


def test_what_cannot_be_explained() -> None:
    rng = np.random.default_rng(0)
    X = Dataset({"a": Dense(rng.normal(size=(60, 2)))})
    model = mcgurk.FusionRegressor(fusion="early").fit(X, rng.normal(size=(60, 2)))
    with pytest.raises(DataError, match="2 outputs") as error:
        explain(model, X)
    assert error.value.code == "C02"
