"""Low-rank fusion equals the tensor it stands for, counts its parameters, and keeps them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier
from mcgurk.datasets import make_bilinear
from mcgurk.errors import DataError
from mcgurk.fusion import LowRankFusion, TensorFusion
from mcgurk.nn import Slot, SlotSpec
from mcgurk.store import load

WIDTHS = {"a": 3, "b": 2, "c": 4}


def slots(n=6):
    torch.manual_seed(0)
    return {k: Slot(torch.randn(n, d, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k, d in WIDTHS.items()}


def built(layer, widths=WIDTHS):
    torch.manual_seed(1)
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


def test_equals_tensor_fusion_and_a_linear_layer():
    layer = built(LowRankFusion(width=3, rank=5))
    layer.bias.data += torch.randn(3)
    weights = torch.einsum("r,rio,rjo,rko->oijk", layer.weight, *(layer.factor(k) for k in "abc")).flatten(1)
    z = built(TensorFusion(norm=None))(slots()).values
    torch.testing.assert_close(layer(slots()).values, z @ weights.T + layer.bias, rtol=1e-12, atol=1e-12)


def test_counts():
    layer = LowRankFusion(width=64, rank=4)
    layer.build({k: SlotSpec((d,)) for k, d in {"a": 32, "b": 32, "c": 128}.items()})
    assert sum(p.numel() for p in layer.factors.parameters()) == 49_920
    assert sum(p.numel() for p in layer.parameters()) == 49_920 + 4 + 64
    assert 33 * 33 * 129 * 64 == 8_990_784


def test_a_constant_factor_changes_nothing():
    layer, wider = built(LowRankFusion(width=3, rank=2)), built(LowRankFusion(width=3, rank=2), {**WIDTHS, "d": 5})
    wider.load_state_dict({**wider.state_dict(), **layer.state_dict()})
    wider.factors["d"].weight.data.zero_()
    wider.factors["d"].bias.data.fill_(1.0)
    more = {**slots(), "d": Slot(torch.randn(6, 5, dtype=torch.float64), torch.ones(6, dtype=torch.bool))}
    assert torch.equal(wider(more).values, layer(slots()).values)


def test_an_absent_modality_leaves_its_bias_row():
    layer, x = built(LowRankFusion(width=3, rank=2)), slots()
    x["b"].present[:] = False
    rest = {k: torch.cat([x[k].values, torch.ones(6, 1, dtype=torch.float64)], dim=1) for k in "ac"}
    expected = torch.einsum(
        "r,ni,rio,ro,nk,rko->no", layer.weight, rest["a"], layer.factor("a"), layer.factor("b")[:, -1], rest["c"], layer.factor("c")
    )
    torch.testing.assert_close(layer(x).values, expected + layer.bias)


@pytest.mark.parametrize("init", ["additive", "normal", "identity"])
def test_start(init):
    torch.manual_seed(0)
    layer = LowRankFusion(width=200, rank=10, init=init)
    layer.build({"a": SlotSpec((20,)), "b": SlotSpec((30,))})
    x = {k: Slot(torch.randn(400, d), torch.ones(400, dtype=torch.bool)) for k, d in (("a", 20), ("b", 30))}
    for name in "ab":
        factor = layer.factors[name](x[name].values)
        assert factor.square().mean().item() == pytest.approx(1.25 if init == "additive" else 1.0, abs=0.05)
    spread = layer(x).values.var(dim=0).mean().item()
    at = {"normal": 1.0, "additive": 1.25**2 - 1, "identity": 1.01**2 - 1}[init]
    assert spread == pytest.approx(at, rel=0.1)


def test_weights_of_the_paper_are_one():
    layer = built(LowRankFusion(width=3, rank=2, weighted=False))
    assert layer.weight is None
    full = torch.einsum("rio,rjo,rko->oijk", *(layer.factor(k) for k in "abc")).flatten(1)
    torch.testing.assert_close(layer(slots()).values, built(TensorFusion(norm=None))(slots()).values @ full.T)


@pytest.mark.parametrize("params", [{"width": 0}, {"rank": 0}, {"init": "xavier"}])
def test_wrong_arguments(params):
    with pytest.raises(DataError, match=r"at least 1|unknown"):
        built(LowRankFusion(**params))


def test_factors_are_trained_and_kept(tmp_path):
    X, y = make_bilinear(n=400, d=4)
    model = FusionClassifier(
        ("lowrank", {"width": 16, "rank": 2}), epochs=15, optim={"fusion.factors.*": ("adam", 1e-2), "*": ("adam", 5e-3)}, patience=None
    )
    model.fit(X[:300], y[:300])
    model.save(tmp_path / "m.mcgurk")
    again = load(tmp_path / "m.mcgurk")
    assert np.array_equal(again.predict_proba(X), model.predict_proba(X))
    assert model.score(X[300:], y[300:]) > 0.75
