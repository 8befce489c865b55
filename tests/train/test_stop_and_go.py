"""The controller on scripted sequences."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.train.stop_and_go import StopAndGo


def states(values, **settings):
    control = StopAndGo(["a", "b"], **settings)
    out = []
    for value in values:
        control.evaluated("a", value)
        out.append(control.stopped("a"))
    assert not control.stopped("b")
    return out


def test_the_published_sequence():
    assert states([0.500, 0.600, 0.600, 0.6005, 0.599, 0.5972, 0.596]) == [False, False, False, True, True, True, False]


def test_a_gain_starts_the_count_again():
    assert states([0.6, 0.6, 0.61, 0.61, 0.61]) == [False, False, False, False, True]


def test_the_evaluation_after_a_switch_counts_no_miss():
    back = [0.6, 0.6, 0.6, 0.5]  # stop, then go
    assert states([*back, 0.5, 0.5, 0.5]) == [False, False, True, False, False, False, True]


def test_grace_does_not_block_the_way_back():
    assert states([0.6, 0.6, 0.6, 0.59]) == [False, False, True, False]


def test_an_improvement_in_stop_raises_the_best():
    assert states([0.6, 0.6, 0.6, 0.7, 0.697, 0.696]) == [False, False, True, True, True, False]


def test_where_tasks_stand_is_in_the_state():
    """A copy made at any point goes on as the original does, also where buffers are single precision."""
    values = [0.500, 0.600, 0.600, 0.6005, 0.599, 0.5972, 0.596, 0.6, 0.6, 0.6]
    for dtype in (torch.float64, torch.float32):
        for stop in range(len(values)):
            first, second = StopAndGo(["a", "b"]).to(dtype), StopAndGo(["a", "b"]).to(dtype)
            for value in values[:stop]:
                first.evaluated("a", value)
            second.load_state_dict(first.state_dict())
            for value in values[stop:]:
                first.evaluated("a", value)
                second.evaluated("a", value)
                assert first.stopped("a") == second.stopped("a") and not second.stopped("b")


def test_who_trains():
    control = StopAndGo(["a", "b"], misses=1, gap=3)
    for value in (0.5, 0.5):
        control.evaluated("a", value)
    assert [control.trains("a", step) for step in range(7)] == [True, False, False, True, False, False, True]
    assert all(control.trains("b", step) for step in range(7))


def test_wrong_settings():
    for tasks, settings in (([], {}), (["a", "a"], {}), (["a"], {"gap": 0}), (["a"], {"misses": 0})):
        with pytest.raises(DataError):
            StopAndGo(tasks, **settings)
    with pytest.raises(DataError, match="no task 'c'"):
        StopAndGo(["a"]).stopped("c")
