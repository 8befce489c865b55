"""Gated recurrence over valid steps only."""

from __future__ import annotations

import pytest
import torch

from mcgurk.data import ColumnSpec
from mcgurk.encoders import GRUEncoder
from mcgurk.errors import DataError
from mcgurk.nn import Slot

SPEC = ColumnSpec("ragged", "series", (3,), True)


def slot(values: torch.Tensor, mask: torch.Tensor | None = None) -> Slot:
    mask = torch.ones(values.shape[:2], dtype=torch.bool) if mask is None else mask
    return Slot(values, torch.ones(len(values), dtype=torch.bool), mask)


def built(**params) -> GRUEncoder:
    torch.manual_seed(0)
    encoder = GRUEncoder(**params)
    encoder.build(SPEC)
    return encoder.double().eval()


def test_full_rows_are_those_of_the_plain_recurrence():
    encoder = built(width=6, layers=2, pool=None)
    x = torch.randn(3, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(encoder(slot(x)).values, encoder.recurrence(x)[0])


def test_a_gap_is_as_if_it_had_never_been():
    encoder = built(width=6, pool=None)
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    mask = torch.tensor([[True, True, False, True, False, True]])
    kept = torch.tensor([0, 1, 3, 5])
    out = encoder(slot(x, mask)).values
    torch.testing.assert_close(out[:, kept], encoder(slot(x[:, kept])).values)
    assert not out[:, [2, 4]].any()


def test_one_direction_never_looks_ahead():
    encoder = built(width=5, both=False, pool=None)
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    changed = x.clone()
    changed[0, 4] += 1
    before, after = encoder(slot(x)).values, encoder(slot(changed)).values
    assert torch.equal(before[0, :4], after[0, :4]) and not torch.equal(before[0, 4:], after[0, 4:])


def test_an_odd_width_has_no_halves():
    with pytest.raises(DataError, match="halved"):
        built(width=5)
