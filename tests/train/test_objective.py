"""Phases, steps and the defaults of an objective."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, nn

from mcgurk.nn import Batch, Slot
from mcgurk.train import Objective, Phase, Step


class Terms(Objective):
    def __init__(self, *values):
        super().__init__()
        self.values = nn.ParameterList(nn.Parameter(torch.tensor(float(v))) for v in values)

    def loss(self, batch, phase, step):
        return {str(i): v * (2 if phase == "last" else 1) for i, v in enumerate(self.values)}

    def phases(self):
        return Phase("first"), Phase("last")


BATCH = Batch({"x": Slot(torch.zeros(1, 1), torch.ones(1, dtype=torch.bool))})


@pytest.mark.parametrize(("epochs", "active"), [((0, None), [0, 1, 2, 3]), ((2, None), [2, 3]), ((1, 3), [1, 2]), ((0, 0), [])])
def test_a_phase_has_its_epochs(epochs, active):
    assert [epoch for epoch in range(4) if Phase(epochs=epochs).active(epoch)] == active


def test_the_generator_is_made_when_asked_for_and_kept():
    made = []

    def make():
        made.append(Generator().manual_seed(3))
        return made[-1]

    step = Step(1, 2, make)
    assert (step.epoch, step.step, made) == (1, 2, [])
    assert step.generator is step.generator and len(made) == 1
    given = Generator()
    assert Step(0, 0, given).generator is given


def test_the_held_out_value_is_the_last_phases_sum():
    step = Step(0, 0, Generator())
    assert Terms(1, 2, 4).validate(BATCH, step).item() == 14
    assert Terms(3).validate(BATCH, step).item() == 6


def test_one_phase_with_everything_by_default():
    assert Objective.phases(Terms(1)) == (Phase("all", "*", 1, 1, (0, None), 1.0),)
