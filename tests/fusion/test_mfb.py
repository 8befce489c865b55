"""Factorised bilinear pooling: a bilinear form of rank k each output, normalised."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import BilinearFusion, FactorisedBilinear
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 4}


def slots(scale=1.0):
    torch.manual_seed(0)
    return {k: Slot(scale * torch.randn(5, d, dtype=torch.float64), torch.ones(5, dtype=torch.bool)) for k, d in WIDTHS.items()}


def built(layer):
    torch.manual_seed(1)
    layer.build({k: SlotSpec((d,)) for k, d in WIDTHS.items()})
    return layer.double()


def test_every_output_is_a_bilinear_form_of_rank_k():
    layer = built(FactorisedBilinear(width=2, rank=3, bias=False, normalise=False))
    a, b = (layer.project[k].weight.view(2, 3, -1) for k in "ab")
    w = torch.einsum("oki,okj->oij", a, b)
    whole = built(BilinearFusion(width=2, affine=False, bias=False))
    whole.weights[0].data = w.flatten(1)
    torch.testing.assert_close(layer(slots()).values, whole(slots()).values, rtol=1e-12, atol=1e-12)
    assert torch.linalg.matrix_rank(w).tolist() == [3, 3]


def test_normalisers():
    plain, layer = built(FactorisedBilinear(width=4, normalise=False)), built(FactorisedBilinear(width=4))
    z = plain(slots()).values
    root = z.sign() * z.abs().sqrt()
    torch.testing.assert_close(layer(slots()).values, root / root.norm(dim=1, keepdim=True), rtol=1e-5, atol=1e-5)


def test_gradient_at_zero_is_finite():
    layer, x = built(FactorisedBilinear(width=4, bias=False)), slots(0.0)
    for s in x.values():
        s.values.requires_grad_()
    layer(x).values.sum().backward()
    assert all(torch.isfinite(s.values.grad).all() for s in x.values())
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in layer.parameters())


@pytest.mark.parametrize(("bias", "start"), [(True, 0.0), (False, 1.0)])
def test_an_absent_modality_starts_at_a_constant_and_learns(bias, start):
    layer, x = built(FactorisedBilinear(width=4, bias=bias)), slots()
    constant = {**x, "b": Slot(torch.full_like(x["b"].values, start), x["b"].present.clone())}
    x["b"].present[:] = False
    torch.testing.assert_close(layer(x).values, layer(constant).values)
    layer(x).values.sum().backward()
    assert 0 < layer.absent["b"].value.grad.abs().max() < 100


def test_wrong_arguments():
    with pytest.raises(DataError, match="at least 1"):
        built(FactorisedBilinear(rank=0))
