"""Tokens are called by the words they belong to."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Lazy
from mcgurk.encoders import GRUEncoder, MiniLMEncoder, StaticVectors, assets
from mcgurk.encoders.cells import _around

TEXTS = Lazy(["A dog was unbelievably  barking, loudly", None, "", "x"], np.array([True, False, True, True]))
PIECES = [
    (("minilm",), MiniLMEncoder(tokens=True), ["A", "dog", "was", *["unbelievably"] * 5, "barking", ",", "loudly"]),
    (("wordllama",), StaticVectors(tokens=True), ["A", "dog", "was", "unbelievably", "barking,", "loudly"]),
    (("minilm",), GRUEncoder(base=("minilm", {"tokens": True})), ["A", "dog", "was", *["unbelievably"] * 5, "barking", ",", "loudly"]),
]


@pytest.mark.parametrize(("needs", "encoder", "words"), PIECES)
def test_every_token_has_its_word(needs, encoder, words):
    if not all(assets.installed(name) for name in needs):
        pytest.skip(f"the packaged weights {needs} are not installed")
    names = encoder.step_names(TEXTS)
    assert [len(row) for row in names] == encoder.prepare(TEXTS).lengths.tolist()
    assert list(dict.fromkeys(names[0])) == list(dict.fromkeys(words)) and names[1] == [] and names[3] == ["x"]
    if isinstance(encoder, MiniLMEncoder):
        assert names[0] == words


def test_vectors_of_whole_texts_have_no_steps_to_name():
    assert (
        MiniLMEncoder().step_names(TEXTS) is None and StaticVectors().step_names(TEXTS) is None and GRUEncoder().step_names(TEXTS) is None
    )


@pytest.mark.parametrize(
    ("start", "end", "word", "name"),
    [
        (2, 5, (0, 11), "dog"),
        (1, 5, (0, 11), "dog"),
        (3, 5, (0, 11), "dog"),
        (2, 5, (2, 5), "dog"),
        (6, 9, (6, 9), "bar"),
        (5, 6, (0, 11), "barks"),
    ],
)
def test_a_word_is_cut_at_spaces(start, end, word, name):
    assert _around("a dog barks", start, end, word) == name
