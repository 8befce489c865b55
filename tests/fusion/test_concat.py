"""Concatenation: by hand, balanced, with flags, whatever is absent."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier
from mcgurk.fusion import Concat
from mcgurk.nn import Slot, SlotSpec

HERE = torch.tensor([True, True, False])


def slots(full: bool = False) -> dict[str, Slot]:
    a = torch.arange(6, dtype=torch.float64).reshape(3, 2)
    b = torch.arange(24, dtype=torch.float64).reshape(3, 2, 4)
    rows = torch.ones(3, dtype=torch.bool)
    return {"a": Slot(a, rows if full else HERE, full=full), "b": Slot(b, rows if full else torch.tensor([True, False, False]), full=full)}


def built(**settings: bool) -> Concat:
    layer = Concat(**settings)
    layer.build({"a": SlotSpec((2,)), "b": SlotSpec((2, 4))})
    return layer


def test_by_hand() -> None:
    """Blocks weigh the same: the squared length of a block of standardised features is its width, whatever the width."""
    layer, given = built(), slots()
    out = layer(given)
    assert layer.out == SlotSpec((12,)) and out.values.shape == (3, 12) and out.present.tolist() == HERE.tolist()
    expected = torch.cat([given["a"].values * (5 / 2) ** 0.5, given["b"].values.flatten(1) * (5 / 8) ** 0.5], dim=1)
    torch.testing.assert_close(out.values[0, :10], expected[0])
    assert out.values[:, 10:].tolist() == [[1, 1], [1, 0], [0, 0]]
    assert not out.values[1, 2:10].any() and not out.values[2].any()
    standard = torch.ones(1, 10) * torch.cat([torch.full((2,), (5 / 2) ** 0.5), torch.full((8,), (5 / 8) ** 0.5)])
    assert float((standard[0, :2] ** 2).sum()) == pytest.approx(float((standard[0, 2:] ** 2).sum()))


def test_without_balance_and_flags_it_is_plain_concatenation() -> None:
    layer, given = built(balance=False, flags=False), slots(full=True)
    out = layer(given)
    assert layer.out.item == (10,) and out.full
    assert torch.equal(out.values, torch.cat([given["a"].values, given["b"].values.flatten(1)], dim=1))
    assert not list(layer.parameters())


def test_full_slots_change_nothing() -> None:
    marked = slots(full=True)
    plain = {name: Slot(slot.values, slot.present) for name, slot in marked.items()}
    for layer in (built(), built(flags=False)):
        assert torch.equal(layer(marked).values, layer(plain).values) and layer(plain).present.all()


def test_a_narrow_block_is_not_drowned_by_a_wide_one() -> None:
    """Three informative numbers beside 300 of noise: balanced, a network of few epochs finds them."""
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal(size=(300, 3)), rng.normal(size=(300, 300))
    y = (narrow[:, 0] + narrow[:, 1] > 0).astype(int)
    X = {"narrow": narrow, "wide": wide}
    scores = {}
    for balance in (True, False):
        model = FusionClassifier(("concat", {"balance": balance}), epochs=15, patience=None, hidden=(16,), dropout=0.0)
        model.fit({name: block[:200] for name, block in X.items()}, y[:200])
        scores[balance] = model.score({name: block[200:] for name, block in X.items()}, y[200:])
    assert scores[True] > scores[False] + 0.1 and scores[True] > 0.75
