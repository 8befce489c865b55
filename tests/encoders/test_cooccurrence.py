"""Own-corpus word vectors: counts by hand, neighbours by meaning, the common direction taken out."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Lazy
from mcgurk.encoders import CooccurrenceVectors
from mcgurk.errors import DataError


def test_counts_fade_with_distance_and_stop_at_the_text():
    encoder = CooccurrenceVectors(window=2)
    counts = encoder._counts([np.array([0, 1, 2]), np.array([2, -1, 0])], 3).toarray()
    assert counts.tolist() == [
        [0, 1, 1],
        [1, 0, 1],
        [1, 1, 0],
    ]  # 0-1: 1, 1-2: 1, 0-2: 1/2 in the first text and 1/2 across the unknown word


def test_information_of_a_two_word_corpus():
    encoder = CooccurrenceVectors(components=2, min_count=1)
    encoder.prepare_fit(Lazy(["aa bb"] * 4))
    # #(a, b) = 4 of 8 pairs, contexts 4 and 4: PPMI = ln(4 * 2 * 4^.75 / (4 * 4^.75)) = ln 2 off the diagonal
    gram = encoder.vectors_.astype(float) @ encoder.vectors_.astype(float).T
    np.testing.assert_allclose(np.linalg.svd(encoder.vectors_, compute_uv=False) ** 2, [np.log(2)] * 2, rtol=1e-5)
    np.testing.assert_allclose(np.diag(gram), np.log(2), rtol=1e-5)


def test_words_of_like_company_are_neighbours():
    rng = np.random.default_rng(0)
    animals, metals = ["cat", "dog", "horse"], ["iron", "zinc", "copper"]
    texts = [f"the {rng.choice(animals)} eats food and {rng.choice(['runs', 'sleeps'])}" for _ in range(150)]
    texts += [f"the {rng.choice(metals)} melts hot and {rng.choice(['shines', 'rusts'])}" for _ in range(150)]
    encoder = CooccurrenceVectors(components=6)
    encoder.prepare_fit(Lazy(texts))
    z = encoder.prepare(Lazy(animals + metals)).values
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    same = z @ z.T
    assert min(same[:3, :3].min(), same[3:, 3:].min()) > same[:3, 3:].max()


def test_frequent_words_fade_and_the_common_direction_is_gone():
    texts = [f"the {w} of the day" for w in ("red", "blue", "green", "black")] * 5
    encoder = CooccurrenceVectors(components=4)
    encoder.prepare_fit(Lazy(texts))
    words = encoder.words_.split("\n")
    assert encoder.weights_[words.index("the")] < encoder.weights_[words.index("red")]
    np.testing.assert_allclose(encoder.prepare(Lazy(texts)).values @ encoder.common_, 0, atol=1e-6)


def test_absent_empty_and_unknown_texts():
    encoder = CooccurrenceVectors(components=2)
    encoder.prepare_fit(Lazy(["red dress", "red skirt", "blue dress", "blue skirt"]))
    out = encoder.prepare(Lazy(["red dress", None, "", "purple"]))
    assert out.present.tolist() == [True, False, True, True] and out.values[0].any() and not out.values[1:].any()
    many = encoder.prepare(Lazy([("red", "blue"), ("skirt",)]))
    assert many.lengths.tolist() == [2, 1]


@pytest.mark.parametrize("texts", [["", "x"], ["once only words here"], ["aa", "aa"]])
def test_corpora_without_company_are_one_zero(texts):
    encoder = CooccurrenceVectors()
    encoder.prepare_fit(Lazy(texts))
    assert encoder.prepare(Lazy(texts)).values.tolist() == [[0.0]] * len(texts)


def test_deterministic_and_complete():
    texts = Lazy(["red dress", "red skirt", "blue dress", "blue skirt and jeans"] * 3)
    one, two = CooccurrenceVectors(components=3), CooccurrenceVectors(components=3)
    one.prepare_fit(texts)
    two.prepare_fit(texts)
    assert one.fingerprint() == two.fingerprint()
    other = CooccurrenceVectors(components=3)
    for name, value in one.learned().items():
        setattr(other, name, value)
    np.testing.assert_array_equal(other.prepare(texts).values, one.prepare(texts).values)
    with pytest.raises(DataError, match="1 or more"):
        CooccurrenceVectors(window=0).prepare_fit(texts)
