"""Gradients of several terms: projected where they conflict, summed where they agree."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.train.balance import PCGrad


def gradient(first, second):
    """What PCGrad leaves for two linear terms with these gradients."""
    place, other = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    terms = {"a": place @ torch.tensor(first), "b": place @ torch.tensor(second) + 0 * other.sum()}
    PCGrad().backward(terms, [place, other])
    assert other.grad.tolist() == [0]
    return place.grad.tolist()


def test_agreeing_gradients_are_summed():
    assert gradient([1.0, 0.0], [1.0, 1.0]) == [2, 1]


def test_conflicting_gradients_are_projected_by_hand():
    # g_a = (1, 0), g_b = (-1, 1): g_a - (-1 / 2) g_b = (1/2, 1/2); g_b - (-1 / 1) g_a = (0, 1)
    assert gradient([1.0, 0.0], [-1.0, 1.0]) == pytest.approx([0.5, 1.5])


def test_opposite_gradients_cancel_and_a_zero_gradient_is_harmless():
    assert gradient([1.0, 0.0], [-1.0, 0.0]) == [0, 0]
    assert gradient([0.0, 0.0], [-1.0, 2.0]) == [-1, 2]


def test_no_projected_gradient_climbs_the_other_term():
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        a, b = torch.randn(2, 5, generator=generator)
        place = nn.Parameter(torch.zeros(5))
        PCGrad().backward({"a": place @ a, "b": place @ b}, [place])
        assert (place.grad @ a >= -1e-5) and (place.grad @ b >= -1e-5)


def test_order_of_the_terms_does_not_matter():
    place = nn.Parameter(torch.zeros(3))
    a, b, c = torch.randn(3, 3, generator=torch.Generator().manual_seed(1))
    grads = []
    for terms in ({"a": place @ a, "b": place @ b, "c": place @ c}, {"c": place @ c, "a": place @ a, "b": place @ b}):
        PCGrad().backward(terms, [place])
        grads.append(place.grad.clone())
    assert torch.equal(*grads)
