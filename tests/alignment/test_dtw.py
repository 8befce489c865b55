"""Dynamic time warping through the aligner: worked examples, matrices of a path, Datasets, windows."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.alignment import DTW
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError

X, Y = [1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0]


@pytest.mark.parametrize(
    ("params", "cost"),
    [
        ({"cost": "absolute"}, 4),
        ({"cost": "absolute", "pattern": "symmetric2"}, 6),
        ({"cost": "absolute", "pattern": "asymmetric"}, 3),
        ({"cost": "absolute", "pattern": "symmetricP1"}, 8),
        ({}, 6),
        ({"pattern": "symmetric2"}, 10),
        ({"cost": "absolute", "band": 1, "slanted": False}, 4),
        ({"cost": "absolute", "band": 1}, 4),
        ({"cost": "absolute", "pattern": "symmetric2", "band": 1}, 8),
        ({"band": 1}, 10),
        ({"pattern": "symmetric2", "band": 1}, 20),
    ],
)
def test_worked_example(params, cost):
    assert DTW(**params).align(X, Y).cost == pytest.approx(cost)


def test_path_of_the_worked_example():
    result = DTW(cost="absolute").align(X, Y)
    assert list(zip(result.i.tolist(), result.j.tolist(), strict=True)) == [(0, 0), (1, 1), (2, 2), (3, 3), (3, 4)]
    assert result.shape == (4, 5) and (result.weight == 1).all()


def test_a_sequence_with_itself():
    x = np.random.default_rng(0).normal(size=(20, 3))
    result = DTW().align(x, x)
    assert result.cost == 0 and (result.i == result.j).all() and len(result.i) == 20
    assert DTW().align(x, np.repeat(x, 3, axis=0)).cost == pytest.approx(0)


def test_matrix_form():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=(6, 2))
    result = DTW().align(x, y)
    steps = np.arange(len(result.i))
    w_x, w_y = np.zeros((9, len(steps))), np.zeros((6, len(steps)))
    w_x[result.i, steps] = w_y[result.j, steps] = 1
    assert ((x.T @ w_x - y.T @ w_y) ** 2).sum() == pytest.approx(result.cost, rel=1e-12)
    np.testing.assert_array_equal(w_x @ w_x.T, np.diag(np.bincount(result.i)))
    assert np.bincount(result.i).min() >= 1 and np.bincount(result.j).min() >= 1
    assert result.matrix().sum() == len(steps)


def test_band_of_zero_is_euclidean_and_wider_never_costs_more():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 2))
    costs = [DTW(band=band).align(x, y).cost for band in (0, 1, 3, 12)]
    assert costs[0] == pytest.approx(((x - y) ** 2).sum()) and costs == sorted(costs, reverse=True)


def test_standardise_ignores_scale_and_constants():
    x = np.column_stack([X, np.full(4, 5.0)])
    y = np.column_stack([np.array(Y) * 100 + 7, np.full(5, -3.0)])
    plain = DTW(standardise=True).align(X, Y)
    assert DTW(standardise=True).align(x, y).cost == pytest.approx(plain.cost)


def test_datasets_are_aligned_row_by_row():
    items = [np.arange(4.0)[:, None], np.arange(3.0)[:, None]]
    left, right = Dataset({"lips": Ragged.of(items)}), Dataset({"sound": Ragged.of(items[::-1])})
    results = DTW().align(left, right)
    assert [r.shape for r in results] == [(4, 3), (3, 4)]
    assert DTW().fit(left).align(left, right)[0].cost == results[0].cost


def test_refusals():
    with pytest.raises(DataError, match="at least one step"):
        DTW().align(np.zeros((0, 2)), np.zeros((3, 2)))
    with pytest.raises(DataError, match="NaN"):
        DTW().align([np.nan], [1.0])
    with pytest.raises(DataError):
        DTW().align(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(DataError, match="sequence columns"):
        DTW().align(Dataset({"a": Dense(np.zeros((2, 3)))}), Dataset({"a": Dense(np.zeros((2, 3)))}))
    with pytest.raises(DataError, match="equal length"):
        DTW().align(Dataset({"a": Ragged.of([np.zeros((2, 1))])}), Dataset({"a": Ragged.of([np.zeros((2, 1))] * 2)}))
