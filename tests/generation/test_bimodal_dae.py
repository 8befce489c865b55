"""The bimodal autoencoder: its copies, digits from half a digit, McGurk's illusion, absence, storage."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.datasets import load_digits_halves
from mcgurk.errors import DataError, McgurkWarning
from mcgurk.generation import BimodalDenoisingAutoencoder
from mcgurk.nn import Batch, Slot
from mcgurk.store import load


def two(n=80, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 2))
    return Dataset({"a": Dense(z @ rng.normal(size=(2, 4))), "v": Dense(5 + 3 * z @ rng.normal(size=(2, 3)))})


def small(**changes):
    return BimodalDenoisingAutoencoder(**{"code": 6, "epochs": 3, **changes})


def test_copies_of_an_epoch():
    X = two(10)
    objective = small().fit(X).objective_
    slots = {k: Slot(torch.tensor(X[k].values, dtype=torch.float32), torch.ones(10, dtype=torch.bool)) for k in "av"}
    slots["a"].present[3] = False
    encoded = objective.encode(Batch(slots))
    inputs, targets = objective.copies(encoded)
    assert objective.patterns() == [("a", "v"), ("a",), ("v",)]
    shown = torch.stack([inputs[k].present for k in "av"], dim=1).view(3, 10, 2)
    full = torch.stack([slots[k].present for k in "av"], dim=1)
    for block, keep in zip(shown, ((1, 1), (1, 0), (0, 1)), strict=True):
        assert torch.equal(block, full & torch.tensor(keep, dtype=torch.bool))
    for k in "av":
        values = targets[k].values.view(3, 10, -1)
        assert torch.equal(values[0], values[1]) and torch.equal(values[0], values[2]) and torch.equal(values[0], encoded[k].values)
        assert (inputs[k].values[~inputs[k].present] == 0).all()


def test_absent_content_never_matters():
    X = two()
    here = {"a": np.arange(80) % 3 > 0, "v": np.arange(80) % 4 > 0}

    def run(filling):
        holes = Dataset({k: Dense(np.where(here[k][:, None], X[k].values, filling), here[k]) for k in "av"})
        model = small().fit(holes)
        return model.generate(holes), model.encode(holes)

    with pytest.warns(McgurkWarning, match="7 of 80 rows have no modality"):
        (one, code), (other, code2) = run(0.0), run(1e5)
    np.testing.assert_array_equal(code, code2)
    for k in "av":
        np.testing.assert_array_equal(one[k].values, other[k].values)
        np.testing.assert_allclose(one[k].values[here[k]], X[k].values[here[k]])
        assert one[k].present.sum() == 73


def test_a_missing_half_of_a_digit():
    X, y = load_digits_halves()
    train, test = X[:1200], X[1200:]
    model = BimodalDenoisingAutoencoder(standardise=False, epochs=100, optim=("adam", 8e-3), schedule="cosine").fit(train)
    for given, made in (("left", "right"), ("right", "left")):
        rebuilt = model.generate({given: test[given].values}, made)[made].values
        error = ((rebuilt - test[made].values) ** 2).mean()
        assert error < 0.7 * ((train[made].values.mean(axis=0) - test[made].values) ** 2).mean()

    def probe(a, b):
        return LogisticRegression(max_iter=300).fit(a, y[:1200]).score(b, y[1200:])

    assert probe(model.encode(train), model.encode(test)) >= 0.88


def test_one_input_rebuilds_both():
    X, y = load_digits_halves()
    train, test = X[:1200], X[1200:]
    model = BimodalDenoisingAutoencoder(inputs="left", standardise=False, epochs=100, optim=("adam", 8e-3), schedule="cosine").fit(train)
    assert model.objective_.patterns() == [("left",)]

    def probe(a, b):
        return LogisticRegression(max_iter=300).fit(a, y[:1200]).score(b, y[1200:])

    raw = probe(train["left"].values, test["left"].values)
    assert probe(model.encode(train), model.encode(test)) >= raw - 0.02
    other = Dataset({"left": test["left"], "right": Dense(np.zeros((597, 32)))})
    np.testing.assert_array_equal(model.encode(other), model.encode(test))


def test_mcgurk():
    rng = np.random.default_rng(0)
    means = {"visual": (0.0, 2.0, 2.5), "audio": (0.0, 0.5, 2.5)}
    turn = {k: np.linalg.qr(rng.normal(size=(20, 20)))[0] for k in means}

    def draw(labels, sd):
        columns = {}
        for k, place in means.items():
            x = sd * rng.normal(size=(len(labels), 20))
            x[:, 0] += np.array(place)[labels[:, list(means).index(k)]]
            columns[k] = Dense(x @ turn[k])
        return Dataset(columns)

    def both(labels):
        return np.stack([labels, labels], axis=1)

    unlabelled, y = rng.integers(0, 3, 3000), rng.integers(0, 3, 1500)
    model = BimodalDenoisingAutoencoder(epochs=30, optim=("adam", 2e-3)).fit(draw(both(unlabelled), 1.0))
    classifier = LogisticRegression(max_iter=300).fit(model.encode(draw(both(y), 1.0)), y)
    incongruent = np.tile([2, 0], (500, 1))  # the face says ga, the voice ba
    heard = classifier.predict(model.encode(draw(incongruent, 0.3)))
    assert (heard == 1).mean() > 0.6  # da


def test_rows_draws_and_storage(tmp_path):
    X = two()
    model = small(units="tanh", presence=False).fit(X)
    out = model.generate({"a": X["a"].values}, n=2)
    assert out.names == ("a", "v") and out.rows["source"].tolist() == np.repeat(np.arange(80), 2).tolist()
    np.testing.assert_array_equal(out["v"].values[::2], out["v"].values[1::2])
    np.testing.assert_array_equal(out["a"].values[::2], X["a"].values)
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(again.generate({"a": X["a"].values})["v"].values, out["v"].values[::2])


def test_series_come_back_as_their_mean():
    X = two(40)
    series = Ragged.of([np.repeat(row[None], 1 + i % 3, axis=0) for i, row in enumerate(X["a"].values)])
    model = small(encoders={"series": "precomputed"}, epochs=5).fit(Dataset({"a": series, "v": X["v"]}))
    out = model.generate({"v": X["v"].values}, "a")
    assert out["a"].values.shape == (40, 4)


def test_refusals():
    X = two(20)
    with pytest.raises(DataError, match="expected one of"):
        small(units="step").fit(X)
    with pytest.raises(DataError, match="expected some of a, v"):
        small(inputs=["z"]).fit(X)
    with pytest.raises(DataError, match="from nothing"):
        small().fit(X).generate(None)
    with pytest.raises(DataError, match="cannot make 'z'"):
        small().fit(X).generate(X, "z")
    rng = np.random.default_rng(0)
    pictures = Dense(rng.integers(0, 255, size=(20, 8, 8, 3), dtype=np.uint8), kind="image")
    with pytest.raises(DataError, match="frozen"):
        small(encoders={"image": "image_cnn"}).fit(Dataset({"a": X["a"], "p": pictures}))


def test_text_comes_back_as_features():
    X = two(20)
    text = Lazy([f"word{i % 4} and" for i in range(20)])
    model = small(encoders={"text": "tfidf"}).fit(Dataset({"a": X["a"], "t": text}))
    assert model.generate({"a": X["a"].values}, "t")["t"].kind == "vector"
