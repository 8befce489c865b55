"""The estimator around an objective: hold-out, statistics of training rows, rows in messages, checkpoints by configuration."""

from __future__ import annotations

import re

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor, load
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError, StoreError
from mcgurk.testing import toys

SMALL = {"epochs": 3, "hidden": (4,), "patience": None}


def data(n=60):
    X = toys.vectors(n)
    return X, toys.labels(X, "classes")


def fitted(X, y, **options):
    return FusionClassifier("concat", **{**SMALL, **options}).fit(X, y)


def test_unlabelled_rows_are_left_out_and_change_nothing():
    X, y = data()
    some = np.array([label if i % 3 else None for i, label in enumerate(y)], dtype=object)
    kept = np.flatnonzero([label is not None for label in some])
    a, b = fitted(X, some), fitted(X[kept], y[kept])
    assert np.array_equal(a.predict_proba(X), b.predict_proba(X))


def test_statistics_come_from_training_rows_only():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, size=(80, 3))
    held = np.arange(80) >= 60
    values[held] += 100
    y = np.where(values[:, 0] > 5, "a", "b")
    model = FusionClassifier("concat", **{**SMALL, "patience": 2}).fit({"x": values}, y, valid=held)
    scaling = model.objective_.scaling["x"]
    assert scaling.mean.numpy() == pytest.approx(values[~held].mean(axis=0), rel=1e-5)
    assert 1 / scaling.inverse.numpy() == pytest.approx(values[~held].std(axis=0), rel=1e-5)
    assert model.target_.prior == pytest.approx([np.mean(y[~held] == label) for label in model.classes_])


def test_statistics_skip_what_is_absent_empty_or_unknown():
    items = [np.array([[1.0], [np.nan]]), None, np.zeros((0, 1)), np.array([[3.0]])] * 4
    X = Dataset({"s": Ragged.of(items), "v": Dense(np.arange(16.0)[:, None])})
    model = FusionClassifier("concat", **SMALL, encoders="precomputed").fit(X, np.array(["a", "b"] * 8))
    assert model.objective_.scaling["s"].mean.item() == 2 and model.objective_.scaling["s"].inverse.item() == 1


def test_rows_are_held_out_by_whole_groups_only_where_patience_asks():
    X, y = data(240)
    groups = np.arange(240) // 8
    assert fitted(X, y).history_.valid == []
    seen = {}

    class Watched(FusionClassifier):
        def _fit(self, given, run):
            held = self._hold_out(given, run)
            seen["held"] = held
            super()._fit(given, run)

    model = Watched("concat", **{**SMALL, "patience": 2}).fit(X, y, groups=groups)
    assert len(model.history_.valid) == 3
    for group in range(30):
        assert len(set(seen["held"][groups == group])) == 1
    assert 0.05 < seen["held"].mean() < 0.3


def test_a_bad_loss_names_the_rows_of_the_caller(tmp_path):
    n = 40
    X = {"x": np.random.default_rng(0).normal(size=(n, 2))}
    y = np.full(n, np.nan)
    y[10:] = np.arange(30)
    model = FusionRegressor("concat", **SMALL, target_transform=None, batch_size=30, optim=("sgd", 1e30))
    with pytest.raises(DataError, match="on rows") as error:
        model.fit(X, y)
    named = [int(part) for part in re.findall(r"\d+(?=[,; ])", str(error.value).partition("on rows")[2].partition(" and ")[0] + ",")]
    assert error.value.code == "N04" and len(named) == 12 and all(10 <= row < 40 for row in named) and max(named) > 29


def test_sample_weights_move_the_fit():
    X, y = data()
    plain, same, heavy = fitted(X, y), FusionClassifier("concat", **SMALL), FusionClassifier("concat", **SMALL)
    same.fit(X, y, sample_weight=np.full(60, 7.0))
    heavy.fit(X, y, sample_weight=np.where(y == y[0], 5.0, 1.0))
    assert np.allclose(plain.predict_proba(X), same.predict_proba(X), atol=1e-5)
    column = list(plain.classes_).index(y[0])
    assert heavy.predict_proba(X)[:, column].mean() > plain.predict_proba(X)[:, column].mean()


def test_class_weights_move_the_fit():
    X, _ = data()
    y = np.array(["rare"] * 6 + ["common"] * 54)
    rare = [
        FusionClassifier("concat", **{**SMALL, "epochs": 20}, class_weight=w, optim=("adam", 1e-2)).fit(X, y).predict_proba(X)[:, 1].mean()
        for w in (None, "balanced")
    ]
    assert rare[1] > rare[0] + 0.05


def test_a_label_per_step_is_predicted_for_every_step():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, size=30)
    column = Ragged.of([rng.normal(size=(length, 2)) for length in lengths])
    y = Ragged(np.where(column.values[:, 0] > 0, "up", "down").astype(object), column.offsets)
    options = {"epochs": 40, "hidden": (8,), "patience": None, "optim": ("adam", 1e-2)}
    model = FusionClassifier("concat", encoders="precomputed", **options).fit({"s": column}, y)
    assert model.predict_proba({"s": column}).shape == (lengths.sum(), 2)
    assert np.mean(model.predict({"s": column}) == y.values) > 0.9
    with pytest.raises(DataError, match="no column keeps its steps"):
        FusionClassifier("concat", encoders="series_stats", **options).fit({"s": column}, y)


def test_a_checkpoint_knows_configuration_and_data_but_not_its_place(tmp_path):
    X, y = data()
    first = fitted(X, y, checkpoint=tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    again = fitted(X, y, checkpoint=tmp_path / "b")
    assert np.array_equal(first.predict_proba(X), again.predict_proba(X))
    other = X.with_column("a", Dense(X["a"].values + 1e-3, X["a"].present)) if "a" in X else None
    changes = [lambda: fitted(X, y, checkpoint=tmp_path / "b", dropout=0.3), lambda: fitted(X, y[::-1], checkpoint=tmp_path / "b")]
    changes += [lambda: FusionClassifier("concat", **SMALL, checkpoint=tmp_path / "b").fit(X, y, sample_weight=np.arange(1, 61.0))]
    if other is not None:
        changes += [lambda: fitted(other, y, checkpoint=tmp_path / "b")]
    for change in changes:
        with pytest.raises(StoreError) as error:
            change()
        assert error.value.code == "K05"


def test_a_saved_model_keeps_its_history_and_its_bits(tmp_path):
    X, y = data()
    model = fitted(X, y)
    model.save(tmp_path / "m.mcgurk")
    back = load(tmp_path / "m.mcgurk")
    assert (back.history_.terms, back.history_.best_epoch) == (model.history_.terms, model.history_.best_epoch)
    assert back.parameters() == model.parameters() > 0
    assert np.array_equal(back.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_other_precisions(dtype):
    X, y = data()
    model, plain = fitted(X, y, dtype=dtype, dropout=0.0), fitted(X, y, dropout=0.0)
    assert np.allclose(model.predict_proba(X), plain.predict_proba(X), atol=1e-4 if dtype == "float64" else 0.05)
