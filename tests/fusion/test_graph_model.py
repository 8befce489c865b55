"""The machine behind graphs: folds, groups, weights, steps, presence, estimators as nodes, decisions as features."""

from __future__ import annotations

import numpy as np
import pytest

import mcgurk
from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import FitData
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.data.target import encode_target
from mcgurk.errors import DataError
from mcgurk.fusion import AsFeatures, FusionGraph, LinearUnit, Rule, SideBySide, Source, Stacking, TreesUnit
from mcgurk.fusion.graph_model import GraphModel
from mcgurk.fusion.unit import Unit
from mcgurk.run import Run

RNG = np.random.default_rng(0)
N = 120
A, B = RNG.normal(size=(N, 3)), RNG.normal(size=(N, 2))
X = {"a": A, "b": B}
Y = (A[:, 0] + B[:, 0] > 0).astype(int)


def branches(unit=None):
    nodes = {}
    for name in ("a", "b"):
        nodes |= {name: Source(name), f"f{name}": (SideBySide(), (name,)), f"p{name}": (unit or LinearUnit(), (f"f{name}",))}
    return nodes


def stacked(unit=None):
    return FusionGraph({**branches(unit), "out": (Stacking(), ("pa", "pb"))})


class Spy(Unit):
    """Remembers which rows it was fitted on and asked about."""

    seen: list = []

    def fit(self, F, y, weight, groups, run):
        self.own = set(np.round(F[:, 0], 9).tolist())
        Spy.seen.append((len(F), set(groups.tolist()), weight))
        return self

    def scores(self, F):
        asked = set(np.round(F[:, 0], 9).tolist())
        assert len(self.own) == N or not asked & self.own
        return np.zeros((len(F), 2))


def test_out_of_fold_decisions_come_from_units_that_did_not_see_the_row_nor_its_group():
    Spy.seen = []
    groups = np.arange(N) // 4
    model = GraphModel(
        FusionGraph(
            {
                "a": Source("a"),
                "fa": (SideBySide(standardise=False, balance=False), ("a",)),
                "pa": (Spy(), ("fa",)),
                "out": (Stacking(), ("pa",)),
            }
        )
    )
    data = FitData(Dataset({"a": Dense(A, kind="vector")}), encode_target(Y, "classifier").with_statistics(), np.ones(N), groups)
    model.spec_, model.target_ = data.spec, data.target
    model._fit(data, Run.of(0))
    sizes = [n for n, _, _ in Spy.seen]
    assert sizes[0] == N and len(sizes) == 6 and sum(N - n for n in sizes[1:]) == N
    for _, own, weight in Spy.seen[1:]:
        assert weight is not None
        held = set(groups.tolist()) - own
        assert len(held) == 6


def test_rows_without_a_label_and_held_out_rows_are_not_learned_from():
    y = Y.astype(object)
    y[:20] = None
    valid = np.arange(N) >= 100
    model = FusionClassifier(fusion=stacked()).fit(X, y, valid=valid)
    again = FusionClassifier(fusion=stacked()).fit({k: v[20:100] for k, v in X.items()}, Y[20:100])
    np.testing.assert_allclose(model.predict_proba(X), again.predict_proba(X), atol=1e-9)


def test_weights_and_class_weights():
    heavy = np.where(Y == 1, 5.0, 1.0)
    by_row = FusionClassifier(fusion="early").fit(X, Y, sample_weight=heavy)
    by_class = FusionClassifier(fusion="early", class_weight={0: 1.0, 1: 5.0}).fit(X, Y)
    plain = FusionClassifier(fusion="early").fit(X, Y)
    np.testing.assert_allclose(by_row.predict_proba(X), by_class.predict_proba(X), atol=1e-6)
    assert by_row.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean()


@pytest.mark.parametrize(
    "fusion", ["early", "late", "hybrid", ("late", {"rule": "product", "calibrate": True}), ("early", {"unit": "trees"})]
)
def test_absent_modalities_in_training_and_after(fusion):
    here = RNG.random(N) > 0.3
    holes = Dataset({"a": Dense(A, kind="vector"), "b": Dense(np.where(here[:, None], B, np.nan), here, "vector")})
    model = FusionClassifier(fusion=fusion).fit(holes, Y)
    assert model.score(holes, Y) > 0.75
    for name in ("a", "b"):
        gone = holes.with_column(name, Dense(np.full_like(holes[name].values, np.nan), np.zeros(N, bool), "vector"))
        some = gone.present.any(axis=1)
        assert np.isfinite(model.predict_proba(gone[some])).all()


def test_a_modality_seen_with_one_class_only_does_not_decide():
    here = Y == 1
    holes = Dataset({"a": Dense(A, kind="vector"), "b": Dense(B, here, "vector")})
    model = FusionClassifier(fusion=("late", {"rule": "mean"})).fit(holes, Y)
    assert model.model_.nodes_["b decision"] is None
    assert np.isfinite(model.predict_proba(holes)).all()


