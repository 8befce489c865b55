"""Parts of streams by time."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Ragged, cut
from mcgurk.errors import DataError


def sentences() -> Ragged:
    return Ragged.of([np.arange(6.0), None, np.arange(3.0)], times=[np.arange(6) / 25, None, np.arange(3) / 25])


def test_the_end_belongs_to_what_follows() -> None:
    part = cut(sentences(), [0.04, 0.0, 0.2], [0.12, 0.0, 0.3])
    assert part.values.tolist() == [1.0, 2.0]
    assert part.times == pytest.approx([0.0, 0.04])
    assert part.lengths.tolist() == [2, 0, 0] and part.present.tolist() == [True, False, True]


def test_parts_that_tile_hold_every_step_once() -> None:
    whole = sentences()
    pieces = [cut(whole, np.full(3, a), np.full(3, a + 0.08)) for a in (0.0, 0.08, 0.16)]
    assert sum(len(piece.values) for piece in pieces) == len(whole.values)
    assert np.concatenate([piece.row(0) for piece in pieces]).tolist() == whole.row(0).tolist()


def test_bounds_of_absent_rows_are_not_looked_at() -> None:
    assert cut(sentences(), [0, np.nan, 0], [1, np.nan, 1]).lengths.tolist() == [6, 0, 3]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(DataError, match="no times"):
        cut(Ragged.of([np.arange(3)]), [0], [1])
    with pytest.raises(DataError, match="one number a row"):
        cut(sentences(), [0], [1])
    with pytest.raises(DataError, match="row 2 ends") as found:
        cut(sentences(), [0, 0, 1], [1, 1, 0])
    assert found.value.code == "T02"
