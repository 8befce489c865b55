"""Canonical correlation as an estimator: closed cases, real goldens, absence, pairs, storage."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.coordination import RegularisedCCA
from mcgurk.data import Dataset, Dense
from mcgurk.datasets import load_digits_halves
from mcgurk.errors import DataError, MissingModality
from mcgurk.store import load


def shared(n=300, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    make = [z @ rng.normal(size=(2, d)) + noise * rng.normal(size=(n, d)) for d in (5, 4)]
    return Dataset({"a": Dense(make[0]), "b": Dense(make[1])})


def test_one_feature_each_is_pearsons_correlation():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 1))
    y = -0.5 * x + rng.normal(size=(50, 1))
    model = RegularisedCCA(reg=0.0).fit({"a": x, "b": y})
    assert model.correlations_[0] == pytest.approx(abs(np.corrcoef(x[:, 0], y[:, 0])[0, 1]), rel=1e-12)


def test_an_invertible_map_is_found_again():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4))
    model = RegularisedCCA(reg=0.0).fit({"a": x, "b": x @ rng.normal(size=(4, 4)) + 3})
    np.testing.assert_allclose(model.correlations_, 1.0, atol=1e-10)
    Z = model.transform({"a": x, "b": (x @ np.eye(4)) @ rng.normal(size=(4, 4))})
    np.testing.assert_allclose(Z["a"].values.T @ Z["a"].values / 99, np.eye(4), atol=1e-10)


def test_scores_correlate_as_said():
    X = shared()
    model = RegularisedCCA(k=3, reg=0.0).fit(X)
    Z = model.transform(X)
    joint = Z["a"].values.T @ Z["b"].values / (len(X) - 1)
    np.testing.assert_allclose(joint, np.diag(model.correlations_), atol=1e-10)


def test_independent_modalities_hardly_correlate():
    rng = np.random.default_rng(0)
    model = RegularisedCCA(reg=0.0).fit({"a": rng.normal(size=(100_000, 5)), "b": rng.normal(size=(100_000, 5))})
    assert model.correlations_[0] < 0.03


def test_only_complete_training_rows_are_learned_from():
    X = shared()
    rng = np.random.default_rng(1)
    here = rng.random((300, 2)) < 0.8
    holes = Dataset({n: Dense(np.where(here[:, [m]], X[n].values, 99.0), here[:, m]) for m, n in enumerate("ab")})
    both = here.all(axis=1)
    valid = np.arange(300) >= 250
    model = RegularisedCCA(k=2).fit(holes, valid=valid)
    expected = RegularisedCCA(k=2).fit(X[both & ~valid])
    np.testing.assert_allclose(model.correlations_, expected.correlations_, rtol=1e-10)
    Z = model.transform(holes)
    assert (Z["a"].values[~here[:, 0]] == 0).all() and (Z["a"].present == here[:, 0]).all()


def test_a_modality_alone():
    X = shared()
    model = RegularisedCCA(k=2).fit(X)
    alone = model.transform({"b": X["b"].values})
    assert alone.names == ("b",)
    np.testing.assert_array_equal(alone["b"].values, model.transform(X)["b"].values)
    np.testing.assert_array_equal(model.encode("b", X["b"].values), alone["b"].values)
    with pytest.raises(MissingModality):
        model.transform({"c": X["b"].values})


def test_pairs_may_be_many_to_many():
    X = shared(200)
    turn = np.random.default_rng(2).permutation(200)
    shuffled = Dataset({"a": X["a"], "b": X["b"].take(turn)})
    place = np.argsort(turn)
    model = RegularisedCCA(k=2).fit(shuffled, pairs=np.stack([np.arange(200), place], axis=1))
    np.testing.assert_allclose(model.correlations_, RegularisedCCA(k=2).fit(X).correlations_, rtol=1e-9)
    assert RegularisedCCA(k=2).fit(shuffled).correlations_[0] < 0.5
    valid = np.arange(200) < 100
    held = RegularisedCCA(k=2).fit(shuffled, pairs=np.stack([np.arange(200), place], axis=1), valid=valid)
    assert held.correlations_[0] > 0.9


def test_power_weighs_directions():
    X = shared()
    plain, weighted = RegularisedCCA(k=2).fit(X), RegularisedCCA(k=2, power=4).fit(X)
    np.testing.assert_allclose(weighted.transform(X)["a"].values, plain.transform(X)["a"].values * plain.correlations_**4)


def test_similarity():
    np.testing.assert_allclose(RegularisedCCA.similarity([[1.0, 0.0], [0.0, 0.0]], [[2.0, 2.0]]), [[2**-0.5], [0.0]])


def test_stored_and_read(tmp_path):
    X = shared()
    model = RegularisedCCA(k=2).fit(X)
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(load(tmp_path / "m.mcgurk").transform(X)["a"].values, model.transform(X)["a"].values)


def test_refusals():
    X = shared(20)
    with pytest.raises(DataError, match="select two"):
        RegularisedCCA().fit({"a": X["a"].values, "b": X["b"].values, "c": X["b"].values})
    with pytest.raises(DataError, match="at most"):
        RegularisedCCA(k=5).fit(X)
    with pytest.raises(DataError, match="both") as error:
        RegularisedCCA().fit(Dataset({"a": Dense(X["a"].values, np.arange(20) < 10), "b": Dense(X["b"].values, np.arange(20) >= 10)}))
    assert error.value.code == "S01"


def test_digits_golden():
    X, _ = load_digits_halves()
    train, test = X[:1200], X[1200:]
    model = RegularisedCCA(k=10, reg=1e-3, ridge="absolute").fit(train)
    np.testing.assert_allclose(model.correlations_[:3], [0.8124, 0.8014, 0.6922], atol=2e-3)
    assert model.correlations_.sum() == pytest.approx(6.064, abs=2e-3)
    Z = model.transform(test)
    total = sum(np.corrcoef(Z["left"].values[:, j], Z["right"].values[:, j])[0, 1] for j in range(10))
    assert total == pytest.approx(5.618, abs=5e-3)


def test_digits_retrieval_golden(both_ways):
    X, y = load_digits_halves()
    model = RegularisedCCA(k=10, reg=1e-3, ridge="absolute").fit(X[:1200])
    assert both_ways(model, X[1200:], y[1200:]) == pytest.approx((0.412, 0.407), abs=2e-3)


@pytest.mark.parametrize(("k", "golden"), [(7, (0.2466, 0.2011)), (9, (0.2416, 0.1967))])
def test_wikipedia_golden(wikipedia, both_ways, k, golden):
    train, test, _, classes = wikipedia
    model = RegularisedCCA(k=k).fit(train)
    assert both_ways(model, test, classes) == pytest.approx(golden, abs=2e-3)
    if k == 9:
        np.testing.assert_allclose(model.correlations_, [0.5575, 0.4475, 0.4362, 0.3714, 0.3463, 0.3291, 0.2926, 0.2792, 0.2474], atol=2e-3)
