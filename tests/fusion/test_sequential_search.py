"""The search: temperatures, shares, sizes, and a planted landscape."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.fusion.sequential_search import Search, Surrogate, extended, log_probabilities, sample, space_size, temperature

SIZES = (4, 4, 2)


def test_temperatures_of_the_paper():
    np.testing.assert_allclose([temperature(k, "paper") for k in range(6)], [9.4062, 7.8322, 5.7839, 3.8052, 2.2542, 1.2329], atol=5e-5)
    assert temperature(100, "paper") == pytest.approx(0.2) and temperature(100) == pytest.approx(0.02)
    with pytest.raises(DataError, match="preset"):
        temperature(0, "odd")


def test_shares():
    accuracy = np.array([0.9, 0.8, 0.5])
    np.testing.assert_allclose(np.exp(log_probabilities(accuracy, 10.0)), [0.341156, 0.337162, 0.321682], atol=1e-6)
    np.testing.assert_allclose(np.exp(log_probabilities(accuracy, 0.2)), [0.621948, 0.345137, 0.032915], atol=1e-6)
    assert np.isfinite(log_probabilities(np.array([1e-9, 0.9]), 0.02)).all()


def test_draws_without_replacement_follow_the_shares():
    rng, accuracy = np.random.default_rng(0), np.array([0.9, 0.8, 0.5])
    draws = np.array([sample(accuracy, 0.2, 2, rng) for _ in range(20000)])
    p = np.exp(log_probabilities(accuracy, 0.2))
    np.testing.assert_allclose(np.bincount(draws[:, 0]) / 20000, p, atol=0.01)
    assert (draws[:, 0] != draws[:, 1]).all()
    second = ((draws == [0, 1]).all(axis=1)).mean()
    assert second == pytest.approx(p[0] * p[1] / (1 - p[0]), abs=0.01)


def test_sizes_of_the_space():
    assert space_size(SIZES, 4) == 1_048_576
    assert space_size(SIZES, 4, shorter=True) == 1_082_400


def test_extending_appends_or_replaces():
    kept = [((0, 0, 0),), ((1, 1, 1), (2, 2, 0))]
    steps = [(3, 3, 0), (3, 3, 1)]
    assert extended(kept, steps, 1) == [((0, 0, 0), s) for s in steps] + [((1, 1, 1), s) for s in steps]
    assert extended([((0, 0, 0),), ((1, 1, 1),)], steps, 0) == [(s,) for s in steps]


def test_the_surrogate_learns_an_order():
    surrogate = Surrogate(SIZES)
    seen = {((m, n, p),): 0.2 + 0.15 * m for m in range(4) for n in range(4) for p in range(2)}
    for _ in range(10):
        surrogate.learn(seen)
    predicted = surrogate.predict([((m, 0, 0),) for m in range(4)])
    assert (np.diff(predicted) > 0).all()


def planted(seed):
    """Configuration -> how many of the twelve numbers of a hidden one it has."""
    rng = np.random.default_rng(100 + seed)
    hidden = [[int(rng.integers(size)) for size in SIZES] for _ in range(4)]
    return lambda config: sum(a == b for step, best in zip(config, hidden, strict=False) for a, b in zip(step, best, strict=True))


FOUND: dict[int, int] = {}


@pytest.mark.parametrize("seed", range(5))
def test_finds_a_planted_configuration(seed):
    matches = planted(seed)
    search = Search(SIZES, seed=seed)
    best = search.run(lambda configs: [0.1 + 0.85 * matches(c) / 12 for c in configs])[0]
    assert search.evaluations == len(search.seen) <= 197
    FOUND[seed] = matches(best)
    assert FOUND[seed] >= 10
    if len(FOUND) == 5:
        assert np.mean(list(FOUND.values())) >= 11


def test_a_small_space_is_searched_once_and_the_paper_repeats():
    asked = []
    accuracy = lambda configs: [asked.append(c) or 0.5 for c in configs]  # noqa: E731
    ours, paper = (Search((2, 1, 1), 1, 3, 4, preset=preset) for preset in ("sharp", "paper"))
    ours.run(accuracy)
    assert ours.evaluations == len(asked) == 2
    paper.run(accuracy)
    assert paper.evaluations == 2 + 2 * 2


def test_the_same_seed_searches_alike_and_repeats_keep_the_best():
    def noisy(seed):
        rng = np.random.default_rng(seed)
        return lambda configs: rng.random(len(configs))

    one, two = Search((2, 2, 1), 2, 2, 3, seed=1), Search((2, 2, 1), 2, 2, 3, seed=1)
    assert one.run(noisy(0)) == two.run(noisy(0))
    one.note([((0, 0, 0),)], [2.0])
    one.note([((0, 0, 0),)], [0.5])
    assert one.seen[((0, 0, 0),)] == 2.0
