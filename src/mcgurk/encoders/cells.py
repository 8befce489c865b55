"""Cells that hold several values: every encoder of items encodes sequences of items as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.errors import DataError


def flatten(column: Lazy) -> tuple[Lazy, np.ndarray]:
    """All values of all present cells as one column, and the offsets (n + 1,) of the cells in it; a bare value is a cell of one."""
    cells = [_values(column.items[i]) if column.present[i] else () for i in range(len(column))]
    offsets = np.concatenate([[0], np.cumsum([len(c) for c in cells], dtype=np.int64)]).astype(np.int64)
    items = np.empty(offsets[-1], dtype=object)
    items[:] = [value for cell in cells for value in cell]
    present = np.array([value is not None for value in items], dtype=bool)
    return Lazy(items, present, column.kind), offsets


def per_item(column: Lazy, encode: Callable[[Lazy], Dense | Ragged]) -> Dense | Ragged:
    """``encode`` for a column of single values; for cells of several values, the same with one step a value.

    A value of None inside a cell is left out of its sequence. Where ``encode`` itself gives sequences (tokens), those of a cell follow
    each other.

    Shapes: (n, *item) for single values; Ragged with one (*item) step a value otherwise.
    """
    if not column.multiple:
        return encode(column)
    flat, offsets = flatten(column)
    inner = encode(flat)
    if isinstance(inner, Ragged):
        return Ragged(inner.values, inner.offsets[offsets], column.present, inner.times, inner.kind)
    kept = np.concatenate([[0], np.cumsum(inner.present)]).astype(np.int64)
    return Ragged(inner.values[inner.present], kept[offsets], column.present, None, "series")


def present_items(column: Lazy) -> tuple[np.ndarray, list[Any]]:
    """Row numbers and items of the present rows."""
    rows = np.flatnonzero(column.present)
    return rows, [column.items[i] for i in rows]


def texts(column: Lazy) -> list[str]:
    """The present rows' strings; bytes are read as UTF-8 and paths are opened as text files."""
    return [_text(item) for item in present_items(column)[1]]


def words_of(tokenizer: Any, column: Lazy) -> list[list[str]]:
    """The word that each token of each row belongs to, markers left out; nothing for an absent row."""
    out: list[list[str]] = [[] for _ in range(len(column))]
    given = texts(column)
    for row, text, encoding in zip(np.flatnonzero(column.present), given, tokenizer.encode_batch(given), strict=True):
        spans: dict[int, tuple[int, int]] = {}
        pieces = [(w, a, b) for w, (a, b) in zip(encoding.word_ids, encoding.offsets, strict=True) if w is not None]
        for word, start, end in pieces:
            first, last = spans.get(word, (start, end))
            spans[word] = (min(first, start), max(last, end))
        out[row] = [_around(text, start, end, spans[word]) for word, start, end in pieces]
    return out


def _around(text: str, start: int, end: int, word: tuple[int, int]) -> str:
    """What a token stands in: its word, cut at spaces, for there are tokenizers to whom a whole text is one word."""
    start += len(text[start:end]) - len(text[start:end].lstrip())
    low, high = word
    before, after = text[low:start].split(None), text[start:high].split(None, 1)
    head = before[-1] if before and not text[start - 1 : start].isspace() else ""
    return head + (after[0] if after else "")


def scatter(values: np.ndarray, present: np.ndarray, kind: str = "vector") -> Dense:
    """(number present, *item) -> a Dense column with zeros in the absent rows."""
    out = np.zeros((len(present), *values.shape[1:]), dtype=values.dtype)
    out[present] = values
    return Dense(out, present, kind)


def lazy_of(column: Any, name: str, kind: str) -> Lazy:
    """``column`` if it is a Lazy column, else an error that names the encoder."""
    if not isinstance(column, Lazy):
        raise DataError(f"{name} reads {kind} items (strings, paths, bytes); got a {type(column).__name__} column of kind {column.kind}")
    return column


def batches(order: np.ndarray, lengths: np.ndarray, budget: int) -> Iterator[np.ndarray]:
    """Consecutive pieces of ``order`` whose padded size, longest length times rows, stays within ``budget``; at least one row each."""
    start, longest = 0, 0
    for place, row in enumerate(order):
        longest = max(longest, int(lengths[row]))
        if place > start and longest * (place + 1 - start) > budget:
            yield order[start:place]
            start, longest = place, int(lengths[row])
    if start < len(order):
        yield order[start:]


def _values(cell: Any) -> tuple[Any, ...]:
    return cell if isinstance(cell, tuple) else (cell,)


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    from mcgurk.data.source import opened

    with opened(item) as file:
        return file.read().decode("utf-8", "replace")
