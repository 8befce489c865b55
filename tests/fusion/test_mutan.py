"""Tucker fusion: with rank one it is MLB, with a rank a sum of MLBs, and without tanh a bilinear map."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import BilinearFusion, LowRankBilinear, TuckerFusion
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 4}


def slots():
    torch.manual_seed(0)
    return {k: Slot(torch.randn(5, d, dtype=torch.float64), torch.ones(5, dtype=torch.bool)) for k, d in WIDTHS.items()}


def built(layer):
    torch.manual_seed(1)
    layer.build({k: SlotSpec((d,)) for k, d in WIDTHS.items()})
    return layer.double()


def mlb_of(layer, r, rank=6):
    """The MLB that slice r of a TuckerFusion without projections is."""
    mlb = built(LowRankBilinear(width=2, rank=rank, squash=False, bias=False))
    for k in "ab":
        mlb.project[k].weight.data = layer.factors[k].weight[r * rank : (r + 1) * rank]
    mlb.mix.weight.data = layer.mix.weight
    return mlb


def test_rank_one_is_mlb():
    layer = built(TuckerFusion(width=2, inner=None, core=6, rank=1, squash=False, bias=False))
    torch.testing.assert_close(layer(slots()).values, mlb_of(layer, 0)(slots()).values, rtol=1e-12, atol=1e-12)


def test_higher_ranks_are_sums_of_mlbs():
    layer = built(TuckerFusion(width=2, inner=None, core=6, rank=3, squash=False, bias=False))
    expected = sum(mlb_of(layer, r)(slots()).values for r in range(3))
    torch.testing.assert_close(layer(slots()).values, expected, rtol=1e-12, atol=1e-12)


def test_core_tensor_is_a_bilinear_map():
    layer = built(TuckerFusion(width=2, inner=5, core=6, rank=3, squash=False, bias=False))
    a, b = (layer.factors[k].weight.view(3, 6, 5) @ layer.project[k].weight for k in "ab")
    core = torch.einsum("oz,rzi,rzj->oij", layer.mix.weight, a, b)
    whole = built(BilinearFusion(width=2, affine=False, bias=False))
    whole.weights[0].data = core.flatten(1)
    torch.testing.assert_close(layer(slots()).values, whole(slots()).values, rtol=1e-10, atol=1e-12)


def test_formula_with_tanh():
    layer, x = built(TuckerFusion(width=2, inner=5, core=6, rank=3)), slots()
    factors = [layer.factors[k](torch.tanh(layer.project[k](x[k].values))).view(5, 3, 6) for k in "ab"]
    torch.testing.assert_close(layer(x).values, layer.mix((factors[0] * factors[1]).sum(dim=1)))


def test_an_absent_modality_starts_at_its_mean_and_learns():
    layer, x = built(TuckerFusion(width=2, core=6, rank=3)), slots()
    mean = {**x, "b": Slot(torch.zeros_like(x["b"].values), x["b"].present.clone())}
    x["b"].present[:] = False
    torch.testing.assert_close(layer(x).values, layer(mean).values)
    layer(x).values.sum().backward()
    assert layer.absent["b"].value.grad.abs().sum() > 0


@pytest.mark.parametrize("params", [{"inner": 0}, {"rank": 0}])
def test_wrong_arguments(params):
    with pytest.raises(DataError, match="at least 1"):
        built(TuckerFusion(**params))
