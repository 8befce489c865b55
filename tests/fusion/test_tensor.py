"""Tensor fusion against loops, its slices, absence, and the memory it refuses to take."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.errors import DataError, ResourceError
from mcgurk.fusion import TensorFusion
from mcgurk.nn import Slot, SlotSpec


def slots(n=4, absent=(), **widths):
    torch.manual_seed(0)
    out = {k: Slot(torch.randn(n, d, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k, d in widths.items()}
    for k in absent:
        out[k].present[:] = False
    return out


def built(layer, **widths):
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    return layer.double()


def test_equals_three_explicit_loops():
    widths = {"a": 2, "b": 3, "c": 2}
    x = slots(**widths)
    z = built(TensorFusion(norm=None), **widths)(x).values
    one = {k: torch.cat([s.values, torch.ones(4, 1, dtype=torch.float64)], dim=1) for k, s in x.items()}
    for row in range(4):
        loops = [one["a"][row, i] * one["b"][row, j] * one["c"][row, k] for i in range(3) for j in range(4) for k in range(3)]
        torch.testing.assert_close(z[row], torch.stack(loops), rtol=1e-12, atol=0)


def test_slices_at_the_one_position():
    widths = {"a": 2, "b": 3, "c": 2}
    x = slots(**widths)
    z = built(TensorFusion(norm=None), **widths)(x).values.view(4, 3, 4, 3)
    assert torch.equal(z[:, :2, -1, -1], x["a"].values)
    assert torch.equal(z[:, -1, :3, -1], x["b"].values)
    assert torch.equal(z[:, -1, -1, :2], x["c"].values)
    assert (z[:, -1, -1, -1] == 1).all()


def test_one_modality_is_itself_and_a_one():
    x = slots(a=3)
    z = built(TensorFusion(norm=None), a=3)(x).values
    assert torch.equal(z, torch.cat([x["a"].values, torch.ones(4, 1, dtype=torch.float64)], dim=1))


@pytest.mark.parametrize("norm", ["tanh", "layer", None])
def test_absence_embeds_the_smaller_tensor(norm):
    widths = {"a": 4, "b": 3, "c": 5}
    torch.manual_seed(1)
    whole = built(TensorFusion(width=3, norm=norm), **widths)
    part = built(TensorFusion(width=3, norm=norm), a=4, c=5)
    part.load_state_dict({k: v for k, v in whole.state_dict().items() if ".b." not in k})
    x = slots(absent=["b"], **widths)
    z = whole(x).values.view(4, 4, 4, 4)
    assert torch.equal(z[:, :, -1, :].flatten(1), part({k: x[k] for k in "ac"}).values)
    assert (z[:, :, :-1, :] == 0).all()


def test_linear_head_fits_an_interaction():
    x = slots(50, a=1, b=1)
    z = built(TensorFusion(norm=None), a=1, b=1)(x).values.numpy()
    p, q = (x[k].values[:, 0].numpy() for k in "ab")
    coefficients = np.linalg.lstsq(z, 1 + 2 * p - 3 * q + 0.5 * p * q, rcond=None)[0]
    np.testing.assert_allclose(coefficients, [0.5, 2, -3, 1], rtol=1e-10)


def test_widths_and_bound():
    layer = built(TensorFusion(width={"a": 2}), a=100, b=40)
    assert layer.out.width == 3 * 33 and set(layer.project.names()) == {"a", "b"}
    z = layer({k: Slot(1e6 * s.values, s.present) for k, s in slots(a=100, b=40).items()}).values
    assert z.abs().max() <= 9.0


def test_products_stay_in_single_precision():
    layer = TensorFusion()
    layer.build({"a": SlotSpec((40,)), "b": SlotSpec((2,))})
    x = {k: Slot(s.values.float(), s.present) for k, s in slots(a=40, b=2).items()}
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).values.dtype == torch.float32


def test_too_many_products_name_the_remedy():
    with pytest.raises(ResourceError, match=r"lowrank.*a width of at most 21") as error:
        built(TensorFusion(), a=32, b=32, c=32, d=32)
    assert error.value.code == "R00"
    built(TensorFusion(width=21), a=32, b=32, c=32, d=32)
    with pytest.raises(ResourceError, match="smaller batch_size"):
        built(TensorFusion(), a=30, b=30, c=30)(slots(2000, a=30, b=30, c=30))


@pytest.mark.parametrize(("params", "match"), [({"norm": "batch"}, "unknown"), ({"width": 0}, "from 1 on"), ({"width": {"z": 3}}, "'z'")])
def test_wrong_arguments(params, match):
    with pytest.raises(DataError, match=match):
        built(TensorFusion(**params), a=3)
