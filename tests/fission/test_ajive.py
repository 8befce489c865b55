"""Joint and individual variation: a planted decomposition, independent and equal blocks, new rows, absent blocks, storage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from mcgurk.coordination import RegularisedCCA
from mcgurk.data import Dataset, Dense
from mcgurk.errors import DataError
from mcgurk.fission import AJIVE
from mcgurk.store import load

N, WIDTHS = 200, {"a": 100, "b": 500}
JOINT, OWN = {"a": (40, 30), "b": (60, 45)}, {"a": (35, 25, 20), "b": (50, 40, 30, 25)}


def planted(seed=0, noise=0.25, joint=True):
    """Blocks with two joint directions and three and four of their own (or none joint), and the joint scores."""
    rng = np.random.default_rng(seed)
    scores = np.linalg.qr(rng.normal(size=(N, 11)))[0]
    scores -= scores.mean(axis=0)
    used = {"a": [0, 1, 2, 3, 4], "b": [0, 1, 5, 6, 7, 8] if joint else [5, 6, 7, 8, 9, 10]}
    columns = {}
    for name, d in WIDTHS.items():
        u = scores[:, used[name]]
        v = np.linalg.qr(rng.normal(size=(d, u.shape[1])))[0]
        columns[name] = Dense((u * np.array(JOINT[name] + OWN[name])) @ v.T + noise * rng.normal(size=(N, d)))
    return Dataset(columns), scores[:, :2]


def sine(a, b):
    return np.sin(subspace_angles(a, b)[0])


@pytest.fixture(scope="module")
def fitted():
    X, joint = planted()
    return AJIVE(ranks={"a": 5, "b": 6}, draws=300).fit(X), X, joint


def test_planted(fitted):
    model, X, joint = fitted
    assert model.rank_ == 2 and model.individual_ranks_ == {"a": 3, "b": 4}
    np.testing.assert_allclose(model.singular_values_[:2], (1.995, 1.989), atol=6e-3)
    assert model.cut_ == pytest.approx(1.90, abs=0.03)
    Z = model.transform(X)
    assert sine(Z["shared"].values, joint) < 0.12
    assert Z["private:a"].values.shape == (N, 3) and Z["private:b"].values.shape == (N, 4)


def test_parts_are_orthogonal_and_complete(fitted):
    model, X, _ = fitted
    Z = model.transform(X)
    for name in "ab":
        assert np.abs(model.loadings_[name]).max() > 0
        private = Z[f"private:{name}"].values
        own = private @ model.directions_[name].T
        joint = Z["shared"].values @ model.loadings_[name].T
        rest = X[name].values - model.means_[name] - joint - own
        assert np.abs(rest @ model.directions_[name]).max() < 1e-10
        assert (rest**2).sum() < 0.05 * ((X[name].values - model.means_[name]) ** 2).sum() + N * WIDTHS[name] * 0.25**2
        assert np.abs(np.corrcoef(np.hstack([Z["shared"].values, private]).T)[:2, 2:]).max() < 0.1


def test_ranks_are_found_by_the_elbow():
    X, _ = planted()
    model = AJIVE(draws=100).fit(X)
    assert model.ranks_ == {"a": 5, "b": 6} and model.rank_ == 2


def test_independent_blocks_share_nothing():
    assert [AJIVE(ranks={"a": 5, "b": 6}, draws=60).fit(planted(seed, joint=False)[0]).rank_ for seed in range(4)] == [0] * 4
    X, _ = planted(0, joint=False)
    model = AJIVE(ranks={"a": 5, "b": 6}, draws=60).fit(X)
    assert model.transform(X)["shared"].values.shape == (N, 0)


def test_a_block_twice_is_all_joint():
    X, _ = planted()
    model = AJIVE(ranks=5, draws=100).fit(Dataset({"a": X["a"], "b": X["a"]}))
    assert model.rank_ == 5 and model.individual_ranks_ == {"a": 0, "b": 0}


def test_without_noise_the_joint_space_is_that_of_cca():
    X, joint = planted(noise=0.0)
    model = AJIVE(ranks={"a": 5, "b": 6}, draws=100).fit(X)
    cca = RegularisedCCA(k=2, reg=0.0).fit(X)
    np.testing.assert_allclose(cca.correlations_, 1.0, atol=1e-8)
    shared = model.transform(X)["shared"].values
    assert sine(shared, cca.transform(X)["a"].values) < 1e-5 and sine(shared, joint) < 1e-5


def test_new_rows_and_absent_blocks(fitted):
    _, X, joint = fitted
    train = X[:150]
    model = AJIVE(ranks={"a": 5, "b": 6}, draws=100).fit(train)
    for given in ({"a": X["a"].values[150:], "b": X["b"].values[150:]}, {"b": X["b"].values[150:]}):
        shared = model.transform(given)["shared"].values
        assert sine(shared, joint[150:]) < 0.25
    here = np.arange(200) % 2 == 0
    holes = Dataset({"a": Dense(np.where(here[:, None], X["a"].values, 1e6), here), "b": X["b"]})
    Z = model.transform(holes)
    np.testing.assert_allclose(Z["shared"].values[~here], model.transform({"b": X["b"].values})["shared"].values[~here])
    np.testing.assert_allclose(Z["shared"].values[here], model.transform(X)["shared"].values[here])
    assert (Z["private:a"].present == here).all() and (Z["private:a"].values[~here] == 0).all()


def test_stored_and_read(fitted, tmp_path):
    model, X, _ = fitted
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk").transform(X)
    for key in ("shared", "private:a", "private:b"):
        np.testing.assert_array_equal(again[key].values, model.transform(X)[key].values)


def test_refusals():
    X, _ = planted()
    with pytest.raises(DataError, match="two blocks or more"):
        AJIVE().fit(X.select(["a"]))
    with pytest.raises(DataError, match="ranks gives none for b"):
        AJIVE(ranks={"a": 2}).fit(X)
    apart = Dataset({"a": Dense(X["a"].values, np.arange(N) < 100), "b": Dense(X["b"].values, np.arange(N) >= 100)})
    with pytest.raises(DataError, match="at least 3") as error:
        AJIVE(ranks=2).fit(apart)
    assert error.value.code == "S01"
