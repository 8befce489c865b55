"""Standardisation with given statistics."""

from __future__ import annotations

import torch

from mcgurk.nn import Slot, SlotSpec, Standardise


def layer(center, spread):
    made = Standardise()
    made.build(SlotSpec((len(center),)))
    made.set_statistics(torch.tensor(center), torch.tensor(spread))
    return made


def test_by_hand_and_a_constant_position_is_zero_on_every_row():
    made = layer([1.0, 5.0, 1e6], [2.0, 0.0, 1e-3])
    slot = made(Slot(torch.tensor([[5.0, 5.0, 1e6], [1.0, 7.0, 2e6]]), torch.tensor([True, True]), None, None, True))
    assert slot.values.tolist() == [[2, 0, 0], [0, 0, 0]]


def test_absent_rows_stay_zero_and_poison_reaches_nothing():
    made = layer([1.0], [2.0])
    values = torch.tensor([[float("nan")], [3.0]], requires_grad=True)
    out = made(Slot(values, torch.tensor([False, True])))
    out.values.sum().backward()
    assert out.values.tolist() == [[0], [1]] and values.grad.tolist() == [[0], [0.5]]


def test_masked_steps_stay_zero():
    made = layer([1.0], [1.0])
    out = made(Slot(torch.full((1, 3, 1), 2.0), torch.tensor([True]), torch.tensor([[True, False, True]])))
    assert out.values.flatten().tolist() == [1, 0, 1]


def test_integers_are_numbers_and_the_input_is_left_alone():
    made = layer([1.0], [1.0])
    given = torch.tensor([[3]])
    out = made(Slot(given, torch.tensor([True]), None, None, True))
    assert out.values.tolist() == [[2.0]] and given.tolist() == [[3]] and out.values.dtype == torch.float32
    floats = torch.tensor([[3.0]])
    made(Slot(floats, torch.tensor([True]), None, None, True))
    assert floats.tolist() == [[3.0]]


def test_statistics_are_kept_with_the_state():
    a, b = layer([1.0], [2.0]), layer([0.0], [1.0])
    b.load_state_dict(a.state_dict())
    assert b.mean.item() == 1 and b.inverse.item() == 0.5 and not list(a.parameters())
