"""The multimodal transformer: pairs, order of source steps, padding, absent sources, causality, the plain encoder of one modality."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import MulT
from mcgurk.nn import Slot, SlotSpec, looked

WIDTHS = {"sound": 3, "text": 2, "video": 4}


def maps(layer, x):
    return {(look.target, look.source): look.weights for look in looked(layer, x)[1]}


def stream(steps, width, seed, n=4, times=None, lengths=None):
    values = torch.randn(n, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    lengths = torch.full((n,), steps) if lengths is None else torch.tensor(lengths)
    return Slot(values, lengths > 0, torch.arange(steps) < lengths[:, None], times)


def slots(**lengths):
    return {
        "sound": stream(7, 3, 1, lengths=lengths.get("sound")),
        "text": stream(4, 2, 2, lengths=lengths.get("text")),
        "video": stream(5, 4, 3, lengths=lengths.get("video")),
    }


def built(widths=WIDTHS, **settings):
    torch.manual_seed(0)
    layer = MulT(**{"width": 8, "heads": 2, "depth": 2, "memory": 1, "dropout": 0.0} | settings)
    layer.build({k: SlotSpec((d,), True) for k, d in widths.items()})
    return layer.double().eval()


def moved(slot, order, times=False):
    return Slot(slot.values[:, order], slot.present, slot.mask[:, order], slot.times[:, order] if times else slot.times)


def crossed(layer, x, target="text", source="sound"):
    low = layer.embed(x)
    return layer.cross[target][source](low[target], low[source]).values


@pytest.mark.parametrize("count", [2, 3])
def test_one_transformer_for_every_ordered_pair(count):
    layer = built(dict(list(WIDTHS.items())[:count]))
    assert sum(len(layer.cross[name]) for name in layer.built) == count * (count - 1)
    assert layer.out.width == count * (count - 1) * 8 + count


def test_order_of_source_steps():
    order = torch.tensor([3, 0, 6, 4, 2, 1, 5])
    x = slots()
    y = {**x, "sound": moved(x["sound"], order)}
    bare = built(positions=False)
    torch.testing.assert_close(crossed(bare, y), crossed(bare, x), rtol=1e-10, atol=1e-12)
    placed = built()
    assert (crossed(placed, y) - crossed(placed, x)).abs().max() > 1e-3


def test_steps_that_keep_their_times_may_come_in_any_order():
    order = torch.tensor([3, 0, 6, 4, 2, 1, 5])
    x = slots()
    x["sound"].times = torch.arange(7, dtype=torch.float64).repeat(4, 1) * 0.5
    layer = built(clock=0.25)
    y = {**x, "sound": moved(x["sound"], order, times=True)}
    torch.testing.assert_close(crossed(layer, y), crossed(layer, x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("settings", [{}, {"kernel": 3}, {"causal": True}])
def test_more_padding_changes_nothing(settings):
    layer, x = built(**settings), slots(sound=[7, 3, 0, 5])
    longer = {}
    for name, slot in x.items():
        pad = torch.full((4, 6, slot.values.shape[2]), float("nan"), dtype=torch.float64)
        mask = torch.cat([slot.mask, torch.zeros(4, 6, dtype=torch.bool)], dim=1)
        longer[name] = Slot(torch.cat([slot.values, pad], dim=1), slot.present, mask)
    torch.testing.assert_close(layer(longer).values, layer(x).values, rtol=0, atol=1e-12)


def test_one_modality_is_a_plain_encoder():
    layer, x = built({"text": 2}), {"text": slots()["text"]}
    low = layer.embed(x)["text"]
    h = layer.recall["text"](low).values[:, -1]
    h = h + layer.narrow(torch.relu(layer.widen(h)))
    torch.testing.assert_close(layer(x).values, torch.cat([h, torch.ones(4, 1)], dim=1))
    assert list(maps(layer, x)) == [("text", "text")]


def test_an_absent_source_is_skipped_and_an_absent_target_is_zero():
    layer, x = built({"sound": 3, "text": 2}), slots(sound=[0, 7, 7, 7])
    x.pop("video")
    low = layer.embed(x)
    stream_ = layer.cross["text"]["sound"]
    torch.testing.assert_close(stream_(low["text"], low["sound"]).values[0], stream_.norm(low["text"].values[0]))
    alone = layer({"text": x["text"]})
    torch.testing.assert_close(alone.values[0], layer(x).values[0])
    assert layer(x).values[0, -2:].tolist() == [0, 1] and alone.present.all()

    assert (maps(layer, x)["text", "sound"][0] == 0).all()


def test_attention_maps():
    layer, x = built(), slots(sound=[7, 3, 0, 5])
    found = maps(layer, x)
    assert found["text", "sound"].shape == (4, 2, 2, 4, 7) and len(found) == 9
    assert found["text", "text"].shape == (4, 1, 2, 4, 4)
    total = found["text", "sound"].sum(dim=-1)
    torch.testing.assert_close(total[[0, 1, 3]], torch.ones_like(total[[0, 1, 3]]))
    assert (total[2] == 0).all() and (found["text", "sound"][1, ..., 3:] == 0).all()


def test_causal_streams_do_not_see_ahead():
    layer, x = built(causal=True), slots()
    y = {k: Slot(s.values.clone(), s.present, s.mask) for k, s in x.items()}
    y["sound"].values[:, 2:] += 1
    torch.testing.assert_close(crossed(layer, y)[:, :2], crossed(layer, x)[:, :2], rtol=1e-12, atol=1e-14)
    assert (maps(layer, x)["text", "sound"][..., 0, 1:] == 0).all()


def test_the_last_valid_step_answers():
    layer, x = built({"text": 2}), {"text": stream(4, 2, 2, lengths=[4, 2, 3, 1])}
    short = {"text": Slot(x["text"].values[1:2, :2], x["text"].present[1:2], x["text"].mask[1:2, :2])}
    torch.testing.assert_close(layer(short).values, layer(x).values[1:2])


def test_gradients():
    layer = built({"sound": 1, "text": 2}, width=2, heads=1, depth=1)
    torch.manual_seed(1)
    inputs = [torch.randn(2, 3, 1, dtype=torch.float64, requires_grad=True), torch.randn(2, 2, 2, dtype=torch.float64, requires_grad=True)]
    mask = torch.tensor([[True, True, False], [True, True, True]])

    def function(a, b):
        here = torch.ones(2, dtype=torch.bool)
        return layer({"sound": Slot(a, here, mask), "text": Slot(b, here, torch.ones(2, 2, dtype=torch.bool))}).values

    assert torch.autograd.gradcheck(function, inputs)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"kernel": 2}, "odd number"), ({"depth": 0}, "at least 1"), ({"clock": 0.0}, "above 0"), ({"heads": 3}, "multiple of heads")],
)
def test_wrong_settings(settings, message):
    with pytest.raises(DataError, match=message):
        built(**settings)


def test_what_cannot_be_fused():
    with pytest.raises(DataError, match="codes of 9 classes"):
        MulT().build({"text": SlotSpec((), True, 9)})
    with pytest.raises(DataError, match="no numbers"):
        MulT().build({"text": SlotSpec((0,), True)})
    with pytest.raises(DataError, match="no modality"):
        MulT().build({})
    with pytest.raises(DataError, match="fuses sound, text, video"):
        built()({"smell": slots()["text"]})


def test_without_alignment_no_modality_sees_another():
    crossing, apart, x = built(), built(align=False), slots()
    assert sum(p.numel() for p in apart.parameters()) == sum(p.numel() for p in crossing.parameters())
    y = {**x, "sound": stream(7, 3, 9)}
    text = lambda layer, given: layer.recall["text"](layer._joined("text", layer.embed(given))).values  # noqa: E731
    torch.testing.assert_close(text(apart, y), text(apart, x), rtol=0, atol=0)
    assert (text(crossing, y) - text(crossing, x)).abs().max() > 1e-3
    assert (apart(y).values - apart(x).values).abs().max() > 1e-3
    assert set(maps(apart, x)) == {(name, name) for name in WIDTHS}
