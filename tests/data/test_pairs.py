"""Pairs, components, joins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.pairs import check_pairs, components, expand, first_seen, join, match, spread
from mcgurk.errors import DataError, McgurkWarning


@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=15), st.data())
def test_components_are_what_walking_finds(n, edges, data):
    edges = [(a % n, b % n) for a, b in edges]
    labels = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)) if data.draw(st.booleans()) else None
    near = {i: {i} for i in range(n)}
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    if labels:
        for i in range(n):
            near[i] |= {j for j in range(n) if labels[j] == labels[i]}
    found = components(n, None if labels is None else np.array(labels), pairs=np.array(edges, dtype=int).reshape(-1, 2))
    for i in range(n):
        seen, todo = set(), [i]
        while todo:
            place = todo.pop()
            if place not in seen:
                seen.add(place)
                todo += near[place]
        assert {j for j in range(n) if found[j] == found[i]} == seen
    assert found[0] == 0 and list(dict.fromkeys(found.tolist())) == list(range(found.max() + 1))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([[0, 5]], "pair 0 names row 5 where there are 3"),
        ([[-1, 0]], "names row -1"),
        ([[0.5, 1]], "whole numbers"),
        ([0, 1], "whole numbers"),
    ],
)
def test_pairs_that_cannot_be(pairs, said):
    with pytest.raises(DataError, match=said):
        check_pairs(pairs, 3)


def test_pairs_are_sorted_and_distinct():
    assert check_pairs([], 3).shape == (0, 2)
    assert check_pairs([[1, 4], [0, 2], [1, 4]], 2, 5).tolist() == [[0, 2], [1, 4]]
    assert first_seen(np.array([5, 2, 5, 9])).tolist() == [0, 1, 0, 2]
    assert match([], ["a"]).shape == (0, 2)


def test_expanding_many_to_many_keeps_each_component_a_group():
    left = Dataset({"photo": Lazy(["p0", "p1", "p2"])}, ids=["a", "b", "c"])
    right = Dataset({"caption": Lazy(["x", "y", "z"])})
    X = expand(left, right, match(["k", "l", "k"], ["k", "l", "k"]))
    assert X["photo"].items.tolist() == ["p0", "p0", "p1", "p2", "p2"] and X["caption"].items.tolist() == ["x", "z", "y", "x", "z"]
    assert X.rows["group"].tolist() == [0, 0, 1, 0, 0] and X.rows["left"].tolist() == ["a", "a", "b", "c", "c"]
    with pytest.raises(DataError, match="both sides have a column photo"):
        expand(left, left, [[0, 0]])


def test_an_outer_join_keeps_and_counts_every_row():
    table = Dense(np.array([[1.0], [2.0]]), None, "tabular", (Field("n"),))
    a = Dataset({"t": Lazy(["x", "y"]), "n": table}, ids=["k1", "k2"], rows=pd.DataFrame({"group": ["g", "h"]}))
    b = Dataset({"s": Ragged(np.arange(3.0), [0, 2, 3], None, np.arange(3.0)), "v": Dense(np.eye(2))}, ids=["k3", "k2"])
    with pytest.warns(McgurkWarning, match=r"1 ids are in all tables; table 1: 2 rows, 1 in it alone; table 2: 2 rows, 1") as caught:
        X, report = join(a, b)
    assert caught[0].message.code == "I02" and report.shared == 1 and report.to_frame()["alone"].tolist() == [1, 1]
    assert X.ids.tolist() == ["k1", "k2", "k3"] and X["t"].present.tolist() == [True, True, False]
    assert (
        X["s"].lengths.tolist() == [0, 1, 2]
        and X["s"].row_times(2).tolist() == [0, 1]
        and X["v"].values.tolist() == [[0, 0], [0, 1], [1, 0]]
    )
    assert np.isnan(X["n"].values[2, 0]) and X.rows["group"].tolist()[:2] == ["g", "h"]


def test_a_complete_join_says_nothing(recwarn):
    a, b = Dataset({"t": Lazy(["x"])}, ids=[1]), Dataset({"u": Lazy(["y"])}, ids=[1], rows=pd.DataFrame({"start": [0.5]}))
    X, _ = join(a, b)
    assert not recwarn.list and X.rows["start"].tolist() == [0.5]
    assert join(Dataset({"t": Lazy(["x"])}), Dataset({"u": Lazy(["x"])}))[0].rows is None


@pytest.mark.parametrize(("tables", "said"), [((), "0 table given"), ((Dataset({"t": Lazy(["x"])}),) * 2, "have a column t")])
def test_joins_that_cannot_be(tables, said):
    with pytest.raises(DataError, match=said):
        join(*tables)


def test_spread_leaves_no_trace_of_dropped_rows():
    column = spread(Dense(np.array([[7.0], [8.0]])), np.array([1, -1]))
    assert column.values.tolist() == [[8], [0]] and column.present.tolist() == [True, False]
