"""The linear unit: what it minimises, how it chooses its penalty, every target."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from mcgurk.data.target import encode_target
from mcgurk.fusion import KernelUnit, LinearUnit
from mcgurk.fusion.linear_unit import FINE, STRENGTHS
from mcgurk.run import Run

RNG = np.random.default_rng(0)
F = RNG.normal(size=(90, 4))
LINE = F @ [1.0, -1.0, 0.5, 0.0]
ROWS = np.arange(90)


def target(values, family="regressor", **given):
    return encode_target(values, family, **given).with_statistics()


def fitted(y, weight=None, groups=ROWS, **params):
    return LinearUnit(**params).fit(F, y, weight, groups, Run.of(0))


@pytest.mark.parametrize("k", [2, 3])
def test_classes_are_logistic_regression(k):
    codes = np.digitize(LINE + RNG.normal(size=90), [0, 1][: k - 1])
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(F, codes).predict_log_proba(F)
    scores = fitted(target(codes, "classifier"), C=0.5).scores(F)
    np.testing.assert_allclose(scores - np.logaddexp.reduce(scores, axis=1)[:, None], theirs, atol=1e-4)


def test_numbers_are_ridge_on_the_standardised_target():
    y = np.stack([LINE, 2 * LINE + 1], axis=1) + RNG.normal(size=(90, 2))
    theirs = Ridge(alpha=2.0).fit(F, y).predict(F)
    np.testing.assert_allclose(fitted(target(y), C=0.5).scores(F), theirs, atol=1e-8)


def test_some_outputs_of_some_rows_may_be_missing():
    y = np.stack([LINE, 2 * LINE + 1], axis=1)
    holes = y.copy()
    holes[::3, 1] = np.nan
    scores = fitted(target(holes)).scores(F)
    np.testing.assert_allclose(scores[:, 0], y[:, 0], atol=0.05)
    np.testing.assert_allclose(scores[:, 1], y[:, 1], atol=0.1)


def test_the_penalty_follows_the_signal():
    strong, noise = fitted(target(LINE)), fitted(target(RNG.normal(size=90)))
    assert FINE[-1] == strong.C_ and noise.C_ <= 0.3
    assert strong.loss_ < 0.01 < noise.loss_
    classes = fitted(target((LINE > 0).astype(int), "classifier"))
    assert STRENGTHS[-1] == classes.C_ and 0 < classes.loss_ < 0.3
    assert np.isnan(fitted(target(LINE), C=1.0).loss_)


@pytest.mark.parametrize("family", ["regressor", "classifier"])
def test_groups_are_left_out_whole(family):
    """Copies of a row in one group: rows left out one by one would call the weakest penalty best."""
    wide = np.repeat(np.random.default_rng(1).normal(size=(30, 40)), 3, axis=0)
    noise = np.repeat(np.random.default_rng(2).normal(size=30), 3)
    y = target(noise) if family == "regressor" else target((noise > 0).astype(int), "classifier")
    apart = LinearUnit().fit(wide, y, None, ROWS, Run.of(0))
    together = LinearUnit().fit(wide, y, None, np.repeat(np.arange(30), 3), Run.of(0))
    assert apart.C_ > together.C_


def test_few_or_huge_groups_choose_on_folds(monkeypatch):
    monkeypatch.setattr("mcgurk.fusion.linear_unit.LARGEST_GROUP", 10)
    unit = fitted(target(LINE), groups=np.repeat(np.arange(3), 30))
    assert unit.C_ in STRENGTHS and np.isfinite(unit.loss_)
    assert fitted(target(LINE), groups=np.zeros(90, int)).C_ == 1.0


def test_weight_zero_is_a_row_left_out():
    y = LINE.copy()
    y[:10] = 1000.0
    weight = np.where(np.arange(90) < 10, 0.0, 1.0)
    with_zeros = fitted(target(y[10:]).__class__(target(y[10:]).spec, y[:, None]), weight, C=1.0)
    without = LinearUnit(C=1.0).fit(F[10:], target(y[10:]), None, ROWS[10:], Run.of(0))
    np.testing.assert_allclose(with_zeros.coef_, without.coef_, rtol=1e-8)


def test_labels_and_counts():
    labels = fitted(target(np.stack([LINE > 0, LINE > 1], axis=1).astype(int), "classifier"))
    assert labels.scores(F).shape == (90, 2) and np.mean((labels.scores(F)[:, 0] > 0) == (LINE > 0)) > 0.95
    counts = fitted(target(np.round(np.exp(LINE)), task="count"))
    assert np.corrcoef(counts.scores(F)[:, 0], LINE)[0, 1] > 0.95


def test_settled_keeps_the_penalty_and_nothing_else():
    unit = fitted(target(LINE))
    assert LinearUnit().settled(unit).C == unit.C_ and not hasattr(LinearUnit().settled(unit), "coef_")
    assert LinearUnit(C=3.0).settled(KernelUnit()).C == 3.0


def test_a_fold_with_one_class():
    codes = np.zeros(90, int)
    codes[0] = 1
    unit = fitted(target(codes, "classifier"), groups=np.repeat(np.arange(3), 30))
    assert np.isfinite(unit.scores(F)).all()
