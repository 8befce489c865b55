"""Encoders resolved, fitted on training rows, prepared through the cache, shared within a block; matrices for closed forms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import mcgurk
from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.data.spec import spec_of
from mcgurk.encoders import Precomputed, TfidfEncoder
from mcgurk.encoders.cells import per_item
from mcgurk.errors import DataError, SpecMismatch, UnknownName
from mcgurk.nn import Encoder
from mcgurk.train import features

TEXTS = ["red dress", "blue jeans", None, "red jeans", "old shirt"]


def data():
    return Dataset({"text": Lazy(TEXTS), "x": Dense(np.arange(10.0).reshape(5, 2))})


class Lengths(Encoder):
    """The number of characters of each value of a cell; counts what it encodes."""

    kinds = ("text",)
    encoded = 0

    def prepare(self, column):
        def encode(items):
            Lengths.encoded += int(items.present.sum())
            return Dense(np.array([[float(len(t)) if here else 0.0] for t, here in zip(items.items, items.present)]), items.present)

        return per_item(column, encode)


@pytest.fixture
def own_cache(tmp_path):
    Lengths.encoded = 0
    with mcgurk.config.set(cache=tmp_path):
        yield tmp_path


def test_encoders_by_column_by_kind_and_by_default():
    spec = spec_of(data())
    by_column = features.resolve(spec, {"text": ("tfidf", {"components": None})})
    assert isinstance(by_column["text"], TfidfEncoder) and isinstance(by_column["x"], Precomputed)
    given = TfidfEncoder(sublinear=False)
    by_kind = features.resolve(spec, {"text": given, "vector": "precomputed"})
    assert by_kind["text"] is not given and by_kind["text"].sublinear is False  # what the caller gave is never fitted
    assert list(features.resolve(spec, None)) == ["text", "x"]


@pytest.mark.parametrize(
    ("encoders", "kind", "text"),
    [
        ({"photo": "auto"}, UnknownName, "neither a column"),
        ({"text": "mfcc"}, SpecMismatch, "but column 'text' is text"),
        ({"text": "tfidff"}, UnknownName, "tfidf"),
    ],
)
def test_choices_that_cannot_be_meant(encoders, kind, text):
    with pytest.raises(kind, match=text):
        features.resolve(spec_of(data()), encoders)


def test_fitting_sees_training_rows_only():
    X = data()
    encoders = features.resolve(spec_of(X), {"text": ("tfidf", {"components": None})})
    features.fit(encoders, X, np.array([0, 1]))
    prepared = features.prepare(encoders, X)
    assert prepared["text"].item == (6,)  # red, dress, blue, jeans, red dress, blue jeans
    assert not prepared["text"].values[4].any() and prepared["text"].present.tolist() == [True, True, False, True, True]


def test_what_is_cached_is_encoded_once(own_cache):
    X = data()
    first = features.prepare({"text": Lengths()}, X)
    second = features.prepare({"text": Lengths()}, X[np.array([3, 2, 0])])
    assert Lengths.encoded == 4
    assert first["text"].values.ravel().tolist() == [9, 10, 0, 9, 9] and second["text"].values.ravel().tolist() == [9, 0, 9]


def test_a_column_of_several_values_is_one_of_sequences_in_every_chunk(own_cache):
    cells = [*("word " * (i % 5 + 1) for i in range(300)), ("a", "bcd"), None]
    column = Lazy(cells)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prepared = features.prepare({"text": Lengths()}, Dataset({"text": column}))["text"]
        alone = features.prepare({"text": Lengths()}, Dataset({"text": Lazy(["word "])}))["text"]
    assert isinstance(prepared, Ragged) and isinstance(alone, Dense)
    assert prepared.lengths.tolist() == [1] * 300 + [2, 0] and prepared.row(300).ravel().tolist() == [1, 3]


def test_columns_of_other_widths_do_not_spoil_each_others_cache(own_cache):
    class Sums(Encoder):
        def prepare(self, column):
            return Dense(column.values * 2, column.present)

    X = Dataset({"a": Dense(np.ones((4, 2))), "b": Dense(np.ones((4, 3)))})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            prepared = features.prepare({"a": Sums(), "b": Sums()}, X)
    assert [c.item for c in prepared.values()] == [(2,), (3,)]


def test_within_a_shared_block_nothing_is_encoded_twice():
    class Counts(Encoder):
        cached = False
        fitted = prepared = 0

        def prepare_fit(self, column):
            Counts.fitted += 1
            self.width_ = len(column)

        def prepare(self, column):
            Counts.prepared += 1
            return column

    X = Dataset({"x": Dense(np.arange(6.0)[:, None])})
    with features.sharing():
        for _ in range(3):
            encoders = {"x": Counts()}
            features.fit(encoders, X, np.arange(4))
            with features.sharing():
                features.prepare(encoders, X)
            assert encoders["x"].width_ == 4
        assert (Counts.fitted, Counts.prepared) == (1, 1)
    features.prepare({"x": Counts()}, X)
    assert Counts.prepared == 2


def test_shared_results_are_forgotten_oldest_first():
    kept = features._Shared(limit=10)
    for key, size in (("a", 6), ("b", 3), ("a", 6), ("c", 4)):
        kept.get(key, lambda key=key: key, lambda value, size=size: size)
    assert list(kept.kept) == ["a", "c"] and kept.size == 10


def test_content_tells_columns_apart():
    present = np.array([True, False])
    a = Dense(np.ones((2, 1)), present)
    series = Ragged.of([np.ones((2, 1)), np.ones((1, 1))])
    others = [
        a,
        Dense(np.ones((2, 1))),
        Dense(np.zeros((2, 1)), present),
        series,
        Ragged(series.values, np.array([0, 1, 3])),
        Ragged(series.values, series.offsets, None, np.arange(3.0)),
        Lazy(["a", "b"]),
        Lazy(["a", None]),
    ]
    assert len({features.content(c) for c in others}) == len(others)
    assert features.content(a) == features.content(Dense(np.ones((2, 1)), present))


def test_matrices_for_closed_forms():
    prepared = {
        "s": Ragged.of([np.array([[1.0], [3.0], [np.nan]]), None, np.zeros((0, 1))]),
        "x": Dense(np.array([[1.0, 2], [np.nan, np.nan], [5, 6]]), np.array([True, False, True])),
    }
    arrays, present = features.arrays(prepared)
    assert arrays["s"].tolist() == [[2], [0], [0]] and arrays["x"].tolist() == [[1, 2], [0, 0], [5, 6]]
    assert present.tolist() == [[True, True], [False, False], [True, True]]


def test_matrices_with_a_row_a_step():
    offsets = np.array([0, 2, 3])
    prepared = {"s": Ragged.of([np.array([[1.0], [np.nan]]), np.array([[3.0]])]), "x": Dense(np.array([[7.0], [8.0]]))}
    arrays, present = features.arrays(prepared, offsets)
    assert arrays["s"].tolist() == [[1], [0], [3]] and arrays["x"].tolist() == [[7], [7], [8]]
    assert present.tolist() == [[True, True], [False, True], [True, True]]
    with pytest.raises(DataError, match="2 labels in row 0, but column 's' has 1 steps"):
        features.arrays({"s": Ragged.of([np.ones((1, 1)), np.ones((1, 1))])}, offsets)


def test_matrices_need_features():
    with pytest.raises(DataError, match="choose a frozen encoder"):
        features.arrays({"i": Dense(np.zeros((2, 4, 4, 3), dtype=np.uint8), kind="image")})
