"""Retrieval metrics: known answers, scikit-learn, ties, blocks."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from mcgurk.errors import DataError
from mcgurk.metrics import retrieval as r

RNG = np.random.default_rng(0)
LINE, RELEVANT = -np.arange(6.0)[None], np.array([[1, 0, 1, 0, 0, 1]], bool)


@pytest.mark.parametrize(
    ("at", "normaliser", "expected"),
    [
        (None, "total", 0.722222),
        (3, "retrieved", 0.833333),
        (3, "total", 0.555556),
        (3, "min", 0.555556),
        (2, "retrieved", 1.0),
        (2, "total", 0.333333),
        (2, "min", 0.5),
    ],
)
def test_average_precision_by_hand(at, normaliser, expected):
    assert r.mean_average_precision(LINE, RELEVANT, at=at, normaliser=normaliser) == pytest.approx(expected, abs=1e-6)


def test_equal_to_scikit_learn_without_ties():
    similarity, relevant = RNG.standard_normal((1000, 25)), RNG.random((1000, 25)) < 0.2
    relevant[:, 0] = True
    expected = [average_precision_score(a, b) for a, b in zip(relevant, similarity)]
    np.testing.assert_allclose(r.average_precisions(similarity, relevant), expected, atol=1e-12)
    gains = RNG.integers(0, 4, (50, 25))
    assert r.ndcg_at(similarity[:50], gains, 7) == pytest.approx(ndcg_score(gains, similarity[:50], k=7))


def test_perfect_and_reversed_rankings():
    n = 50
    relevant = np.r_[np.ones(n), np.zeros(n)].astype(bool)[None]
    assert r.mean_average_precision(relevant.astype(float), relevant) == 1.0
    harmonic = (1 / np.arange(n + 1, 2 * n + 1)).sum()
    assert r.mean_average_precision(-relevant.astype(float), relevant) == pytest.approx(1 - harmonic) == pytest.approx(0.311828, abs=1e-6)


def test_random_scores_find_the_prior():
    similarity, relevant = RNG.random((200, 1000)), RNG.random((200, 1000)) < 0.1
    assert r.mean_average_precision(similarity, relevant) == pytest.approx(0.1, abs=0.01)


def test_ties_go_by_gallery_index():
    flat = np.zeros((1, 4))
    assert r.first_ranks(flat, np.array([[0, 0, 1, 1]], bool)).tolist() == [2]
    assert r.average_precisions(flat, np.array([[0, 1, 0, 0]], bool)).tolist() == [0.5]
    integers = RNG.integers(0, 3, (50, 20)).astype(float)
    relevant = RNG.random((50, 20)) < 0.15
    order = np.argsort(-integers, axis=1, kind="stable")
    hits = np.take_along_axis(relevant, order, axis=1)
    np.testing.assert_array_equal(r.first_ranks(integers, relevant), np.where(hits.any(1), hits.argmax(1), 20))


def test_caption_protocol():
    # two images, five captions each; rows are images, the best of the five counts
    similarity = np.array([[9, 1, 1, 1, 1, 8, 1, 1, 1, 1], [9, 8, 7, 6, 5, 4, 1, 1, 1, 1]], float)
    relevant = r.relevance_of_labels([0, 1], np.repeat([0, 1], 5))
    assert r.first_ranks(similarity, relevant).tolist() == [0, 5]
    assert r.recall_at(similarity, relevant, 1) == 0.5 and r.recall_at(similarity, relevant, 6) == 1.0
    assert r.mean_reciprocal_rank(similarity, relevant) == pytest.approx((1 + 1 / 6) / 2)
    assert r.mean_rank(similarity, relevant) == 3.5


def test_median_rank_convention():
    similarity = np.tile(-np.arange(12.0), (4, 1))
    relevant = np.zeros((4, 12), bool)
    relevant[np.arange(4), [0, 1, 3, 10]] = True
    assert r.median_rank(similarity, relevant) == 3.0


def test_blocks_permutations_and_queries_without_an_answer(monkeypatch):
    similarity, relevant = RNG.standard_normal((30, 40)), RNG.random((30, 40)) < 0.1
    relevant[3] = False
    whole = r.average_precisions(similarity, relevant)
    assert whole[3] == 0.0 and r.first_ranks(similarity, relevant)[3] == 40
    shuffled = RNG.permutation(40)
    np.testing.assert_allclose(r.average_precisions(similarity[:, shuffled], relevant[:, shuffled]), whole, atol=1e-15)
    monkeypatch.setattr(r, "_CELLS", 100)
    np.testing.assert_array_equal(r.average_precisions(similarity, relevant), whole)
    assert r.mean_reciprocal_rank(similarity[3:4], relevant[3:4]) == 0.0


def test_multilabel_relevance_and_errors():
    np.testing.assert_array_equal(r.relevance_of_labels([[1, 0], [0, 1]], [[1, 1]]), [[True], [True]])
    with pytest.raises(DataError, match="equal width"):
        r.relevance_of_labels([[1, 0]], [1])
    with pytest.raises(DataError, match="normaliser"):
        r.average_precisions(LINE, RELEVANT, normaliser="all")
    with pytest.raises(DataError, match="depth"):
        r.average_precisions(LINE, RELEVANT, at=0)
    with pytest.raises(DataError, match="expected the same"):
        r.average_precisions(LINE, RELEVANT[:, :3])
    with pytest.raises(DataError, match="finite"):
        r.first_ranks(LINE * np.nan, RELEVANT)
