"""Maps come from the forward pass that predicts: the prediction is computed again from them alone."""

from __future__ import annotations

import pytest
import torch

from mcgurk import registry
from mcgurk.nn import Slot, SlotSpec
from mcgurk.nn.attention import CrossAttention
from mcgurk.nn.look import Axis, keep, looked, looking, recording
from mcgurk.testing.layer_checks import WIDTHS, _built, _slots

SHOWING = [name for name, entry in registry.entries("fusion").items() if entry.role == "fusion" and registry.find("fusion", name).shows]


def test_who_shows_something():
    assert SHOWING == ["highmmt", "gated", "attention", "mult", "vilbert", "mag", "raven", "modality_graph"]
    assert registry.find("fusion", "concat")().looks({}, {}) == []


@pytest.mark.parametrize("name", ["mult", "vilbert", "mag", "highmmt"])
def test_the_prediction_follows_from_the_recorded_weights(name, monkeypatch):
    """Check: a test recomputes: values weighed by the maps give the output of the kernel that shows no weights."""
    entry = registry.entry("fusion", name)
    layer, slots = _built(registry.find("fusion", name), entry), _slots(entry)
    with torch.no_grad():
        expected = layer(slots)
        with recording() as seen:
            layer(slots)
        order = {module: iter(weights) for module, weights in seen.items()}

        def weighed(self, query, key_value, keys):
            v = self._heads(key_value.chunk(2, dim=2)[1])
            return (next(order[self]) @ v).transpose(1, 2).flatten(2)

        monkeypatch.setattr(CrossAttention, "_shown", weighed)
        with recording():
            again = layer(slots)
    assert all(next(rest, None) is None for module, rest in order.items() if isinstance(module, CrossAttention))
    here = expected.present if expected.mask is None else expected.mask
    torch.testing.assert_close(again.values[here], expected.values[here], rtol=1e-10, atol=1e-12)


def test_gates_and_shares_by_hand():
    gated, slots = _built(registry.find("fusion", "gated"), registry.entry("fusion", "gated")), _slots(registry.entry("fusion", "gated"))
    out, found = looked(gated, slots)
    again = sum(
        look.weights[:, 0, :, 0, 0] * torch.tanh(gated.project[look.source](torch.where(slots[look.source].present[:, None], x, 0 * x)))
        for look in found
        for x in [slots[look.source].values]
    )
    torch.testing.assert_close(out.values, again)
    entry = registry.entry("fusion", "mag")
    mag, slots = _built(registry.find("fusion", "mag"), entry), _slots(entry)
    shift, found = mag.shifted(slots), looked(mag, slots)[1]
    shares = {look.source: look.weights.sum(dim=(1, 2, 4)) for look in found if look.kind == "shift"}
    lengths = {"a": shift.main.values.norm(dim=2)} | {name: told.norm(dim=2) for name, told in shift.told.items()}
    assert shares.keys() == WIDTHS.keys()
    for name in shares:
        total = sum(lengths.values())
        torch.testing.assert_close(shares[name] * total, lengths[name])


def test_nothing_is_kept_while_nobody_looks():
    layer = CrossAttention(4, 2)
    slot = Slot(torch.randn(1, 3, 4), torch.tensor([True]), torch.ones(1, 3, dtype=torch.bool))
    assert not looking()
    keep(layer, torch.ones(1))
    with recording() as seen:
        assert looking()
        layer(slot, slot)
    layer(slot, slot)
    assert len(seen[layer]) == 1 and not looking()


def test_looking_keeps_gradients():
    layer = CrossAttention(4, 2)
    slot = Slot(torch.randn(1, 3, 4), torch.tensor([True]), torch.ones(1, 3, dtype=torch.bool))
    with recording() as seen:
        out = layer(slot, slot)
    (slope,) = torch.autograd.grad(out.values.sum(), seen[layer])
    assert slope.shape == (1, 2, 3, 3) and bool(slope.abs().sum() > 0)


def test_axes():
    vector = Slot(torch.zeros(2, 3), torch.tensor([True, False]))
    assert Axis.of(vector).mask.tolist() == [[True], [False]] and Axis.of(vector).times is None
    steps = Slot(torch.zeros(2, 2, 3), torch.tensor([True, False]), torch.ones(2, 2, dtype=torch.bool), torch.zeros(2, 2))
    assert Axis.of(steps).mask.tolist() == [[True, True], [False, False]] and Axis.of(steps).times is not None


def test_a_graph_of_means_shows_nothing():
    graph = registry.find("fusion", "modality_graph")(width=4, conv="mean")
    graph.build({name: SlotSpec((width,), True) for name, width in WIDTHS.items()})
    assert looked(graph.double().eval(), _slots(registry.entry("fusion", "modality_graph")))[1] == []
