"""Hidden layers are read without touching the module."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mcgurk.errors import UnknownName
from mcgurk.nn import tap


def test_the_last_output_of_each_named_layer():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1)))
    with tap(net, ["0", "1.0"]) as hidden:
        net(torch.ones(4, 2))
        out = net(torch.zeros(5, 2))
    assert set(hidden) == {"0", "1.0"} and hidden["0"].shape == (5, 3)
    assert torch.equal(net[1][1](hidden["1.0"]), out)
    net(torch.zeros(6, 2))
    assert len(hidden["0"]) == 5  # nothing is seen after the block


def test_nothing_stays_hooked_after_an_error():
    net = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(RuntimeError), tap(net, ["0"]):
        net(torch.zeros(1, 7))
    assert not net[0]._forward_hooks


def test_an_unknown_layer_is_named():
    with pytest.raises(UnknownName, match=r"no layer '7'; the module has 0"), tap(nn.Sequential(nn.Linear(2, 3)), ["7"]):
        pass
