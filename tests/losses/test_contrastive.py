"""InfoNCE: closed values, chunks, symmetry, gradients, several counterparts."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from mcgurk.errors import DataError
from mcgurk.losses import info_nce


def unit(n=12, k=5, seed=0):
    torch.manual_seed(seed)
    return F.normalize(torch.randn(n, k, dtype=torch.float64), dim=1)


def test_closed_values():
    alike = torch.ones(4, 3, dtype=torch.float64)
    assert info_nce(alike, alike, 7.0).item() == pytest.approx(math.log(4), rel=1e-12)
    eye = torch.eye(4, dtype=torch.float64)
    assert info_nce(eye, eye).item() == pytest.approx(0.743668, abs=1e-6)
    assert info_nce(eye, eye, 1 / 0.07).item() == pytest.approx(1.8746e-6, rel=1e-4)


@pytest.mark.parametrize("chunk", [1, 5, 12, 100])
def test_chunks_change_nothing(chunk):
    def run(chunk):
        u, v = unit().requires_grad_(), unit(seed=1).requires_grad_()
        scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
        loss = info_nce(u, v, scale, chunk=chunk)
        loss.backward()
        return loss, u.grad, v.grad, scale.grad

    for one, two in zip(run(None), run(chunk), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-14)


def test_symmetry_and_order():
    u, v = unit(), unit(seed=1)
    torch.testing.assert_close(info_nce(u, v, 3.0), info_nce(v, u, 3.0))
    order = torch.randperm(12)
    torch.testing.assert_close(info_nce(u[order], v[order], 3.0), info_nce(u, v, 3.0))


def test_gradients_of_the_logits():
    logits = torch.randn(6, 6, dtype=torch.float64, requires_grad=True)
    eye, target = torch.eye(6, dtype=torch.float64), torch.arange(6)
    (rows,) = torch.autograd.grad(F.cross_entropy(logits, target), logits)
    torch.testing.assert_close(rows.sum(dim=1), torch.zeros(6, dtype=torch.float64), atol=1e-12, rtol=0)
    (columns,) = torch.autograd.grad(F.cross_entropy(logits.T, target), logits)
    torch.testing.assert_close(columns.sum(dim=0), torch.zeros(6, dtype=torch.float64), atol=1e-12, rtol=0)
    (both,) = torch.autograd.grad(info_nce(logits, eye), logits)
    torch.testing.assert_close(both, (rows + columns) / 2)
    assert both.sum().abs() < 1e-12 and both.sum(dim=1).abs().max() > 1e-3


def test_an_item_held_twice_pulls_nothing_apart():
    u = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 2]].requires_grad_()
    info_nce(u, u.detach(), 50.0).backward()
    assert u.grad.abs().max() < 1e-6


def test_half_precision_is_widened():
    u = unit().to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        assert info_nce(u, u, 2.0).dtype == torch.float32


def test_wrong_shapes():
    with pytest.raises(DataError, match="both must be"):
        info_nce(torch.ones(3, 2), torch.ones(4, 2))
