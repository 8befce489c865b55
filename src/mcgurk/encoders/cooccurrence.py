"""Word vectors from the training texts themselves: positive pointwise mutual information, then its singular vectors."""

from __future__ import annotations

import re

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders.cells import flatten, lazy_of, per_item, scatter, texts
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

_WORD = re.compile(r"(?u)\b\w\w+\b")


class CooccurrenceVectors(Encoder):
    """Own-corpus word vectors, averaged over a text with weights that fade frequent words.

    1. M_wc = max(0, ln(#(w, c) #* / (#(w) #(c)^a)) - ln shift), #(w, c) counted within ``window`` words, a pair at distance d as 1 / d;
       #(c)^a, a = 0.75, smooths the context distribution.
    2. M = U S V'; word vectors U sqrt(S), ``components`` of them.
    3. text: v = (1 / T) sum_t s / (s + p(w_t)) vector(w_t), s = 1e-3, p the share of w in the training words; the first singular vector of
       the training texts' v is taken out of every v.

    For corpora of specialised words with some ten thousand words and more; below that, ``tfidf`` knows as much, and ``minilm`` brings
    its own language.

    Args:
        components: width of the vectors.
        window: words to either side that are context.
        min_count: times a word must occur.
        shift: k of shifted PPMI.
        max_words: vocabulary size, the most frequent first.

    Shapes: n texts -> Dense (n, components) float32; a cell of several texts -> one step a text. A text without a known word is all zeros.

    Attributes:
        words_: the vocabulary, one word a line.
        vectors_: (words, k) float32.

    Raises:
        DataError: a width, window or shift below 1.

    Source: Levy, Goldberg 2014, NIPS; Levy, Goldberg, Dagan 2015, TACL, sections 2 and 3; Arora, Liang, Ma 2017, ICLR, algorithm 1.

    Example:
        >>> from mcgurk.data import Lazy
        >>> from mcgurk.encoders import CooccurrenceVectors
        >>> texts = Lazy(["red dress", "red skirt", "blue dress", "blue skirt"] * 3)
        >>> encoder = CooccurrenceVectors(components=2)
        >>> encoder.prepare_fit(texts)
        >>> encoder.prepare(texts).values.shape
        (12, 2)
    """

    kinds = ("text",)
    cached = False
    scaling = "block"

    def __init__(self, *, components: int = 100, window: int = 5, min_count: int = 2, shift: float = 1.0, max_words: int = 20_000) -> None:
        super().__init__()
        self.components = components
        self.window = window
        self.min_count = min_count
        self.shift = shift
        self.max_words = max_words

    def prepare_fit(self, column: Column) -> None:
        if min(self.components, self.window, self.max_words) < 1 or self.shift < 1:
            raise DataError("components, window, max_words and shift must each be 1 or more; give larger ones")
        lines = [_WORD.findall(text.lower()) for text in texts(flatten(lazy_of(column, "CooccurrenceVectors", "text"))[0])]
        words, counts = np.unique(np.array([w for line in lines for w in line], dtype=object).astype(str), return_counts=True)
        kept = np.flatnonzero(counts >= self.min_count)
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")][: self.max_words])
        self.words_ = "\n".join(words[kept])
        share = counts[kept] / max(counts.sum(), 1)
        self.weights_ = (1e-3 / (1e-3 + share)).astype(np.float64)
        self.vectors_ = self._vectors([_numbers(line, self._index()) for line in lines], len(kept))
        self.common_ = np.zeros(self.vectors_.shape[1])
        pooled = self._pooled(lines)
        if len(pooled) and pooled.any():
            self.common_ = np.linalg.svd(pooled.T @ pooled)[0][:, 0]

    def prepare(self, column: Column) -> Dense | Ragged:
        return per_item(lazy_of(column, "CooccurrenceVectors", "text"), self._prepare)

    def _prepare(self, column: Lazy) -> Dense:
        pooled = self._pooled([_WORD.findall(text.lower()) for text in texts(column)])
        common = np.asarray(self.common_)
        return scatter((pooled - np.outer(pooled @ common, common)).astype(np.float32), column.present)

    def _index(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words_.split("\n"))} if self.words_ else {}

    def _pooled(self, lines: list[list[str]]) -> np.ndarray:
        """Weighted means of the word vectors, (texts, k) float64."""
        index, weights = self._index(), np.asarray(self.weights_)
        vectors = np.asarray(self.vectors_, dtype=np.float64)
        out = np.zeros((len(lines), vectors.shape[1]))
        for i, line in enumerate(lines):
            known = _numbers(line, index)
            known = known[known >= 0]
            if len(known):
                out[i] = weights[known] @ vectors[known] / len(known)
        return out

    def _vectors(self, lines: list[np.ndarray], size: int) -> np.ndarray:
        counts = self._counts(lines, size)
        total = counts.sum()
        if size == 0 or total == 0:
            return np.zeros((size, 1), dtype=np.float32)
        word = np.asarray(counts.sum(axis=1)).ravel()
        context = np.asarray(counts.sum(axis=0)).ravel() ** 0.75
        pairs = counts.tocoo()
        information = np.log(pairs.data * context.sum() / (word[pairs.row] * context[pairs.col])) - np.log(self.shift)
        kept = information > 0
        matrix = sparse.csr_matrix((information[kept], (pairs.row[kept], pairs.col[kept])), shape=counts.shape)
        if matrix.nnz == 0:
            return np.zeros((size, 1), dtype=np.float32)
        left, values, _ = randomized_svd(matrix, n_components=min(self.components, size), n_iter=7, random_state=0)
        large = values > 1e-6 * values[0]
        return (left[:, large] * np.sqrt(values[large])).astype(np.float32)

    def _counts(self, lines: list[np.ndarray], size: int) -> sparse.csr_matrix:
        """(words, words) symmetric weighted counts; a gap of ``window`` unknown words keeps texts apart."""
        gap = np.full(self.window, -1)
        stream = np.concatenate([np.zeros(0, np.int64), *[part for line in lines for part in (line, gap)]]).astype(np.int64)
        total = sparse.csr_matrix((size, size))
        for distance in range(1, self.window + 1):
            left, right = stream[:-distance], stream[distance:]
            both = (left >= 0) & (right >= 0)
            ones = np.full(int(both.sum()), 1 / distance)
            total = total + sparse.csr_matrix((ones, (left[both], right[both])), shape=(size, size))
        return (total + total.T).tocsr()


def _numbers(line: list[str], index: dict[str, int]) -> np.ndarray:
    """Places of the words in the vocabulary, -1 for unknown ones, which still keep their neighbours apart."""
    return np.array([index.get(word, -1) for word in line], dtype=np.int64)
