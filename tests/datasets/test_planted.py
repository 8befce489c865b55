"""Every planted generator keeps its promise: a quick model, or the Bayes rule itself, reaches the documented answer."""

from __future__ import annotations

import inspect
import itertools
import math

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from mcgurk.datasets import catalogue
from mcgurk.datasets._signal import normal_cdf
from mcgurk.datasets.absence import MECHANISMS, absence_answer, make_absence
from mcgurk.datasets.bilinear import bilinear_answer, make_bilinear
from mcgurk.datasets.group_leak import group_leak_answer, make_group_leak
from mcgurk.datasets.lag import lag_answer, make_lag
from mcgurk.datasets.marked_lag import make_marked_lag, marked_lag_answer
from mcgurk.datasets.noise import make_noise, noise_answer
from mcgurk.datasets.redundancy import make_redundancy, redundancy_answer
from mcgurk.datasets.reliability import make_reliability, reliability_answer
from mcgurk.datasets.synergy import make_synergy, synergy_answer
from mcgurk.datasets.uniqueness import make_uniqueness, uniqueness_answer
from mcgurk.errors import DataError, UnknownName

N = 20_000
PLANTED = [name for name, item in catalogue.CATALOGUE.items() if item.kind == "planted"]


def within(measured: float, known: float, n: int = N // 2) -> bool:
    """Four standard errors of a share, and half a point for what a fitted model loses against the Bayes rule."""
    return abs(measured - known) < 4 * math.sqrt(known * (1 - known) / n) + 0.005


def halves(x: np.ndarray, y: np.ndarray, model=None) -> float:
    half = len(y) // 2
    return (model or LinearDiscriminantAnalysis()).fit(x[:half], y[:half]).score(x[half:], y[half:])


def blocks(X) -> dict[str, np.ndarray]:
    a, b = X["a"].values, X["b"].values
    return {"a": a, "b": b, "a+b": np.hstack([a, b])}


@pytest.mark.parametrize(
    ("make", "answer", "settings"),
    [
        (make_redundancy, redundancy_answer, {"strength": 1.3}),
        (make_uniqueness, uniqueness_answer, {}),
        (make_uniqueness, uniqueness_answer, {"strength": 0.8, "strength_b": 1.1}),
        (make_noise, noise_answer, {}),
    ],
)
def test_linear_model_reaches_the_known_answer(make, answer, settings):
    X, y = make(n=N, **settings)
    known = answer(**settings)
    for name, x in blocks(X).items():
        assert within(halves(x, y), known[name]), name


def test_uneven_noise_has_the_majority_share():
    _, y = make_noise(n=N, share=0.8)
    assert within(y.mean(), 0.8, N)
    assert noise_answer(0.2)["a"] == 0.8


def test_redundant_copies_agree_exactly():
    X, _ = make_redundancy(n=50, d=1)
    assert np.allclose(abs(X["a"].values), abs(X["b"].values))


def test_synergy_is_invisible_to_additive_models_and_found_by_the_product():
    X, y = make_synergy(n=N, strength=2.0)
    known, parts = synergy_answer(2.0), blocks(X)
    for x in parts.values():
        assert within(halves(x, y), 0.5)
    products = np.einsum("ni,nj->nij", parts["a"], parts["b"]).reshape(N, -1)
    assert within(halves(products, y), known["a+b"])


def test_group_leak_is_chance_on_new_groups_and_perfect_on_scattered_rows():
    X, y = make_group_leak(n=3000, groups=150, d=10)
    known, groups = group_leak_answer(), X.rows["group"].to_numpy()
    a, b = X["a"].values, X["b"].values
    assert all(len(set(y[groups == g])) == 1 for g in range(150))
    nearest = KNeighborsClassifier(1)
    assert cross_val_score(nearest, a, y, cv=KFold(5, shuffle=True, random_state=0)).mean() > 0.999
    honest = cross_val_score(nearest, a, y, groups=groups, cv=GroupKFold(10)).mean()
    assert abs(honest - known["a"]) < 4 * 0.5 / math.sqrt(150)
    assert within(cross_val_score(LogisticRegression(), b, y, groups=groups, cv=GroupKFold(5)).mean(), known["b"], 3000)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_absence_bayes_rule_meets_the_closed_form(mechanism):
    """The rule is written from the definition (numerically integrated posteriors), the answer from the closed form."""
    rate, strength, bias = 0.4, 1.0, 0.8
    X, y = make_absence(mechanism, n=60_000, d=1, rate=rate, strength=strength, bias=bias, random_state=3)
    sign = {name: np.sign(np.mean(X[name].values[X[name].present, 0] * (2 * y[X[name].present] - 1))) for name in ("a", "b")}
    t = {name: sign[name] * X[name].values[:, 0] for name in ("a", "b")}  # d = 1: the feature is the evidence up to its sign
    absent, s = ~X["b"].present, 2 * y - 1
    assert abs(absent.mean() - rate) < 0.01
    delta = bias * min(rate, 1 - rate)

    def absent_given(t_a, t_b):
        cause = {"mcar": 0 * t_a, "modality": 0 * t_a, "mar": np.sign(t_a) + 0 * t_b, "mnar": np.sign(t_b) + 0 * t_a}[mechanism]
        return rate + delta * cause

    grid, nothing = np.linspace(-8, 8, 3201), np.zeros(len(s))

    def log_likelihood(v, sees_a):
        """log P(evidence seen, presence | s = v); what is not seen is integrated out on a grid."""
        weight = np.exp(-0.5 * (grid - strength * v) ** 2)
        unseen = np.full(len(s), weight @ absent_given(*((0 * grid, grid) if mechanism == "mnar" else (grid, 0 * grid))) / weight.sum())
        gone = absent_given(t["a"], nothing) if sees_a and mechanism != "mnar" else unseen
        stay = 1 - (absent_given(t["a"], t["b"]) if sees_a or mechanism == "mnar" else unseen)
        near = {name: -0.5 * (t[name] - strength * v) ** 2 for name in t}
        return np.where(absent, np.log(gone), np.log(stay) + near["b"]) + (near["a"] if sees_a else 0)

    def hits(sees_a):
        odds = log_likelihood(1, sees_a) - log_likelihood(-1, sees_a)
        return np.where(np.abs(odds) < 1e-9, 0.5, (odds > 0) == (s > 0))  # a tie is a coin

    known = absence_answer(mechanism, rate, strength, bias)
    assert within((np.sign(t["a"]) == s).mean(), known["a"], len(s))
    assert within(hits(sees_a=True).mean(), known["a+b"], len(s))
    assert within(hits(sees_a=False).mean(), known["b"], len(s))


def test_absence_says_something_only_where_it_should():
    shares = {}
    for mechanism in MECHANISMS:
        X, y = make_absence(mechanism, n=N, rate=0.4)
        absent = ~X["b"].present
        shares[mechanism] = absent[y == 1].mean() - absent[y == 0].mean()
        assert not X["b"].values[absent].any()
    assert abs(shares["mcar"]) < 0.03
    assert abs(shares["modality"]) < 0.03
    assert min(shares["mar"], shares["mnar"]) > 0.2
    X, _ = make_absence("modality", n=400, rate=0.25, sites=8)
    by_site = [X["b"].present[X.rows["group"] == g] for g in range(8)]
    assert sum(not p.any() for p in by_site) == 2
    assert all(p.all() or not p.any() for p in by_site)


def test_absence_without_bias_is_mcar():
    for mechanism, strength in itertools.product(("mar", "mnar"), (0.5, -0.5, 0.0)):
        assert absence_answer(mechanism, bias=0.0, strength=strength) == pytest.approx(absence_answer("mcar", strength=strength))
    assert absence_answer("mnar", rate=0.0)["a+b"] == pytest.approx(normal_cdf(math.sqrt(2)))


@pytest.mark.parametrize("rank", [None, 2])
def test_bilinear_needs_products(rank):
    X, y = make_bilinear(n=N, d=5, rank=rank)
    parts = blocks(X)
    for x in parts.values():
        assert within(halves(x, y), bilinear_answer()["a"])
    products = np.einsum("ni,nj->nij", parts["a"], parts["b"]).reshape(N, -1)
    assert halves(products, y, LogisticRegression(C=1e4, max_iter=2000)) > 0.99


def test_reliability_follows_the_flag():
    X, y = make_reliability(n=N)
    a, b, flag = X["a"].values, X["b"].values, X.rows["flag"].to_numpy()
    assert (a[:, 0] == flag).all()
    known = reliability_answer()
    assert within((np.where(flag, a[:, 1], b[:, 0]) > 0).mean(), 0.5, N)
    for name, score in (("a+b", np.where(flag, a[:, 1], b[:, 0])), ("a", np.where(flag, a[:, 1], 0.0)), ("b", b[:, 0])):
        hits = np.where(score == 0, 0.5, (score > 0) == (y == 1))
        assert within(hits.mean(), known[name], N), name


def test_lag_is_the_peak_of_the_cross_correlation():
    X, lags = make_lag(n=300, max_lag=10)
    found = []
    for i in range(len(X)):
        a, b = X["a"].row(i)[:, 0], X["b"].row(i)[:, 0]
        n = len(a)
        by_lag = {k: np.mean(a[max(0, -k) : n - max(0, k)] * b[max(0, k) : n - max(0, -k)]) for k in range(-10, 11)}
        found.append(max(by_lag, key=by_lag.get))
    assert (np.array(found) == lags).mean() > 0.99
    assert set(lags) <= set(range(-10, 11))
    assert lag_answer(10)["a"] == pytest.approx(1 / 21)
    assert X["a"].row_times(0)[1] == pytest.approx(0.04)
    assert X["a"].lengths.min() >= 140
    assert (X["a"].lengths == X["b"].lengths).all()


@pytest.mark.parametrize("name", PLANTED)
def test_same_seed_same_bits_other_seed_other_rows_and_no_global_state(name):
    loader = catalogue.loader_of(name)
    state = np.random.get_state()[1].copy()
    (first, y1), (again, y2), (other, _) = loader(n=30), loader(n=30), loader(n=30, random_state=1)
    assert (np.random.get_state()[1] == state).all()
    assert first.names == ("a", "b")
    for column in first.names:
        assert first[column].values.tobytes() == again[column].values.tobytes()
        assert first[column].values.tobytes() != other[column].values.tobytes()
    assert (y1 == y2).all()
    assert "n" in inspect.signature(loader).parameters
    assert set(catalogue.answer_of(name)) == {"a", "b", "a+b"}


@pytest.mark.parametrize("name", PLANTED)
def test_sizes_that_cannot_be_are_refused(name):
    with pytest.raises(DataError, match="at least 1") as caught:
        catalogue.loader_of(name)(n=0)
    assert caught.value.code == "S01"


def test_other_refusals():
    with pytest.raises(UnknownName, match="mcar, mar, mnar, modality"):
        make_absence("hole")
    with pytest.raises(UnknownName):
        absence_answer("hole")
    with pytest.raises(DataError, match=r"rate = 1\.5"):
        make_absence(rate=1.5)
    with pytest.raises(DataError, match="at least 2"):
        make_group_leak(groups=1)
    with pytest.raises(DataError, match="scatter"):
        make_reliability(scatter=0.0)
    with pytest.raises(DataError, match="too short"):
        make_lag(steps=10)
    with pytest.raises(DataError, match="at least 2"):
        make_reliability(d=1)


@pytest.mark.parametrize("signs", [False, True])
def test_marked_lag_is_told_by_one_step_of_each_stream(signs) -> None:
    X, y = make_marked_lag(n=2000, lag=4, steps=(12, 9), signs=signs, step_s=0.5, random_state=3)
    tau, row = X.rows["tau"].to_numpy(), np.arange(2000)
    a = X["a"].values.reshape(2000, 12, 2)
    b = X["b"].values.reshape(2000, 9)
    assert (a[row, tau, 1] == 1).all() and (np.abs(a).sum(axis=2) > 0).sum() == 2000 and set(np.unique(b)) == {-1.0, 1.0}
    assert ((a[row, tau, 0] * b[row, tau - 4] > 0) == y).all() and X["a"].row_times(0)[1] == 0.5
    assert tau.min() == 4 and tau.max() == 11 and (set(a[row, tau, 0]) == {1.0}) is not signs
    majority = np.sign(b[:, :8].sum(axis=1))  # of the steps that may be the answer
    hits = np.where(majority == 0, 0.5, (majority > 0) == y)
    assert within(hits.mean(), 0.5 if signs else marked_lag_answer(8)["b"], 2000)


def test_a_lag_that_leaves_nothing_to_mark() -> None:
    with pytest.raises(DataError, match="leaves no step of 14"):
        make_marked_lag(lag=14)
