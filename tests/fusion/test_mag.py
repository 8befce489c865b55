"""The adaptation gate: the cap, beta = 0, nothing to say, signs, joining by time, the main modality absent."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import MAG, RAVEN
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"sound": 3, "text": 4, "video": 2}


def stream(steps, width, seed, n=4):
    values = torch.randn(n, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Slot(values, torch.ones(n, dtype=torch.bool), torch.ones(n, steps, dtype=torch.bool))


def slots():
    return {"sound": stream(7, 3, 1), "text": stream(5, 4, 2), "video": stream(3, 2, 3)}


def built(cls=MAG, widths=WIDTHS, **settings):
    torch.manual_seed(0)
    default = {"width": None, "depth": 0, "dropout": 0.0} if cls is MAG else {"width": 4, "hidden": 3}
    layer = cls(**default | settings)
    layer.build({k: SlotSpec((d,), True) for k, d in widths.items()})
    return layer.double().eval()


@pytest.mark.parametrize("cls", [MAG, RAVEN])
@pytest.mark.parametrize("beta", [0.01, 1.0, 50.0])
def test_no_shift_is_longer_than_allowed(cls, beta):
    layer, x = built(cls, beta=beta), slots()
    layer.offset.data.normal_()
    shifted = layer.shifted(x)
    z, shift = shifted.main, shifted.total
    assert (shift.norm(dim=2) <= beta * z.values.norm(dim=2) * (1 + 1e-6)).all() and (shift != 0).any()


def test_without_shift_steps_are_only_normalised():
    x = slots()
    layer = built(beta=0.0)
    torch.testing.assert_close(layer(x).values, layer.norm(x["text"].values))
    alone = built()
    torch.testing.assert_close(alone({"text": x["text"]}).values, alone.norm(x["text"].values))


@pytest.mark.parametrize("cls", [MAG, RAVEN])
def test_nothing_to_say_has_finite_gradients(cls):
    layer, x = built(cls), slots()
    for p in layer.shift.parameters():
        p.data.zero_()
    for slot in x.values():
        slot.values.requires_grad_()
    layer(x).values.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters() if p.grad is not None)
    assert all(slot.values.grad is None or torch.isfinite(slot.values.grad).all() for slot in x.values())


def test_opposite_cues_shift_the_opposite_way():
    layer, x = built(), slots()
    for gate in (layer.gate["sound"], layer.gate["video"]):
        gate.weight.data.zero_()
        gate.bias.data.fill_(0.7)
    y = {k: Slot(s.values if k == "text" else -s.values, s.present, s.mask) for k, s in x.items()}
    torch.testing.assert_close(layer.shifted(y).total, -layer.shifted(x).total)


def test_the_formula():
    layer, x = built(widths={"sound": 3, "text": 4}), {k: slots()[k] for k in ("sound", "text")}
    x["sound"] = stream(5, 3, 1)
    layer.offset.data.normal_()
    z, s = x["text"].values, x["sound"].values
    h = torch.relu(layer.gate["sound"](torch.cat([s, z], dim=2))) * layer.shift["sound"](s) + layer.offset
    a = torch.clamp(z.norm(dim=2, keepdim=True) / (h.norm(dim=2, keepdim=True) + 1e-6), max=1)
    torch.testing.assert_close(layer(x).values, layer.norm(z + a * h))


@pytest.mark.parametrize("cls", [MAG, RAVEN])
def test_an_absent_cue_is_as_if_it_were_not_there(cls):
    layer, x = built(cls), slots()
    x["sound"].present[0], x["sound"].mask[0] = False, False
    without = layer({k: x[k] for k in ("text", "video")})
    torch.testing.assert_close(layer(x).values[0], without.values[0])


@pytest.mark.parametrize("cls", [MAG, RAVEN])
def test_without_the_main_modality_the_others_speak(cls):
    layer, x = built(cls), slots()
    x["text"].present[0], x["text"].mask[0] = False, False
    shifted = layer.shifted(x)
    z, shift = shifted.main, shifted.total
    assert z.present.all() and z.mask[0].tolist() == [True] + [False] * 4
    assert (z.values[0] == 0).all() and shift[0, 0].abs().sum() > 0
    moved = {**x, "sound": stream(7, 3, 9)}
    assert (layer(moved).values[0] - layer(x).values[0]).abs().max() > 1e-6


@pytest.mark.parametrize("cls", [MAG, RAVEN])
def test_mixed_precision(cls):
    layer, x = built(cls).float(), {k: Slot(s.values.float(), s.present, s.mask) for k, s in slots().items()}
    with torch.autocast("cpu", torch.bfloat16):
        out = layer(x).values
    torch.testing.assert_close(out.float(), layer(x).values, rtol=0.1, atol=0.1)


def test_a_transformer_follows():
    layer, x = built(width=8, heads=2, depth=2), slots()
    assert layer(x).values.shape == (4, 5, 8) and layer.out == SlotSpec((8,), True)


def test_which_modality_is_the_main_one():
    assert built().chosen == "text" and built(main="video").chosen == "video"
    assert built(widths={"b": 4, "a": 4}).chosen == "a"
    for settings, message in (({"main": "smell"}, "not among the modalities"), ({"beta": -1.0}, "below 0")):
        with pytest.raises(DataError, match=message):
            built(**settings)
