"""Words shifted by recurrent readings of what belongs to them. What it shares with the adaptation gate is tested there."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError
from mcgurk.fusion import RAVEN
from mcgurk.fusion.raven import ends
from mcgurk.nn import Slot, SlotSpec


def stream(steps, width, seed, n=2):
    values = torch.randn(n, steps, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Slot(values, torch.ones(n, dtype=torch.bool), torch.ones(n, steps, dtype=torch.bool))


def built(**settings):
    torch.manual_seed(0)
    layer = RAVEN(**{"width": 4, "hidden": 3} | settings)
    layer.build({"sound": SlotSpec((3,), True), "text": SlotSpec((2,), True)})
    return layer.double().eval()


def test_every_step_reads_its_own_part():
    torch.manual_seed(0)
    network = torch.nn.LSTM(2, 3, batch_first=True).double()
    values = torch.randn(1, 5, 2, dtype=torch.float64)
    belongs = torch.tensor([[[True, False, True, False, False], [False] * 5, [False, False, False, True, True]]])
    found = ends(network, values, belongs)[0]
    torch.testing.assert_close(found[0], network(values[:, [0, 2]])[0][0, -1])
    torch.testing.assert_close(found[2], network(values[:, 3:])[0][0, -1])
    assert (found[1] == 0).all() and (ends(network, values, torch.zeros_like(belongs)) == 0).all()


def test_the_formula():
    layer, x = built(), {"sound": stream(6, 3, 1), "text": stream(3, 2, 2)}
    z = layer.embed(x["text"].values)
    s = torch.stack([layer.read["sound"](x["sound"].values[:, 2 * i : 2 * i + 2])[0][:, -1] for i in range(3)], dim=1)
    h = torch.sigmoid(layer.gate["sound"](torch.cat([s, z], dim=2))) * layer.shift["sound"](s) + layer.offset
    a = torch.clamp(z.norm(dim=2, keepdim=True) / (h.norm(dim=2, keepdim=True) + 1e-6), max=1)
    state = layer.words(z + a * h)[0][:, -1]
    torch.testing.assert_close(layer(x).values, torch.cat([state, torch.ones(2, 2, dtype=torch.float64)], dim=1))


def test_a_gap_is_no_step():
    layer, x = built(), {"sound": stream(6, 3, 1), "text": stream(4, 2, 2)}
    x["text"].mask[:, 1] = False
    keep = [0, 2, 3]
    short = {**x, "text": Slot(x["text"].values[:, keep], x["text"].present, x["text"].mask[:, keep])}
    torch.testing.assert_close(layer(x).values, layer(short).values)


def test_wrong_settings():
    with pytest.raises(DataError, match="at least 0, 1 and 1"):
        built(hidden=0)
