"""The graph of steps: removed is masked, the order of kinds, both convolutions, isolated modalities."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import ModalityGraph
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"sound": 3, "text": 2}


def stream(steps, width, seed, n=3):
    values = torch.randn(n, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Slot(values, torch.ones(n, dtype=torch.bool), torch.ones(n, steps, dtype=torch.bool))


def slots():
    return {"sound": stream(6, 3, 1), "text": stream(4, 2, 2)}


def built(**settings):
    torch.manual_seed(0)
    layer = ModalityGraph(**{"width": 8, "heads": 2, "depth": 2, "dropout": 0.0} | settings)
    layer.build({k: SlotSpec((d,), True) for k, d in WIDTHS.items()})
    return layer.double().eval()


@pytest.mark.parametrize("settings", [{}, {"conv": "mean"}, {"neighbours": 2}, {"window": 1}])
def test_a_masked_step_is_a_removed_step(settings):
    layer, x = built(**settings), slots()
    x["sound"].mask[:, 2] = False
    x["sound"].values[:, 2] = float("nan")
    keep = [0, 1, 3, 4, 5]
    removed = {**x, "sound": Slot(x["sound"].values[:, keep], x["sound"].present, x["sound"].mask[:, keep])}
    torch.testing.assert_close(layer(removed).values, layer(x).values, rtol=1e-10, atol=1e-12)


def test_kinds_of_edges():
    layer = built(neighbours=1, window=1)
    edges, kind, nodes = layer.graph(slots())
    assert nodes == 3 * 10 and len(layer.kinds) == 2 * 3 + 2
    rows = torch.cat([torch.arange(3).repeat_interleave(6), torch.arange(3).repeat_interleave(4)])
    assert (rows[edges[0]] == rows[edges[1]]).all()
    count = {layer.kinds[k]: int((kind == k).sum()) for k in kind.unique()}
    assert count["sound", "sound", "before"] == 3 * 5 and count["text", "text", "nearest"] == 3 * 4
    assert count["sound", "text", "across"] == count["text", "sound", "across"]


def test_an_absent_modality_is_no_node():
    layer, x = built(), slots()
    x["sound"].present[0] = False
    alone = layer({"text": x["text"]})
    torch.testing.assert_close(layer(x).values[0], alone.values[0])
    assert (alone.values[:, :8] == 0).all() and alone.values[0, -2:].tolist() == [0, 1]


def test_times():
    layer, x = built(clock=0.1, window=1), slots()
    for slot in x.values():
        slot.times = torch.arange(slot.mask.shape[1], dtype=torch.float64).repeat(3, 1) * 100
    _, kind, _ = layer.graph(x)
    assert int((kind == layer.kinds.index(("sound", "text", "across"))).sum()) == 3 * 4


def test_gradients():
    layer = built(width=2, heads=1, depth=1)
    inputs = [slot.values[:2, :3].clone().requires_grad_() for slot in slots().values()]
    here, steps = torch.ones(2, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda a, b: layer({"sound": Slot(a, here, steps), "text": Slot(b, here, steps)}).values, inputs)


def test_wrong_settings():
    for settings, message in (({"conv": "max"}, "'attention' or"), ({"window": 0}, "at least 1"), ({"clock": 0.0}, "above 0")):
        with pytest.raises(DataError, match=message):
            built(**settings)
