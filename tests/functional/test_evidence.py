"""Dempster-Shafer: Zadeh's example, discounting, and the fast rule against the general one."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.errors import DataError
from mcgurk.functional import evidence as e

A, B, C = 1, 2, 4


def test_zadeh():
    first, second = {A: 0.99, B: 0.01}, {C: 0.99, B: 0.01}
    combined, conflict = e.combine(first, second, 3)
    assert conflict == pytest.approx(0.9999)
    assert combined == {B: pytest.approx(1.0)}
    cautious, conflict = e.combine(first, second, 3, rule="yager")
    assert cautious[A | B | C] == pytest.approx(0.9999) == conflict
    assert cautious[B] == pytest.approx(1e-4)


def test_combination_commutes_and_ignorance_is_neutral():
    first, second = {A: 0.5, A | B: 0.3, 7: 0.2}, {B: 0.4, B | C: 0.6}
    assert e.combine(first, second, 3) == e.combine(second, first, 3)
    assert e.combine(first, {7: 1.0}, 3)[0] == pytest.approx(first)
    assert e.combine(first, {7: 1.0}, 3, rule="yager") == (pytest.approx(first), 0.0)


def test_belief_brackets_probability():
    mass = e.discount({A: 0.5, A | B: 0.5}, 0.8, 3)
    assert mass == pytest.approx({A: 0.4, A | B: 0.4, 7: 0.2})
    p = e.pignistic(mass, 3)
    for k, singleton in enumerate((A, B, C)):
        assert e.belief(mass, singleton) <= p[k] <= e.plausibility(mass, singleton)
    assert p.sum() == pytest.approx(1.0)


def test_the_rule_equals_repeated_combination():
    rng = np.random.default_rng(0)
    p, reliability = rng.dirichlet(np.ones(3), size=(4, 3)), np.array([0.9, 0.5, 0.0])
    fast = np.exp(e.dempster(np.log(p), np.ones((4, 3), bool), weights=reliability))
    for row in range(4):
        mass = {7: 1.0}
        for m in range(3):
            own = e.discount({1 << k: p[row, m, k] for k in range(3)}, reliability[m], 3)
            mass, _ = e.combine(mass, own, 3)
        np.testing.assert_allclose(fast[row], e.pignistic(mass, 3), atol=1e-12)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: e.combine({A: 1.0}, {B: 1.0}, 2), "K = 1"),
        (lambda: e.combine({A: 1.0}, {B: 1.0}, 2, rule="max"), "expected 'dempster'"),
        (lambda: e.combine({A: 0.7}, {B: 1.0}, 2), "not a mass function"),
        (lambda: e.combine({8: 1.0}, {B: 1.0}, 2), "sets 1 to 3"),
        (lambda: e.discount({A: 1.0}, 1.5, 2), "between 0 and 1"),
    ],
)
def test_errors(call, match):
    with pytest.raises(DataError, match=match):
        call()
