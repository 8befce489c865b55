"""Dense, Ragged and Lazy: what they accept, refuse, and keep through take and concatenate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.column import Dense, Field, Lazy, Ragged, common_offsets, concatenate, gather_steps, item_hash, relabel, rows_of
from mcgurk.errors import DataError, MediaError

LENGTHS = st.lists(st.integers(0, 5), min_size=1, max_size=12)


def ragged(lengths: list[int]) -> Ragged:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.arange(2.0 * offsets[-1]).reshape(-1, 2)
    return Ragged(values, offsets, np.arange(len(lengths)) % 3 != 1, np.arange(float(offsets[-1])))


@given(LENGTHS, st.data())
def test_gather_is_what_slicing_gives(lengths, data):
    column = ragged(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=15)), dtype=np.int64)
    steps, offsets = gather_steps(column.offsets, rows)
    assert steps.tolist() == [s for r in rows for s in range(column.offsets[r], column.offsets[r + 1])]
    assert offsets.tolist() == np.concatenate([[0], np.cumsum(column.lengths[rows])]).tolist()


def test_the_length_of_a_row_is_that_of_the_columns_that_have_it():
    one = Ragged(np.zeros((3, 1)), [0, 0, 2, 3], np.array([False, True, True]))
    two = Ragged(np.zeros((4, 1)), [0, 4, 4, 4], np.array([True, False, True]))
    assert common_offsets([one, two, Dense(np.zeros((3, 1)))]).tolist() == [0, 4, 6, 7]
    assert common_offsets([Dense(np.zeros((3, 1)))]) is None


@given(LENGTHS, st.data())
def test_take_keeps_every_row(lengths, data):
    column = ragged(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=15)), dtype=np.int64)
    part = column.take(rows)
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(part.row(i), column.row(row))
        np.testing.assert_array_equal(part.row_times(i), column.row_times(row))
        assert part.present[i] == column.present[row]
    assert part.kind == column.kind and part.item == column.item


@given(LENGTHS, st.integers(0, 12))
def test_cutting_and_stacking_is_the_whole(lengths, cut):
    column = ragged(lengths)
    everything = np.arange(len(column))
    cut = min(cut, len(column))
    again = concatenate([column.take(everything[:cut]), column.take(everything[cut:])])
    np.testing.assert_array_equal(again.values, column.values)
    np.testing.assert_array_equal(again.offsets, column.offsets)
    np.testing.assert_array_equal(again.times, column.times)
    np.testing.assert_array_equal(again.present, column.present)


@given(st.permutations(range(6)))
def test_take_of_a_permutation_and_back(order):
    order = np.array(order)
    back = np.argsort(order)
    lazy = Lazy(["a", None, "c", ("d", "e"), b"f", ""])
    dense = Dense(np.arange(12.0).reshape(6, 2), np.array([True, False] * 3))
    assert lazy.take(order).take(back).items.tolist() == lazy.items.tolist()
    np.testing.assert_array_equal(dense.take(order).take(back).values, dense.values)
    np.testing.assert_array_equal(dense.take(order).take(back).present, dense.present)


def test_presence_has_a_sensible_default():
    assert Lazy(["a", None, ""]).present.tolist() == [True, False, True]
    assert Dense(np.array([[1.0, np.nan], [np.nan, np.nan]]), kind="tabular").present.tolist() == [True, False]
    assert Dense(np.zeros((2, 0)), kind="tabular").present.tolist() == [True, True]
    assert Ragged.of([[1.0], None, []]).present.tolist() == [True, False, True]


def test_empty_absent_and_zero_are_three_things():
    column = Ragged.of([np.zeros((1, 2)), np.zeros((0, 2)), None])
    assert column.lengths.tolist() == [1, 0, 0]
    assert column.present.tolist() == [True, True, False]
    items = list(rows_of(column))
    assert items[0].shape == (1, 2) and items[1].shape == (0, 2) and items[2] is None


def test_dense_refuses_what_no_model_may_see():
    with pytest.raises(DataError, match=r"inf in row 1, position 0") as caught:
        Dense(np.array([[0.0], [np.inf]]))
    assert caught.value.code == "N01"
    with pytest.raises(DataError, match=r"NaN in row 0"):
        Dense(np.array([[np.nan], [1.0]]))
    with pytest.raises(DataError, match=r"inf in row 1, area of a tabular"):
        Dense(np.array([[1.0], [-np.inf]]), kind="tabular", fields=(Field("area"),))
    Dense(np.array([[np.nan], [1.0]]), np.array([False, True]))
    Dense(np.array([[np.nan], [1.0]]), kind="tabular")


def test_a_fault_far_down_is_named_by_its_row():
    values = np.zeros((3000, 2000), dtype=np.float32)
    values[2777, 3] = np.nan
    with pytest.raises(DataError, match=r"NaN in row 2777, position 3"):
        Dense(values)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Dense(np.float64(1.0)), "shape"),
        (lambda: Dense(np.zeros((2, 2)), np.ones(3, dtype=bool)), "present must be bool"),
        (lambda: Dense(np.zeros((2, 2)), np.ones(2)), "present must be bool"),
        (lambda: Dense(np.zeros((2, 2)), kind="smell"), "unknown kind"),
        (lambda: Dense(np.zeros((2, 2)), kind="tabular", fields=(Field("a"),)), "2 cells a row but 1 fields"),
        (lambda: Ragged(np.zeros(3), [0, 2]), "offsets must rise"),
        (lambda: Ragged(np.zeros(3), [0, 2, 1, 3]), "offsets must rise"),
        (lambda: Ragged(np.zeros(3), [1, 3]), "offsets must rise"),
        (lambda: Ragged(np.zeros(3), [0, 3], times=np.zeros(2)), "2 times for 3 steps"),
        (lambda: Ragged(np.array([0, np.inf, 0]), [0, 1, 3]), "inf in row 1, step 0"),
        (lambda: Ragged.of([None, None]), "no row of this column is present"),
        (lambda: Ragged.of([np.zeros((1, 2)), np.zeros((1, 3))]), "one step shape"),
        (lambda: Lazy([1.5]), "holds float"),
        (lambda: Field("a", "colour"), "expected one of number"),
        (lambda: concatenate([Lazy(["a"]), Lazy(["a"], kind="image")]), "cannot stack"),
        (lambda: concatenate([Dense(np.zeros((1, 2))), Dense(np.zeros((1, 3)))]), "different shapes"),
    ],
)
def test_refusals_say_what_is_wrong(make, said):
    with pytest.raises(DataError, match=said):
        make()


def test_items_of_a_cell():
    column = Lazy([["a", "b"], "c", None])
    assert column.items[0] == ("a", "b") and column.multiple
    assert not Lazy(["a", None]).multiple
    assert column.item == () and len(column) == 3


def test_equal_content_has_one_hash_wherever_it_stands(tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(b"same")
    second.write_bytes(b"same")
    column = Lazy([first, second, "same", b"same", (first, second), None], kind="image")
    assert item_hash(column, 0) == item_hash(column, 1)
    assert len({item_hash(column, row) for row in range(5)}) == 4
    first.write_bytes(b"other!")
    assert item_hash(column, 0) != item_hash(column, 1)
    with pytest.raises(MediaError):
        item_hash(Lazy([tmp_path / "none.png"], kind="image"), 0)


def test_numbers_of_different_type_or_shape_differ_in_their_hash():
    columns = [Dense(np.ones((1, 4))), Dense(np.ones((1, 4), dtype=np.float32)), Dense(np.ones((1, 2, 2)))]
    columns += [Ragged(np.ones(4), [0, 4]), Ragged(np.ones(4), [0, 4], times=np.arange(4.0))]
    assert len({item_hash(column, 0) for column in columns}) == 4  # a series of four numbers is the vector of four numbers
    assert Dense(np.ones((1, 4))).item_bytes(0) == Ragged(np.ones(4), [0, 4]).item_bytes(0)


def test_relabel_and_rows():
    column = relabel(Dense(np.zeros((2, 3)), np.array([True, False])), "audio")
    assert column.kind == "audio"
    assert [None if v is None else v.shape for v in rows_of(column)] == [(3,), None]
    assert list(rows_of(Lazy(["a", None]))) == ["a", None]


def test_take_reads_only_its_rows_of_a_memory_map(tmp_path):
    path = Path(tmp_path) / "v.npy"
    np.save(path, np.arange(20_000.0).reshape(1000, 20))
    column = Dense(np.load(path, mmap_mode="r"))
    part = column.take(np.array([999, 0]))
    assert type(part.values) is np.ndarray and part.values[:, 0].tolist() == [19980.0, 0.0]


def test_a_string_names_a_file_in_a_column_of_media(tmp_path):
    """The key of a picture given by its path is what the file holds, so a changed file is encoded again."""
    file = tmp_path / "a.png"
    file.write_bytes(b"one")
    column = Lazy([str(file)], kind="image")
    before = item_hash(column, 0)
    assert before == item_hash(Lazy([file], kind="image"), 0)
    file.write_bytes(b"two")
    assert item_hash(column, 0) != before
    assert item_hash(Lazy([str(file)], kind="text"), 0) != item_hash(column, 0)


def test_a_bare_value_among_cells_of_several_is_a_cell_of_one():
    column = Lazy([("a", "b"), "c", None])
    assert column.items.tolist() == [("a", "b"), ("c",), None] and column.take(np.array([1])).multiple
