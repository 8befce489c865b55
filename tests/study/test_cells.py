"""Finished pieces: kept, checked, tied to their plan."""

from __future__ import annotations

import numpy as np

from mcgurk.study.cells import Cell, Cells


def test_round_trip(tmp_path) -> None:
    cell = Cell("late:a/b", 3, np.ones((2, 2)), {"a": np.zeros((2, 2))}, {"fit_seconds": 1.5, "bytes": None}, (("M04", "one row"),))
    Cells(tmp_path, "p").put(cell)
    found = Cells(tmp_path, "p").get("late:a/b", 3)
    assert found is not None and (found.scores == 1).all() and list(found.without) == ["a"]
    assert (found.facts, found.notes, found.failure) == (cell.facts, cell.notes, None)


def test_another_plan_or_a_damaged_file_is_no_cell(tmp_path) -> None:
    Cells(tmp_path, "p").put(Cell("a", 0, np.ones((1, 1))))
    assert Cells(tmp_path, "q").get("a", 0) is None
    path = Cells(tmp_path, "p").path("a", 0)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert Cells(tmp_path, "p").get("a", 0) is None


def test_names_that_read_alike_stay_apart(tmp_path) -> None:
    cells = Cells(tmp_path, "p")
    assert cells.path("a:b", 0) != cells.path("a/b", 0)


def test_in_memory() -> None:
    cells = Cells(None, "p")
    cells.put(Cell("a", 0, np.zeros((0, 0)), failure=("E99", "no")))
    assert cells.get("a", 0).failure == ("E99", "no") and cells.get("a", 1) is None
