"""DTW: hand-made answers, exhaustive search, compiled against plain, windows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional.dtw import dtw_cost, dtw_distance, dtw_pairwise, dtw_path
from mcgurk.functional.dtw_patterns import COSTS, PATTERNS, accumulate, local_costs, sequences, trace, window

X, Y = [1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0]
BOTH = pytest.mark.parametrize("compiled", [True, False])


def walk(n, d=1, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)).cumsum(0)


@BOTH
@pytest.mark.parametrize(
    ("cost", "pattern", "expected"),
    [
        ("absolute", "symmetric1", 4),
        ("absolute", "symmetric2", 6),
        ("absolute", "asymmetric", 3),
        ("absolute", "symmetricP1", 8),
        ("squared", "symmetric1", 6),
        ("squared", "symmetric2", 10),
    ],
)
def test_known_answers(cost, pattern, expected, compiled):
    assert dtw_cost(X, Y, cost=cost, pattern=pattern, compiled=compiled) == expected
    path, value = dtw_path(X, Y, cost=cost, pattern=pattern, compiled=compiled)
    assert value == expected and path[0].tolist() == [0, 0] and path[-1].tolist() == [3, 4]


@BOTH
def test_path_normalisers_and_bands(compiled):
    path, _ = dtw_path(X, Y, cost="absolute", compiled=compiled)
    assert path.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [3, 4]]
    options = {"cost": "absolute", "compiled": compiled}
    assert dtw_cost(X, Y, pattern="symmetric2", normalise=True, **options) == pytest.approx(2 / 3)
    assert dtw_cost(X, Y, pattern="asymmetric", normalise=True, **options) == 0.75
    for pattern, plain, slanted in (("symmetric1", (4, 6), (4, 10)), ("symmetric2", (6, 10), (8, 20))):
        for cost, expected, narrow in zip(("absolute", "squared"), plain, slanted):
            assert dtw_cost(X, Y, cost=cost, pattern=pattern, band=1, slanted=False, compiled=compiled) == expected
            assert dtw_cost(X, Y, cost=cost, pattern=pattern, band=1, compiled=compiled) == narrow


@BOTH
@pytest.mark.parametrize("cost", COSTS)
def test_identity_symmetry_and_repetition(cost, compiled):
    x, y = walk(12, 3), walk(9, 3, seed=1)
    path, value = dtw_path(x, x, cost=cost, compiled=compiled)
    assert value == pytest.approx(0.0, abs=1e-12) and path.tolist() == [[i, i] for i in range(12)]
    for pattern in ("symmetric1", "symmetric2"):
        forward, back = (dtw_cost(a, b, cost=cost, pattern=pattern, compiled=compiled) for a, b in ((x, y), (y, x)))
        assert forward == pytest.approx(back, rel=1e-12)
    assert dtw_cost(x, np.repeat(x, [1, 3] * 6, axis=0), cost=cost, compiled=compiled) == pytest.approx(0.0, abs=1e-12)


@BOTH
def test_bands_from_euclid_to_free(compiled):
    x, y = walk(20, 2), walk(20, 2, seed=1)
    assert dtw_distance(x, y, band=0, compiled=compiled) == pytest.approx(np.linalg.norm(x - y))
    costs = [dtw_cost(x, y, band=w, compiled=compiled) for w in range(20)]
    assert (np.diff(costs) <= 1e-12).all() and costs[-1] == pytest.approx(dtw_cost(x, y, compiled=compiled))
    assert dtw_cost(x, y, itakura=2, compiled=compiled) >= costs[-1] - 1e-12
    assert dtw_cost(x, y, itakura=1, compiled=compiled) == pytest.approx(costs[0])


def exhaustive(costs, pattern):
    n, m = costs.shape

    @cache
    def best(i, j):
        if (i, j) == (0, 0):
            return costs[0, 0]
        values = [np.inf]
        for (di, dj), cells in PATTERNS[pattern].steps:
            if i >= di and j >= dj:
                values.append(best(i - di, j - dj) + sum(w * costs[i - a, j - b] for a, b, w in cells))
        return min(values)

    return best(n - 1, m - 1)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_exhaustive_search(pattern):
    rng = np.random.default_rng(0)
    for n in range(1, 7):
        for m in range(1, 7):
            costs = rng.random((n, m))
            D, choice = accumulate(costs, pattern)
            assert D[-1, -1] == pytest.approx(exhaustive(costs, pattern), rel=1e-12)
            if np.isfinite(D[-1, -1]):
                cells = trace(choice, pattern)
                assert (np.diff(cells, axis=0) >= 0).all() and cells[0].tolist() == [0, 0] and cells[-1].tolist() == [n - 1, m - 1]


@pytest.mark.parametrize(("n", "m", "expected"), [(3, 3, 13), (3, 4, 25), (4, 5, 129), (10, 10, 1462563)])
def test_delannoy_numbers_count_the_paths(n, m, expected):
    counts = np.zeros((n, m), int)
    for i in range(n):
        for j in range(m):
            origins = [(i - di, j - dj) for (di, dj), _ in PATTERNS["symmetric1"].steps]
            counts[i, j] = 1 if i == j == 0 else sum(counts[a, b] for a, b in origins if a >= 0 and b >= 0)
    assert counts[-1, -1] == expected


@pytest.mark.parametrize("options", [{}, {"band": 6}, {"band": 12, "slanted": False}, {"itakura": 2.5}])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("pattern", ["symmetric1", "symmetric2"])
def test_compiled_equals_plain(options, cost, pattern):
    x, y = walk(40, 3), walk(31, 3, seed=1)
    fast, plain = (dtw_path(x, y, cost=cost, pattern=pattern, compiled=c, **options) for c in (True, False))
    assert fast[1] == pytest.approx(plain[1], rel=1e-12)
    np.testing.assert_array_equal(fast[0], plain[0])
    assert dtw_cost(x, y, cost=cost, pattern=pattern, compiled=True, **options) == pytest.approx(fast[1], rel=1e-13)
    costs = local_costs(*sequences(x, y, cost), cost)
    on_path = costs[fast[0][:, 0], fast[0][:, 1]]
    weight = np.r_[1, np.where((np.diff(fast[0], axis=0) == 1).all(1) & (pattern == "symmetric2"), 2, 1)]
    assert (on_path * weight).sum() == pytest.approx(fast[1])


def test_ties_prefer_the_diagonal_then_x():
    flat = np.zeros(3)
    for compiled in (True, False):
        assert dtw_path(flat, flat, compiled=compiled)[0].tolist() == [[0, 0], [1, 1], [2, 2]]
        assert dtw_path(flat[:2], flat, compiled=compiled)[0].tolist() == [[0, 0], [0, 1], [1, 2]]
        assert dtw_path([0.0, 1.0], [1.0, 0.0], compiled=compiled)[0].tolist() == [[0, 0], [1, 1]]


@BOTH
def test_pairwise(compiled):
    series = [walk(n, 2, seed=n) for n in (8, 12, 8, 5)]
    got = dtw_pairwise(series, compiled=compiled)
    np.testing.assert_array_equal(got, got.T)
    for i in range(4):
        for j in range(i, 4):
            assert got[i, j] == pytest.approx(dtw_cost(series[i], series[j]), rel=1e-12)
    other = dtw_pairwise(series, series[:2], band=9, pattern="symmetric2", cost="cosine", compiled=compiled)
    assert other.shape == (4, 2)
    assert other[3, 1] == pytest.approx(dtw_cost(series[3], series[1], band=9, pattern="symmetric2", cost="cosine"), rel=1e-12)
    np.testing.assert_array_equal(dtw_pairwise(series, threads=3, compiled=compiled), got)


def test_one_step_sequences_and_asymmetric_pairs():
    assert dtw_cost([1.0], [2.0, 4.0]) == 10.0
    assert dtw_cost([1.0], [2.0, 4.0], band=0) == 10.0 == dtw_cost([1.0], [2.0, 4.0], itakura=2)
    assert dtw_pairwise([X], [Y], cost="absolute", pattern="asymmetric").tolist() == [[3.0]]


def test_zero_vectors_in_the_cosine():
    assert dtw_cost([[0.0, 0.0]], [[1.0, 0.0]], cost="cosine") == 1.0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: dtw_cost(X, Y, cost="l3"), "squared, absolute"),
        (lambda: dtw_cost(X, Y, pattern="symmetric9"), "symmetric1"),
        (lambda: dtw_cost(X, []), "at least 1"),
        (lambda: dtw_cost(X, [np.nan]), "finite"),
        (lambda: dtw_cost(X, np.ones((3, 2))), "1 features and y 2"),
        (lambda: dtw_cost(X, Y, band=0, slanted=False), "smallest band that admits one is 1"),
        (lambda: dtw_cost([0.0] * 3, [0.0] * 9, band=0), "smallest band that admits one is 2"),
        (lambda: dtw_cost(X, Y, band=1, itakura=2), "choose one"),
        (lambda: dtw_cost(X, Y, itakura=0.5), "at least 1"),
        (lambda: window(3, 9, itakura=1.0), "raise itakura"),
        (lambda: dtw_cost(X, Y, normalise=True), "no normaliser"),
        (lambda: dtw_cost([0.0], [0.0] * 5, pattern="asymmetric"), "no path of pattern"),
        (lambda: dtw_distance(X, Y, cost="absolute"), "use dtw_cost"),
        (lambda: dtw_pairwise([]), "no sequences"),
        (lambda: accumulate(-np.ones((2, 2))), "not a cost matrix"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
