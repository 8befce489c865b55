"""Gates: closed cases, variants, absence, and a planted task in which they must follow a flag."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier
from mcgurk.datasets import make_reliability
from mcgurk.errors import DataError
from mcgurk.fusion import GatedMultimodalUnit
from mcgurk.nn import Slot, SlotSpec, looked
from mcgurk.train.loader import Loader

TWO, THREE = {"a": 3, "b": 2}, {"a": 3, "b": 2, "c": 4}


def slots(widths=TWO, n=5):
    torch.manual_seed(0)
    return {k: Slot(torch.randn(n, d, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k, d in widths.items()}


def built(widths=TWO, **params):
    torch.manual_seed(1)
    layer = GatedMultimodalUnit(width=4, **params)
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


def hidden(layer, x):
    return {k: torch.tanh(layer.project[k](s.values)) for k, s in x.items()}


def gates(layer, x):
    """(B, M, width)."""
    return torch.stack([look.weights[:, 0, :, 0, 0] for look in looked(layer, x)[1]], dim=1)


@pytest.mark.parametrize("gate", ["sigmoid", "softmax"])
def test_zero_gate_averages(gate):
    layer, x = built(gate=gate), slots()
    layer.gate_layer.weight.data.zero_()
    h = hidden(layer, x)
    torch.testing.assert_close(layer(x).values, (h["a"] + h["b"]) / 2, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("bias", "winner"), [(50.0, "a"), (-50.0, "b")])
def test_an_extreme_bias_selects_a_branch(bias, winner):
    layer, x = built(), slots()
    layer.gate_layer.weight.data.zero_()
    layer.gate_layer.bias.data.fill_(bias)
    torch.testing.assert_close(layer(x).values, hidden(layer, x)[winner], rtol=0, atol=1e-15)


def test_two_sigmoids_are_a_softmax_of_a_and_zero():
    sigmoid, softmax = built(), built(gate="softmax")
    softmax.project.load_state_dict(sigmoid.project.state_dict())
    softmax.gate_layer.weight.data.zero_()
    softmax.gate_layer.bias.data.zero_()
    softmax.gate_layer.weight.data[:4] = sigmoid.gate_layer.weight.data
    softmax.gate_layer.bias.data[:4] = sigmoid.gate_layer.bias.data = torch.randn(4, dtype=torch.float64)
    torch.testing.assert_close(softmax(slots()).values, sigmoid(slots()).values, rtol=1e-12, atol=1e-15)


def test_three_sigmoids_are_independent():
    layer, x = built(THREE), slots(THREE)
    g = torch.sigmoid(layer.gate_layer(torch.cat([x[k].values for k in "abc"], dim=1))).view(5, 3, 4)
    h = hidden(layer, x)
    torch.testing.assert_close(layer(x).values, sum(g[:, m] * h[k] for m, k in enumerate("abc")))


def test_gate_input_may_be_projected():
    layer, x = built(gate_input="projected"), slots()
    projected = {k: layer.project[k](s.values) for k, s in x.items()}
    g = torch.sigmoid(layer.gate_layer(torch.cat([projected["a"], projected["b"]], dim=1)))
    torch.testing.assert_close(layer(x).values, g * torch.tanh(projected["a"]) + (1 - g) * torch.tanh(projected["b"]))


@pytest.mark.parametrize("gate", ["sigmoid", "softmax"])
@pytest.mark.parametrize("widths", [TWO, THREE])
def test_absent_gates(gate, widths):
    layer, x = built(widths, gate=gate), slots(widths)
    x["a"].present[:2] = False
    x["b"].present[1] = False
    g = gates(layer, x)
    assert (g[:2, 0] == 0).all() and (g[1, 1] == 0).all() and (g[2:] > 0).all()
    if gate == "softmax" or len(widths) == 2:
        torch.testing.assert_close(g[0, 1:].sum(dim=0), torch.ones(4, dtype=torch.float64))


@pytest.mark.parametrize("params", [{"gate": "hard"}, {"gate_input": "both"}])
def test_wrong_arguments(params):
    with pytest.raises(DataError, match="expected"):
        built(**params)


def test_the_gate_follows_planted_reliability():
    X, y = make_reliability(n=2000, random_state=0)
    model = FusionClassifier(("gated", {"width": 16}), hidden=(), dropout=0.0, epochs=30, optim=("adam", 1e-2), patience=None).fit(X, y)
    objective = model.objective_.eval()
    with torch.no_grad():
        g = gates(objective.fusion, objective.encode(Loader(dict(X.items())).batch(np.arange(len(X)))))
    flag = X.rows["flag"].to_numpy().astype(float)
    assert abs(np.corrcoef(g[:, 0].mean(dim=1).numpy(), flag)[0, 1]) > 0.9
    assert model.score(*make_reliability(n=1000, random_state=1)) > 0.97
