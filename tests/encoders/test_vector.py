"""Precomputed vectors."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dense, Lazy, Ragged
from mcgurk.encoders import Precomputed
from mcgurk.errors import DataError


def test_vectors_pass_and_absent_rows_are_zero():
    values = np.array([[1.0, 2.0], [np.nan, np.inf]])
    out = Precomputed().prepare(Dense(values, np.array([True, False])))
    assert out.values.tolist() == [[1.0, 2.0], [0.0, 0.0]] and out.present.tolist() == [True, False]


@pytest.mark.parametrize("dtype", [np.int64, bool, np.uint8])
def test_whole_numbers_become_float32(dtype):
    assert Precomputed().prepare(Dense(np.ones((2, 3), dtype))).values.dtype == np.float32


def test_float_types_are_kept():
    assert Precomputed().prepare(Dense(np.ones((2, 3), np.float16))).values.dtype == np.float16


def test_series_keep_clock_gaps_and_absence():
    column = Ragged.of([np.array([[1.0], [np.nan]]), None], times=[np.array([0.0, 0.5]), None])
    out = Precomputed().prepare(column)
    assert np.isnan(out.values[1, 0]) and out.times.tolist() == [0.0, 0.5] and out.present.tolist() == [True, False]


def test_codes_and_items_are_refused():
    with pytest.raises(DataError, match="integer tokens"):
        Precomputed().prepare(Ragged.of([np.array([1, 2])], kind="tokens"))
    with pytest.raises(DataError, match="text items"):
        Precomputed().prepare(Lazy(["a"]))
    vectors = Ragged.of([np.zeros((2, 4), np.float32)], kind="tokens")
    assert Precomputed().prepare(vectors).kind == "series"
