"""Cells of several values: flattened, encoded, put back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcgurk.data import Dense, Lazy, Ragged
from mcgurk.encoders import cells
from mcgurk.errors import DataError


def lengths_of(column: Lazy) -> Dense:
    """A toy encoder: the number of letters, and one."""
    return cells.scatter(np.array([[len(t), 1.0] for t in cells.texts(column)]).reshape(-1, 2), column.present)


def letters_of(column: Lazy) -> Ragged:
    return Ragged.of([np.array([[ord(c)] for c in t], float).reshape(-1, 1) if t is not None else None for t in column.items])


def test_single_values_stay_rows():
    out = cells.per_item(Lazy(["a", None, "abc"]), lengths_of)
    assert isinstance(out, Dense) and out.values.tolist() == [[1, 1], [0, 0], [3, 1]] and out.present.tolist() == [True, False, True]


def test_several_values_become_steps():
    column = Lazy([("a", "bb"), None, (), "ccc", ("d", None)])
    out = cells.per_item(column, lengths_of)
    assert isinstance(out, Ragged)
    assert out.lengths.tolist() == [2, 0, 0, 1, 1] and out.present.tolist() == [True, False, True, True, True]
    assert out.values[:, 0].tolist() == [1, 2, 3, 1]


def test_sequences_of_sequences_follow_each_other():
    out = cells.per_item(Lazy([("ab", "c"), ("",), None]), letters_of)
    assert out.lengths.tolist() == [3, 0, 0] and out.values[:, 0].tolist() == [97, 98, 99]


def test_absent_cells_are_never_looked_at():
    items = np.array(["a", object(), "b"], dtype=object)
    out = cells.per_item(Lazy(items, np.array([True, False, True])), lengths_of)
    assert out.values[:, 0].tolist() == [1, 0, 1]


def test_texts_may_be_bytes_or_files(tmp_path):
    (tmp_path / "a.txt").write_bytes("grün".encode())
    assert cells.texts(Lazy(["x", b"caf\xc3\xa9 \xff", Path(tmp_path / "a.txt")])) == ["x", "café \ufffd", "grün"]


def test_batches_respect_the_budget_and_lose_no_row():
    lengths = np.array([1, 2, 3, 8, 9])
    pieces = list(cells.batches(np.argsort(lengths), lengths, 9))
    assert [p.tolist() for p in pieces] == [[0, 1, 2], [3], [4]]
    assert list(cells.batches(np.array([], int), lengths, 9)) == []


def test_arrays_are_no_items():
    with pytest.raises(DataError, match="toy reads text items"):
        cells.lazy_of(Dense(np.zeros((1, 2))), "toy", "text")
