"""Attention: means, order, single keys, rows without keys, and torch's own module."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.errors import DataError
from mcgurk.nn import Slot
from mcgurk.nn.attention import CrossAttention, CrossBlock, Transformer, attended, places, sinusoid
from mcgurk.nn.look import Axis, recording


def slot(n=3, steps=4, width=6, seed=0, valid=None):
    torch.manual_seed(seed)
    mask = torch.ones(n, steps, dtype=torch.bool)
    for row, length in (valid or {}).items():
        mask[row, length:] = False
    return Slot(torch.randn(n, steps, width, dtype=torch.float64), mask.any(dim=1), mask)


def built(width=6, heads=2, **kw):
    torch.manual_seed(1)
    return CrossAttention(width, heads, **kw).double().eval()


def value_of(layer, x):
    return layer.leave(layer.key_value(x).chunk(2, dim=-1)[1])


def test_equals_torch():
    layer, reference = built(), nn.MultiheadAttention(6, 2, batch_first=True).double().eval()
    reference.in_proj_weight.data = torch.cat([layer.query.weight, layer.key_value.weight])
    reference.in_proj_bias.data = torch.cat([layer.query.bias, layer.key_value.bias])
    reference.out_proj.load_state_dict(layer.leave.state_dict())
    a, b = slot(), slot(steps=5, seed=2, valid={1: 2})
    expected = reference(a.values, b.values, b.values, key_padding_mask=~b.mask, need_weights=False)[0]
    torch.testing.assert_close(layer(a, b).values, expected, rtol=1e-10, atol=1e-12)


def test_equal_keys_give_the_mean_of_values():
    layer, a, b = built(), slot(), slot(steps=5, seed=2)
    layer.key_value.weight.data[:6] = 0
    expected = value_of(layer, b.values.mean(dim=1, keepdim=True)).expand(3, 4, 6)
    torch.testing.assert_close(layer(a, b).values, expected)


def test_order_of_keys_does_not_matter():
    layer, a, b = built(), slot(), slot(steps=5, seed=2)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(layer(a, Slot(b.values[:, order], b.present, b.mask)).values, layer(a, b).values, rtol=1e-10, atol=1e-14)


def test_one_valid_key_gives_its_value():
    layer, a, b = built(), slot(), slot(steps=5, seed=2, valid={0: 1, 1: 1, 2: 1})
    torch.testing.assert_close(layer(a, b).values, value_of(layer, b.values[:, :1]).expand(3, 4, 6))


@pytest.mark.parametrize("filling", [0.0, float("nan")])
def test_nothing_to_attend_to(filling):
    layer, a, b = built(), slot(valid={2: 3}), slot(steps=5, seed=2, valid={0: 0, 1: 2})
    b.values[~b.mask] = filling
    a.values[~a.mask] = filling
    for s in (a, b):
        s.values.requires_grad_()
    out = layer(a, b).values
    assert (out[0] == 0).all() and (out[2, 3:] == 0).all() and torch.isfinite(out).all()
    out.square().sum().backward()
    grads = [p.grad for p in layer.parameters()] + [a.values.grad, b.values.grad]
    assert all(torch.isfinite(g).all() for g in grads)
    assert (a.values.grad[0] == 0).all() and (b.values.grad[~b.mask] == 0).all()


def test_half_precision_with_absence():
    layer, a, b = built().to(torch.bfloat16), slot(), slot(valid={0: 0, 1: 2}, seed=2)
    a, b = (Slot(s.values.to(torch.bfloat16), s.present, s.mask) for s in (a, b))
    assert torch.isfinite(layer(a, b).values).all()


def test_full_and_vectors():
    layer, a, b = built(query_width=3, key_width=2), slot(width=3), slot(width=2, seed=2)
    full = layer(Slot(a.values, a.present, a.mask, None, True), Slot(b.values, b.present, b.mask, None, True))
    torch.testing.assert_close(full.values, layer(a, b).values)
    vector = Slot(b.values[:, 0], b.present)
    torch.testing.assert_close(layer(a, vector).values, layer(a, Slot(b.values[:, :1], b.present, b.mask[:, :1])).values)


def test_wrong_heads():
    with pytest.raises(DataError, match="multiple"):
        built(6, 4)


def test_weights_are_those_of_the_output():
    layer, a, b = built(), slot(valid={2: 3}), slot(steps=5, seed=2, valid={0: 0, 1: 2})
    with recording() as seen:
        looking = layer(a, b)
    (weights,) = seen[layer]
    torch.testing.assert_close(looking.values, layer(a, b).values)
    value = layer.key_value(b.values).chunk(2, dim=-1)[1].view(3, 5, 2, 3).transpose(1, 2)
    mixed = layer.leave((weights @ value).transpose(1, 2).flatten(2))
    torch.testing.assert_close(layer(a, b).values[1], mixed[1])
    assert (weights[0] == 0).all() and (weights[1, :, :, 2:] == 0).all()
    torch.testing.assert_close(weights[1].sum(dim=-1), torch.ones(2, 4, dtype=torch.float64))


def test_queries_with_keys_of_their_own():
    layer, a, b = built(), slot(), slot(steps=5, seed=2)
    allowed = torch.arange(5)[None, None] < torch.arange(4)[None, :, None]
    out = layer(a, b, allowed).values
    assert (out[:, 0] == 0).all()
    torch.testing.assert_close(out[:, 1], value_of(layer, b.values[:, 0]))


def test_a_block_on_itself_equals_torch():
    torch.manual_seed(1)
    block = CrossBlock(6, 2).double().eval()
    reference = nn.TransformerEncoderLayer(6, 2, 24, 0.0, batch_first=True, norm_first=True).double()
    attend = block.attend
    reference.self_attn.in_proj_weight.data = torch.cat([attend.query.weight, attend.key_value.weight])
    reference.self_attn.in_proj_bias.data = torch.cat([attend.query.bias, attend.key_value.bias])
    pairs = [(attend.leave, reference.self_attn.out_proj), (block.norm, reference.norm1), (block.inner_norm, reference.norm2)]
    for ours, theirs in [*pairs, (block.widen, reference.linear1), (block.narrow, reference.linear2)]:
        theirs.load_state_dict(ours.state_dict())
    a = slot(valid={1: 2})
    expected = reference(a.values, src_key_padding_mask=~a.mask)
    torch.testing.assert_close(block(a).values[a.mask], expected[a.mask], rtol=1e-10, atol=1e-12)


def test_a_block_without_keys_is_skipped():
    torch.manual_seed(1)
    block, a, b = CrossBlock(6, 2).double(), slot(), slot(steps=5, seed=2, valid={0: 0})
    b.values[~b.mask] = float("nan")
    out = block(a, b).values
    assert torch.equal(out[0], a.values[0]) and torch.isfinite(out).all() and (out[1:] != a.values[1:]).any()


def test_a_transformer_gives_the_weights_of_every_block():
    torch.manual_seed(1)
    encoder, a = Transformer(3, 6, 2, causal=True).double(), slot(valid={1: 2})
    with recording() as seen:
        encoder(a)
    look = attended(encoder.blocks, seen, Axis.of(a), Axis.of(a), ("a", "a"))
    assert look.weights.shape == (3, 3, 2, 4, 4) and (look.weights.triu(1) == 0).all() and (look.weights[1, :, :, 2:] == 0).all()
    torch.testing.assert_close(look.weights[0].sum(dim=3), torch.ones(3, 2, 4, dtype=torch.float64))


def test_places_and_sinusoids():
    a = slot()
    a.times = torch.tensor([[0.0, 0.5, 1.0, float("nan")]]).repeat(3, 1)
    a.mask[:, 3] = False
    assert places(a).tolist() == [[0, 1, 2, 3]] and places(a, 0.25)[0].tolist() == [0, 2, 4, 0]
    wave = sinusoid(torch.tensor([[0.0, 1.0]]), 5)
    assert wave.shape == (1, 2, 5) and wave[0, 0].tolist() == [0, 0, 0, 1, 1]
    torch.testing.assert_close(wave[0, 1, 1], torch.tensor(10000.0, dtype=torch.float64).pow(-2 / 5).sin())
