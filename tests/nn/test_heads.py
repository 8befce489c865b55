"""Attention head by head: torch's kernel, gradients, masks, scores far from 0, and where which is used."""

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
    keys = torch.ones(ROWS, 1, PLACES, dtype=torch.bool)
    keys[1, :, 2:] = keys[2, :, 0] = False
    return q, kv, keys


def torchs(q, kv, keys):
    def apart(x):
        return x.unflatten(2, (HEADS, -1)).transpose(1, 2)

    k, v = kv.chunk(2, dim=2)
    mask = None if keys is None else keys[:, None]
    return F.scaled_dot_product_attention(apart(q), apart(k), apart(v), attn_mask=mask).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("scale", [1.0, 30.0])  # the second brings scores beyond what may be exponentiated as it is
@pytest.mark.parametrize("masked", [False, True])
def test_equals_torch_with_its_gradients(scale, masked):
    q, kv, keys = inputs(scale)
    keys = keys if masked else None
    ours, theirs = HeadByHead.apply(q, kv, keys, HEADS), torchs(q, kv, keys)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weight = torch.randn(ours.shape, dtype=ours.dtype)
    for a, b in zip(torch.autograd.grad(ours, (q, kv), weight), torch.autograd.grad(theirs, (q, kv), weight), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_gradcheck():
    q, kv, keys = inputs()
    assert torch.autograd.gradcheck(lambda q, kv: HeadByHead.apply(q, kv, keys, HEADS), (q, kv))


def test_single_precision_with_distant_scores():
    q, kv, keys = inputs(60.0, torch.float32)
    out = HeadByHead.apply(q, kv, keys, HEADS)
    torch.testing.assert_close(out, torchs(q, kv, keys))
    out.sum().backward()
    assert torch.isfinite(q.grad).all() and torch.isfinite(kv.grad).all()


def test_masked_keys_whose_scores_would_be_the_largest():
    q = torch.full((1, 1, 2), -20.0, requires_grad=True)
    kv = torch.tensor([[[20.0, 20.0, 1.0, 2.0], [-20.0, -20.0, 7.0, 7.0]]], requires_grad=True)
    out = HeadByHead.apply(q, kv, torch.tensor([[[True, False]]]), 1)
    assert out.tolist() == [[[1.0, 2.0]]]
    out.sum().backward()
    assert torch.isfinite(q.grad).all() and (kv.grad[0, 1] == 0).all()


@pytest.mark.parametrize("filling", [float("nan"), 3.0])
def test_what_is_masked_reaches_nothing(filling):
    q, kv, keys = inputs()
    with torch.no_grad():
        kv[(~keys[:, 0])] = filling
    out = HeadByHead.apply(q, kv, keys, HEADS)
    out.square().sum().backward()
    again, other, _ = inputs()
    HeadByHead.apply(again, other, keys, HEADS).square().sum().backward()
    torch.testing.assert_close(q.grad, again.grad)
    assert (kv.grad[~keys[:, 0]] == 0).all() and torch.isfinite(kv.grad).all()


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
    assert used(monkeypatch, q, kv, 5) and used(monkeypatch, q, kv, 5, pad)
    assert not used(monkeypatch, q, kv, 2)  # wide heads
    assert not used(monkeypatch, q[:2], kv[:2], 5)  # few rows
    assert not used(monkeypatch, q, torch.randn(32, 200, 80), 5)  # many keys
    assert not used(monkeypatch, q, kv, 5, pad.expand(32, 50, 50))  # keys of each query's own
    assert not used(monkeypatch, q, kv, 5, dropout=0.1)
    assert not used(monkeypatch, q.bfloat16(), kv.bfloat16(), 5)


def test_both_ways_agree(monkeypatch):
    torch.manual_seed(0)
    q, kv = torch.randn(32, 50, 40), torch.randn(32, 50, 80)
    first = heads_mixed(q, kv, 5)
    monkeypatch.setattr(module, "KEYS", 0)
    torch.testing.assert_close(heads_mixed(q, kv, 5), first, rtol=1e-5, atol=1e-6)
