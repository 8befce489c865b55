"""Positions in per cent."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.study.chart import Axis


def test_ticks_are_round_and_on_the_axis() -> None:
    axis = Axis.around([0.61, 0.83])
    assert [round(v, 2) for _, v in axis.ticks()] == [0.65, 0.7, 0.75, 0.8] and axis.at(0.61) < axis.at(0.83)


def test_zero_bounds_and_unknowns() -> None:
    assert Axis.around([0.2, 0.3], zero=True).at(0.0) > 0
    assert Axis.around([0.95, 1.0], within=(0, 1)).high == 1.0
    assert Axis.around([np.nan]).at(np.nan) is None
    assert Axis.around([5.0]).at(5.0) == pytest.approx(50)
    assert Axis.around([-1000.0, 2000.0]).ticks()[0][1] == -1000.0
