"""Sentence and token vectors of the packaged all-MiniLM-L6-v2, in plain torch."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.encoders import _frozen, assets
from mcgurk.encoders.cells import batches, lazy_of, per_item, scatter, texts, words_of
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder

WIDTH, HEADS, LAYERS, INNER, POSITIONS, WORDS = 384, 12, 6, 1536, 512, 30522
_BUDGET = 4096  # tokens a batch, padding included


class MiniLMEncoder(Encoder):
    """The mean of a text's contextual token vectors, scaled to length 1; or the token vectors themselves.

    z = u / |u|, u = (1 / T) sum_t BERT(tokens)_t, T <= 256 tokens of which the first and the last are the markers [CLS] and [SEP].

    English, short texts: what stands behind token ``max_tokens`` is not read. Word choice that carries the label (names, slogans,
    spelling) is often better kept by ``tfidf``. An empty text has no tokens: zeros, and length 0 with ``tokens=True``.

    Args:
        tokens: one vector a token, the markers left out, instead of one a text.
        max_tokens: at most 512.

    Shapes: n texts -> Dense (n, 384) float32; with ``tokens`` Ragged (T, 384) float32; a cell of several texts -> one step a text.

    Raises:
        MissingPackage: P01, the weights are not installed.

    Source: Wang et al. 2020, MiniLM, NeurIPS; Reimers, Gurevych 2019, Sentence-BERT, EMNLP.

    Example:
        >>> from mcgurk.data import Lazy
        >>> from mcgurk.encoders import MiniLMEncoder, assets
        >>> if assets.installed("minilm"):
        ...     z = MiniLMEncoder().prepare(Lazy(["a dog barks", "a hound is barking", "the tax rate fell"])).values
        ...     assert z.shape == (3, 384) and z[0] @ z[1] > 0.5 > z[0] @ z[2]
    """

    kinds = ("text",)
    scaling = "block"
    assets = ("minilm",)

    def __init__(self, *, tokens: bool = False, max_tokens: int = 256) -> None:
        super().__init__()
        self.tokens = tokens
        self.max_tokens = max_tokens

    def prepare(self, column: Column) -> Dense | Ragged:
        if not 3 <= self.max_tokens <= POSITIONS:
            raise DataError(f"max_tokens={self.max_tokens} was given; expected 3 to {POSITIONS}")
        return per_item(lazy_of(column, "MiniLMEncoder", "text"), self._prepare)

    def weights_hash(self) -> str:
        return assets.weights_hash("minilm")

    def step_names(self, column: Column) -> list[list[str]] | None:
        if not self.tokens or not isinstance(column, Lazy) or column.multiple:
            return None
        return words_of(_tokenizer(assets.path("minilm") / "tokenizer.json", self.max_tokens), column)

    def _prepare(self, column: Lazy) -> Dense | Ragged:
        folder = assets.path("minilm")
        ids = tokenize(folder / "tokenizer.json", texts(column), self.max_tokens)
        states = hidden_states(_frozen.network(folder, lambda: _load(folder)), ids)
        if self.tokens:
            return _sequences([s[1:-1] for s in states], column)
        pooled = np.zeros((len(ids), WIDTH), dtype=np.float32)
        for i, state in enumerate(states):
            if len(state) > 2:
                mean = state.mean(axis=0)
                pooled[i] = mean / np.linalg.norm(mean)
        return scatter(pooled, column.present)


class Bert(nn.Module):
    """A post-norm transformer encoder with learned positions (Devlin et al. 2019), without its pooling layer.

    Shapes: ids (B, T) int64, valid (B, T) bool or None where nothing is padded -> (B, T, 384).
    """

    def __init__(self) -> None:
        super().__init__()
        self.word = nn.Embedding(WORDS, WIDTH)
        self.position = nn.Embedding(POSITIONS, WIDTH)
        self.kind = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids: Tensor, valid: Tensor | None) -> Tensor:
        x = self.norm(self.word(ids) + self.position.weight[: ids.shape[1]] + self.kind.weight[0])
        mask = None if valid is None else valid[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Layer(nn.Module):
    """Self-attention, then two linear layers with GELU; each is added to its input and normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.attended = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.attention_norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.inner, self.outer = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (part(x).unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        heads = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.attention_norm(x + self.attended(heads.transpose(1, 2).flatten(2)))
        return self.norm(x + self.outer(F.gelu(self.inner(x))))


def tokenize(file: Path, items: list[str], limit: int) -> list[list[int]]:
    """Token numbers of every text, markers included, cut to ``limit``."""
    return [list(encoding.ids) for encoding in _tokenizer(file, limit).encode_batch(items)]


def hidden_states(bert: Bert, ids: list[list[int]]) -> list[np.ndarray]:
    """(T, 384) float32 of every text; texts of like length share a batch."""
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    out: list[np.ndarray] = [np.zeros((0, WIDTH), dtype=np.float32)] * len(ids)
    for rows in batches(np.argsort(lengths, kind="stable"), lengths, _BUDGET):
        longest = int(lengths[rows].max())
        padded = torch.tensor([ids[i] + [0] * (longest - len(ids[i])) for i in rows])
        valid = torch.arange(longest) < torch.from_numpy(lengths[rows])[:, None]
        with torch.inference_mode():
            place = _frozen.device()
            states = bert(padded.to(place), None if bool(valid.all()) else valid.to(place)).cpu().numpy()
        for i, state in zip(rows, states):
            out[i] = state[: lengths[i]].copy()
    return out


def _sequences(states: list[np.ndarray], column: Lazy) -> Ragged:
    empty = np.zeros((0, WIDTH), dtype=np.float32)
    lengths = np.zeros(len(column), dtype=np.int64)
    lengths[column.present] = [len(s) for s in states]
    return Ragged(np.concatenate([empty, *states]), np.concatenate([[0], np.cumsum(lengths)]), column.present, None, "series")


@cache
def _tokenizer(file: Path, limit: int) -> Any:
    from tokenizers import Tokenizer

    made = Tokenizer.from_file(str(file))
    made.no_padding()
    made.enable_truncation(limit)
    return made


def _load(folder: Path) -> Bert:
    from safetensors.torch import load_file

    given = load_file(folder / "model.safetensors")
    names = {"embeddings.word_embeddings": "word", "embeddings.position_embeddings": "position", "embeddings.token_type_embeddings": "kind"}
    names["embeddings.LayerNorm"] = "norm"
    parts = {f"attention.self.{p}": p for p in ("query", "key", "value")}
    parts |= {"attention.output.dense": "attended", "attention.output.LayerNorm": "attention_norm"}
    parts |= {"intermediate.dense": "inner", "output.dense": "outer", "output.LayerNorm": "norm"}
    names |= {f"encoder.layer.{i}.{theirs}": f"layers.{i}.{ours}" for i in range(LAYERS) for theirs, ours in parts.items()}
    state = {
        f"{ours}.{leaf}": given[f"{theirs}.{leaf}"]
        for theirs, ours in names.items()
        for leaf in ("weight", "bias")
        if f"{theirs}.{leaf}" in given
    }
    bert = Bert()
    bert.load_state_dict(state)
    return bert
