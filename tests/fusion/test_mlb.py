"""Low-rank bilinear pooling: its formula, the bilinear map it stands for, and low-rank fusion as a case of it."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import BilinearFusion, LowRankBilinear, LowRankFusion
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 4}


def slots(**values):
    return {k: Slot(v, torch.ones(len(v), dtype=torch.bool)) for k, v in values.items()}


def draw(**widths):
    torch.manual_seed(0)
    return {k: torch.randn(5, d, dtype=torch.float64) for k, d in (widths or WIDTHS).items()}


def built(layer, **widths):
    torch.manual_seed(1)
    layer.build({k: SlotSpec((d,)) for k, d in (widths or WIDTHS).items()})
    return layer.double()


def test_formula():
    layer, x = built(LowRankBilinear(width=2, rank=6)), draw()
    expected = layer.mix(torch.tanh(layer.project["a"](x["a"])) * torch.tanh(layer.project["b"](x["b"])))
    torch.testing.assert_close(layer(slots(**x)).values, expected)


def test_is_a_rank_constrained_bilinear_map():
    layer, x = built(LowRankBilinear(width=2, rank=6, squash=False, bias=False)), draw()
    whole = built(BilinearFusion(width=2, affine=False, bias=False))
    w = torch.einsum("or,ri,rj->oij", layer.mix.weight, layer.project["a"].weight, layer.project["b"].weight)
    whole.weights[0].data = w.flatten(1)
    torch.testing.assert_close(layer(slots(**x)).values, whole(slots(**x)).values, rtol=1e-12, atol=1e-12)


def test_low_rank_fusion_is_a_case_of_it():
    x = draw()
    lowrank = built(LowRankFusion(width=2, rank=3))
    layer = built(LowRankBilinear(width=2, rank=6, squash=False, bias=False), a=4, b=5)
    for k in "ab":
        layer.project[k].weight.data = torch.cat([lowrank.factors[k].weight, lowrank.factors[k].bias[:, None]], dim=1)
    layer.mix.weight.data = torch.kron(torch.eye(2, dtype=torch.float64), lowrank.weight[None])
    one = {k: torch.cat([v, torch.ones(5, 1, dtype=torch.float64)], dim=1) for k, v in x.items()}
    torch.testing.assert_close(layer(slots(**one)).values, lowrank(slots(**x)).values, rtol=1e-12, atol=1e-12)


def test_an_absent_modality_starts_at_its_mean_and_learns():
    layer, x = built(LowRankBilinear(width=2, rank=6)), slots(**draw())
    mean = {**x, "b": Slot(torch.zeros(5, 4, dtype=torch.float64), x["b"].present.clone())}
    x["b"].present[:] = False
    torch.testing.assert_close(layer(x).values, layer(mean).values)
    layer(x).values.sum().backward()
    assert layer.absent["b"].value.grad.abs().sum() > 0


def test_wrong_arguments():
    with pytest.raises(DataError, match="at least 1"):
        built(LowRankBilinear(rank=0))
