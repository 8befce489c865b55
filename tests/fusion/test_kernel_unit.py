"""The kernel unit: exact kernel ridge, honest widths, smooth functions."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data.target import encode_target
from mcgurk.fusion import KernelUnit, LinearUnit
from mcgurk.fusion.kernel_unit import WIDTHS
from mcgurk.run import Run

RNG = np.random.default_rng(0)
F = RNG.normal(size=(80, 2))
CURVE = np.sin(2 * F[:, 0]) + F[:, 1] ** 2
ROWS = np.arange(80)


def target(values, family="regressor", **given):
    return encode_target(values, family, **given).with_statistics()


def test_with_all_rows_as_landmarks_it_is_kernel_ridge():
    unit = KernelUnit(width=0.9, C=2.0).fit(F, target(CURVE), None, ROWS, Run.of(0))
    distance = ((F[:, None] - F) ** 2).sum(axis=2)
    K = np.exp(-distance / (2 * 0.9**2))
    standard = (CURVE - CURVE.mean()) / CURVE.std()
    centre = np.eye(80) - 1 / 80
    dual = np.linalg.solve(centre @ K @ centre + 0.5 * np.eye(80), centre @ standard)
    expected = (K - K.mean(axis=0)) @ centre @ dual  # the intercept is not penalised
    np.testing.assert_allclose((unit.scores(F)[:, 0] - CURVE.mean()) / CURVE.std(), expected - expected.mean(), atol=1e-5)


def test_it_sees_what_a_line_cannot():
    fresh = RNG.normal(size=(200, 2))
    truth = np.sin(2 * fresh[:, 0]) + fresh[:, 1] ** 2
    errors = {}
    for unit in (KernelUnit(), LinearUnit()):
        unit.fit(F, target(CURVE), None, ROWS, Run.of(0))
        errors[type(unit).__name__] = np.mean((unit.scores(fresh)[:, 0] - truth) ** 2)
    assert errors["KernelUnit"] < 0.2 * errors["LinearUnit"]


@pytest.mark.parametrize("task", ["classes", "multilabel", "count", "number"])
def test_every_target(task):
    given = {
        "classes": target((CURVE > 1).astype(int), "classifier"),
        "multilabel": target(np.stack([CURVE > 1, CURVE > 0], axis=1).astype(int), "classifier"),
        "count": target(np.round(np.exp(CURVE / 2)), task="count"),
        "number": target(np.stack([CURVE, -CURVE], axis=1)),
    }[task]
    unit = KernelUnit().fit(F, given, np.linspace(0.5, 1.5, 80), ROWS, Run.of(0))
    scores = unit.scores(F)
    assert scores.shape == (80, given.spec.columns) and np.isfinite(scores).all()
    assert abs(np.corrcoef(scores[:, -1] if task != "number" else scores[:, 0], CURVE)[0, 1]) > 0.7
    assert unit.parameters() > 0


def test_the_width_is_chosen_on_groups_left_out():
    """Every row stands there three times: left out one by one, the narrowest kernel would look perfect on noise."""
    thrice, noise = np.repeat(F[:40], 3, axis=0), np.repeat(RNG.normal(size=40), 3)
    apart = KernelUnit().fit(thrice, target(noise), None, np.arange(120), Run.of(0))
    together = KernelUnit().fit(thrice, target(noise), None, np.repeat(np.arange(40), 3), Run.of(0))
    assert np.var(apart.scores(thrice)) > 5 * np.var(together.scores(thrice))


def test_folds_choose_again():
    unit = KernelUnit()
    fitted = KernelUnit().fit(F, target(CURVE), None, ROWS, Run.of(0))
    assert unit.settled(fitted).width is None and unit.settled(fitted) is not unit


@pytest.mark.parametrize("rows", [np.zeros((5, 2)), F[:2]])
def test_rows_that_are_all_alike_or_few(rows):
    unit = KernelUnit().fit(rows, target(np.arange(len(rows), dtype=float)), None, np.arange(len(rows)), Run.of(0))
    assert np.isfinite(unit.scores(F)).all()


def test_landmarks_bound_the_size():
    unit = KernelUnit(landmarks=20).fit(F, target(CURVE), None, ROWS, Run.of(0))
    assert unit.landmarks_.shape == (20, 2) and len(WIDTHS) == 8
