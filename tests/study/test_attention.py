"""Where a model looked: the planted lag is seen, maps are of the predicting pass, every model says what it has or has not."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.datasets import make_marked_lag
from mcgurk.encoders import assets
from mcgurk.errors import DataError
from mcgurk.study.attention import attention, looked_at, network_of
from mcgurk.testing import toys
from mcgurk.train import features

STEPS = {"series": "precomputed", "vector": "precomputed"}
SMALL = {
    "mult": {"width": 4, "heads": 2, "depth": 2, "memory": 1},
    "vilbert": {"width": 4, "heads": 2, "depth": 1},
    "mag": {"width": 4, "heads": 2},
    "raven": {"width": 4, "hidden": 3},
    "modality_graph": {"width": 4, "heads": 2, "depth": 1},
    "highmmt": {"latents": 3, "width": 4, "heads": 2},
    "gated": {"width": 4},
    "attention": {"width": 4},
    "joint_hybrid": {},
    "dynmm": {},
}


@pytest.fixture(scope="module")
def lag():
    X, y = make_marked_lag(n=3000)
    layer = ("mult", {"width": 16, "heads": 2, "depth": 1, "memory": 1, "dropout": 0.0})
    options = {"hidden": (), "dropout": 0.0, "epochs": 14, "optim": ("adam", 3e-3), "patience": None}
    model = FusionClassifier(layer, encoders="precomputed", **options).fit(X, y)
    held, truth = make_marked_lag(n=60, random_state=1)
    return model, held, truth, attention(model, held)


def test_the_planted_lag_is_seen(lag):
    """Check: trained on the planted lag, b's steps look .7 s ahead, at the mark that asks for them, and that is what counts."""
    model, held, truth, found = lag
    assert model.score(held, truth) == 1
    told = found.summary().set_index(["target", "source"]).loc["b", "a"]
    assert told.peak == pytest.approx(0.7) and told.relevant == pytest.approx(0.7) and told.unit == "s" and told.entropy < 0.8
    tau = held.rows["tau"].to_numpy()
    marks = [m.mean()[tau[m.row] - 7].argmax() == tau[m.row] for m in found.maps if (m.target, m.source) == ("b", "a")]
    assert np.mean(marks) > 0.8  # in a row, the step that answers finds the mark


def test_masking_what_was_looked_at_hurts_more_than_masking_at_random(lag):
    check = lag[3].erasure.set_index("source")
    assert check.loc["a", "low"] > 0 and check.loc["a", "relevant_low"] > 0 and check.loc["a", "rows"] == 60
    assert (check.low <= check.difference).all() and (check.difference <= check.high).all()
    again = attention(lag[0], lag[1][:10], random_state=0).erasure
    assert again.equals(attention(lag[0], lag[1][:10], random_state=0).erasure)


def test_maps_come_from_the_pass_that_predicts(lag):
    """Check: values are those of predict_proba, and a layer asked alone on the same slots gives the same maps."""
    model, held, _, found = lag
    np.testing.assert_allclose(found.value, model.predict_proba(held).max(axis=1), atol=1e-6)
    assert (found.prediction == model.predict(held)).all() and (found.ids == held.ids).all()
    loader = model._rows_of(features.prepare(model.encoders_, held))
    from mcgurk.nn.look import looked

    objective = model.objective_
    for row in (0, 7):
        batch = loader.batch(np.array([row]))
        maps = {(look.target, look.source): look.weights for look in looked(objective.fusion, objective.encode(batch))[1]}
        for m in found.maps:
            if m.row == row:
                np.testing.assert_allclose(m.weights, maps[m.target, m.source][0].detach().numpy(), atol=1e-6)


def test_times_and_long_frame(lag):
    frame = lag[3].to_frame()
    first = frame[(frame.id == frame.id[0]) & (frame.target == "b") & (frame.source == "a")]
    assert len(first) == 10 * 14 and np.allclose(first.time, first.step * 0.1) and np.allclose(first.key_time, first.key * 0.1)
    assert np.allclose(first.groupby("step").weight.sum(), 1) and (first.relevance >= 0).all()
    one = lag[3].to_frame(layer=1, head=2)
    assert len(one) == len(frame) and not np.allclose(one.weight, frame.weight)
    with pytest.raises(DataError, match="head 3 was asked for; the maps have heads 1 to 2"):
        lag[3].to_frame(head=3)


@pytest.mark.parametrize("name", SMALL)
def test_every_layer_that_shows_something(name):
    X = toys.sequences(24)
    model = FusionClassifier((name, SMALL[name]), encoders=STEPS, epochs=1, patience=None).fit(X, np.arange(24) % 2)
    found = attention(model, X[:8], erase=2)
    np.testing.assert_allclose(found.value, model.predict_proba(X[:8]).max(axis=1), atol=1e-5)
    summary = found.summary()
    assert len(summary) == len(found.pairs()) and (summary.rows > 0).all()
    shared = summary[summary.share.notna() & (summary.kind != "gate")].groupby(["kind", "target"]).share.sum()
    assert (shared <= 1 + 1e-6).all() and found.to_frame().weight.between(0, 1 + 1e-6).all()
    assert {"low", "high", "relevant"} <= set(found.erasure.columns)


