"""Dataset: rows, names, and the libraries that index it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.fingerprint import fingerprint
from mcgurk.errors import DataError, SpecMismatch


def make(n: int = 6) -> Dataset:
    rows = np.arange(n)
    table = np.stack([np.where(rows % 4 == 0, np.nan, rows), rows % 2.0], axis=1)
    return Dataset(
        {
            "text": Lazy([None if i % 3 == 2 else f"row {i}" for i in rows]),
            "sound": Ragged(np.arange(2.0 * n * (n - 1) / 2).reshape(-1, 2), np.concatenate([[0], np.cumsum(rows)]), kind="audio"),
            "table": Dense(table, None, "tabular", (Field("size"), Field("colour", "category", ("red", "blue")))),
            "vector": Dense(np.arange(3.0 * n).reshape(n, 3), rows % 5 != 1),
        },
        ids=rows + 100,
        rows=pd.DataFrame({"group": [f"g{i // 2}" for i in rows]}),
    )


@given(st.lists(st.integers(0, 5), max_size=10))
def test_rows_are_the_rows(rows):
    X = make()
    part = X[np.array(rows, dtype=int)]
    assert part.ids.tolist() == [100 + r for r in rows]
    assert part.rows["group"].tolist() == [f"g{r // 2}" for r in rows]
    assert part["text"].items.tolist() == [X["text"].items[r] for r in rows]
    for i, r in enumerate(rows):
        np.testing.assert_array_equal(part["sound"].row(i), X["sound"].row(r))


@given(st.integers(0, 6), st.integers(0, 6))
def test_stack_undoes_cutting(a, b):
    X = make()
    a, b = min(a, b), max(a, b)
    parts = [part for part in (X[:a], X[a:b], X[b:]) if len(part)]
    assert fingerprint(Dataset.stack(parts)) == fingerprint(X)


@pytest.mark.parametrize("key", [[1, 3], np.array([1, 3]), np.array([False, True, False, True, False, False]), slice(1, 4, 2), [-5, 3]])
def test_every_way_to_name_rows(key):
    X = make()
    assert X[key].ids.tolist() == [101, 103]
    assert X[key, ...].ids.tolist() == [101, 103]


@pytest.mark.parametrize(
    ("key", "error"), [(3, DataError), ([0.5], DataError), ([6], IndexError), ([-7], IndexError), (np.ones(4, bool), DataError)]
)
def test_rows_that_cannot_be_meant(key, error):
    with pytest.raises(error):
        make()[key]


def test_names_are_sorted_and_order_means_nothing():
    X = make()
    again = Dataset(dict(reversed(list(X.items()))), ids=X.ids, rows=X.rows)
    assert X.names == again.names == ("sound", "table", "text", "vector")
    assert fingerprint(X) == fingerprint(again)
    assert "text" in X and "none" not in X and X.shape == (6,) and len(X) == 6


@pytest.mark.parametrize(
    ("make_it", "said"),
    [
        (lambda: Dataset({}), "at least one column"),
        (lambda: Dataset({"a": np.zeros(3)}), "expected Dense, Ragged or Lazy"),
        (lambda: Dataset({"a": Lazy(["x"]), "b": Lazy(["x", "y"])}), "differ in their number of rows"),
        (lambda: Dataset({"a": Lazy(["x", "y"])}, ids=[1]), "1 ids for 2 rows"),
        (lambda: Dataset({"a": Lazy(["x", "y"])}, ids=["k", "k"]), "repeated: k"),
        (lambda: Dataset({"a": Lazy(["x", "y"])}, rows=pd.DataFrame({"g": [1]})), "1 lines for 2 rows"),
        (lambda: make().with_column("a", Lazy(["x"])), "1 rows, the data 6"),
        (lambda: make()["nothing"], "no column 'nothing'"),
        (lambda: Dataset.stack([make(), make().select(["text"])]), "cannot stack"),
    ],
)
def test_refusals(make_it, said):
    with pytest.raises((DataError, SpecMismatch), match=said):
        make_it()


def test_a_dataset_is_no_list_of_rows():
    with pytest.raises(TypeError, match="not iterable"):
        list(make())


def test_columns_and_facts_are_added_without_touching_the_original():
    X = make()
    Z = X.with_column("extra", Lazy(["x"] * 6)).with_rows(start=np.arange(6.0))
    assert "extra" not in X and list(X.rows.columns) == ["group"]
    assert Z.names == ("extra", "sound", "table", "text", "vector") and Z.rows["start"].tolist() == list(range(6))
    assert Dataset(dict(X.items())).with_rows(group=[0] * 6).rows["group"].tolist() == [0] * 6
    assert Z.select(["vector", "text"]).names == ("text", "vector")


def test_presence_of_all_columns():
    assert make().present.shape == (6, 4)
    assert make().present[1].tolist() == [True, True, True, False]


def test_repeated_rows_may_repeat_ids():
    assert make()[[0, 0]].ids.tolist() == [100, 100]


def test_to_frame_restores_levels_dates_and_flags():
    fields = (Field("n"), Field("c", "category", ("a", "b")), Field("d", "date"), Field("f", "flag"))
    X = Dataset({"t": Dense(np.array([[1.5, 1, 1, 0], [np.nan] * 4]), None, "tabular", fields), "x": Lazy(["a", None])})
    frame = X.to_frame()
    assert frame["c"].tolist()[0] == "b" and frame["d"][0] == pd.Timestamp("1970-01-02") and not frame["f"][0]
    assert frame.loc[1, ["n", "c", "d", "f"]].isna().all() and frame["x"].tolist() == ["a", None]
    late = Dataset({"t": Dense(np.array([[2932896.0]]), None, "tabular", (Field("d", "date"),))}).to_frame()
    assert str(late["d"][0]).startswith("9999-12-31")
    twice = Dataset({"n": Lazy(["a"]), "t": Dense(np.array([[1.0]]), None, "tabular", (Field("n"),))}).to_frame()
    assert list(twice.columns) == ["n", "t.n"]


def test_a_frame_made_by_to_frame_reads_back():
    from mcgurk.data import as_dataset

    X = make().select(["table", "text"])
    Z = as_dataset(X.to_frame())
    np.testing.assert_array_equal(Z["tabular"].values, X["table"].values)
    assert Z["text"].items.tolist() == X["text"].items.tolist() and Z.ids.tolist() == X.ids.tolist()


def test_it_shows_itself():
    assert "text: text Lazy (67 % present)" in repr(make())
    html = make()._repr_html_()
    assert "<caption>Dataset of 6 rows</caption>" in html and html.count("<tr>") == 5


def test_scikit_learn_splits_it():
    from sklearn.model_selection import GroupKFold, KFold, train_test_split
    from sklearn.utils import _safe_indexing, indexable, resample

    X, y = make(), np.arange(6)
    train, test, y_train, y_test = train_test_split(X, y, test_size=2, random_state=0)
    assert sorted([*train.ids, *test.ids]) == list(range(100, 106)) and (train.ids - 100).tolist() == y_train.tolist()
    assert (test.ids - 100).tolist() == y_test.tolist()
    for rows, rest in KFold(3).split(X):
        assert len(X[rows]) == 4 and len(_safe_indexing(X, rest)) == 2
    for rows, rest in GroupKFold(3).split(X, y, X.rows["group"]):
        assert not set(X[rows].rows["group"]) & set(X[rest].rows["group"])
    assert indexable(X, y)[0] is X
    assert len(resample(X, n_samples=4, random_state=0)) == 4


def test_scikit_learn_searches_over_it():
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import GridSearchCV, cross_val_score

    class Threshold(ClassifierMixin, BaseEstimator):
        def __init__(self, at: float = 0.0) -> None:
            self.at = at

        def fit(self, X, y):
            assert isinstance(X, Dataset)
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return (X["vector"].values[:, 0] > self.at).astype(int)

    X = make(40)
    y = (np.arange(40) >= 20).astype(int)
    search = GridSearchCV(Threshold(), {"at": [0.0, 58.0, 200.0]}, cv=4).fit(X, y)
    assert search.best_params_ == {"at": 58.0}
    assert cross_val_score(Threshold(58.0), X, y, cv=4).mean() > 0.9
