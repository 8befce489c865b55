import math

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mcgurk import registry
from mcgurk.nn.batch import SlotSpec
from mcgurk.nn.macs import Counter, counted, dense, fourier, recurrent, zeros
from mcgurk.testing.layer_checks import WIDTHS

LAYERS = {name: entry for name, entry in registry.entries("fusion").items() if entry.role == "fusion"}


def specs(entry):
    return {name: SlotSpec((width,), entry.wants == "sequence") for name, width in WIDTHS.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_the_formula_of_every_layer_is_what_is_counted(name):
    """Check: MACs of every fusion module, counted analytically and verified against a hook counter."""
    entry = LAYERS[name]
    layer = registry.find("fusion", name)(**entry.small)
    layer.build(specs(entry))
    for steps in ({"a": 1, "b": 1, "c": 1}, {"a": 7, "b": 3, "c": 4}, {"a": 2, "b": 9, "c": 5}):
        assert layer.macs(steps) == pytest.approx(counted(layer, specs(entry), steps), rel=1e-9)


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"mcb", "lowrank", "attention"}))
def test_in_double_precision_torchs_own_counter_says_the_same(name):
    # there LSTMs run step by step; attention is asked to; Fourier transforms and products of matrix and vector it never counts
    entry = LAYERS[name]
    layer = registry.find("fusion", name)(**entry.small)
    layer.build(specs(entry))
    layer.double().eval()
    steps = {"a": 6, "b": 2, "c": 3}
    slots = {n: zeros(spec, steps[n], torch.zeros((), dtype=torch.float64)) for n, spec in specs(entry).items()}
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        layer(slots)
    assert layer.macs(steps) == pytest.approx(counter.get_total_flops() / 2)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("mult", {"align": False, "depth": 2}),
        ("mult", {"kernel": 3, "causal": True}),
        ("vilbert", {"pooling": "sum", "depth": 2}),
        ("mag", {"width": None, "heads": 1, "depth": 0}),
        ("mag", {"main": "c", "depth": 2}),
        ("raven", {"main": "b"}),
        ("modality_graph", {"conv": "mean", "neighbours": 2}),
        ("gated", {"gate": "softmax", "gate_input": "projected"}),
        ("bilinear", {"affine": False, "norm": True}),
        ("tensor", {"width": 2}),
        ("lowrank", {"weighted": False}),
        ("mutan", {"inner": None}),
        ("film", {"depth": 3}),
        ("highmmt", {"groups": "own", "pair_groups": "own"}),
        ("chain", {"gates": True, "norm": True}),
    ],
)
def test_the_formula_follows_the_settings(name, settings):
    entry = LAYERS[name]
    layer = registry.find("fusion", name)(**{**entry.small, **settings})
    layer.build(specs(entry))
    steps = {"a": 7, "b": 3, "c": 4}
    assert layer.macs(steps) == pytest.approx(counted(layer, specs(entry), steps), rel=1e-9)


def test_one_modality_alone():
    for name, entry in LAYERS.items():
        layer = registry.find("fusion", name)(**entry.small)
        layer.build({"a": SlotSpec((3,), entry.wants == "sequence")})
        found = counted(layer, {"a": SlotSpec((3,), entry.wants == "sequence")}, {"a": 5})
        assert layer.macs({"a": 5}) == pytest.approx(found, rel=1e-9), name


def test_costs_by_hand():
    assert registry.find("fusion", "concat")().macs({}) == 0
    built = {"a": SlotSpec((3,)), "b": SlotSpec((2,))}
    bilinear = registry.find("fusion", "bilinear")(width=5, affine=False)
    bilinear.build(built)
    assert bilinear.macs({}) == 3 * 2 + 5 * 3 * 2  # the products, and their weights
    tensor = registry.find("fusion", "tensor")()
    tensor.build(built | {"c": SlotSpec((4,))})
    assert tensor.macs({}) == 3 * 5 + 4 * 3 * 5  # b with c, then a with both; each of d + 1
    attention = registry.find("fusion", "mult")(width=4, heads=2, depth=1, memory=1)
    attention.build({"a": SlotSpec((3,), True)})
    block = 4 * 4 * 4 * 6 + 2 * 6 * 6 * 4 + 2 * 4 * 16 * 6  # four projections; every step with every other, twice; two wide layers
    assert attention.macs({"a": 6}) == 3 * 4 * 6 + block + 2 * 4 * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_what_the_counter_sees(dtype, mode):
    x, q = torch.zeros(2, 5, 3, dtype=dtype), torch.zeros(2, 2, 5, 8, dtype=dtype)
    lstm = nn.LSTM(3, 4, batch_first=True).to(dtype)
    gru = nn.GRU(3, 4, num_layers=2, batch_first=True, bidirectional=True).to(dtype)
    convolution = nn.Conv1d(3, 7, 3, padding=1).to(dtype)
    cases = [
        (lambda: lstm(x), recurrent(lstm, 10)),
        (lambda: gru(x), recurrent(gru, 10)),
        (lambda: convolution(x.transpose(1, 2)), 2 * 5 * 7 * 9),
        (lambda: nn.functional.scaled_dot_product_attention(q, q, q), 2 * 2 * 2 * 25 * 8),
        (lambda: torch.fft.irfft(torch.fft.rfft(x.flatten(1)[:, :8]), n=8), 2 * 2 * 1.25 * 8 * 3),
        (lambda: torch.mv(x.flatten(1), x[0].flatten()), 2 * 15),
        (lambda: torch.relu(x) * 2 + x.sum(), 0),
    ]
    for run, macs in cases:
        with mode(), Counter() as counter:
            run()
        assert counter.macs == pytest.approx(macs)


def test_the_counter_tells_parts_apart():
    first, second = nn.Linear(3, 4), nn.Linear(4, 2)
    with torch.no_grad(), Counter() as counter, counter.parts({"first": first, "second": second}) as spent:
        second(first(torch.zeros(10, 3)))
        first(torch.zeros(1, 3))
    assert spent == {"first": 132.0, "second": 80.0} and counter.macs == 212
    assert not first._forward_hooks and not first._forward_pre_hooks


def test_small_formulas():
    assert dense(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)), 2) == 40
    assert fourier(1) == 0 and fourier(8) == 30 and fourier(1000) == pytest.approx(1250 * math.log2(1000))


def test_counting_leaves_the_layer_in_its_mode():
    layer = registry.find("fusion", "gated")(width=4)
    layer.build({"a": SlotSpec((3,)), "b": SlotSpec((2,))})
    layer.train()
    counted(layer, {"a": SlotSpec((3,)), "b": SlotSpec((2,))}, {})
    assert layer.training
