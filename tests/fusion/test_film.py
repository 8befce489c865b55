"""Feature-wise modulation: identity, batch normalisation's affine, broadcasting, gradient, absence."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.fusion import FiLM
from mcgurk.fusion.film import film
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"image": 3, "question": 2, "sound": 4}
SHAPES = [(4, 5), (4, 5, 6), (4, 5, 3, 2)]


def slots():
    torch.manual_seed(0)
    return {k: Slot(torch.randn(4, d, dtype=torch.float64), torch.ones(4, dtype=torch.bool)) for k, d in WIDTHS.items()}


def built(layer, widths=WIDTHS):
    torch.manual_seed(1)
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


@pytest.mark.parametrize("shape", SHAPES)
def test_broadcasting_and_identity(shape):
    torch.manual_seed(0)
    values, gamma, beta = torch.randn(shape), torch.randn(4, 5), torch.randn(4, 5)
    out = film(values, gamma, beta)
    for row in range(4):
        for channel in range(5):
            torch.testing.assert_close(out[row, channel], gamma[row, channel] * values[row, channel] + beta[row, channel])
    assert torch.equal(film(values, torch.ones(4, 5), torch.zeros(4, 5)), values)


@pytest.mark.parametrize("shape", SHAPES)
def test_equal_modulation_is_batch_normalisations_affine(shape):
    torch.manual_seed(0)
    values, weight, bias = torch.randn(shape), torch.randn(5), torch.randn(5)
    plain = F.batch_norm(values, None, None, training=True)
    expected = F.batch_norm(values, None, None, weight, bias, training=True)
    torch.testing.assert_close(film(plain, weight.expand(4, 5), bias.expand(4, 5)), expected)


def test_gradient_of_gamma_is_the_sum_over_positions():
    torch.manual_seed(0)
    values, above = torch.randn(4, 5, 3, 2), torch.randn(4, 5, 3, 2)
    gamma = torch.randn(4, 5, requires_grad=True)
    (film(values, gamma, torch.zeros(4, 5)) * above).sum().backward()
    torch.testing.assert_close(gamma.grad, (above * values).sum(dim=(2, 3)))


def test_a_silent_generator_and_an_absent_condition_are_the_identity():
    layer, x = built(FiLM(condition="question", width=6)), slots()
    x["question"].present[:2] = False
    gamma, beta = layer.modulation(x["question"].values, x["question"].present)[1]
    assert (gamma[:2] == 1).all() and (beta[:2] == 0).all() and (gamma[2:] != 1).all()
    absent = layer(x).values[:2]
    for p in layer.generator.parameters():
        p.data.zero_()
    x["question"].present[:] = True
    assert torch.equal(layer(x).values[:2], absent)


def test_the_condition_acts_without_what_it_conditions():
    layer, x = built(FiLM(condition="question", width=6)), slots()
    x["image"].present[:], x["sound"].present[:] = False, False
    assert layer(x).values.std(dim=0).max() > 0


def test_which_modality_conditions():
    assert built(FiLM()).chosen == "image"
    assert built(FiLM(), {"image": 3}).generator is None
    with pytest.raises(DataError, match="not among the modalities image, question, sound"):
        built(FiLM(condition="smell"))
    with pytest.raises(DataError, match="at least 1"):
        built(FiLM(depth=0))
