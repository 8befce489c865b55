"""What a fitted thing can do: one primitive each, the rest derived."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import Estimator
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, McgurkWarning, MissingModality, NotFittedError
from mcgurk.results import Alignment, Trace
from mcgurk.roles import Aligner, Classifier, Embedder, Generator, Reasoner, Regressor, Splitter, prior_scores
from mcgurk.testing import toys

PLAIN = {"vector": "precomputed", "series": "precomputed"}
VECTORS = {"vector": "precomputed"}


class Fitted(Estimator):
    """Learns nothing; ``given`` makes its answer from the Dataset."""

    family = "classifier"

    def __init__(self, given: Any = None) -> None:
        self.given = given

    def _fit(self, data: Any, run: Any) -> None: ...


class Answer:
    """The scores that were given."""

    def _scores(self, X: Dataset) -> np.ndarray:
        return self.given(X)  # type: ignore[attr-defined]


class Labels(Answer, Classifier, Fitted):
    """Labels from given scores."""


class Numbers(Answer, Regressor, Fitted):
    """Numbers from given scores."""

    def __init__(self, given: Any = None, task: str | None = None, target_transform: str | None = None) -> None:
        self.given, self.task, self.target_transform = given, task, target_transform


def columns(n: int = 6, gone: tuple[int, ...] = ()) -> Dataset:
    present = ~np.isin(np.arange(n), gone)
    return Dataset({"a": Dense(np.arange(2.0 * n).reshape(n, 2), present), "b": Dense(np.ones((n, 1)), present)})


# Classifier


def test_two_classes() -> None:
    scores = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0], [5.0, 5.0], [0.0, 800.0], [1.0, 0.0]])
    model = Labels(lambda X: scores).fit(columns(), ["no", "yes"] * 3)
    assert model.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(model.decision_function(columns()), scores[:, 1] - scores[:, 0])
    probability = model.predict_proba(columns())
    np.testing.assert_allclose(probability[:, 1], 1 / (1 + np.exp(scores[:, 0] - scores[:, 1])))
    np.testing.assert_allclose(model.predict_log_proba(columns())[4], [-800, 0], atol=1e-9)
    assert model.predict(columns()).tolist() == ["yes", "no", "no", "no", "yes", "no"]
    assert model.score(columns(), ["yes", "no", "no", "no", "yes", "yes"]) == pytest.approx(5 / 6)
    assert model.score(columns(), ["yes", None, None, None, None, "yes"]) == 0.5  # unlabelled rows are not counted
    assert model.score(columns(), ["yes", None, None, None, None, "yes"], sample_weight=[3, 9, 9, 9, 9, 1]) == 0.75
    with pytest.raises(DataError, match="nothing to score"):
        model.score(columns(), [None] * 6)
    with pytest.raises(DataError, match="X has 6 rows to score, y has 2"):
        model.score(columns(), ["yes", "no"])


def test_many_classes_keep_their_logits_and_their_labels_type() -> None:
    scores = np.eye(3)[[0, 1, 2, 0, 1, 2]]
    model = Labels(lambda X: scores).fit(columns(), [3, 5, 9] * 2)
    assert model.decision_function(columns()).shape == (6, 3)
    assert model.predict(columns()).tolist() == [3, 5, 9] * 2 and model.predict(columns()).dtype.kind == "i"


def test_several_labels_a_row() -> None:
    y = np.array([[0, 1], [1, 0]] * 3)
    model = Labels(lambda X: np.where(y, 3.0, -3.0)).fit(columns(), y)
    assert model.target_.task == "multilabel"
    probability = model.predict_proba(columns())
    assert probability.shape == (6, 2)
    np.testing.assert_allclose(probability, 1 / (1 + np.exp(np.where(y, -3.0, 3.0))))
    assert model.predict(columns()).tolist() == y.tolist() and model.score(columns(), y) == 1.0
    assert model.decision_function(columns()).shape == (6, 2)


def test_a_row_without_any_modality_gets_the_prior_and_is_counted() -> None:
    model = Labels(lambda X: np.full((len(X), 2), np.nan)).fit(columns(), ["no", "no", "no", "no", "yes", "yes"])
    with pytest.warns(McgurkWarning, match="3 of 3 rows have no modality at all; they get the training rows' average") as said:
        probability = model.predict_proba(columns(3, gone=(0, 1, 2)))
    assert len(said) == 1 and said[0].message.code == "M04"  # type: ignore[union-attr]
    np.testing.assert_allclose(probability, [[2 / 3, 1 / 3]] * 3)


def test_predictions_that_are_not_finite_are_an_error() -> None:
    model = Labels(lambda X: np.full((len(X), 2), np.nan)).fit(columns(), ["no", "yes"] * 3)
    with pytest.raises(DataError, match="6 predictions are not finite") as caught:
        model.predict(columns())
    assert caught.value.code == "N03"


@pytest.mark.parametrize("fusion", ["early", "late", "concat", "average"])
def test_absent_rows_of_real_models(fusion: str) -> None:
    X = toys.vectors(40)
    gone = Dataset({name: Dense(column.values, column.present & (np.arange(40) != 4), "vector") for name, column in X.items()})
    y = toys.labels(X, "classes")
    model = FusionClassifier(fusion, encoders=VECTORS, epochs=2, patience=None).fit(X, y)
    with pytest.warns(McgurkWarning, match="1 of 40 rows"):
        probability = model.predict_proba(gone)
    np.testing.assert_allclose(probability[4], model.target_.prior)
    np.testing.assert_allclose(np.delete(probability, 4, 0), np.delete(model.predict_proba(X), 4, 0), atol=1e-6)


# Regressor


def test_numbers_counts_and_logarithms() -> None:
    column = np.arange(6.0)[:, None]
    model = Numbers(lambda X: column).fit(columns(), np.arange(6.0))
    assert model.predict(columns()).tolist() == np.arange(6.0).tolist()
    assert model.score(columns(), np.arange(6.0)) == 1.0
    assert model.score(columns(), [0, 1, np.nan, np.nan, 4, 5]) == 1.0
    counts = Numbers(lambda X: np.log(column + 1), task="count").fit(columns(), np.arange(6))
    np.testing.assert_allclose(counts.predict(columns()), np.arange(6) + 1)
    prices = Numbers(lambda X: np.log(column + 1), target_transform="log").fit(columns(), np.arange(6.0) + 1)
    np.testing.assert_allclose(prices.predict(columns()), np.arange(6) + 1)


def test_several_numbers_a_row_and_one_in_a_column() -> None:
    two = np.arange(12.0).reshape(6, 2)
    assert Numbers(lambda X: two).fit(columns(), two).predict(columns()).shape == (6, 2)
    with pytest.warns(UserWarning, match="column-vector"):
        model = Numbers(lambda X: two[:, :1]).fit(columns(), two[:, :1])
    assert model.predict(columns()).shape == (6,)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (TargetSpec("classes", ("a", "b"), 2, prior=(0.25, 0.75)), np.log([0.25, 0.75])),
        (TargetSpec("multilabel", (0, 1), 2, prior=(0.5, 0.0)), [0.0, np.log(1e-6) - np.log1p(-1e-6)]),
        (TargetSpec("number", (), 1, center=(3.0,)), [3.0]),
        (TargetSpec("count", (), 1, center=(2.0,)), [np.log(2.0)]),
    ],
)
def test_what_is_said_of_a_row_about_which_nothing_is_known(target: TargetSpec, expected: Any) -> None:
    np.testing.assert_allclose(prior_scores(target), expected)


# A label a step.


def test_a_label_a_step_comes_back_in_the_order_of_y() -> None:
    X = toys.sequences(30, absent=False)
    s = X["s"]
    X = Dataset({"s": s, "v": X["v"]})
    values = np.where(s.values[:, 0] > 0, "up", "down").astype(object)
    values[0] = None
    y = Ragged(values, s.offsets)
    for fusion in ("concat", "early"):
        model = FusionClassifier(fusion, encoders=PLAIN, epochs=30, patience=None).fit(X, y)
        probability = model.predict_proba(X)
        assert model.target_.per == "step" and probability.shape == (len(values), 2)
        assert model.predict(X).shape == (len(values),)
        assert model.score(X, y) > 0.8
        part = X[[4, 2]]
        rows = [probability[s.offsets[i] : s.offsets[i + 1]] for i in (4, 2)]
        np.testing.assert_allclose(model.predict_proba(part), np.concatenate(rows), atol=1e-5)


def test_numbers_a_step() -> None:
    X = toys.sequences(30, absent=False).select(["s"])
    y = Ragged(X["s"].values[:, 0] * 2.0, X["s"].offsets)
    model = FusionRegressor("early", encoders={"series": "precomputed"}).fit(X, y)
    assert model.predict(X).shape == (len(y.values),) and model.score(X, y) > 0.9


# Embedder, splitter, generator: any subset of the columns.


class Space(Embedder, Fitted):
    """The sum of the numbers of each modality, twice."""

    family = None

    def _embed(self, X: Dataset) -> dict[str, np.ndarray]:
        return {name: np.repeat(column.values.sum(axis=1, keepdims=True), 2, axis=1) for name, column in X.items()}


def test_embeddings_of_what_is_there() -> None:
    X = columns(4, gone=(1,))
    model = Space()
    out = model.fit_transform(X)
    assert out.names == ("a", "b") and out["a"].values[1].tolist() == [0, 0] and out["a"].present.tolist() == [True, False, True, True]
    assert model.transform(X.select(["b"])).names == ("b",)
    assert model.encode("a", np.array([[1.0, 2.0]])).tolist() == [[3.0, 3.0]]
    with pytest.raises(MissingModality, match="fitted on a, b, of which X has none; it has z"):
        model.transform({"z": np.ones((2, 2))})
    with pytest.raises(NotFittedError):
        Space().transform(X)


def test_similarity_is_the_cosine_and_nothing_is_similar_to_nothing() -> None:
    cosines = Embedder.similarity([[1, 0], [0, 0]], [[2, 0], [0, 3], [-1, 0]])
    np.testing.assert_allclose(cosines, [[1, 0, -1], [0, 0, 0]])


class Halves(Splitter, Fitted):
    """A shared number and a private one each."""

    family = None

    def _split(self, X: Dataset) -> dict[str, np.ndarray]:
        ones = np.ones((len(X), 1))
        return {"shared": ones, **{f"private:{name}": ones for name in X.names}}


def test_shared_and_private_parts() -> None:
    X = Dataset({"a": Dense(np.ones((3, 2)), np.array([True, False, False])), "b": Dense(np.ones((3, 1)), np.array([True, True, False]))})
    out = Halves().fit_transform(X)
    assert out.names == ("private:a", "private:b", "shared")
    assert out["shared"].present.tolist() == [True, True, False] and out["private:a"].present.tolist() == [True, False, False]
    assert Halves().fit(X).transform(X.select(["b"]))["private:a"].present.tolist() == [False] * 3


class Filler(Generator, Fitted):
    """Says what it was asked."""

    family = None

    def _sample(self, given: Dataset | None, to: tuple[str, ...], n: int, run: Any) -> Dataset:
        self.asked = SimpleNamespace(given=given, to=to, n=n, seed=run.seed)
        rows = n if given is None else n * len(given)
        return Dataset({name: Dense(np.zeros((rows, 1))) for name in to})


def test_rows_are_repeated_in_order_and_named() -> None:
    model = Filler().fit(columns(3))
    out = model.generate(columns(3).select(["a"]), "b", n=2, random_state=5)
    assert out.rows is not None and out.rows["source"].tolist() == [0, 0, 1, 1, 2, 2]
    assert model.asked.to == ("b",) and model.asked.seed == 5 and not model.asked.given["b"].present.any()
    assert model.generate(n=4).rows["source"].tolist() == [0, 1, 2, 3] and model.asked.to == ("a", "b")  # type: ignore[index]
    with pytest.raises(DataError, match="cannot make 'z'; fitted modalities are a, b"):
        model.generate(to=["z"])


# Aligner


class Diagonal(Aligner):
    """Step k with step k."""

    def _align(self, a: np.ndarray, b: np.ndarray) -> Alignment:
        k = np.arange(min(len(a), len(b)))
        return Alignment(k, k, np.ones(len(k)), float(np.abs(a[k] - b[k]).sum()), (len(a), len(b)))


def test_two_items_or_two_datasets() -> None:
    found = Diagonal().align([1.0, 2.0], np.array([[1.0], [4.0], [5.0]]))
    assert found.shape == (2, 3) and found.cost == 2.0
    a = Dataset({"x": Ragged.of([np.ones((2, 1)), np.ones((3, 1))])})
    assert [result.shape for result in Diagonal().align(a, a)] == [(2, 2), (3, 3)]


@pytest.mark.parametrize(
    ("a", "said"),
    [
        (np.zeros((0, 2)), "at least one step"),
        (np.zeros((2, 2, 2)), "at least one step"),
        ([1.0, np.nan], "NaN or inf"),
    ],
)
def test_items_that_cannot_be_aligned(a: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Diagonal().align(a, [1.0])


def test_datasets_that_cannot_be_aligned() -> None:
    steps = Dataset({"x": Ragged.of([np.ones((2, 1))] * 3)})
    with pytest.raises(DataError, match="two Datasets of one column and equal length"):
        Diagonal().align(steps, steps[[0]])
    with pytest.raises(DataError, match="needs sequence columns"):
        Diagonal().align(columns(3).select(["a"]), columns(3).select(["a"]))


# Reasoner


class Thinker(Labels, Reasoner):
    """Answers with its steps."""

    def explain(self, X: Any) -> list[Trace]:
        return [Trace(({"step": "look"}, {"step": "say"}), answer) for answer in self.predict(X)]


def test_an_answer_with_its_steps() -> None:
    model = Thinker(lambda X: np.eye(2)[[0, 1, 0, 1, 0, 1]]).fit(columns(), ["no", "yes"] * 3)
    traces = model.explain(columns())
    assert [trace.answer for trace in traces[:2]] == ["no", "yes"]
    pd.testing.assert_frame_equal(traces[0].to_frame(), pd.DataFrame({"step": ["look", "say"]}))
