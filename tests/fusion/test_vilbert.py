"""Co-attention: exchanged streams, silent co-attention, missing streams, the pooling of summary steps."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import ViLBERT
from mcgurk.nn import Slot, SlotSpec, looked

WIDTHS = {"image": 3, "text": 2}


def maps(layer, x):
    return {(look.target, look.source): look.weights for look in looked(layer, x)[1]}


def stream(steps, width, seed, n=4, lengths=None):
    values = torch.randn(n, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    lengths = torch.full((n,), steps) if lengths is None else torch.tensor(lengths)
    return Slot(values, lengths > 0, torch.arange(steps) < lengths[:, None])


def slots(image=None, text=None):
    return {"image": stream(6, 3, 1, lengths=image), "text": stream(4, 2, 2, lengths=text)}


def built(widths=WIDTHS, **settings):
    torch.manual_seed(0)
    layer = ViLBERT(**{"width": 8, "heads": 2, "depth": 2, "dropout": 0.0} | settings)
    layer.build({k: SlotSpec((d,), True) for k, d in widths.items()})
    return layer.double().eval()


def thought(layer, x):
    """Every stream after all layers."""
    parts = layer.embed(x)
    for depth in range(layer.depth):
        parts = layer._exchange(parts, depth)
    return parts


def test_exchanged_streams_and_weights_exchange_outputs():
    turn = {"image": "text", "text": "image"}
    layer, x = built(), slots()
    other = built({turn[k]: d for k, d in WIDTHS.items()})
    other.load_state_dict({".".join(turn.get(part, part) for part in name.split(".")): v for name, v in layer.state_dict().items()})
    y = {turn[k]: slot for k, slot in x.items()}
    a, b = thought(layer, x), thought(other, y)
    for name in WIDTHS:
        torch.testing.assert_close(b[turn[name]].values, a[name].values, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(other(y).values, layer(x).values, rtol=1e-12, atol=1e-14)


def test_silent_co_attention_leaves_every_stream_its_own_encoder():
    layer, x = built(), slots()
    for name in WIDTHS:
        for block in layer.co[name]:
            block.attend.leave.weight.data.zero_()
            block.attend.leave.bias.data.zero_()
    noise = {**x, "image": stream(6, 3, 9)}
    assert torch.equal(thought(layer, noise)["text"].values, thought(layer, x)["text"].values)
    z = layer.embed(x)["text"]
    for co, own in zip(layer.co["text"], layer.own["text"], strict=True):
        values = co.norm(z.values)
        z = z.with_values(co.inner_norm(values + co.narrow(torch.nn.functional.gelu(co.widen(values)))))
        z = own(z, z)
    torch.testing.assert_close(thought(layer, x)["text"].values, z.values)


def test_a_missing_stream_is_skipped():
    layer, x = built(), slots(image=[0, 6, 6, 6])
    out = layer(x).values
    alone = layer({"text": x["text"]}).values
    torch.testing.assert_close(alone[0], out[0])
    text = torch.tanh(layer.pool["text"](thought(layer, x)["text"].values[0, 0]))
    torch.testing.assert_close(out[0, :8], text * layer.silence()[0, 0])
    assert out[0, 8:].tolist() == [0, 1] and (out[1:, 8:] == 1).all()


def test_silence_is_what_a_present_stream_without_steps_and_company_says():
    layer, x = built(), slots(image=[0, 6, 6, 6], text=[0, 4, 4, 4])
    x["image"].present[0] = True
    empty = torch.tanh(layer.pool["image"](thought(layer, x)["image"].values[0, 0]))
    torch.testing.assert_close(layer.silence()[0, 0], empty)
    whole = slots()
    marked = {name: Slot(slot.values, slot.present, slot.mask, None, True) for name, slot in whole.items()}
    assert torch.equal(layer(marked).values, layer(whole).values)


@pytest.mark.parametrize("pooling", ["mul", "sum"])
def test_pooling(pooling):
    layer, x = built(pooling=pooling), slots()
    a, b = (torch.tanh(layer.pool[k](thought(layer, x)[k].values[:, 0])) for k in ("image", "text"))
    torch.testing.assert_close(layer(x).values[:, :8], a * b if pooling == "mul" else a + b)


def test_the_summary_step_of_an_empty_stream_speaks_for_it():
    layer, x = built(), slots(image=[0, 6, 6, 6])
    x["image"].present[0] = True
    out = layer(x)
    assert torch.isfinite(out.values).all() and out.values[0, 8:].tolist() == [1, 1]


def test_three_streams_share_one_attention():
    layer = built({**WIDTHS, "sound": 1})
    x = {**slots(text=[4, 2, 0, 1]), "sound": stream(5, 1, 3)}
    found = maps(layer, x)
    assert found["image", "sound"].shape == (4, 2, 2, 7, 6) and len(found) == 9
    total = found["image", "sound"].sum(dim=-1) + found["image", "text"].sum(dim=-1)
    torch.testing.assert_close(total, torch.ones_like(total))
    assert (found["image", "text"][2] == 0).all() and (found["image", "text"][1, ..., 3:] == 0).all()


def test_one_stream():
    layer, x = built({"text": 2}), {"text": slots()["text"]}
    assert layer(x).values.shape == (4, 9) and list(maps(layer, x)) == [("text", "text")] and len(layer.co) == 0


def test_more_padding_changes_nothing():
    layer, x = built(), slots(image=[6, 3, 0, 5])
    pad = torch.full((4, 5, 3), float("nan"), dtype=torch.float64)
    mask = torch.cat([x["image"].mask, torch.zeros(4, 5, dtype=torch.bool)], dim=1)
    longer = {**x, "image": Slot(torch.cat([x["image"].values, pad], dim=1), x["image"].present, mask)}
    torch.testing.assert_close(layer(longer).values, layer(x).values, rtol=0, atol=1e-12)


def test_gradients():
    layer = built({"a": 1, "b": 2}, width=2, heads=1, depth=1)
    here, steps = torch.ones(2, dtype=torch.bool), lambda t: torch.ones(2, t, dtype=torch.bool)
    torch.manual_seed(1)
    inputs = [torch.randn(2, 3, 1, dtype=torch.float64, requires_grad=True), torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)]
    assert torch.autograd.gradcheck(lambda a, b: layer({"a": Slot(a, here, steps(3)), "b": Slot(b, here, steps(2))}).values, inputs)


def test_wrong_settings():
    for settings, message in (({"depth": 0}, "at least 1"), ({"pooling": "max"}, "'mul' or 'sum'"), ({"clock": -1.0}, "above 0")):
        with pytest.raises(DataError, match=message):
            built(**settings)
