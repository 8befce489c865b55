"""Wide linear layers: the error probe decides, both routes agree, and nothing stays switched on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.nn import mlp as perceptrons
from mcgurk.nn import wide
from mcgurk.nn.wide import WIDE, Route, WideLinear


@pytest.fixture(autouse=True)
def fresh():
    wide.route.cache_clear()
    yield
    wide.route.cache_clear()


def test_the_probe_decides(monkeypatch):
    for error, name in ((1e-6, "oneDNN"), (2.5e-3, "default")):
        monkeypatch.setattr(wide, "probe_error", lambda error=error: error)
        wide.route.cache_clear()
        assert wide.route() == Route(name, error)


def test_without_onednn_the_default_is_taken(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert wide.route() == Route("default", None)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
def test_the_probe_sees_rounding_and_leaves_the_setting_alone():
    before = torch.backends.mkldnn.matmul.fp32_precision
    error = wide.probe_error()
    assert 0 < error < 0.01 and (error < 1e-5 or error > 1e-4)  # float32, or bfloat16: nothing between
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    with pytest.raises(RuntimeError), wide.onednn():
        raise RuntimeError
    assert torch.backends.mkldnn.matmul.fp32_precision == before


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
def test_both_routes_agree(monkeypatch):
    monkeypatch.setattr(wide, "BOUND", 1.0)
    torch.manual_seed(0)
    layer, x = WideLinear(WIDE, 5), torch.randn(8, WIDE, requires_grad=True)
    assert wide.route().name == "oneDNN"
    found = layer(x)
    expected = nn.functional.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(found, expected, rtol=0, atol=0.02)
    inputs = (x, layer.weight, layer.bias)
    for a, b in zip(torch.autograd.grad(found.sum(), inputs), torch.autograd.grad(expected.sum(), inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0.01 * b.abs().max().item() + 1e-6)
    layer.double()
    torch.testing.assert_close(layer(x.double()), nn.functional.linear(x.double(), layer.weight, layer.bias), rtol=0, atol=0)


def test_where_it_stands():
    layers = perceptrons.mlp((WIDE, 3, 2))
    assert isinstance(layers[0], WideLinear) and type(layers[2]) is nn.Linear
    assert set(layers[0].state_dict()) == {"weight", "bias"}
