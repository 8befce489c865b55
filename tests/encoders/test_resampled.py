"""Series read off at equally spaced moments."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.encoders.resampled import Resampled
from mcgurk.errors import DataError, McgurkWarning


def test_a_line_stays_a_line_however_fast_it_is_said() -> None:
    quick, slow = np.linspace(0, 1, 4)[:, None], np.linspace(0, 1, 9)[:, None]
    out = Resampled(5).prepare(Ragged.of([quick, slow])).values
    assert out == pytest.approx(np.tile(np.linspace(0, 1, 5), (2, 1)))


def test_moments_go_by_time_and_channels_stay_together() -> None:
    steps = np.array([[0.0, 10.0], [1.0, 11.0], [2.0, 12.0]])
    out = Resampled(3).prepare(Ragged.of([steps], times=[[0.0, 0.1, 1.0]])).values[0].reshape(3, 2)
    assert out[1] == pytest.approx([1 + 0.4 / 0.9, 11 + 0.4 / 0.9])
    assert out[[0, 2]].tolist() == [[0, 10], [2, 12]]


def test_what_was_not_observed_is_passed_over() -> None:
    gap = np.array([[0.0, np.nan], [np.nan, np.nan], [4.0, np.nan]])
    with pytest.warns(McgurkWarning, match="2 of 3 rows have a channel without an observed step") as told:
        out = Resampled(3).prepare(Ragged.of([gap, np.zeros((0, 2)), None]))
    assert [w.message.code for w in told] == ["M06"]
    assert out.values.tolist() == [[0, 0, 2, 0, 4, 0], [0] * 6, [0] * 6]
    assert out.present.tolist() == [True, True, False]


def test_containers_agree() -> None:
    values = np.random.default_rng(0).normal(size=(3, 12, 2))
    dense, ragged = Resampled(4).prepare(Dense(values, kind="series")), Resampled(4).prepare(Ragged.of(list(values)))
    assert np.array_equal(dense.values, ragged.values)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        Resampled(0).prepare(Dense(np.zeros((1, 3)), kind="series"))
    with pytest.raises(DataError, match="text items"):
        Resampled().prepare(Lazy(["a"]))
