"""Named streams are independent, stable and leave everybody else's randomness alone."""

from __future__ import annotations

import random

import numpy
import pytest
import torch

from mcgurk import seeding


def test_streams_are_stable_and_apart() -> None:
    assert seeding.derive(0, "init") == 6109011495221250200, "the same on every machine and in every version"
    streams = [seeding.derive(seed, *names) for seed in (0, 1) for names in (("init",), ("order",), ("order", 1), ("order", 2))]
    assert len(set(streams)) == len(streams) and all(0 <= value < 2**63 for value in streams)
    assert seeding.generator(3, "noise").random() == seeding.generator(3, "noise").random()


@pytest.mark.parametrize(("given", "seed"), [(None, 0), (5, 5), (numpy.int64(7), 7)])
def test_resolve_takes_what_scikit_learn_takes(given, seed) -> None:
    assert seeding.resolve(given) == seed


def test_resolve_draws_from_a_generator() -> None:
    assert seeding.resolve(numpy.random.RandomState(1)) == seeding.resolve(numpy.random.RandomState(1))
    assert seeding.resolve(numpy.random.default_rng(1)) == seeding.resolve(numpy.random.default_rng(1))


def test_guard_gives_everything_back_even_after_an_error() -> None:
    def draw() -> tuple:
        return random.random(), numpy.random.rand(), torch.rand(1).item()

    with seeding.guard():
        expected = draw()
    with pytest.raises(ZeroDivisionError), seeding.guard(7):
        first = draw()
        raise ZeroDivisionError
    with seeding.guard(7):
        assert draw() == first
    assert draw() == expected
