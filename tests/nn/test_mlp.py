"""Fully connected layers and the head."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.data.target import TargetSpec
from mcgurk.nn import MLPHead, Slot, SlotSpec
from mcgurk.nn.mlp import mlp


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def test_layers():
    assert kinds(mlp((3, 4, 2))) == ["Linear", "ReLU", "Linear", "ReLU"]
    assert kinds(mlp((3, 4, 2), 0.1, norm=True, last=True)) == ["Linear", "LayerNorm", "ReLU", "Dropout", "Linear"]
    assert kinds(mlp((3, 2), 0.5, last=True)) == ["Linear"] and kinds(mlp((3,))) == []


@pytest.mark.parametrize(("hidden", "layers"), [((), 1), ((4,), 2), ((4, 5), 3)])
def test_the_head_gives_a_score_a_column(hidden, layers):
    head = MLPHead(hidden, 0.2)
    head.build(SlotSpec((3,)), TargetSpec("classes", ("a", "b")))
    assert sum(isinstance(m, nn.Linear) for m in head.modules()) == layers
    assert head(Slot(torch.randn(5, 3), torch.ones(5, dtype=torch.bool))).shape == (5, 2)


def test_sequences_are_pooled_and_poison_reaches_nothing():
    head = MLPHead()
    head.build(SlotSpec((1,), True), TargetSpec("number", outputs=1))
    present, mask = torch.tensor([True, False]), torch.tensor([[True, False], [True, True]])
    values = torch.tensor([[[2.0], [float("nan")]], [[float("nan")], [1.0]]])
    out = head(Slot(values, present, mask))
    weight, bias = head.layers[0].weight.item(), head.layers[0].bias.item()
    assert out.flatten().tolist() == pytest.approx([2 * weight + bias, bias])


def test_without_dropout_nothing_random_is_drawn():
    head = MLPHead((4,))
    head.build(SlotSpec((3,)), TargetSpec("number", outputs=1))
    before = torch.get_rng_state()
    head.train()(Slot(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool)))
    assert torch.equal(before, torch.get_rng_state())
