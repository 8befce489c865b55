"""Batches: order, padding, absence, types, maps."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import Dense, Ragged
from mcgurk.data.target import encode_target
from mcgurk.errors import DataError
from mcgurk.train import Loader
from mcgurk.train import loader as module


def dense(n=10, width=3, present=None):
    return Dense(np.arange(n * width, dtype=np.float64).reshape(n, width), present)


def test_the_order_is_a_function_of_seed_and_epoch():
    a, b, c = (Loader({"x": dense()}, seed=seed) for seed in (1, 1, 2))
    b.order(7)  # no call depends on an earlier one
    assert a.order(3).tolist() == b.order(3).tolist() != a.order(4).tolist()
    assert a.order(3).tolist() != c.order(3).tolist()
    assert sorted(a.order(3)) == list(range(10))


@given(st.integers(1, 40), st.integers(1, 12))
def test_every_row_comes_once_and_no_last_batch_is_a_single_row(n, size):
    loader = Loader({"x": dense(n)}, batch_size=size)
    sizes = [len(batch) for batch in loader.epoch(0)]
    assert len(sizes) == loader.steps and sum(sizes) == n == len(loader)
    assert sorted(torch.cat([batch.rows for batch in loader.epoch(0)]).tolist()) == list(range(n))
    assert size == 1 or n == 1 or min(sizes) > 1


def test_an_epoch_can_start_in_the_middle():
    loader = Loader({"x": dense()}, batch_size=3)
    whole, rest = list(loader.epoch(2)), list(loader.epoch(2, 1))
    assert [b.rows.tolist() for b in whole[1:]] == [b.rows.tolist() for b in rest]


def test_absent_rows_are_zeros_and_complete_columns_are_full():
    present = np.arange(10) % 2 == 0
    values = dense().values.copy()
    values[~present] = np.nan
    loader = Loader({"b": dense(), "a": Dense(values, present)})
    batch = loader.batch(np.array([3, 4]))
    assert list(batch.slots) == ["a", "b"]
    a, b = batch.slots["a"], batch.slots["b"]
    assert a.values.tolist() == [[0, 0, 0], [12, 13, 14]] and a.present.tolist() == [False, True] and not a.full
    assert b.full and b.present.all() and b.values.dtype == torch.float32
    assert np.isnan(values).any()  # the caller's array is left as it was


def test_sequences_are_padded_to_the_longest_of_the_batch_only():
    column = Ragged.of([np.ones((2, 1)), np.ones((5, 1)), np.zeros((0, 1)), None, np.ones((1, 1))])
    loader = Loader({"s": column})
    slot = loader.batch(np.array([0, 2, 3])).slots["s"]
    assert slot.values.shape == (3, 2, 1) and not slot.full
    assert slot.mask.tolist() == [[True, True], [False, False], [False, False]]
    assert slot.present.tolist() == [True, True, False]  # empty is not absent
    alone = loader.batch(np.array([2])).slots["s"]
    assert alone.values.shape == (1, 1, 1) and alone.present.all() and not alone.mask.any()
    assert loader.batch(np.array([1])).slots["s"].full


def test_steps_with_nan_are_masked_and_times_are_carried():
    column = Ragged.of([np.array([[1.0], [np.nan], [3.0]])], times=[[0.0, 0.5, 1.0]])
    slot = Loader({"s": column}).batch(np.array([0])).slots["s"]
    assert slot.mask.tolist() == [[True, False, True]] and slot.values.flatten().tolist() == [1, 0, 3]
    assert slot.times.tolist() == [[0, 0, 1]] and not slot.full


def test_a_column_without_any_step():
    slot = Loader({"s": Ragged(np.zeros((0, 2)), np.zeros(4, dtype=np.int64))}).batch(np.arange(3)).slots["s"]
    assert slot.values.shape == (3, 1, 2) and not slot.mask.any() and slot.present.all()


@pytest.mark.parametrize(
    ("given_type", "batch_type"),
    [("float64", torch.float32), ("float16", torch.float32), ("uint8", torch.uint8), ("int32", torch.int64), ("bool", torch.int64)],
)
def test_floats_are_cast_bytes_and_codes_stay(given_type, batch_type):
    column = Dense(np.ones((4, 2), dtype=given_type), kind="image" if given_type == "uint8" else "vector")
    tokens = Ragged.of([np.ones(2, dtype=given_type)] * 4, kind="tokens")
    batch = Loader({"x": column, "t": tokens}).batch(np.arange(2))
    assert {slot.values.dtype for slot in batch.slots.values()} == {batch_type}


def test_float64_on_request():
    assert Loader({"x": dense()}, dtype=torch.float64).batch(np.arange(2)).slots["x"].values.dtype == torch.float64


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(30, dtype=np.float32).reshape(10, 3))
    return np.load(tmp_path / "x.npy", mmap_mode="r")


def test_a_map_is_shared_without_copy_or_warning(mapped):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loader = Loader({"x": Dense(mapped)})
    assert loader._columns["x"]._values.data_ptr() == mapped.ctypes.data
    gone = np.arange(10) > 0  # row 0 already holds a zero-free row: absent rows of a cache hold zeros
    cached = np.array(mapped)
    cached[0] = 0
    column = Dense(cached, gone)
    assert Loader({"x": column})._columns["x"]._values.data_ptr() == cached.ctypes.data


def test_columns_larger_than_memory_are_read_batch_by_batch(mapped, monkeypatch):
    present = np.arange(10) != 4
    whole = Loader({"x": Dense(mapped, present)}, batch_size=4)
    monkeypatch.setattr(module, "IN_MEMORY", 8)
    parts = Loader({"x": Dense(mapped, present)}, batch_size=4)
    assert isinstance(parts._columns["x"], module._MappedSource)
    for a, b in zip(whole.epoch(1), parts.epoch(1), strict=True):
        assert torch.equal(a.slots["x"].values, b.slots["x"].values) and torch.equal(a.slots["x"].present, b.slots["x"].present)


def test_labels_and_weights_follow_their_rows():
    target = encode_target(np.array(["a", "b"] * 5), "classifier")
    batch = Loader({"x": dense()}, target, np.arange(10.0)).batch(np.array([5, 2]))
    assert batch.y.tolist() == [1, 0] and batch.weight.tolist() == [5, 2] and batch.rows.tolist() == [5, 2] and batch.lengths is None


def test_a_label_per_step():
    column = Ragged.of([np.ones((2, 1)), np.ones((3, 1))])
    target = encode_target(Ragged(np.array([0.0, 1, 2, 3, 4]), column.offsets), "regressor")
    batch = Loader({"s": column}, target).batch(np.array([1, 0]))
    assert batch.y.flatten().tolist() == [2, 3, 4, 0, 1] and batch.lengths.tolist() == [3, 2]


def test_a_label_per_step_needs_as_many_steps():
    column = Ragged.of([np.ones((2, 1)), np.ones((2, 1))])
    target = encode_target(Ragged(np.arange(5.0), np.array([0, 2, 5])), "regressor")
    with pytest.raises(DataError, match="3 labels in row 1, but column 's' has 2 steps"):
        Loader({"s": column}, target)


def test_work_counts_the_places_a_row_has():
    assert Loader({"x": dense()}).places == 1
    assert Loader({"x": dense(2), "s": Ragged.of([np.ones((30, 1)), np.ones((50, 1))])}).places == 40
    assert Loader({"i": Dense(np.zeros((2, 64, 32, 3), dtype=np.uint8), kind="image")}).places == 128
