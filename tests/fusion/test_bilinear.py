"""Bilinear fusion equals torch's bilinear layer, is linear in each argument, and reduces to an affine model."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.errors import DataError, ResourceError
from mcgurk.fusion import BilinearFusion
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 4}


def slots(*values):
    return {k: Slot(v, torch.ones(len(v), dtype=torch.bool)) for k, v in zip("abc", values, strict=False)}


def draw(n=6, widths=WIDTHS, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(n, d, dtype=torch.float64) for d in widths.values()]


def built(widths=WIDTHS, **params):
    torch.manual_seed(1)
    layer = BilinearFusion(width=5, **params)
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


def test_equals_torch():
    layer, reference = built(affine=False), nn.Bilinear(3, 4, 5).double()
    reference.weight.data = layer.weights[0].data.view(5, 3, 4)
    reference.bias.data = layer.offset.data = torch.randn(5, dtype=torch.float64)
    a, b = draw()
    torch.testing.assert_close(layer(slots(a, b)).values, reference(a, b), rtol=1e-12, atol=1e-12)


def test_linear_in_each_argument():
    layer = built(affine=False, bias=False)
    (a, b), (c, d) = draw(), draw(seed=2)

    def z(x, y):
        return layer(slots(x, y)).values

    torch.testing.assert_close(z(2 * a - c, b), 2 * z(a, b) - z(c, b), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(z(a, 2 * b - d), 2 * z(a, b) - z(a, d), rtol=1e-10, atol=1e-12)


def test_rank_one():
    layer = built(affine=False, bias=False)
    u, v = torch.randn(3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    layer.weights[0].data[0] = torch.outer(u, v).flatten()
    a, b = draw()
    torch.testing.assert_close(layer(slots(a, b)).values[:, 0], (a @ u) * (b @ v), rtol=1e-12, atol=1e-14)


def test_absence_leaves_the_affine_model_of_the_other():
    layer = built()
    a, b = draw()
    x = slots(a, b)
    x["b"].present[:] = False
    torch.testing.assert_close(layer(x).values, layer.linear["a"](a) + layer.offset)


def test_product_terms_start_with_variance_one():
    torch.manual_seed(0)
    layer = BilinearFusion(width=300, affine=False)
    layer.build({"a": SlotSpec((20,)), "b": SlotSpec((10,))})
    assert layer(slots(torch.randn(400, 20), torch.randn(400, 10))).values.var().item() == pytest.approx(1.0, abs=0.15)


def test_three_modalities_are_the_sum_over_pairs():
    layer = built({"a": 3, "b": 4, "c": 2}, bias=False)
    a, b, c = draw(widths={"a": 3, "b": 4, "c": 2})
    expected = sum(layer.linear[k](v) for k, v in zip("abc", (a, b, c), strict=True))
    for (p, q), w in zip(((a, b), (a, c), (b, c)), layer.weights, strict=True):
        expected = expected + torch.einsum("ni,oij,nj->no", p, w.view(5, p.shape[1], q.shape[1]), q)
    torch.testing.assert_close(layer(slots(a, b, c)).values, expected)


def test_norm():
    a, b = draw()
    layer = built(norm=True)
    torch.testing.assert_close(layer(slots(5 * a + 2, b)).values, layer(slots(a, b)).values, rtol=1e-4, atol=1e-4)


def test_refusals():
    with pytest.raises(DataError, match="at least 1"):
        BilinearFusion(width=0).build({"a": SlotSpec((3,))})
    with pytest.raises(DataError, match="no term at all"):
        built({"a": 3}, affine=False)
    with pytest.raises(ResourceError, match="mfb"):
        built({"a": 4000, "b": 4000}, reduce=None)
    with pytest.raises(DataError, match="reduce=0"):
        built(reduce=0)


def test_wide_modalities_enter_products_narrowed():
    layer = built({"a": 3, "b": 9}, reduce=4)
    x, y = draw(widths={"a": 3, "b": 9})
    narrow = y @ layer.project["b"].weight.T
    expected = torch.einsum("ni,oij,nj->no", x, layer.weights[0].view(5, 3, 4), narrow)
    expected = expected + x @ layer.linear["a"].weight.T + y @ layer.linear["b"].weight.T + layer.offset
    torch.testing.assert_close(layer(slots(x, y)).values, expected)
    assert set(layer.project.names()) == {"b"} and layer.macs({}) == 3 * 4 * 6 + 4 * 9 + 5 * 12
    gone = slots(x, y)
    gone["b"] = gone["b"].without(torch.ones(6, dtype=torch.bool))
    torch.testing.assert_close(layer(gone).values, x @ layer.linear["a"].weight.T + layer.offset)
