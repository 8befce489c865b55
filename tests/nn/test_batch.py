"""Slots and batches."""

from __future__ import annotations

import torch

from mcgurk.nn import Batch, Slot, SlotSpec
from mcgurk.nn.batch import broadcast, flatten_steps, present_matrix

YES, NO = True, False


def test_what_is_made_absent_is_zero_even_where_it_was_not_a_number():
    values = torch.tensor([[1.0, float("nan")], [3.0, 4.0]], requires_grad=True)
    slot = Slot(values, torch.tensor([YES, YES]), None, None, True).without(torch.tensor([YES, NO]))
    assert slot.values.tolist() == [[0, 0], [3, 4]] and slot.present.tolist() == [NO, YES] and not slot.full
    slot.values.sum().backward()
    assert values.grad.tolist() == [[0, 0], [1, 1]]


def test_the_steps_of_what_is_made_absent_are_masked():
    slot = Slot(torch.ones(2, 3, 1), torch.tensor([YES, YES]), torch.ones(2, 3, dtype=torch.bool)).without(torch.tensor([YES, NO]))
    assert slot.mask.tolist() == [[NO] * 3, [YES] * 3] and slot.sequence


def test_a_batch_knows_its_rows():
    slots = {"a": Slot(torch.zeros(3, 1), torch.tensor([YES, NO, YES])), "b": Slot(torch.zeros(3, 2), torch.tensor([NO, NO, YES]))}
    batch = Batch(slots, y=torch.arange(3))
    assert len(batch) == 3 and batch.with_slots({"a": slots["a"]}).y is batch.y
    assert present_matrix(slots).tolist() == [[YES, NO], [NO, NO], [YES, YES]]


def test_the_width_of_an_item():
    assert SlotSpec((2, 3)).width == 6 and SlotSpec(()).width == 1


def test_flags_broadcast_from_the_left():
    assert broadcast(torch.ones(2, dtype=torch.bool), torch.zeros(2, 3, 4)).shape == (2, 1, 1)


def test_labelled_steps_become_rows():
    sequence = Slot(torch.arange(6.0).reshape(2, 3, 1), torch.tensor([YES, YES]), torch.tensor([[YES, NO, YES], [YES, NO, NO]]))
    vector = Slot(torch.tensor([[7.0], [8.0]]), torch.tensor([YES, NO]))
    short = Slot(torch.tensor([[[9.0]], [[10.0]]]), torch.tensor([YES, YES]), torch.tensor([[YES], [YES]]))
    out = flatten_steps({"s": sequence, "v": vector, "t": short}, torch.tensor([3, 1]))
    assert out["s"].values.flatten().tolist() == [0, 1, 2, 3] and out["s"].present.tolist() == [YES, NO, YES, YES]
    assert out["v"].values.flatten().tolist() == [7, 7, 7, 8] and out["v"].present.tolist() == [YES, YES, YES, NO]
    assert out["t"].present.tolist() == [YES, NO, NO, YES]  # steps that a sequence does not have are absent in it
