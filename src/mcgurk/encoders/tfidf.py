"""The term-document matrix with TF-IDF weights: as latent components, as it is, or exactly in the span of the training texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import lapack, solve_triangular
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.extmath import randomized_svd

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders.cells import flatten, lazy_of, per_item, scatter, texts
from mcgurk.errors import DataError, ResourceError
from mcgurk.nn.component import Encoder

_MOST_TEXTS = 12_000


class TfidfEncoder(Encoder):
    """x_t = (1 + ln tf_t)(1 + ln((1 + n) / (1 + df_t))), scaled to |x| = 1; tf in the text, df in the n training texts.

    What stands for x afterwards:

    components=k        latent semantic analysis: V_k' x, V_k the first k right singular vectors of the training matrix X.
    components=None     x itself, dense: for few texts or a small ``max_features``.
    components="full"   coordinates of x in the row space of X. Choose texts p that span it (pivoted Cholesky, X_p X_p' = L L'); with
                        V = X_p' L^-T, V'V = I and z = V'x = L^-1 X_p x. A linear model with an L2 penalty has its optimum in the row space,
                        w = V a with |w| = |a|, and w'x = a'z for *every* x: fitted on z, it is the model fitted on all terms, exactly.
                        Cost n^2 memory and n^3 / 3 operations once; at most 12,000 training texts.

    Words that were not in training are not seen. Not for short texts with a label in their meaning rather than their wording: ``minilm``.

    Args:
        components: see above.
        words: shortest and longest word n-gram, or None for none. A word is two or more letters or digits, in lower case.
        chars: shortest and longest character n-gram inside words, or None for none; robust to spelling and damaged characters.
        min_df: texts a term must stand in.
        max_features: keep the terms with the highest document frequency; None keeps all.
        sublinear: 1 + ln tf rather than tf.

    Shapes: n texts -> Dense (n, k) float32; a cell of several texts -> one step a text. An empty text is all zeros.

    Attributes:
        terms_: the vocabulary, one term a line.

    Raises:
        DataError: neither words nor chars, or an impossible ``components``.
        ResourceError: R00, "full" with too many training texts.

    Source: Salton, Buckley 1988, Information Processing & Management 24(5); Deerwester et al. 1990, JASIS 41(6); representer theorem:
        Schoelkopf, Herbrich, Smola 2001, COLT.

    Example:
        >>> from mcgurk.data import Lazy
        >>> from mcgurk.encoders import TfidfEncoder
        >>> texts = Lazy(["red dress", "blue dress", "blue jeans"])
        >>> encoder = TfidfEncoder(components=None, words=(1, 1))
        >>> encoder.prepare_fit(texts)
        >>> encoder.terms_.split(), [round(float(x), 2) for x in encoder.prepare(texts).values[0]]
        (['blue', 'dress', 'jeans', 'red'], [0.0, 0.61, 0.0, 0.8])
    """

    kinds = ("text",)
    cached = False
    scaling = "block"
    _ready: Any = None

    def __init__(
        self,
        *,
        components: int | str | None = 200,
        words: tuple[int, int] | None = (1, 2),
        chars: tuple[int, int] | None = None,
        min_df: int = 1,
        max_features: int | None = None,
        sublinear: bool = True,
    ) -> None:
        super().__init__()
        self.components = components
        self.words = words
        self.chars = chars
        self.min_df = min_df
        self.max_features = max_features
        self.sublinear = sublinear

    def prepare_fit(self, column: Column) -> None:
        self._check()
        items = texts(flatten(lazy_of(column, "TfidfEncoder", "text"))[0])
        self.terms_, self.breaks_, self.idf_ = self._vocabulary(items)
        for name in ("axes_", "rows_"):
            vars(self).pop(name, None)
        if self.components == "full":
            self.rows_ = self._span(self.matrix(items))
        elif self.components is not None:
            self.axes_ = _axes(self.matrix(items), int(self.components))

    def prepare(self, column: Column) -> Dense | Ragged:
        return per_item(lazy_of(column, "TfidfEncoder", "text"), self._prepare)

    def matrix(self, items: list[str]) -> sparse.csr_matrix:
        """(n, terms) TF-IDF weights of ``items`` with the vocabulary learned in training, sparse float64."""
        vectorizers, _ = self._prepared()
        idf, blocks, start = np.asarray(self.idf_), [], 0
        for vectorizer, size in zip(vectorizers, np.diff(self.breaks_).tolist()):
            counts = vectorizer.transform(items).astype(np.float64) if size else sparse.csr_matrix((len(items), 0))
            blocks.append(self._weighted(counts, idf[start : start + size]))
            start += size
        return sparse.hstack(blocks, format="csr")

    def _check(self) -> None:
        if self.words is None and self.chars is None:
            raise DataError("words=None and chars=None leave no terms; give at least one range, such as words=(1, 2)")
        number = isinstance(self.components, (int, np.integer)) and not isinstance(self.components, bool)
        if not (self.components in (None, "full") or (number and int(self.components) >= 1)):
            raise DataError(f"components={self.components!r} was given; expected a whole number from 1 up, None or 'full'")

    def _kinds(self) -> list[tuple[str, tuple[int, int]]]:
        return [(kind, tuple(r)) for kind, r in (("word", self.words), ("char_wb", self.chars)) if r is not None]  # type: ignore[misc]

    def _vocabulary(self, items: list[str]) -> tuple[str, tuple[int, ...], np.ndarray]:
        """Terms one a line, where each kind of term begins and the last ends, and the terms' inverse document frequencies."""
        terms: list[str] = []
        frequency: list[np.ndarray] = []
        breaks = [0]
        for kind, size in self._kinds():
            vectorizer = CountVectorizer(analyzer=kind, ngram_range=size)
            if any(vectorizer.build_analyzer()(item) for item in items):
                counts = vectorizer.fit_transform(items)
                df = np.bincount(counts.indices, minlength=counts.shape[1])
                kept = np.flatnonzero(df >= self.min_df)
                kept = np.sort(kept[np.argsort(-df[kept], kind="stable")][: self.max_features])
                terms += list(vectorizer.get_feature_names_out()[kept])
                frequency.append(df[kept])
            breaks.append(len(terms))
        df = np.concatenate([np.zeros(0), *frequency])
        return "\n".join(terms), tuple(breaks), 1 + np.log((1 + len(items)) / (1 + df))

    def _weighted(self, counts: sparse.csr_matrix, idf: np.ndarray) -> sparse.csr_matrix:
        counts.sort_indices()
        weights = (1 + np.log(counts.data)) if self.sublinear else counts.data
        weights = weights * idf[counts.indices]
        rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
        length = np.sqrt(np.bincount(rows, weights**2, minlength=counts.shape[0]))
        return sparse.csr_matrix((weights / length[rows], counts.indices, counts.indptr), shape=counts.shape)

    def _span(self, matrix: sparse.csr_matrix) -> dict[str, np.ndarray]:
        """Linearly independent training texts that span all of them."""
        if matrix.shape[0] > _MOST_TEXTS:
            raise ResourceError(
                f"components='full' was asked for with {matrix.shape[0]:,} training texts and needs memory for the square of their number; "
                f"give at most {_MOST_TEXTS:,}, or components=300"
            )
        matrix = matrix[np.diff(matrix.indptr) > 0]
        if not matrix.shape[0]:
            return {"indptr": np.zeros(1, np.int64), "indices": np.zeros(0, np.int64), "data": np.zeros(0)}
        _, pivots, rank, _ = lapack.dpstrf((matrix @ matrix.T).toarray(), tol=1e-10, lower=1, overwrite_a=1)
        rows = matrix[pivots[:rank] - 1]  # in pivot order, in which their Cholesky factor is well conditioned
        return {"indptr": rows.indptr.astype(np.int64), "indices": rows.indices.astype(np.int64), "data": rows.data}

    def _prepared(self) -> tuple[list[CountVectorizer], tuple[sparse.csr_matrix, np.ndarray] | None]:
        """What follows from the learned state and is not worth saving: vectorizers, and the spanning texts with their Cholesky factor."""
        learned = self.terms_, getattr(self, "rows_", None)
        if self._ready is None or any(a is not b for a, b in zip(self._ready[0], learned)):
            terms = self.terms_.split("\n") if self.terms_ else []
            places = zip(self._kinds(), self.breaks_[:-1], self.breaks_[1:])
            vectorizers = [
                CountVectorizer(analyzer=kind, ngram_range=size, vocabulary=terms[a:b] or ["\n"]) for (kind, size), a, b in places
            ]
            span = None
            if learned[1] is not None:
                parts = learned[1]
                rows = sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape=(len(parts["indptr"]) - 1, len(terms)))
                span = rows, np.linalg.cholesky((rows @ rows.T).toarray())
            self._ready = learned, (vectorizers, span)
        return self._ready[1]

    def _prepare(self, column: Lazy) -> Dense:
        matrix = self.matrix(texts(column))
        if self.components is None:
            values = matrix.toarray() if matrix.shape[1] else np.zeros((matrix.shape[0], 1))
        elif self.components == "full":
            span = self._prepared()[1]
            if span is None or not span[1].size:
                values = np.zeros((matrix.shape[0], 1))
            else:
                values = solve_triangular(span[1], (span[0] @ matrix.T).toarray(), lower=True, check_finite=False).T
        else:
            values = matrix @ np.asarray(self.axes_) if matrix.shape[1] else np.zeros((matrix.shape[0], 1))
        return scatter(np.ascontiguousarray(values, dtype=np.float32), column.present)


def _axes(matrix: sparse.csr_matrix, components: int) -> np.ndarray:
    """(terms, k) float32: the leading right singular vectors, cut where singular values are rounding errors."""
    k = min(components, *matrix.shape)
    if k == 0 or matrix.nnz == 0:
        return np.zeros((matrix.shape[1], 1), dtype=np.float32)
    _, values, axes = randomized_svd(matrix, n_components=k, n_iter=7, random_state=0)
    return axes[values > 1e-6 * values[0]].T.astype(np.float32)
