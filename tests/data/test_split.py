"""Folds: nothing that belongs together is cut, classes and absence are balanced, the seed decides all."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Lazy, folds, holdout
from mcgurk.data.split import label_codes, unit_folds, units
from mcgurk.errors import DataError, McgurkWarning


def data(n, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    return Dataset({name: Dense(rng.normal(size=(n, 2)), rng.random(n) > share) for name in "ab"})


@given(st.integers(10, 60), st.integers(2, 5), st.integers(1, 12), st.integers(0, 5), st.integers(0, 10**6))
def test_every_row_is_tested_once_and_no_unit_is_cut(n, k, groups, pairs, seed):
    rng = np.random.default_rng(seed)
    X, y, g = data(n, seed), rng.integers(0, 3, n), rng.integers(0, groups, n)
    p = rng.integers(0, n, (pairs, 2))
    unit = units(X, groups=g, pairs=p)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", McgurkWarning)
        if len(set(unit)) < 2:
            with pytest.raises(DataError):
                folds(X, y, n_splits=k, groups=g, pairs=p, seed=seed)
            return
        made = folds(X, y, n_splits=k, groups=g, pairs=p, seed=seed, repeats=2)
        assert [(a.tolist(), b.tolist()) for a, b in made] == [
            (a.tolist(), b.tolist()) for a, b in folds(X, y, n_splits=k, groups=g, pairs=p, seed=seed, repeats=2)
        ]
    for half in (made[: len(made) // 2], made[len(made) // 2 :]):
        assert sorted(np.concatenate([test for _, test in half])) == list(range(n))
    for train, test in made:
        assert len(test) and len(train) and not set(unit[train]) & set(unit[test]) and len(train) + len(test) == n
        assert not set(g[train]) & set(g[test])
        assert all((a in test) == (b in test) for a, b in p)


def test_classes_and_patterns_come_out_even():
    X = data(300)
    y = (np.random.default_rng(1).random(300) < 0.1).astype(int)
    for _, test in folds(X, y):
        assert len(test) == 60
        assert abs(y[test].sum() - y.sum() / 5) <= 1
        for pattern in np.unique(X.present, axis=0):
            share = (X.present == pattern).all(axis=1)
            assert abs(share[test].sum() - share.sum() / 5) <= 2


def test_groups_come_out_nearly_even():
    rng = np.random.default_rng(0)
    g = rng.integers(0, 80, 600)
    y = (g % 4 == 0).astype(int)
    for _, test in folds(data(600), y, groups=g):
        assert abs(len(test) - 120) <= 8 and abs(y[test].mean() - y.mean()) < 0.04


def test_numbers_are_stratified_by_their_order():
    y = np.random.default_rng(0).normal(size=200) ** 3
    means = [np.argsort(np.argsort(y))[test].mean() for _, test in folds(data(200), y)]
    assert np.ptp(means) < 8
    assert set(label_codes(np.arange(50.0), 50, 5)) == set(range(5))
    assert label_codes(np.array([1.0, np.nan, 2.0]), 3, 2).tolist() == [1, 0, 2]
    assert label_codes(np.array(["b", None, "a"], dtype=object), 3, 2).max() == 2
    assert -1 not in label_codes(np.concatenate([np.arange(30.0), [np.nan]]), 31, 3)


def test_without_stratification_only_units_count():
    made = folds(data(40), np.arange(40) % 2, stratify=False, n_splits=4)
    assert [len(test) for _, test in made] == [10] * 4


def test_groups_of_the_rows_are_used_unless_others_are_given():
    X = data(12).with_rows(group=np.repeat(np.arange(4), 3))
    for train, test in folds(X, n_splits=4):
        assert len(test) == 3 and not set(X.rows["group"][train]) & set(X.rows["group"][test])
    assert len(folds(X, n_splits=6, groups=np.arange(12))) == 6


def test_rows_that_share_content_stay_together():
    texts = [f"a text that only row {i} has" for i in range(20)]
    texts[3] = texts[17]
    X = Dataset({"t": Lazy(texts)})
    for seed in range(5):
        for train, test in folds(X, seed=seed):
            assert (3 in test) == (17 in test) and len(train)
        _, test = holdout(X, seed=seed)
        assert (3 in test) == (17 in test)
    assert units(X, twins=False).max() == 19


def test_a_class_too_rare_is_said_and_split_all_the_same():
    y = np.array([0] * 17 + [1] * 3)
    with pytest.warns(McgurkWarning, match=r"class 1 in 3") as caught:
        made = folds(data(20), y, n_splits=5)
    assert caught[0].message.code == "S01" and sorted(y[test].sum() for _, test in made) == [0, 0, 1, 1, 1]


def test_fewer_units_than_folds():
    with pytest.warns(McgurkWarning, match="3 units cannot fill 5 folds"):
        assert len(folds(data(9), groups=np.repeat([0, 1, 2], 3))) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": np.zeros(9)}, "9 rows form 1 unit"),
        ({"n_splits": 1}, "n_splits=1"),
        ({"groups": np.zeros(3)}, r"groups has shape \(3,\)"),
        ({"pairs": [[0, 99]]}, "names row 99"),
    ],
)
def test_refusals(options, said):
    with pytest.raises(DataError, match=said):
        folds(data(9), **options)
    if "n_splits" not in options:
        with pytest.raises(DataError, match=said):
            holdout(data(9), **options)
    with pytest.raises(DataError, match="one label a row"):
        folds(data(9), [0, 1])


def test_holdout_has_its_share():
    X = data(200)
    y = (np.arange(200) % 10 == 0).astype(int)
    for share in (0.1, 0.25, 0.3, 0.5):
        train, test = holdout(X, y, share=share)
        assert abs(len(test) - 200 * share) <= 1 and abs(y[test].sum() - 20 * share) <= 1 and not set(train) & set(test)
    with pytest.raises(DataError, match=r"share=1\.5"):
        holdout(X, y, share=1.5)


def test_folds_of_known_units_on_arrays():
    unit, y = np.repeat(np.arange(12), 2), np.repeat([0, 1], 12)
    made = unit_folds(unit, y, n_splits=4, seed=0)
    assert sorted(np.concatenate([test for _, test in made])) == list(range(24))
    assert all(len(test) == 6 and not set(unit[train]) & set(unit[test]) for train, test in made)
    assert len(unit_folds(unit[:4], y[:4], n_splits=4, seed=0)) == 2 and unit_folds(unit[:2], y[:2], n_splits=4, seed=0) == []


def test_seeds_differ_and_processes_agree():
    X = data(50)
    first = [test.tolist() for _, test in folds(X, seed=1)]
    assert first != [test.tolist() for _, test in folds(X, seed=2)]
    code = (
        "import numpy as np; from mcgurk.data import Dataset, Dense, folds\n"
        "rng = np.random.default_rng(0)\n"
        "X = Dataset({n: Dense(rng.normal(size=(50, 2)), rng.random(50) > 0.3) for n in 'ab'})\n"
        "print([t.tolist() for _, t in folds(X, seed=1)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == str(first)


def test_a_large_table_is_split_quickly():
    import time

    X = data(50_000)
    start = time.process_time()
    folds(X, np.arange(50_000) % 3, groups=np.arange(50_000) // 4)
    assert time.process_time() - start < 5