def videos(n=24, seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 7, n)
    lengths[0] = 4
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    s = rng.normal(size=(offsets[-1], 2))
    mood = np.repeat(rng.normal(size=n), lengths)
    y = (s[:, 0] + mood > 0).astype(np.int64)
    data = Dataset({"s": Ragged(s, offsets, kind="series"), "v": Dense(rng.normal(size=(n, 1)), kind="vector")})
    return data, Ragged(y, offsets), y


@pytest.mark.parametrize("fusion", ["early", "late", "hybrid"])
def test_a_label_a_step(fusion):
    data, ragged, y = videos()
    encoders = {"s": "precomputed"}
    model = FusionClassifier(fusion=fusion, encoders=encoders).fit(data, ragged)
    assert model.predict(data).shape == y.shape
    assert model.score(data, ragged) > 0.65
    weighted = FusionClassifier(fusion=fusion, encoders=encoders).fit(data, ragged, sample_weight=np.linspace(0.5, 1.5, 24))
    assert np.isfinite(weighted.predict_proba(data)).all()


def test_a_label_a_step_needs_a_sequence_at_predict():
    data, ragged, _ = videos()
    model = FusionClassifier(fusion="late", encoders={"s": "precomputed"}).fit(data, ragged)
    model.model_.graph = model.model_.graph.part("v decision")
    with pytest.raises(DataError, match="has no sequence column"):
        model.predict(data)


def test_predictors_on_raw_columns_are_units():
    inner = FusionClassifier(fusion="early")
    graph = FusionGraph({**branches(), "both": (inner, ("a", "b")), "out": (Stacking(), ("pa", "pb", "both"))})
    model = FusionClassifier(fusion=graph).fit(X, Y)
    assert model.score(X, Y) > 0.9
    assert model.model_.parameters() > 10


def test_decisions_as_features(tmp_path):
    graph = FusionGraph(
        {
            **branches(), "as": (AsFeatures(), ("pa",)), "joined": (SideBySide(), ("b", "as")), "above": (TreesUnit(60), ("joined",)),
            "out": (Stacking(), ("above", "pb")),
        }
    )  # fmt: skip
    y = ((A[:, 0] > 0) ^ (B[:, 0] > 0)).astype(int)
    model = FusionClassifier(fusion=graph).fit(X, np.where(RNG.random(N) < 0.5, y, Y))
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").predict_proba(X), model.predict_proba(X))
    gone = Dataset({"a": Dense(A, np.zeros(N, bool), "vector"), "b": Dense(B, kind="vector")})
    assert np.isfinite(model.predict_proba(gone)).all()
    direct = FusionGraph({**branches(), "as": (AsFeatures(), ("pa",)), "end": (LinearUnit(), ("as",))}, "end").part("end")
    regressor = FusionRegressor(fusion=direct).fit(X, A[:, 0])
    assert regressor.score(X, A[:, 0]) > 0.95


def test_stacking_above_a_rule():
    graph = FusionGraph({**branches(), "mean": (Rule("mean"), ("pa", "pb")), "out": (Stacking(), ("mean", "pa"))})
    assert FusionClassifier(fusion=graph).fit(X, Y).score(X, Y) > 0.85


def test_one_group_cannot_be_stacked_but_can_be_averaged():
    with pytest.raises(DataError, match="at least two groups") as caught:
        FusionClassifier(fusion="late").fit(X, Y, groups=np.zeros(N))
    assert caught.value.code == "S01"
    assert FusionClassifier(fusion=("late", {"rule": "mean"})).fit(X, Y, groups=np.zeros(N)).score(X, Y) > 0.8


def test_labels_are_needed():
    with pytest.raises(DataError, match="needs labels"):
        GraphModel(stacked()).encode(FitData(Dataset({"a": Dense(A, kind="vector")})), Run.of(0))


def test_every_decision_of_a_graph_can_be_read():
    nodes = {**branches(), "mean": (Rule("mean"), ("pa", "pb")), "out": (Stacking(), ("pa", "pb"))}
    model = FusionClassifier(FusionGraph(nodes, output="out")).fit(X, Y)
    data = Dataset({"a": Dense(A), "b": Dense(B)})
    found = model.model_.decisions(data)
    assert set(found) == {"pa", "pb", "mean", "out"} and all(scores.shape == (N, 2) for scores in found.values())
    assert np.array_equal(found["out"], model.model_._scores(data))
    alone = FusionClassifier(FusionGraph({n: v for n, v in nodes.items() if n != "out"})).fit(X, Y)
    assert np.array_equal(found["mean"], alone.model_._scores(data))
