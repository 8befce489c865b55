"""Exported boosted trees predict what scikit-learn predicts, missing values and categories included."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from mcgurk.errors import DataError, IntegrityError
from mcgurk.functional import trees


def table(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    X[:, 1] = rng.choice([2.0, 3.5, 7.0, 40.0], n)
    X[:, 3] = rng.integers(0, 12, n)
    X[rng.random(X.shape) < 0.1] = np.nan
    score = np.nan_to_num(X[:, 0]) + 2 * np.isin(X[:, 1], [3.5, 40.0]) - np.isnan(X[:, 4]) + 0.3 * np.nan_to_num(X[:, 3])
    return X, score


def fitted(kind, categorical, n=400):
    X, score = table(n)
    columns = [1, 3] if categorical else None
    settings = {"max_iter": 12, "min_samples_leaf": 5, "categorical_features": columns, "early_stopping": False}
    if kind == "number":
        return HistGradientBoostingRegressor(**settings).fit(X, score), X
    if kind == "count":
        return HistGradientBoostingRegressor(loss="poisson", **settings).fit(X, np.round(np.exp(score / 3))), X
    classes = 2 if kind == "binary" else 3
    return HistGradientBoostingClassifier(**settings).fit(X, np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))), X


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("categorical", [False, True])
@pytest.mark.parametrize("kind", ["number", "count", "binary", "multiclass"])
def test_equals_scikit_learn(kind, categorical, compiled):
    model, X = fitted(kind, categorical)
    X = X.copy()
    X[:7, 1], X[7:9, 3] = 99.0, -3.0  # categories not seen in training are treated as missing
    X[9:12] = np.nan
    expected = model._raw_predict(X)
    got = trees.predict_raw(trees.export(model), X, compiled=compiled)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("categorical", [False, True])
def test_rows_are_independent_of_threads_and_of_each_other(categorical):
    model, X = fitted("multiclass", categorical)
    arrays = trees.export(model)
    whole = trees.predict_raw(arrays, X)
    np.testing.assert_array_equal(trees.predict_raw(arrays, X, threads=3), whole)
    np.testing.assert_array_equal(trees.predict_raw(arrays, X[5:6]), whole[5:6])
    assert trees.predict_raw(arrays, X[:0], threads=2).shape == (0, 3)


def test_stumps_and_a_constant_target():
    X, _ = table(60)
    model = HistGradientBoostingRegressor(max_iter=3).fit(X, np.full(60, 2.5))
    np.testing.assert_array_equal(trees.predict_raw(trees.export(model), X)[:, 0], model.predict(X))


def test_text_categories_are_refused():
    import pandas as pd

    frame = pd.DataFrame({"c": pd.Categorical(list("abcd") * 10), "x": np.arange(40.0)})
    model = HistGradientBoostingRegressor(max_iter=2, categorical_features=["c"]).fit(frame, np.arange(40.0))
    with pytest.raises(DataError, match="encode them as codes"):
        trees.export(model)


def test_other_inputs_are_refused():
    model, X = fitted("binary", False)
    with pytest.raises(DataError, match="expected a fitted"):
        trees.export(HistGradientBoostingClassifier())
    with pytest.raises(DataError, match="fitted on 5"):
        trees.predict_raw(trees.export(model), X[:, :4])
    with pytest.raises(DataError, match="inf"):
        trees.predict_raw(trees.export(model), np.full((1, 5), np.inf))


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("child", lambda a: a + 10**6),
        ("child", lambda a: np.zeros_like(a)),
        ("child", lambda a: np.where(a > 0, a[a > 0][-1], 0)),  # shared children: a graph whose walk could grow without bound
        ("feature", lambda a: np.where(a >= 0, 99, a)),
        ("bitset", lambda a: np.full_like(a, 10**6)),
        ("bitset", lambda a: np.zeros_like(a)),  # numbers read as codes
        ("bitsets", lambda a: a[:, :3]),
        ("tree", lambda a: a + 10**6),
        ("number", lambda a: a[:-1]),
        ("tree", lambda a: a.astype(float)),
        ("levels", lambda a: np.append(a, 0.0)),
    ],
)
def test_damaged_arrays_never_reach_compiled_code(key, change):
    model, X = fitted("binary", True)
    arrays = trees.export(model)
    with pytest.raises(IntegrityError):
        trees.predict_raw({**arrays, key: change(arrays[key])}, X)
    with pytest.raises(IntegrityError, match=f"lack {key}"):
        trees.predict_raw({k: v for k, v in arrays.items() if k != key}, X)
