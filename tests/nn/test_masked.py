"""Nothing may depend on what stands in an absent or padded place, neither output nor gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.nn import Slot, masked

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
VALUES = torch.tensor([[1.0, 3.0, 99.0], [-5.0, 99.0, 99.0], [99.0, 99.0, 99.0]])[:, :, None]


def test_means_maxima_and_last_steps_by_hand():
    assert masked.mean(VALUES, MASK).flatten().tolist() == [2, -5, 0]
    assert masked.maximum(VALUES, MASK).flatten().tolist() == [3, -5, 0]
    assert masked.last(VALUES, MASK).flatten().tolist() == [3, -5, 0]
    assert masked.last(VALUES, torch.tensor([[True, False, True]] * 3)).flatten().tolist() == [99, 99, 99]


@pytest.mark.parametrize("rule", [masked.mean, masked.maximum, masked.last])
@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_poison_in_masked_steps_reaches_nothing(rule, poison):
    clean, bad = VALUES.clone(), VALUES.clone()
    bad[~MASK] = poison
    grads = []
    for values in (clean, bad):
        values.requires_grad_(True)
        out = rule(values, MASK)
        out.square().sum().backward()
        grads.append((out.detach(), values.grad))
    assert torch.equal(grads[0][0], grads[1][0]) and torch.equal(grads[0][1], grads[1][1])


def test_softmax_over_valid_places():
    logits = torch.tensor([[0.0, 0.0, float("nan")], [1.0, 2.0, 3.0]], requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    weights = masked.softmax(logits, mask)
    assert weights.tolist() == [[0.5, 0.5, 0], [0, 0, 0]]
    (weights * torch.tensor([1.0, 2, 3])).sum().backward()
    assert torch.isfinite(logits.grad).all() and not logits.grad[1].any()


@given(st.integers(0, 7), st.integers(1, 5))
def test_softmax_sums_to_one_where_anything_is_valid(bits, width):
    mask = torch.tensor([[bool(bits >> i & 1) for i in range(width)]])
    total = masked.softmax(torch.randn(1, width) * 50, mask).sum().item()
    assert total == pytest.approx(float(mask.any()), abs=1e-6)


def test_clean_selects():
    values = torch.tensor([[float("nan")], [2.0]], requires_grad=True)
    slot = masked.clean(Slot(values, torch.tensor([False, True])))
    slot.values.sum().backward()
    assert slot.values.tolist() == [[0], [2]] and values.grad.tolist() == [[0], [1]]
    full = Slot(torch.ones(1, 1), torch.tensor([True]), None, None, True)
    assert masked.clean(full) is full


def test_an_absent_row_masks_its_steps():
    slot = masked.clean(Slot(torch.ones(2, 2, 1), torch.tensor([True, False]), torch.ones(2, 2, dtype=torch.bool)))
    assert slot.mask.tolist() == [[True, True], [False, False]] and slot.values[1].eq(0).all()


def test_codes_and_bytes_keep_their_type():
    for dtype in (torch.int64, torch.uint8):
        slot = masked.clean(Slot(torch.ones(2, 1, dtype=dtype), torch.tensor([True, False])))
        assert slot.values.dtype == dtype and slot.values.tolist() == [[1], [0]]


def test_moments_see_valid_places_only():
    center, spread = masked.moments(torch.tensor([[1.0], [3.0], [float("nan")]]), torch.tensor([True, True, False]))
    assert center.tolist() == [2] and spread.tolist() == [1]
    center, spread = masked.moments(torch.zeros(2, 3), torch.tensor([False, False]))
    assert center.tolist() == [0, 0, 0] and spread.tolist() == [1, 1, 1]


def test_between_vectors_and_sequences():
    slot = Slot(VALUES, torch.tensor([True, True, False]), MASK)
    pooled = masked.pool(slot)
    assert pooled.mask is None and pooled.values.flatten().tolist() == [2, -5, 0]
    assert masked.pool(pooled) is pooled
    back = masked.as_sequence(pooled)
    assert back.values.shape == (3, 1, 1) and back.mask.flatten().tolist() == [True, True, False]
    assert masked.as_sequence(back) is back
