"""Self-attention over steps: clocks, order, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.data import ColumnSpec, Ragged
from mcgurk.encoders import TransformerEncoder
from mcgurk.errors import DataError
from mcgurk.nn import Slot

SPEC = ColumnSpec("ragged", "series", (3,), True)


def slot(values: torch.Tensor, mask: torch.Tensor | None = None) -> Slot:
    mask = torch.ones(values.shape[:2], dtype=torch.bool) if mask is None else mask
    return Slot(values, torch.ones(len(values), dtype=torch.bool), mask)


def built(**params) -> TransformerEncoder:
    torch.manual_seed(0)
    encoder = TransformerEncoder(**params)
    encoder.build(SPEC)
    return encoder.double().eval()


def test_clocks_are_read_in_units_of_training_steps():
    encoder = built(width=8, heads=2)
    x, clock = torch.randn(1, 6, 3, dtype=torch.float64), torch.arange(6, dtype=torch.float64)[None]

    def at(times: torch.Tensor) -> torch.Tensor:
        given = slot(x)
        return encoder(Slot(given.values, given.present, given.mask, times)).values

    counted = encoder(slot(x)).values
    torch.testing.assert_close(at(clock), counted)
    torch.testing.assert_close(at(clock + 100), counted)
    assert not torch.allclose(at(clock + 7 * (clock > 2)), counted)
    encoder.prepare_fit(Ragged.of([np.zeros((4, 3)), np.zeros((3, 3))], times=[np.arange(4) * 0.04, 5 + np.arange(3) * 0.04]))
    assert encoder.step_ == pytest.approx(0.04)
    torch.testing.assert_close(at(clock * 0.04), counted)


def test_order_matters():
    encoder = built(width=8, heads=2)
    x = torch.randn(1, 6, 3, dtype=torch.float64)
    assert not torch.allclose(encoder(slot(x)).values, encoder(slot(x.flip(1))).values)


def test_attention_is_that_of_torch():
    encoder = built(width=8, heads=2)
    block, x = encoder.blocks[0], torch.randn(2, 5, 8, dtype=torch.float64)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    q, k, v = (p.unflatten(-1, (2, 4)).transpose(1, 2) for p in block.queries(block.attention_norm(x)).chunk(3, -1))
    heads = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
    wanted = x + block.attended(heads.transpose(1, 2).flatten(2))
    torch.testing.assert_close(block(x, mask), wanted + block.feed(block.feed_norm(wanted)))


def test_heads_divide_the_width():
    with pytest.raises(DataError, match="do not divide"):
        built(width=6, heads=4)
