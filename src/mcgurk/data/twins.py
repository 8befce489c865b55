"""Rows that share content: the same photo, sound or text in two rows. Splits keep them on one side."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.pairs import components
from mcgurk.errors import MediaError

TEMPLATE_SHARE = 0.01
TEMPLATE_ROWS = 5
LEAST_NUMBERS = 8
LEAST_WORDS, LEAST_LETTERS = 3, 16


def twins(X: Dataset) -> np.ndarray:
    """(n,) int64: rows of equal number share an item's content in some column, directly or through others.

    Content decides, not a file's name.
    Content shared by over 1 % of the rows (and over five of them) is a template and ties nothing, as do empty items. A cell of several
    items ties by each of them. Tabular cells never tie, nor do texts of fewer than 3 words (unless of 16 letters) and items of fewer than 8
    numbers: those agree by chance.

    Example:
        >>> from mcgurk.data import Dataset, Lazy
        >>> twins(Dataset({"a": Lazy(["red cotton dress", "jeans", "red cotton dress"]), "b": Lazy(["1", "2", None])})).tolist()
        [0, 1, 0]
    """
    ties = [pairs for name, column in X.items() for pairs in tied_rows(column).values()]
    chains = [np.stack([rows[:-1], rows[1:]], axis=1) for rows in ties]
    return components(len(X), pairs=np.concatenate(chains) if chains else None)


def tied_rows(column: Column) -> dict[Hashable, np.ndarray]:
    """Content key -> the rows (two or more, templates left out) whose cell holds it."""
    return shared(content_keys(column), len(column))


def shared(keys: Iterable[tuple[int, Hashable]], n: int) -> dict[Hashable, np.ndarray]:
    """Key -> the rows (two or more) that have it, of (row, key) pairs in the order of ``n`` rows; templates are left out."""
    rows: dict[Hashable, list[int]] = defaultdict(list)
    for row, key in keys:
        if not rows[key] or rows[key][-1] != row:
            rows[key].append(row)
    most = max(TEMPLATE_SHARE * n, TEMPLATE_ROWS)
    return {key: np.array(found) for key, found in rows.items() if 1 < len(found) <= most}


def content_keys(column: Column) -> Iterable[tuple[int, Hashable]]:
    """(row, key) of each item: equal keys mean equal content. Empty items and tabular cells have none."""
    present = np.flatnonzero(column.present)
    if isinstance(column, Lazy):
        named = column.kind != "text"  # a string in a column of media names a file
        items = [(int(row), Path(v) if named and isinstance(v, str) else v) for row in present for v in _parts(column.items[row])]
        yield from _lazy_keys(items)
    elif isinstance(column, Ragged):
        for row in present.tolist():
            values = column.row(row)
            if values.size >= LEAST_NUMBERS:
                yield row, (values.shape, values.tobytes())
    elif isinstance(column, Dense) and column.kind != "tabular" and np.prod(column.item) >= LEAST_NUMBERS:
        for row in present.tolist():
            yield row, column.values[row].tobytes()


def _parts(item: Any) -> tuple[Any, ...]:
    return item if isinstance(item, tuple) else (item,)


def _lazy_keys(items: list[tuple[int, Any]]) -> Iterable[tuple[int, Hashable]]:
    """Files are read only where another file has the same size; a file that cannot be read has no twin."""
    from mcgurk.data.media import content_hash

    sizes = {path: _size(path) for _, path in items if isinstance(path, Path)}
    common = Counter(sizes.values())
    hashes: dict[Path, Hashable] = {}
    for row, item in items:
        if not isinstance(item, Path):
            if isinstance(item, bytes) or _tells(item):
                yield row, item
            continue
        if item not in hashes:
            try:
                hashes[item] = content_hash(item) if common[sizes[item]] > 1 else item
            except MediaError:
                hashes[item] = item
        yield row, hashes[item]


def _tells(text: str) -> bool:
    """Whether two equal texts are hardly so by chance."""
    return len(text) >= LEAST_LETTERS or len(text.split()) >= LEAST_WORDS


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


def plain_text(text: str) -> str:
    """Letters and digits only, in lower case, compatibility forms unified: what remains of a text when only its writing differs.

    Example:
        >>> plain_text("Red  COTTON-dress!")
        'red cotton dress'
    """
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


def near_twins(column: Column, *, bits: int = 3) -> list[np.ndarray]:
    """Groups of rows whose texts differ only in case, space or punctuation, or whose pictures look alike; exact twins included.

    For reports: a near twin is a hint, not a proof, so splits do not use it. Pictures are compared by 64-bit difference hashes that differ
    in at most ``bits`` (at most 3) places.
    """
    n = len(column)
    if not isinstance(column, Lazy) and not (isinstance(column, Dense) and column.kind == "image"):
        return []
    if column.kind == "text" and isinstance(column, Lazy):
        texts = ((int(row), plain_text(part)) for row in np.flatnonzero(column.present) for part in _parts(column.items[row]))
        return list(shared(((row, text) for row, text in texts if _tells(text)), n).values())
    return _alike(column, bits) if column.kind == "image" else []


def _alike(column: Lazy | Dense, bits: int) -> list[np.ndarray]:
    rows, hashes = [], []
    for row in np.flatnonzero(column.present):
        for part in _parts(column.items[row]) if isinstance(column, Lazy) else (column.values[row],):
            code = difference_hash(part)
            if code is not None:
                rows.append(int(row))
                hashes.append(code)
    if not rows:
        return []
    codes, code_of = np.unique(np.array(hashes, dtype=np.uint64), return_inverse=True)
    edges = [np.zeros((0, 2), dtype=np.int64)]
    for shift in (0, 16, 32, 48):  # two codes that differ in at most three places agree in one of four quarters
        quarter = (codes >> np.uint64(shift)) & np.uint64(0xFFFF)
        order = np.argsort(quarter, kind="stable")
        for block in np.split(order, np.flatnonzero(np.diff(quarter[order])) + 1):
            if len(block) > 1:
                a, b = np.triu_indices(len(block), 1)
                near = np.bitwise_count(codes[block[a]] ^ codes[block[b]]) <= bits
                edges.append(np.stack([block[a[near]], block[b[near]]], axis=1))
    place = components(len(codes), pairs=np.concatenate(edges))[code_of]
    most = max(TEMPLATE_SHARE * len(column), TEMPLATE_ROWS)
    groups = [np.unique(np.array(rows)[place == k]) for k in np.flatnonzero(np.bincount(place) > 1)]
    return [g for g in groups if 1 < len(g) <= most]


def difference_hash(picture: Any) -> int | None:
    """64 bits: whether each of 8 x 8 cells is brighter than its right neighbour; None for flat pictures and unreadable files."""
    from mcgurk.data.media import read_image

    if not isinstance(picture, np.ndarray):
        try:
            picture = read_image(picture, mode="L", size=(64, 72))
        except MediaError:
            return None
    grey = np.asarray(picture, dtype=np.float64)
    grey = grey.mean(axis=2) if grey.ndim == 3 else grey
    if grey.ndim != 2 or min(grey.shape) < 9 or np.ptp(grey) == 0:
        return None
    rows = np.linspace(0, grey.shape[0], 9).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], 10).astype(int)[:-1]
    cells = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    area = np.diff([*rows, grey.shape[0]])[:, None] * np.diff([*columns, grey.shape[1]])
    brighter = np.diff(cells / area, axis=1) > 0
    return int.from_bytes(np.packbits(brighter).tobytes(), "big")
