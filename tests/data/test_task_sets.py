"""Data sets of several tasks as one; and without what the tests of any task hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.data.column import Field
from mcgurk.data.split import units
from mcgurk.data.task_sets import clean_of, join_tasks
from mcgurk.errors import DataError, SpecMismatch


def ads(n=3, **columns):
    text = Lazy([f"advertisement number {i}" for i in range(n)])
    return Dataset({"text": text, "sound": Dense(np.arange(n * 8.0).reshape(n, 8)), **columns})


def posts():
    photo = Dense(np.arange(2 * 12, dtype=np.uint8).reshape(2, 2, 2, 3), kind="image")
    return Dataset({"text": Lazy(["a post about taxes", "a post about schools"]), "photo": photo})


def test_rows_stand_below_one_another_and_lack_what_their_set_lacks():
    X, y = join_tasks({"tone": (ads(), ["good", "bad", None]), "price": (posts(), [1.5, np.nan])})
    assert X.names == ("photo", "sound", "text") and len(X) == 5
    assert X["photo"].present.tolist() == [False] * 3 + [True] * 2 and X["photo"].values.dtype == np.uint8
    assert X["sound"].present.tolist() == [True] * 3 + [False] * 2
    assert y["tone"].tolist() == ["good", "bad", None, None, None]
    assert np.isnan(y["price"][[0, 1, 2, 4]]).all() and y["price"][3] == 1.5
    assert X.rows["set"].tolist() == ["tone"] * 3 + ["price"] * 2


def test_two_tasks_on_one_set_stack_it_once():
    one = ads()
    X, y = join_tasks({"tone": (one, ["a", "b", "a"]), "tags": (one, np.eye(3)), "goal": (posts(), [1, 2])})
    assert len(X) == 5 and y["tone"].tolist() == ["a", "b", "a", None, None]
    assert y["tags"].shape == (5, 3) and np.isnan(y["tags"][3:]).all()
    assert y["goal"].tolist() == [None, None, None, 1, 2]


def test_ids_stay_where_they_differ_and_get_the_tasks_name_where_not():
    a, b = ads(2), posts()
    assert join_tasks({"tone": (a, [1, 2]), "goal": (b, [1, 2])})[0].ids.tolist() == ["tone:0", "tone:1", "goal:0", "goal:1"]
    b.ids = np.array(["p", "q"])
    assert join_tasks({"tone": (a, [1, 2]), "goal": (b, [1, 2])})[0].ids.tolist() == [0, 1, "p", "q"]


def test_groups_hold_across_sets_and_rows_without_one_are_their_own():
    a, b, c = ads(3).with_rows(group=["u", "u", "v"], year=[1, 2, 3]), ads(2).with_rows(group=["u", "w"]), posts()
    b = Dataset({"text": Lazy(["another text by u", "another text by w"])}, rows=b.rows)
    X, _ = join_tasks({"tone": (a, [1, 2, 1]), "goal": (b, [1, 2]), "price": (c, [1.0, 2.0])})
    assert X.rows["year"].tolist()[:3] == [1, 2, 3] and X.rows["year"].isna().sum() == 4
    unit = units(X)
    assert unit[0] == unit[1] == unit[3] and len(set(unit.tolist())) == 5


def test_tables_are_joined_cell_by_cell():
    def table(names, values, levels=()):
        return Dense(
            np.array(values, dtype=float),
            kind="tabular",
            fields=tuple(Field(n, "category" if n == "party" else "number", levels if n == "party" else ()) for n in names),
        )

    a = Dataset({"tabular": table(("age", "party"), [[30, 0], [40, 1]], ("green", "red"))})
    b = Dataset({"tabular": table(("party", "income"), [[0, 9], [np.nan, 8]], ("red",))})
    X, _ = join_tasks({"tone": (a, [1, 2]), "goal": (b, [1, 2])})
    column = X["tabular"]
    assert [f.name for f in column.fields] == ["age", "party", "income"] and column.fields[1].levels == ("green", "red")
    np.testing.assert_array_equal(column.values, [[30, 0, np.nan], [40, 1, np.nan], [np.nan, 1, 9], [np.nan, np.nan, 8]])


def test_sequences_keep_their_steps_and_times():
    series = Ragged.of([np.ones((2, 1)), np.ones((3, 1))], times=[np.arange(2.0), np.arange(3.0)])
    X, _ = join_tasks({"a": (Dataset({"s": series}), [1, 2]), "b": (ads(1), [1])})
    assert X["s"].lengths.tolist() == [2, 3, 0] and X["s"].present.tolist() == [True, True, False] and len(X["s"].times) == 5


def test_frames_and_dicts_are_taken_as_fit_takes_them():
    frame = pd.DataFrame({"age": [1.0, 2.0]})
    X, y = join_tasks({"a": (frame, pd.Series(["u", "v"])), "b": ({"x": np.ones((2, 3))}, [0, 1])})
    assert len(X) == 4 and y["a"].tolist() == ["u", "v", None, None]


def test_what_cannot_be_joined():
    with pytest.raises(DataError, match="no set was given"):
        join_tasks({})
    with pytest.raises(DataError, match="task 'tone': X has 3 rows, y has 2"):
        join_tasks({"tone": (ads(), [1, 2])})
    with pytest.raises(SpecMismatch, match=r"column 'sound' is vector of shape \(8,\) in 'a', vector of shape \(4,\) in 'b'; rename one"):
        join_tasks({"a": (ads(), [1, 2, 3]), "b": (Dataset({"sound": Dense(np.ones((1, 4)))}), [1])})
    party = Dataset({"tabular": Dense(np.zeros((1, 1)), kind="tabular", fields=(Field("party", "category", ("red",)),))})
    number = Dataset({"tabular": Dense(np.zeros((1, 1)), kind="tabular", fields=(Field("party"),))})
    with pytest.raises(SpecMismatch, match="field 'party' of column 'tabular' is a category in one set and a number"):
        join_tasks({"a": (party, [1]), "b": (number, [1])})


# Cleaning.


def test_rows_with_an_item_of_any_tasks_test_set_leave_every_training_set(tmp_path):
    photo = bytes(range(100))
    (tmp_path / "same.png").write_bytes(b"0123456789")
    (tmp_path / "copy.png").write_bytes(b"0123456789")
    vector = np.arange(8.0)
    tone = Dataset(
        {
            "text": Lazy(["he failed you and your family", "vote for her on Tuesday", "give today"]),
            "photo": Lazy([photo, str(tmp_path / "same.png"), None], kind="image"),
        }
    )
    goal = Dataset({"voice": Dense(np.stack([vector, vector + 1])), "body": Lazy(["something else entirely", "vote for her on Tuesday"])})
    test = {
        "tone": (Dataset({"picture": Lazy([str(tmp_path / "copy.png")], kind="image")}), ["good"]),
        "price": (Dataset({"sound": Dense(vector[None])}), [1.0]),
    }
    kept, removed = clean_of({"tone": (tone, ["a", "b", "c"]), "goal": (goal, np.array([1, 2]))}, test)
    assert removed == {"tone": 1, "goal": 1}
    assert kept["tone"][1].tolist() == ["a", "c"] and kept["tone"][0].ids.tolist() == [0, 2]
    assert kept["goal"][1].tolist() == [2]
    again, none = clean_of(kept, test)
    assert none == {"tone": 0, "goal": 0} and len(again["tone"][0]) == 2


def test_what_only_training_sets_share_stays_as_do_templates_and_tables():
    stock = "approved and paid for by the candidate's committee"
    rows = [f"text number {i} of the set" for i in range(20)]
    a = Dataset({"text": Lazy([*rows, *[stock] * 8]), "tabular": Dense(np.ones((28, 9)), kind="tabular")})
    b = Dataset({"text": Lazy(rows)})
    test = {"tone": (Dataset({"text": Lazy([stock, "unseen words of a test"]), "tabular": Dense(np.ones((2, 9)), kind="tabular")}), [1, 2])}
    _, removed = clean_of({"tone": (a, np.zeros(28)), "goal": (b, np.zeros(20))}, test)
    assert removed == {"tone": 0, "goal": 0}
