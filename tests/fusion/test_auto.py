"""The competition: who wins, honest errors, no harm from what is useless, every target, steps, groups."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion.auto import _bounds, _paired_error

QUICK = ("auto", {"units": ("linear", "kernel"), "folds": 3})
RNG = np.random.default_rng(0)
N = 150
A, B = RNG.normal(size=(N, 2)), RNG.normal(size=(N, 3))


def fitted(family, y, X=None, fusion=QUICK, **given):
    return family(fusion=fusion).fit(X or {"a": A, "b": B}, y, **given)


@pytest.mark.parametrize("seed", range(3))
def test_a_useless_modality_is_left_out(seed):
    rng = np.random.default_rng(seed)
    X = {"useful": rng.normal(size=(N, 2)), "noise": rng.normal(size=(N, 20))}
    y = X["useful"][:, 0] + 0.5 * rng.normal(size=N) > 0
    with_noise = fitted(FusionClassifier, y, X)
    assert with_noise.model_.winner_.startswith("single: useful")
    assert list(with_noise.model_.model_.encoders_) == ["useful"]
    fresh = {"useful": rng.normal(size=(400, 2)), "noise": rng.normal(size=(400, 20))}
    alone = fitted(FusionClassifier, y, {"useful": X["useful"]})
    truth = fresh["useful"][:, 0] > 0
    assert with_noise.score(fresh, truth) >= alone.score({"useful": fresh["useful"]}, truth) - 0.02


def test_two_useful_modalities_are_both_kept():
    model = fitted(FusionRegressor, A[:, 0] + B[:, 0])
    assert model.model_.winner_.split(":")[0] in ("early", "late", "hybrid")
    assert set(model.model_.model_.encoders_) == {"a", "b"}
    assert model.score({"a": A, "b": B}, A[:, 0] + B[:, 0]) > 0.95


def test_noise_alone_keeps_the_prior(tmp_path):
    y = np.arange(N) % 2
    model = fitted(FusionClassifier, y)
    assert model.model_.winner_ == "prior" and model.model_.model_ is None
    np.testing.assert_allclose(model.predict_proba({"a": A, "b": B}), 0.5, atol=1e-9)
    model.save(tmp_path / "m.mcgurk")
    again = mcgurk.load(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(again.predict({"a": A, "b": B}), model.predict({"a": A, "b": B}))
    assert model.parameters() == 2


def test_the_table_tells_every_contestant_with_its_error():
    table = fitted(FusionRegressor, A[:, 0] + B[:, 0]).model_.table_
    assert [line["loss"] for line in table] == sorted(line["loss"] for line in table)
    assert table[0]["difference"] == 0 and {"prior", "single: a", "early: linear", "late: stacking"} <= {line["name"] for line in table}
    assert next(line for line in table if line["name"] == "prior")["error"] > 0


@pytest.mark.parametrize("task", ["multilabel", "count"])
def test_labels_and_counts(task):
    total = A[:, 0] + B[:, 0]
    if task == "multilabel":
        model = fitted(FusionClassifier, np.stack([total > 0, total > 1], axis=1).astype(int))
        assert model.score({"a": A, "b": B}, np.stack([total > 0, total > 1], axis=1)) > 0.7
    else:
        counts = np.random.default_rng(1).poisson(np.exp(total / 2))
        model = FusionRegressor(fusion=QUICK, task="count").fit({"a": A, "b": B}, counts)
        assert np.corrcoef(model.predict({"a": A, "b": B}), np.exp(total / 2))[0, 1] > 0.85


def test_groups_are_never_cut():
    """Labels that only a group's identity tells: with whole groups held out there is nothing to gain."""
    group = np.repeat(np.arange(30), 5)
    identity = np.repeat(np.random.default_rng(2).normal(size=(30, 8)), 5, axis=0) + 1e-3 * RNG.normal(size=(N, 8))
    y = np.repeat(np.random.default_rng(3).permutation(np.arange(30) % 2), 5)
    assert fitted(FusionClassifier, y, {"x": identity, "b": B}, groups=group).model_.winner_ == "prior"
    assert fitted(FusionClassifier, y, {"x": identity, "b": B}).model_.winner_ != "prior"


def test_a_label_a_step_in_context():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 40)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    mood = np.repeat(np.where(rng.random(40) > 0.5, 1.0, -1.0), lengths)
    s = mood[:, None] + 1.5 * rng.normal(size=(len(mood), 2))
    X = Dataset({"s": Ragged(s, offsets, kind="series"), "t": Ragged(rng.normal(size=s.shape), offsets, kind="series")})
    y = Ragged((mood > 0).astype(np.int64), offsets)
    kept = FusionClassifier(fusion=QUICK, encoders={"series": "precomputed"}).fit(X, y)
    assert kept.model_.winner_ != "prior"
    assert kept.predict(X).shape == mood.shape


def test_one_group_cannot_compete():
    with pytest.raises(DataError, match="are one group: name a method") as caught:
        fitted(FusionClassifier, A[:, 0] > 0, groups=np.zeros(N))
    assert caught.value.code == "S01"


def test_columns_and_units_can_be_named():
    model = fitted(FusionRegressor, A[:, 0], fusion=("auto", {"columns": ("a",), "units": ("linear",)}))
    assert {line["name"] for line in model.model_.table_} == {"prior", "single: a"}
    with pytest.raises(UnknownName, match="expected 'linear' and any of"):
        fitted(FusionRegressor, A[:, 0], fusion=("auto", {"units": ("linear", "forest")}))


def test_sample_weights_decide_who_wins():
    y = np.where(np.arange(N) < 75, A[:, 0], B[:, 0])
    first = fitted(FusionRegressor, y, sample_weight=np.where(np.arange(N) < 75, 1.0, 1e-9))
    assert first.model_.winner_.startswith("single: a")


def test_the_error_of_a_paired_difference_counts_groups():
    d = np.repeat([1.0, -1.0, 1.0, -1.0], 25)
    single = _paired_error(d, np.ones(100), np.arange(100))
    grouped = _paired_error(d, np.ones(100), np.repeat(np.arange(4), 25))
    assert single == pytest.approx(np.std(d, ddof=1) / 10)
    assert grouped == pytest.approx(np.std([1, -1, 1, -1], ddof=1) / 2)
    assert _paired_error(np.full(3, np.nan), np.ones(3), np.arange(3)) == 0.0


def test_bounds_of_chosen_sequences():
    assert _bounds(np.array([0, 2, 2, 5]), np.array([2, 3, 4])).tolist() == [0, 3]
    assert _bounds(None, np.arange(3)) is None


def test_rows_with_absent_modalities(tmp_path):
    here = RNG.random(N) > 0.3
    X = Dataset({"a": Dense(A, kind="vector"), "b": Dense(np.where(here[:, None], B, np.nan), here, "vector")})
    y = A[:, 0] + np.where(here, B[:, 0], 0)
    model = FusionRegressor(fusion=QUICK).fit(X, y)
    assert model.score(X, y) > 0.8
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").predict(X), model.predict(X))
