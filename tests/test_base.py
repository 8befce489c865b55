"""The contract of fit: every argument, every refusal, every kind of data."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError as SklearnNotFitted
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.base import Estimator, FitData
from mcgurk.data import Dataset, Dense, Lazy, Ragged
from mcgurk.errors import DataError, McgurkWarning, MissingModality, NotFittedError, SpecMismatch
from mcgurk.testing import toys

PLAIN = {"vector": "precomputed"}


class Seen(Estimator):
    """Keeps what ``_fit`` was given."""

    family = "classifier"
    pairs_wanted = True

    def __init__(self, task: str | None = None, random_state: Any = 0) -> None:
        self.task = task
        self.random_state = random_state

    def _fit(self, data: FitData, run: Any) -> None:
        self.data, self.run = data, run


class SeenNumbers(Seen):
    family = "regressor"
    pairs_wanted = False

    def __init__(self, target_transform: str | None = None) -> None:
        self.target_transform = target_transform


class SeenNothing(Seen):
    family = None


X = toys.vectors(40)
Y = toys.labels(X, "classes")


def seen(**arguments: Any) -> FitData:
    return Seen().fit(X, Y, **arguments).data


# valid


def test_nothing_is_held_out_unless_asked() -> None:
    data = seen()
    assert data.valid is None and data.train_rows.tolist() == list(range(40)) and len(data.valid_rows) == 0


def test_a_fraction_is_held_out_stratified_and_with_whole_groups() -> None:
    data = seen(valid=0.25)
    assert data.valid is not None and data.valid.sum() == 10
    assert abs(np.mean(Y[data.valid] == "yes") - np.mean(Y == "yes")) < 0.15
    groups = np.arange(40) // 4
    data = seen(valid=0.25, groups=groups)
    assert not set(groups[data.valid_rows]) & set(groups[data.train_rows])
    pairs = [[i, i + 1] for i in range(0, 40, 2)]
    held = seen(valid=0.25, pairs=pairs).valid
    assert held is not None and (held[0::2] == held[1::2]).all() and held.any()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_a_fraction_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(DataError, match="is not a fraction between 0 and 1; give a fraction, a bool mask or"):
        seen(valid=share)


def test_a_mask_is_taken_as_it_is() -> None:
    mask = np.arange(40) % 4 == 0
    data = seen(valid=mask)
    assert data.valid_rows.tolist() == np.flatnonzero(mask).tolist()
    prior = np.array([np.mean(Y[~mask] == label) for label in data.target.classes])
    np.testing.assert_allclose(data.target.prior, prior)  # statistics of the training rows only


@pytest.mark.parametrize("mask", [np.zeros(39, bool), np.zeros(40, int), [1, 2, 3], "half"])
def test_any_other_mask_is_refused(mask: Any) -> None:
    with pytest.raises(DataError, match=r"valid must be None, a fraction, a bool mask of shape \(40,\) or \(X, y\); got"):
        seen(valid=mask)


def test_other_rows_are_appended_and_held_out() -> None:
    other = toys.vectors(9, seed=5)
    data = seen(valid=(other, toys.labels(other, "classes", seed=5)))
    assert len(data.X) == 49 and data.valid_rows.tolist() == list(range(40, 49))
    assert SeenNothing().fit(X, valid=(other, None)).data.valid_rows.tolist() == list(range(40, 49))
    with pytest.raises(DataError, match="label 'maybe' was not seen in fitting"):
        seen(valid=(other, ["maybe"] * 9))
    with pytest.raises(MissingModality):
        seen(valid=(other.select(["a"]), ["no"] * 9))


def test_weights_and_groups_with_other_rows() -> None:
    """They are those of the training rows; the held-out rows weigh 1 and stand in groups of their own."""
    other = toys.vectors(9, seed=5)
    data = seen(valid=(other, toys.labels(other, "classes")), sample_weight=np.full(40, 2.0), groups=np.arange(40) // 2)
    assert data.weight is not None and data.weight.shape == (49,)
    assert data.groups is not None and not set(data.groups[:40]) & set(data.groups[40:])


# sample_weight


def test_weights_have_mean_1_over_training_rows() -> None:
    mask = np.arange(40) >= 30
    weight = np.where(mask, 100.0, np.arange(40) + 1.0)
    data = seen(sample_weight=weight, valid=mask)
    assert data.weight is not None and data.weight[~mask].mean() == pytest.approx(1)
    assert seen(sample_weight=3.0).weight.tolist() == [1.0] * 40  # type: ignore[union-attr]
    assert seen().weight is None


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.ones(39), r"sample_weight.shape == \(39,\), expected \(40,\)"),
        (np.ones((40, 1)), r"expected \(40,\)"),
        (-np.ones(40), "finite, not negative"),
        (np.zeros(40), "not all zero"),
        (np.full(40, np.nan), "finite"),
        (np.full(40, np.inf), "finite"),
    ],
)
def test_weights_that_cannot_be(weight: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        seen(sample_weight=weight)


# groups and pairs


def test_groups_are_the_caller_s_or_the_rows_own() -> None:
    assert seen().groups is None
    groups = np.array(["x", "y"])[np.arange(40) % 2]
    assert len(np.unique(seen(groups=groups).groups)) == 2
    assert len(np.unique(seen(groups=pd.Series(groups)).groups)) == 2
    assert len(np.unique(Seen().fit(X.with_rows(group=groups), Y).data.groups)) == 2
    with pytest.raises(DataError, match=r"groups has shape \(39,\), expected \(40,\)"):
        seen(groups=groups[:39])


def test_rows_of_one_content_stay_together() -> None:
    twins = Dataset({"text": Lazy([f"a longer text {i // 2}" for i in range(20)])})
    groups = Seen().fit(twins, np.arange(20) // 2 % 2).data.groups
    assert groups is not None and len(np.unique(groups)) == 10


def test_pairs_tie_rows() -> None:
    data = seen(pairs=[[0, 1], [1, 2]])
    assert data.pairs.dtype == np.int64 and data.groups is not None
    assert len(set(data.groups[:3])) == 1 and len(np.unique(data.groups)) == 38
    assert seen(pairs=np.zeros((0, 2), int)).pairs.shape == (0, 2)


@pytest.mark.parametrize("pairs", [[[0, 40]], [[-1, 2]], [[0, 1, 2]], [0, 1], [[0.0, 1.0]]])
def test_pairs_that_cannot_be(pairs: Any) -> None:
    with pytest.raises(DataError, match=r"pairs must be \(m, 2\) row numbers from 0 to 39"):
        seen(pairs=pairs)


def test_pairs_where_none_are_taken() -> None:
    with pytest.raises(DataError, match="SeenNumbers takes no pairs; leave them out"):
        SeenNumbers().fit(X, np.arange(40.0), pairs=[[0, 1]])


# y


def test_y_is_required_where_there_is_something_to_predict() -> None:
    with pytest.raises(DataError, match="requires y to be passed, but the target y is None"):
        Seen().fit(X)
    assert SeenNothing().fit(X).data.y is None


def test_rows_without_label_are_marked() -> None:
    y = Y.astype(object)
    y[[3, 5]] = None
    data = Seen().fit(X, y).data
    assert np.flatnonzero(~data.y.labelled).tolist() == [3, 5] and data.target.classes == ("no", "yes")
    numbers = np.arange(40.0)
    numbers[7] = np.nan
    assert np.flatnonzero(~SeenNumbers().fit(X, numbers).data.y.labelled).tolist() == [7]


@pytest.mark.parametrize("fusion", ["early", "late", "concat"])
def test_rows_without_label_are_not_learned_from(fusion: str) -> None:
    """Their labels are unknown, so whatever they hold changes nothing; they are predicted like any other."""
    y = Y.astype(object)
    y[:6] = None
    settings: dict[str, Any] = {"encoders": PLAIN, "epochs": 2, "patience": None}
    whole = FusionClassifier(fusion, **settings).fit(X, y).predict_proba(X)
    part = FusionClassifier(fusion, **settings).fit(X[np.arange(6, 40)], Y[6:]).predict_proba(X)
    assert whole.shape == part.shape == (40, 2) and np.isfinite(whole).all()


@pytest.mark.parametrize(
    ("y", "said", "code"),
    [
        (["no"] * 40, "only one class is present: the training rows hold only 'no'", "S01"),
        ([None] * 40, "no labelled row among 40", "S01"),
        (Y[:39], "inconsistent numbers of samples: X has 40 rows, y has 39", "D00"),
        (np.linspace(0, 1, 40), "Unknown label type: continuous numbers", "L01"),
        (np.zeros((40, 2, 2)), "y must be", "D00"),
        (np.array([1, "b"] * 20, dtype=object), "mixes types that cannot be ordered", "L01"),
    ],
)
def test_labels_that_cannot_be(y: Any, said: str, code: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        Seen().fit(X, y)
    assert caught.value.code == code


def test_one_class_among_the_training_rows_is_refused() -> None:
    with pytest.raises(DataError, match="the training rows hold only 'no'"):
        Seen().fit(X, Y, valid=Y == "yes")


@pytest.mark.parametrize(
    ("y", "said"), [(np.full(40, np.inf), "infinity"), (["a"] * 40, "not numbers"), ([np.nan] * 40, "no labelled row")]
)
def test_numbers_that_cannot_be(y: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        SeenNumbers().fit(X, y)


def test_the_task_can_be_forced() -> None:
    assert Seen(task="classes").fit(X, np.arange(40) % 3).data.target.task == "classes"
    with pytest.raises(DataError, match="does not belong to a classifier; use a regressor"):
        Seen(task="count").fit(X, np.arange(40))
    with pytest.raises(DataError, match="is not known"):
        Seen(task="guess").fit(X, Y)


def test_prices_are_learned_as_logarithms_where_asked_or_clearly_skewed() -> None:
    prices = np.exp(np.random.default_rng(0).normal(size=40) * 1.5 + 10)
    assert SeenNumbers("auto").fit(X, prices).target_.transform == "log"
    assert SeenNumbers().fit(X, prices).target_.transform == ""
    assert SeenNumbers("auto").fit(X, np.log(prices)).target_.transform == ""
    data = SeenNumbers("log").fit(X, prices, valid=np.arange(40) >= 20).data
    assert data.target.center[0] == pytest.approx(np.log(prices[:20]).mean())
    with pytest.raises(DataError, match="needs positive numbers"):
        SeenNumbers("log").fit(X, np.arange(40.0))
    with pytest.raises(DataError, match="is not known; give None, 'log' or 'auto'"):
        SeenNumbers("sqrt").fit(X, prices)


# X


def test_every_kind_of_data_is_the_same_data() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 3))
    y = np.where(values[:, 0] > 0, "yes", "no")
    frame = pd.DataFrame(values, columns=["u", "v", "w"])
    arrow = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    model = FusionClassifier("early").fit(frame, y)
    expected = model.predict_proba(frame)
    for given in (arrow, frame[["w", "v", "u"]], frame.assign(x=1).rename(columns={"x": "more"})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            np.testing.assert_array_equal(model.predict_proba(given), expected)
    polars = pytest.importorskip("polars", reason="polars frames are read where polars is installed")
    np.testing.assert_array_equal(model.predict_proba(polars.DataFrame(dict(frame))), expected)


def test_dicts_arrays_and_datasets() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    y = (a[:, 0] > 0).astype(int)
    model = FusionClassifier("early").fit({"a": a, "b": b}, y)
    expected = model.predict_proba({"b": b, "a": a})
    np.testing.assert_array_equal(model.predict_proba(Dataset({"a": Dense(a), "b": Dense(b)})), expected)
    np.testing.assert_array_equal(model.predict_proba({"a": a.tolist(), "b": b.tolist()}), expected)
    array = FusionClassifier("early").fit(a, y)
    np.testing.assert_array_equal(array.predict(a.tolist()), array.predict(a))
    assert array.n_features_in_ == 3 and not hasattr(model, "n_features_in_")
    with pytest.raises(DataError, match="X has 2 features, but FusionClassifier is expecting 3 features as input"):
        array.predict(b)


def test_a_column_that_is_missing_is_named_and_one_too_many_is_ignored() -> None:
    model = FusionClassifier("early", encoders=PLAIN).fit(X, Y)
    with pytest.raises(MissingModality, match=r"fitted on a, b, c but X lacks b; give the column") as caught:
        model.predict(X.select(["a", "c"]))
    assert caught.value.code == "M02"
    more = X.with_column("z", X["a"])
    with pytest.warns(McgurkWarning, match="columns not used in fitting are ignored: z") as said:
        again = model.predict_proba(more)
    assert said[0].message.code == "D02"  # type: ignore[union-attr]
    np.testing.assert_array_equal(again, model.predict_proba(X))


@pytest.mark.parametrize(
    "column", [Lazy(["text"] * 40), Dense(np.zeros((40, 7))), Ragged.of([np.zeros((2, 3))] * 40)], ids=["kind", "width", "container"]
)
def test_a_column_of_another_kind_is_refused(column: Any) -> None:
    model = FusionClassifier("early", encoders=PLAIN).fit(X, Y)
    with pytest.raises(SpecMismatch, match="column 'a' was fitted") as caught:
        model.predict(X.with_column("a", column))
    assert caught.value.code == "D01"


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function", "predict_log_proba"])
def test_before_fit(method: str) -> None:
    with pytest.raises(NotFittedError, match="this FusionClassifier is not fitted yet; call fit first") as caught:
        getattr(FusionClassifier("early"), method)(X)
    assert isinstance(caught.value, SklearnNotFitted) and caught.value.code == "E02"


# FitData


def test_some_rows_of_the_data() -> None:
    mask = np.arange(40) % 4 == 0
    data = seen(valid=mask, sample_weight=np.arange(40.0) + 1, groups=np.arange(40) // 2, pairs=[[0, 1], [4, 9]])
    part = data.take(np.array([9, 4, 1]))
    assert part.X.ids.tolist() == [9, 4, 1] and part.pairs.tolist() == [[1, 0]]
    assert part.valid.tolist() == [False, True, False] and part.weight.tolist() == data.weight[[9, 4, 1]].tolist()
    training = data.training()
    assert training.valid is None and len(training.X) == 30 and training.y.spec.prior == data.target.prior
    assert seen().training().valid is None
    other = data.with_valid(~mask)
    assert other.target.prior != data.target.prior and SeenNothing().fit(X).data.with_valid(mask).y is None


# scikit-learn


def test_in_a_pipeline_a_search_and_cross_validation() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 3))
    y = values[:, 0] + 0.1 * rng.normal(size=60)
    pipe = Pipeline([("scale", StandardScaler()), ("model", FusionRegressor("early"))]).fit(values, y)
    assert pipe.score(values, y) > 0.9
    assert cross_val_score(FusionRegressor("early"), values, y, cv=3).min() > 0.9
    search = GridSearchCV(FusionRegressor("early", encoders=PLAIN), {"fusion": ["early", "average"]}, cv=3, n_jobs=1)
    data = Dataset({"a": Dense(values[:, :2]), "b": Dense(values[:, 2:])})
    assert search.fit(data, y).best_params_ == {"fusion": "early"}
    assert cross_val_score(FusionRegressor("early", encoders=PLAIN), data, y, cv=3).min() > 0.9


def test_clone_forgets_what_was_learned_and_keeps_what_was_given() -> None:
    model = FusionClassifier("concat", encoders=PLAIN, epochs=1, hidden=(3,)).fit(X, Y)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "spec_")
    np.testing.assert_array_equal(copy.fit(X, Y).predict_proba(X), model.predict_proba(X))


def test_what_a_fit_was_is_kept() -> None:
    model = Seen(random_state=7).fit(X, Y, valid=0.25)
    assert model.provenance_ == {"rows": 40, "held_out": 10, "seed": 7, "threads": None}
