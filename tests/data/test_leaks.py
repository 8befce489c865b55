"""Signs that a table gives its answer away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.leaks import constant, group_facts, group_like, labels_of, leaks

N = 200
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)


def table(**fields) -> Dense:
    made = []
    for name, values in fields.items():
        kind = "category" if isinstance(values, tuple) else "number"
        levels, codes = np.unique(values[0], return_inverse=True) if kind == "category" else ((), values)
        made.append((Field(name, kind, tuple(levels)), np.asarray(codes, dtype=float)))
    return Dense(np.stack([v for _, v in made], axis=1), None, "tabular", tuple(f for f, _ in made))


def found(X, y=Y):
    return [(f.code, f.column) for f in leaks(X, y)]


def test_honest_columns_are_not_accused():
    X = Dataset(
        {
            "t": table(a=RNG.normal(size=N), b=RNG.integers(0, 5, N), c=(RNG.choice(["x", "y"], N),)),
            "text": Lazy([f"a text about matter {i % 50}" for i in range(N)]),
            "v": Dense(RNG.normal(size=(N, 3)), RNG.random(N) > 0.4),
        }
    )
    assert found(X) == [] and found(X, RNG.normal(size=N)) == []


def test_a_cell_that_determines_the_target():
    noise = np.where(np.arange(N) == 7, 1 - Y, Y)
    X = Dataset({"t": table(code=noise * 3 + 1, size=RNG.normal(size=N), named=(np.where(Y, "won", "lost"),))})
    assert found(X) == [("H01", "code"), ("H01", "named")]
    numbers = np.repeat(np.arange(50.0), 4)
    assert ("H01", "bin") in found(Dataset({"t": table(bin=np.arange(N) * 10 // N)}), RNG.permutation(numbers) * 0 + np.arange(N))


def test_a_rare_class_is_not_taken_for_a_leak():
    y = (np.arange(N) % 100 == 0).astype(int)
    assert found(Dataset({"t": table(a=RNG.integers(0, 3, N))}), y) == []


def test_presence_and_repeated_texts_and_the_label_in_the_text():
    present = Dataset({"v": Dense(np.ones((N, 2)), Y == 1)})
    assert found(present) == [("H01", "v")]
    texts = Dataset({"t": Lazy([f"story {Y[i]} version {i % 5}" for i in range(N)])})
    assert found(texts) == [("H01", "t")]
    labels = np.where(Y, "negative", "positive")
    named = Dataset({"t": Lazy([f"case {i}: clearly {label}." for i, label in enumerate(labels)])})
    assert found(named, labels) == [("H01", "t")]
    assert found(Dataset({"t": Lazy([f"case {i}: not positive but negative" for i in range(N)])}), labels) == []


def test_rows_in_the_order_of_the_target():
    X = Dataset({"t": table(a=RNG.normal(size=N))})
    assert found(X, np.sort(Y)) == [("H02", "")] and found(X, np.sort(RNG.normal(size=N))) == [("H02", "")]


@pytest.mark.parametrize("y", [np.zeros(5), np.zeros((N, 2)), np.full(N, "a"), np.full(N, np.nan)])
def test_targets_that_cannot_be_checked(y):
    assert labels_of(y) is None and list(leaks(Dataset({"t": Lazy(["x"] * len(y))}), y)) == []


def test_columns_that_look_like_groups():
    X = Dataset(
        {
            "t": table(speaker=([f"s{i % 20}" for i in range(N)],), colour=([f"c{i % 20}" for i in range(N)],), subject=RNG.normal(size=N)),
            "author": Lazy([f"Person Number {i % 40}" for i in range(N)]),
            "title": Lazy([f"title {i}" for i in range(N)]),
        }
    )
    assert [f.column for f in group_like(X)] == ["author", "speaker"]
    assert list(group_like(X.with_rows(group=np.arange(N)))) == []


def test_groups_across_rows_and_target():
    groups = np.arange(N) // 10
    X = Dataset({"t": table(a=RNG.normal(size=N))}, rows=pd.DataFrame({"group": groups}))
    assert len(list(group_facts(X, None))) == 1
    first, second = group_facts(X, groups % 2)
    assert "20 groups of 10 to 10 rows" in first.message and "knowing the group tells the target in 100%" in second.message
    assert len(list(group_facts(X, Y))) == 1


def test_constant_columns():
    X = Dataset(
        {
            "t": Dense(np.array([[1.0, np.nan, 2.0], [1.0, np.nan, 3.0]]), None, "tabular", (Field("a"), Field("b"), Field("c"))),
            "same": Lazy(["x", "x"]),
            "other": Lazy(["x", "y"]),
            "s": Ragged(np.zeros(2), [0, 1, 2]),
        }
    )
    assert [(f.code, f.column) for name, c in X.items() for f in constant(name, c)] == [("N02", "same"), ("N02", "a"), ("N02", "b")]
