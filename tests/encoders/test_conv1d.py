"""Dilated convolutions: reach, ends, refusals."""

from __future__ import annotations

import pytest
import torch

from mcgurk.data import ColumnSpec
from mcgurk.encoders import Conv1dEncoder
from mcgurk.errors import DataError
from mcgurk.nn import Slot

SPEC = ColumnSpec("ragged", "series", (3,), True)


def slot(values: torch.Tensor, mask: torch.Tensor | None = None) -> Slot:
    mask = torch.ones(values.shape[:2], dtype=torch.bool) if mask is None else mask
    return Slot(values, torch.ones(len(values), dtype=torch.bool), mask)


def built(**params) -> Conv1dEncoder:
    torch.manual_seed(0)
    encoder = Conv1dEncoder(**params)
    encoder.build(SPEC)
    return encoder.double().eval()


@pytest.mark.parametrize(("layers", "reach"), [(1, 1), (2, 3), (3, 7)])
def test_a_step_sees_exactly_its_reach(layers, reach):
    encoder = built(width=4, layers=layers, pool=None)
    x = torch.randn(1, 21, 3, dtype=torch.float64)
    changed = x.clone()
    changed[0, 10] += 1
    moved = (encoder(slot(x)).values != encoder(slot(changed)).values).any(dim=-1)[0]
    assert moved.nonzero().flatten().tolist() == list(range(10 - reach, 10 + reach + 1))


def test_a_masked_end_is_the_end():
    encoder = built(width=4, pool=None)
    x = torch.randn(1, 9, 3, dtype=torch.float64)
    mask = torch.arange(9)[None] < 5
    torch.testing.assert_close(encoder(slot(x, mask)).values[:, :5], encoder(slot(x[:, :5])).values)


def test_an_even_kernel_has_no_middle():
    with pytest.raises(DataError, match="odd number"):
        built(kernel=4)
