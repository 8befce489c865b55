"""TF-IDF: equal to scikit-learn's, exact in the span of the training texts, learned on training rows only."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from mcgurk.data import Dense, Lazy
from mcgurk.encoders import TfidfEncoder
from mcgurk.errors import DataError, ResourceError

WORDS = "red blue green dress skirt jeans cotton silk long short new old the a of".split()


def corpus(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(3, 12))) for _ in range(n)]


def fitted(texts: list[str], **params) -> TfidfEncoder:
    encoder = TfidfEncoder(**params)
    encoder.prepare_fit(Lazy(texts))
    return encoder


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("words", [(1, 1), (1, 2)])
def test_the_matrix_is_scikit_learns(words, sublinear):
    train, test = corpus(40), [*corpus(10, 1), "unknown words only", ""]
    wanted = TfidfVectorizer(ngram_range=words, sublinear_tf=sublinear).fit(train)
    encoder = fitted(train, components=None, words=words, sublinear=sublinear)
    assert encoder.terms_.split("\n") == list(wanted.get_feature_names_out())
    np.testing.assert_allclose(encoder.prepare(Lazy(test)).values, wanted.transform(test).toarray(), atol=1e-6)


def test_characters_and_words_side_by_side():
    train = corpus(20)
    wanted = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True).fit(train)
    alone = fitted(train, components=None, words=None, chars=(3, 4)).prepare(Lazy(train)).values
    np.testing.assert_allclose(alone, wanted.transform(train).toarray(), atol=1e-6)
    both = fitted(train, components=None, words=(1, 1), chars=(3, 4)).prepare(Lazy(train)).values
    np.testing.assert_allclose((both**2).sum(axis=1), 2, atol=1e-5)


def test_full_keeps_every_inner_product():
    train, test = [*corpus(30), "red dress", "red dress"], corpus(10, 1)
    whole = fitted(train, components=None)
    encoder = fitted(train, components="full")
    x, z = whole.prepare(Lazy(train)).values.astype(float), encoder.prepare(Lazy(train)).values.astype(float)
    assert z.shape[1] == np.linalg.matrix_rank(x, tol=1e-4) <= len(train)
    np.testing.assert_allclose(z @ z.T, x @ x.T, atol=1e-5)
    np.testing.assert_allclose(encoder.prepare(Lazy(test)).values @ z.T, whole.prepare(Lazy(test)).values @ x.T, atol=1e-5)


def test_linear_models_on_full_are_those_on_all_terms():
    train, test = corpus(60), corpus(200, 1)
    y = np.array([t.split().count("red") - t.split().count("blue") + ("silk" in t) for t in train], float)
    whole, full = fitted(train, components=None), fitted(train, components="full")
    parts = {}
    for name, encoder in (("whole", whole), ("full", full)):
        x, new = encoder.prepare(Lazy(train)).values.astype(float), encoder.prepare(Lazy(test)).values.astype(float)
        ridge = Ridge(alpha=0.3).fit(x, y).predict(new)
        logistic = LogisticRegression(C=10, tol=1e-8, max_iter=5000).fit(x, y > 0).decision_function(new)
        parts[name] = ridge, logistic
    np.testing.assert_allclose(parts["full"][0], parts["whole"][0], atol=1e-4)
    np.testing.assert_allclose(parts["full"][1], parts["whole"][1], atol=1e-3)


def test_components_are_the_leading_singular_directions():
    train = corpus(50)
    x = fitted(train, components=None).prepare(Lazy(train)).values.astype(float)
    z = fitted(train, components=5).prepare(Lazy(train)).values.astype(float)
    values = np.linalg.svd(x, compute_uv=False)
    assert z.shape == (50, 5)
    np.testing.assert_allclose(np.linalg.norm(z, axis=0), values[:5], rtol=1e-3)
    assert fitted(train, components=10_000).prepare(Lazy(train)).values.shape[1] <= 50


@pytest.mark.parametrize("components", [3, None, "full"])
def test_a_text_means_the_same_in_any_company(components):
    train, test = corpus(30), corpus(20, 1)
    encoder = fitted(train, components=components)
    together = encoder.prepare(Lazy(test)).values
    alone = np.concatenate([encoder.prepare(Lazy([t])).values for t in test])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("components", [3, None, "full"])
def test_what_was_learned_is_enough(components):
    train = corpus(30)
    encoder = fitted(train, components=components, chars=(2, 3))
    before = encoder.prepare(Lazy(train)).values
    other = TfidfEncoder(components=components, chars=(2, 3))
    for name, value in encoder.learned().items():
        setattr(other, name, value)
    np.testing.assert_array_equal(other.prepare(Lazy(train)).values, before)
    assert other.fingerprint() == encoder.fingerprint()
    encoder.prepare_fit(Lazy(corpus(30, 5)))
    assert other.fingerprint() != encoder.fingerprint()
    for name, value in other.learned().items():  # another fit over a used encoder: nothing of the old one may stay
        setattr(encoder, name, value)
    np.testing.assert_array_equal(encoder.prepare(Lazy(train)).values, before)


def test_the_most_frequent_terms_are_kept():
    texts = ["aa bb", "aa cc", "aa dd", "bb ee"]
    assert fitted(texts, components=None, words=(1, 1), max_features=2).terms_.split() == ["aa", "bb"]
    assert fitted(texts, components=None, words=(1, 1), min_df=2).terms_.split() == ["aa", "bb"]


@pytest.mark.parametrize("components", [3, None, "full"])
@pytest.mark.parametrize("texts", [["", "!"], ["a", "b"]])
def test_texts_without_words_are_one_zero(components, texts):
    encoder = fitted(texts, components=components)
    assert encoder.prepare(Lazy(["red dress", ""])).values.tolist() == [[0.0], [0.0]]


def test_several_texts_a_cell_and_absent_rows():
    column = Lazy([("red dress", "blue dress"), None, ("jeans",)])
    encoder = TfidfEncoder(components=None, words=(1, 1))
    encoder.prepare_fit(column)
    out = encoder.prepare(column)
    assert encoder.terms_.split() == ["blue", "dress", "jeans", "red"]
    assert out.lengths.tolist() == [2, 0, 1] and out.present.tolist() == [True, False, True]


def test_impossible_settings_are_refused(monkeypatch):
    for params in ({"components": 0}, {"components": "all"}, {"components": True}, {"words": None}):
        with pytest.raises(DataError):
            fitted(corpus(5), **params)
    with pytest.raises(DataError, match="reads text items"):
        TfidfEncoder().prepare_fit(Dense(np.zeros((2, 2))))
    monkeypatch.setattr("mcgurk.encoders.tfidf._MOST_TEXTS", 4)
    with pytest.raises(ResourceError, match="components=300") as caught:
        fitted(corpus(5), components="full")
    assert caught.value.code == "R00"


def test_political_ads_by_mention(data_root):
    """Tone of real mentions: the exact form gives the decisions of scikit-learn's TF-IDF and logistic regression."""
    parts = []
    for split, most in (("train20", 800), ("test20", 500)):
        with open(data_root("political_ads") / "absa" / f"generic_separate_absa_{split}.csv", encoding="cp1252", errors="replace") as file:
            rows = [r for r in csv.DictReader(file) if float(r["TONE"]) != 0][:most]
        parts.append(([r["text"] for r in rows], np.array([float(r["TONE"]) for r in rows])))
    (texts, y), (new, _) = parts
    encoder, theirs = fitted(texts, components="full"), TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
    wanted = LogisticRegression(C=10, tol=1e-8, max_iter=2000).fit(theirs.transform(texts), y).decision_function(theirs.transform(new))
    model = LogisticRegression(C=10, tol=1e-8, max_iter=2000).fit(encoder.prepare(Lazy(texts)).values.astype(float), y)
    found = model.decision_function(encoder.prepare(Lazy(new)).values.astype(float))
    np.testing.assert_allclose(found, wanted, atol=2e-3)
