"""Masked regions: zero where told right, cross-entropy minus entropy, nothing hidden, what is not hidden."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.losses import region_kl


def inputs():
    torch.manual_seed(0)
    logits, other = torch.randn(2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 5, dtype=torch.float64)
    return logits, other.softmax(dim=-1), torch.tensor([[True, False, True], [False, False, True]])


def test_zero_where_predicted_equals_target():
    _, target, hidden = inputs()
    assert abs(region_kl(target.log() + 3, target, hidden).item()) < 1e-12


def test_cross_entropy_minus_entropy():
    logits, target, hidden = inputs()
    cross = -(target * torch.log_softmax(logits, dim=-1)).sum(dim=-1)[hidden].mean()
    entropy = -(target * target.log()).sum(dim=-1)[hidden].mean()
    torch.testing.assert_close(region_kl(logits, target, hidden), cross - entropy, rtol=1e-12, atol=1e-12)


def test_what_is_not_hidden_never_matters():
    logits, target, hidden = inputs()
    expected = region_kl(logits, target, hidden)
    logits, target = (torch.where(hidden[:, :, None], x, torch.full_like(x, torch.nan)).requires_grad_() for x in (logits, target))
    found = region_kl(logits, target.detach(), hidden)
    found.backward()
    assert torch.equal(found, expected) and torch.isfinite(logits.grad).all() and (logits.grad[~hidden] == 0).all()


def test_a_class_of_probability_zero():
    logits = torch.zeros(1, 1, 3, requires_grad=True)
    loss = region_kl(logits, torch.tensor([[[1.0, 0.0, 0.0]]]), torch.tensor([[True]]))
    loss.backward()
    torch.testing.assert_close(loss, torch.tensor(3.0).log())
    assert torch.isfinite(logits.grad).all()


def test_nothing_hidden():
    logits, target, hidden = inputs()
    loss = region_kl(logits.requires_grad_(), target, torch.zeros_like(hidden))
    loss.backward()
    assert loss.item() == 0 and (logits.grad == 0).all()


def test_wrong_shapes():
    logits, target, hidden = inputs()
    with pytest.raises(DataError, match="do not fit"):
        region_kl(logits, target, hidden[:, :2])
