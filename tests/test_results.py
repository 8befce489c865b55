"""What methods return to a person."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mcgurk.results import Alignment, Hits, Report, Result, Trace, plain


def test_plain_values() -> None:
    given = {
        1: np.float32(0.5),
        "many": (np.int64(3), {4}, np.array([[np.nan, 1.0]])),
        "none": None,
        "path": Path("a"),
        "inf": float("inf"),
        "frame": pd.DataFrame({"x": [1, 2]}),
    }
    assert plain(given) == {
        "1": 0.5,
        "many": [3, [4], [[None, 1.0]]],
        "none": None,
        "path": "a",
        "inf": None,
        "frame": [{"x": 1}, {"x": 2}],
    }
    json.dumps(plain(given), allow_nan=False)


def report() -> Report:
    return Report(pd.DataFrame({"name": ["a", "b"], "value": [1.0, np.nan]}), {"mean": 1.0}, {"folds": 3}, 7, "Me 2026", {"numpy": "2"})


def test_a_report_carries_its_circumstances() -> None:
    made = report()
    assert made.to_frame() is made.table
    assert made.provenance() == {"settings": {"folds": 3}, "seed": 7, "source": "Me 2026", "versions": {"numpy": "2"}}
    whole = json.loads(made.to_json())
    assert whole["table"] == [{"name": "a", "value": 1.0}, {"name": "b", "value": None}] and whole["seed"] == 7
    assert "<table" in made._repr_html_()
    with pytest.raises(FrozenInstanceError):
        made.seed = 8  # type: ignore[misc]


def test_an_alignment() -> None:
    made = Alignment(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1.0, 0.5, 1.0]), 2.5, (2, 3))
    assert made.matrix().tolist() == [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0]]
    assert made.to_frame().columns.tolist() == ["i", "j", "weight"]
    axes = made.plot()
    assert axes.get_xlim() == (-0.5, 2.5) and axes.get_ylim() == (-0.5, 1.5)
    import matplotlib.pyplot as plt

    plt.close("all")


def test_hits_are_ranked() -> None:
    frame = Hits(np.array([[3, 1], [0, 2]]), np.array([[0.9, 0.1], [0.8, 0.7]])).to_frame()
    assert frame.to_dict("list") == {"query": [0, 0, 1, 1], "rank": [1, 2, 1, 2], "item": [3, 1, 0, 2], "score": [0.9, 0.1, 0.8, 0.7]}


def test_a_trace() -> None:
    assert Trace(({"op": "find"}, {"op": "count", "n": 2}), 2).to_frame().shape == (2, 2)


def test_a_result_says_how_it_is_a_table() -> None:
    with pytest.raises(NotImplementedError):
        Result().to_frame()
    assert Result().to_json() == "{}"
