"""Modality attention: means, order, single keys and rows without anything."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import ModalityAttention
from mcgurk.nn import Slot, SlotSpec, looked


def slots(n=5, d=3, names="abc"):
    torch.manual_seed(0)
    return {k: Slot(torch.randn(n, d, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k in names}


def built(names="abc", d=3):
    torch.manual_seed(1)
    layer = ModalityAttention(width=4, hidden=6)
    layer.build({k: SlotSpec((d,)) for k in names})
    return layer.double()


def test_formula():
    layer, x = built(), slots()
    e = torch.stack([torch.tanh(layer.key[k](x[k].values)) @ layer.query for k in "abc"], dim=1)
    a = torch.softmax(e, dim=1)
    torch.testing.assert_close(layer(x).values, sum(a[:, m, None] * layer.value[k](x[k].values) for m, k in enumerate("abc")))
    torch.testing.assert_close(torch.cat([look.weights.flatten(1) for look in looked(layer, x)[1]], dim=1), a)


def test_equal_keys_give_the_mean_of_values():
    layer, x = built(), slots()
    for k in "abc":
        layer.key[k].weight.data.zero_()
        layer.key[k].bias.data.fill_(0.3)
    torch.testing.assert_close(layer(x).values, sum(layer.value[k](x[k].values) for k in "abc") / 3)


def test_exchanging_keys_with_values_changes_nothing():
    layer, x = built(), slots()
    other = built()
    turn = dict(zip("abc", "cab", strict=True))
    other.load_state_dict({".".join(turn.get(part, part) for part in name.split(".")): v for name, v in layer.state_dict().items()})
    torch.testing.assert_close(other({turn[k]: s for k, s in x.items()}).values, layer(x).values, rtol=1e-12, atol=1e-14)


def test_one_valid_key_gives_its_value():
    layer, x = built(), slots()
    x["a"].present[:], x["c"].present[:] = False, False
    assert torch.equal(layer(x).values, layer.value["b"](x["b"].values))


def test_a_row_without_anything_is_zero_without_gradient():
    layer, x = built(), slots()
    for s in x.values():
        s.present[2] = False
        s.values.requires_grad_()
    out = layer(x)
    assert (out.values[2] == 0).all() and not out.present[2]
    out.values[2].sum().backward()
    assert all(p.grad is None or (p.grad == 0).all() for p in layer.parameters())
    assert all((s.values.grad == 0).all() for s in x.values())


def test_half_precision_with_absence():
    layer, x = built().to(torch.bfloat16), slots()
    x["a"].present[:3] = False
    out = layer({k: Slot(s.values.to(torch.bfloat16), s.present) for k, s in x.items()})
    assert torch.isfinite(out.values).all()


def test_wrong_arguments():
    with pytest.raises(DataError, match="at least 1"):
        ModalityAttention(hidden=0).build({"a": SlotSpec((3,))})
