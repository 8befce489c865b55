"""What to expect of whoever comes first."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mcgurk.data import Dataset, Dense
from mcgurk.registry import Candidate
from mcgurk.study.compare import compare


def guessers(fakes, count: int, share: float = 0.5):
    """Contestants that guess: each is right in about half of the rows, by chance."""

    class Guess(fakes.Linear):
        def _fit(self, data, run):
            pass

        def _scores(self, X):
            seed = int(self.name)
            return np.stack([np.random.default_rng([seed, int(i)]).normal(size=2) for i in X.ids])

    return [Candidate(f"guess {i}", lambda i=i: Guess(str(i)), ("a",), "layer", f"guess {i}") for i in range(count)]


@pytest.fixture
def noise():
    rng = np.random.default_rng(3)
    return Dataset({"a": Dense(rng.normal(size=(120, 2)))}), rng.choice(["u", "v"], 120)


def test_the_best_of_many_guesses_is_expected_to_be_a_guess(noise, fakes) -> None:
    X, y = noise
    result = compare(X, y, metric="accuracy", budget="quick", folds=4, repeats=1, candidates=guessers(fakes, 40))
    told = result.facts["winner"]
    own = result.table.iloc[0]["score"]
    assert told["among"] == 40 and told["name"] == result.table.iloc[0]["name"]
    assert own > 0.58 and told["expected"] < own - 0.04 and 0.42 < told["expected"] < 0.58
    assert told["low"] < told["expected"] < told["high"]
    assert any("flatters, too" in sentence for sentence in result.sentences)


def test_one_that_is_better_than_all_others_needs_no_correction(planted, fakes) -> None:
    X, y, groups = planted
    result = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names))
    told = result.facts["winner"]
    assert told["expected"] == pytest.approx(result.table.set_index("name").loc[told["name"], "pooled"], abs=0.02)
    again = compare(X, y, groups=groups, budget="quick", candidates=fakes.contestants(X.names))
    assert again.facts["winner"] == told


def test_errors_are_the_better_the_smaller(noise, fakes) -> None:
    X, _ = noise
    y = 3 * X["a"].values[:, 0] + np.random.default_rng(0).normal(size=120)
    result = compare(X, y, budget="quick", folds=4, candidates=fakes.contestants(("a",), number=True)[:2])
    told = result.facts["winner"]
    assert told["name"] == "single:a" and told["expected"] == pytest.approx(result.table.iloc[0]["score"], rel=0.15)


def test_a_figure_of_ranks_and_a_given_split(noise, fakes) -> None:
    X, y = noise
    X = X.with_rows(split=np.where(np.arange(120) < 80, "train", "test"))
    result = compare(X, y, metric="roc_auc", budget="quick", candidates=guessers(fakes, 3))
    assert np.isfinite(result.facts["winner"]["expected"])


def test_nobody_is_judged_where_nothing_can_be_drawn() -> None:
    from mcgurk.study.winner import expected

    board = SimpleNamespace(
        protocol=SimpleNamespace(unit=np.zeros(4, dtype=int), repeats=1, splits=[0], repeat_of=lambda fold: 0),
        figure=SimpleNamespace(adds=True, greater=True, resampled=lambda table, code, weights: np.full(len(weights), np.nan)),
        plan=SimpleNamespace(settings=SimpleNamespace(seed=0)),
        tables=lambda name: [np.zeros((4, 2))],
        test_clusters=[np.zeros(4, dtype=int)],
    )
    assert np.isnan(expected(board, [Candidate("a", object, ("a",), "single", "a")]).value)
