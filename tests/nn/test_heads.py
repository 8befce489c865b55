"""Attention head by head: torch's kernel, gradients, scores far from 0, and where which is used."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from mcgurk.nn import heads as module
from mcgurk.nn.heads import HeadByHead, heads_mixed

ROWS, STEPS, PLACES, HEADS, WIDTH = 3, 4, 5, 2, 6


def inputs(scale=1.0, dtype=torch.float64):
    torch.manual_seed(0)
    q = (scale * torch.randn(ROWS, STEPS, WIDTH, dtype=dtype)).requires_grad_()
    kv = (scale * torch.randn(ROWS, PLACES, 2 * WIDTH, dtype=dtype)).requires_grad_()
    return q, kv


def torchs(q, kv):
    def apart(x):
        return x.unflatten(2, (HEADS, -1)).transpose(1, 2)

    k, v = kv.chunk(2, dim=2)
    return F.scaled_dot_product_attention(apart(q), apart(k), apart(v)).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("scale", [1.0, 30.0])  # the second brings scores beyond what may be exponentiated as it is
def test_equals_torch_with_its_gradients(scale):
    q, kv = inputs(scale)
    ours, theirs = HeadByHead.apply(q, kv, HEADS), torchs(q, kv)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weight = torch.randn(ours.shape, dtype=ours.dtype)
    for a, b in zip(torch.autograd.grad(ours, (q, kv), weight), torch.autograd.grad(theirs, (q, kv), weight), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_gradcheck():
    assert torch.autograd.gradcheck(lambda q, kv: HeadByHead.apply(q, kv, HEADS), inputs())


def test_single_precision_with_distant_scores():
    q, kv = inputs(60.0, torch.float32)
    out = HeadByHead.apply(q, kv, HEADS)
    torch.testing.assert_close(out, torchs(q, kv))
    out.sum().backward()
    assert torch.isfinite(q.grad).all() and torch.isfinite(kv.grad).all()


def used(monkeypatch, q, kv, heads, keys=None, dropout=0.0):
    class Noted:
        @staticmethod
        def apply(*args):
            called.append(True)
            return HeadByHead.apply(*args)

    called = []
    monkeypatch.setattr(module, "HeadByHead", Noted)
    torch.testing.assert_close(heads_mixed(q, kv, heads, keys, 0.0).shape, q.shape)
    called.clear()
    heads_mixed(q, kv, heads, keys, dropout)
    return bool(called)


def test_where_it_is_used(monkeypatch):
    q, kv = torch.randn(32, 50, 40), torch.randn(32, 50, 80)
    pad = torch.ones(32, 1, 50, dtype=torch.bool)
    assert used(monkeypatch, q, kv, 5)
    assert not used(monkeypatch, q, kv, 5, pad)
    assert not used(monkeypatch, q, kv[:, :48], 5)  # as many keys as fill registers
    assert not used(monkeypatch, q, kv, 2)  # wide heads
    assert not used(monkeypatch, q[:2], kv[:2], 5)  # few rows
    assert not used(monkeypatch, q, torch.randn(32, 200, 80), 5)  # many keys
    assert not used(monkeypatch, q, kv, 5, dropout=0.1)
    assert not used(monkeypatch, q.bfloat16(), kv.bfloat16(), 5)


def test_both_ways_agree(monkeypatch):
    torch.manual_seed(0)
    q, kv = torch.randn(32, 50, 40), torch.randn(32, 50, 80)
    first = heads_mixed(q, kv, 5)
    monkeypatch.setattr(module, "KEYS", 0)
    torch.testing.assert_close(heads_mixed(q, kv, 5), first, rtol=1e-5, atol=1e-6)
