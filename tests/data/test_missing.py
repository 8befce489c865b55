"""Absence made on purpose: how much, where, and that nothing of it stays readable."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged, remove
from mcgurk.data.fingerprint import fingerprint
from mcgurk.data.missing import MECHANISMS, measure, patterns
from mcgurk.errors import DataError, UnknownName

N = 400


def data(n=N):
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 6, n)
    return Dataset(
        {
            "driver": Dense(rng.normal(size=(n, 1))),
            "vector": Dense(rng.normal(size=(n, 3)), rng.random(n) > 0.1),
            "table": Dense(rng.normal(size=(n, 2)), None, "tabular", (Field("a"), Field("b"))),
            "series": Ragged(rng.normal(size=(lengths.sum(), 2)), np.concatenate([[0], np.cumsum(lengths)])),
            "text": Lazy(["x" * int(i) for i in rng.integers(1, 50, n)]),
        }
    ).with_rows(group=np.arange(n) // 20)


@given(st.sampled_from(MECHANISMS), st.floats(0, 1), st.integers(0, 100))
def test_exactly_the_share_goes_and_nothing_of_it_stays(mechanism, share, seed):
    X = data(60)
    Z = remove(X, share, mechanism, columns=["vector", "table", "series", "text"], seed=seed)
    for name in ("vector", "table", "series", "text"):
        before, after = X[name], Z[name]
        gone = before.present & ~after.present
        assert not (after.present & ~before.present).any()
        if mechanism != "modality":
            assert gone.sum() == round(share * before.present.sum())
        away = ~after.present
        if isinstance(after, Lazy):
            assert all(item is None for item in after.items[away])
        elif isinstance(after, Ragged):
            assert not after.lengths[away].any() and len(after.values) == before.lengths[after.present].sum()
        else:
            blank = np.isnan(after.values[away]) if name == "table" else after.values[away] == 0
            assert blank.all()
        for row in np.flatnonzero(after.present)[:5]:
            assert after.item_bytes(int(row)) == before.item_bytes(int(row))
    assert Z["driver"] is X["driver"] and fingerprint(X) == fingerprint(data(60))


def test_the_same_seed_removes_the_same():
    X = data()
    assert fingerprint(remove(X, 0.3, seed=1)) == fingerprint(remove(X, 0.3, seed=1)) != fingerprint(remove(X, 0.3, seed=2))


def test_mcar_depends_on_nothing_and_mar_on_its_driver():
    X = data()
    high = X["driver"].values[:, 0] > 0
    lost = {m: ~remove(X, 0.4, m, columns="text", driver="driver").present[:, 3] for m in ("mcar", "mar")}
    assert abs(lost["mcar"][high].mean() - lost["mcar"][~high].mean()) < 0.12
    assert lost["mar"][high].mean() - lost["mar"][~high].mean() > 0.3
    given_numbers = ~remove(X, 0.4, "mar", columns="text", driver=-X["driver"].values[:, 0])["text"].present
    assert given_numbers[high].mean() < given_numbers[~high].mean() - 0.3
    default = remove(X, 0.4, "mar", columns=["vector", "table", "series", "text"])
    assert ~default["text"].present[high].all()
    assert remove(X, 0.4, "mar", columns="text", driver="driver", strength=0)["text"].present.sum() == round(0.6 * N)


def test_mnar_takes_the_long_and_the_large():
    X = data()
    lengths = np.array([len(t) for t in X["text"].items])
    lost = ~remove(X, 0.4, "mnar", columns="text")["text"].present
    assert lengths[lost].mean() > lengths[~lost].mean() + 8
    steps = X["series"].lengths
    lost = ~remove(X, 0.4, "mnar", columns="series")["series"].present
    assert steps[lost].mean() > steps[~lost].mean() + 1


def test_whole_modalities_go_by_groups():
    X = data()
    Z = remove(X, 0.25, "modality", columns=["text", "series"])
    gone = ~Z["text"].present
    assert gone.sum() == N // 4 and (gone == ~Z["series"].present).all()
    for group in np.unique(X.rows["group"]):
        assert len(set(gone[X.rows["group"] == group])) == 1
    loose = remove(Dataset(dict(X.items())), 0.25, "modality", columns="text")
    assert (~loose["text"].present).sum() == N // 4


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"mechanism": "bad luck"}, UnknownName, "not known"),
        ({"share": 1.5}, DataError, r"share=1\.5"),
        ({"mechanism": "mar"}, DataError, "something that stays visible"),
        ({"mechanism": "mar", "columns": "text", "driver": "text"}, DataError, "is itself removed"),
        ({"mechanism": "mar", "columns": "text", "driver": [1, 2]}, DataError, "driver has shape"),
    ],
)
def test_refusals(options, error, said):
    with pytest.raises(error, match=said):
        remove(data(20), **{"share": 0.5, **options})


def test_one_number_an_item(tmp_path):
    (tmp_path / "f").write_bytes(b"12345")
    assert measure(Lazy(["abc", None, ("ab", "c"), tmp_path / "f", tmp_path / "gone", b"xy"]))[[0, 2, 3, 4, 5]].tolist() == [3, 3, 5, 0, 2]
    assert np.isnan(measure(Lazy(["abc", None]))[1])
    table = measure(Dense(np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, np.nan]]), None, "tabular"))
    assert table[0] == -1 and table[1] == 0.5 and np.isnan(table[2])


def test_patterns_count_what_is_present_together():
    table = patterns(Dataset({"a": Lazy(["x", "y", None, "z"]), "b": Lazy([None, None, "u", "v"])}))
    assert table["rows"].tolist() == [2, 1, 1] and table.loc[0, "a"] and not table.loc[0, "b"] and table["share"].sum() == 1
