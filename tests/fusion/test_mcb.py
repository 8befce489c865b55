"""Compact bilinear pooling: a sketch worked by hand, the sketch of the outer product, and unbiased inner products."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import CompactBilinear
from mcgurk.fusion.mcb import CountSketch
from mcgurk.nn import Slot, SlotSpec


def slots(**values):
    return {k: Slot(v, torch.ones(len(v), dtype=torch.bool)) for k, v in values.items()}


def built(width, normalise=False, bias=False, **widths):
    torch.manual_seed(0)
    layer = CompactBilinear(width=width, bias=bias, normalise=normalise)
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


def test_by_hand():
    layer = built(4, a=2, b=2)
    for name, place, sign in (("a", [0, 2], [1.0, -1.0]), ("b", [1, 3], [1.0, 1.0])):
        layer.sketch[name].place.copy_(torch.tensor(place))
        layer.sketch[name].sign.copy_(torch.tensor(sign))
    x, y = torch.tensor([[1.0, 2.0]], dtype=torch.float64), torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    assert layer.sketch["a"](x).tolist() == [[1.0, 0.0, -2.0, 0.0]]
    assert layer.sketch["b"](y).tolist() == [[0.0, 3.0, 0.0, -1.0]]
    torch.testing.assert_close(layer(slots(a=x, b=y)).values, torch.tensor([[0.0, 5.0, 0.0, -7.0]], dtype=torch.float64))


@pytest.mark.parametrize("width", [7, 16])
def test_equals_the_sketch_of_the_outer_product(width):
    layer = built(width, a=5, b=6)
    x, y = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    one, two = layer.sketch["a"], layer.sketch["b"]
    place = (one.place[:, None] + two.place[None]) % width
    sign = one.sign[:, None] * two.sign[None]
    outer = x[:, :, None] * y[:, None, :] * sign
    expected = torch.zeros(3, width, dtype=torch.float64).index_add(1, place.flatten(), outer.flatten(1))
    torch.testing.assert_close(layer(slots(a=x, b=y)).values, expected, rtol=1e-12, atol=1e-12)


def test_inner_products_are_unbiased():
    torch.manual_seed(0)
    x, y, d = torch.randn(10, dtype=torch.float64), torch.randn(10, dtype=torch.float64), 32
    both = torch.stack([x, y])
    draws = torch.stack([(lambda s: s[0] @ s[1])(CountSketch(10, d).double()(both)) for _ in range(2000)])
    truth = x @ y
    assert abs(draws.mean() - truth) < 4 * draws.std() / 2000**0.5
    variance = (truth**2 + (x @ x) * (y @ y) - 2 * (x**2 @ y**2)) / d
    assert draws.var().item() == pytest.approx(variance.item(), rel=0.15)


def test_the_appended_one_adds_the_terms_of_single_modalities():
    layer, x, y = built(9, bias=True, a=5, b=6), torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    zero = {"a": torch.zeros_like(x), "b": torch.zeros_like(y)}
    both, first, second, none = (layer(slots(**zero | part)).values for part in ({"a": x, "b": y}, {"a": x}, {"b": y}, {}))
    for name in "ab":
        layer.sketch[name].sign[-1] = 0.0  # without the ones what is left are the products
    torch.testing.assert_close(both - first - second + none, layer(slots(a=x, b=y)).values, rtol=1e-12, atol=1e-12)
    assert (first - none).abs().max() > 0.1 < (second - none).abs().max()


def test_an_absent_modality_leaves_the_terms_without_it():
    layer, paper = built(9, bias=True, a=5, b=6), built(9, a=5, b=6)
    x = slots(a=torch.randn(3, 5, dtype=torch.float64), b=torch.randn(3, 6, dtype=torch.float64))
    mean = {**x, "b": Slot(torch.zeros_like(x["b"].values), x["b"].present.clone())}
    x["b"].present[:] = False
    torch.testing.assert_close(layer(x).values, layer(mean).values, rtol=0, atol=0)
    assert layer(x).values.abs().max() > 0.1 and (paper(x).values == 0).all()


def test_sketches_are_kept_not_trained():
    layer = built(8, a=5, b=6)
    state = layer.state_dict()
    assert {"sketch.a.place", "sketch.a.sign"} <= set(state) and all("sketch" not in n for n, _ in layer.named_parameters())
    assert set(layer.sketch["a"].sign.tolist()) <= {-1.0, 1.0}


def test_gradient_at_zero_is_finite():
    layer = built(8, normalise=True, a=5, b=6)
    x = slots(a=torch.zeros(2, 5, dtype=torch.float64, requires_grad=True), b=torch.zeros(2, 6, dtype=torch.float64, requires_grad=True))
    layer(x).values.sum().backward()
    assert all(torch.isfinite(s.values.grad).all() for s in x.values())


def test_half_precision_is_widened():
    layer = CompactBilinear(width=8)
    layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
    x = slots(a=torch.randn(2, 3, dtype=torch.bfloat16), b=torch.randn(2, 2, dtype=torch.bfloat16))
    assert layer(x).values.dtype == torch.float32


def test_wrong_width():
    with pytest.raises(DataError, match="at least 1"):
        built(0, a=2)