def test_absent_modalities_have_no_maps():
    X = toys.sequences(24)
    model = FusionClassifier(("mult", SMALL["mult"]), encoders=STEPS, epochs=1, patience=None).fit(X, np.arange(24) % 2)
    found = attention(model, X[:8], erase=0)
    assert found.erasure is None
    for m in found.maps:
        for side, ends in ((m.target, m.steps), (m.source, m.keys)):
            column, row = X[side], found.row[m.row]
            length = column.lengths[row] if isinstance(column, Ragged) else 1
            assert len(ends.number) == (length if column.present[row] else 0)


def test_labels_per_step():
    rows = [np.random.default_rng(i).normal(size=(4 + i % 3, 3)) for i in range(20)]
    X = Dataset({"s": Ragged.of(rows, kind="series"), "t": Ragged.of([r[:, :2] for r in rows], kind="series")})
    y = Ragged.of([(r[:, 0] > 0).astype(int) for r in rows], kind="series")
    model = FusionClassifier(("mult", SMALL["mult"]), encoders={"series": "precomputed"}, epochs=1, patience=None).fit(X, y)
    found = attention(model, X[:3])
    assert found.row.tolist() == [0] * 4 + [1] * 5 + [2] * 6 and len(found.erasure) == 0
    assert {m.row for m in found.maps} == set(range(15))


def test_numbers_and_several_outputs():
    X = toys.sequences(24)
    y = np.random.default_rng(0).normal(size=(24, 2))
    model = FusionRegressor(("mult", SMALL["mult"]), encoders=STEPS, epochs=1, patience=None).fit(X, y)
    found = attention(model, X[:6], erase=3)
    np.testing.assert_allclose(found.value, model.predict(X[:6])[:, 0], rtol=1e-5)
    labels = (y > 0).astype(int)
    model = FusionClassifier(("gated", SMALL["gated"]), encoders=STEPS, epochs=1, patience=None, task="multilabel").fit(X, labels)
    assert len(attention(model, X[:6]).prediction) == 6


def test_groups_widen_the_interval_of_the_erasure(lag):
    model, held, _, found = lag
    grouped = Dataset(dict(held.items()), rows=held.rows.assign(group=np.arange(60) // 15))
    check = attention(model, grouped).erasure
    assert np.allclose(check.difference, found.erasure.difference)


def test_words_stand_beside_their_tokens():
    if not assets.installed("minilm"):
        pytest.skip("the packaged weights of MiniLM are not installed")
    texts = ["a good film", "an unbelievably bad film", "bad", "good, good"] * 5
    X = Dataset({"text": Lazy(texts), "v": Dense(np.random.default_rng(0).normal(size=(20, 2)))})
    model = FusionClassifier(
        ("mult", SMALL["mult"]), encoders={"text": ("minilm", {"tokens": True}), "v": "precomputed"}, epochs=1, patience=None
    ).fit(X, np.arange(20) % 2)
    frame = attention(model, X[:2], erase=0).to_frame()
    own = frame[(frame.source == "text") & (frame.target == "v")]
    assert own[own.id == own.id.iloc[0]].key_word.tolist() == ["a", "good", "film"]
    assert set(own[own.id == own.id.iloc[-1]].key_word) == {"an", "unbelievably", "bad", "film"} and (own.word == "").all()


def test_models_without_maps_say_who_has_some():
    X = toys.vectors(30)
    y = np.arange(30) % 2
    plain = FusionClassifier("lowrank", encoders="precomputed", epochs=1).fit(X, y)
    for model, message in ((plain, "'lowrank'.*no map"), (FusionClassifier("early", encoders="precomputed").fit(X, y), "no fusion layer")):
        with pytest.raises(DataError, match=message) as error:
            attention(model, X)
        assert error.value.code == "C02" and "mult" in str(error.value) and "shares" in str(error.value)


def test_a_network_is_found_through_the_recipe_that_holds_it():
    from mcgurk.fusion import FusionGraph
    from mcgurk.fusion.graph import Source

    X = toys.vectors(40)
    y = np.arange(40) % 2
    inner = FusionClassifier(("attention", SMALL["attention"]), encoders="precomputed", epochs=1, patience=None)
    model = FusionClassifier(FusionGraph({name: Source(name) for name in X.names} | {"net": (inner, X.names)})).fit(X, y)
    assert network_of(model) is model.model_.nodes_["net"]
    assert len(attention(model, X[:4]).maps) == 4 * len(X.names)


def test_looking_returns_what_outputs_returns(lag):
    model, held, _, _ = lag
    batch = model._rows_of(features.prepare(model.encoders_, held)).batch(np.arange(5))
    scores, found = looked_at(model.objective_.eval(), batch, model.target_)
    np.testing.assert_allclose(scores, model.objective_.outputs(batch).detach().numpy(), atol=1e-5)
    assert len(found) == 4 and all(relevance.weights.min() >= 0 for _, _, relevance in found)
