"""The chain of MFAS: its equation, gates, absence, and what is refused."""

from __future__ import annotations

import pytest
import torch

from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import FusionChain
from mcgurk.nn import Slot, SlotSpec

STEPS = (("a", "b", "relu"), ("c", "c", "sigmoid"), ("b", "a", "leaky"))


def slots(n=4, gone=()):
    torch.manual_seed(0)
    return {
        name: Slot(torch.randn(n, d, dtype=torch.float64), torch.full((n,), name not in gone))
        for name, d in {"a": 3, "b": 2, "c": 4}.items()
    }


def built(steps=STEPS, **options):
    torch.manual_seed(1)
    chain = FusionChain(steps, width=5, **options)
    chain.build({"a": SlotSpec((3,)), "b": SlotSpec((2,)), "c": SlotSpec((4,))})
    return chain.double().eval()


def test_the_equation():
    chain, x = built(), slots()
    one = torch.ones(4, 2, dtype=torch.float64)
    a, b, c = (x[k].values for k in "abc")
    h = torch.relu(chain.layers[0](torch.cat([a, b, one], 1)))
    h = torch.sigmoid(chain.layers[1](torch.cat([c, h, one], 1)))
    h = torch.nn.functional.leaky_relu(chain.layers[2](torch.cat([b, a, h, one], 1)))
    torch.testing.assert_close(chain(x).values, h)


def test_gates_start_at_one_half_and_norm_and_dropout_are_optional():
    plain, gated, x = built(), built(gates=True), slots()
    gated.layers.load_state_dict(plain.layers.state_dict())
    assert [len(alpha) for alpha in gated.alphas] == [2, 2, 3]
    halved = {name: Slot(slot.values / 2, slot.present) for name, slot in x.items()}
    short, short_gated = built(STEPS[:1]), built(STEPS[:1], gates=True)
    short_gated.layers.load_state_dict(short.layers.state_dict())
    torch.testing.assert_close(short_gated(x).values, short(halved).values)
    assert built(norm=True, dropout=0.5)(x).values.shape == (4, 5)


def test_an_absent_feature_is_zeros_and_a_flag():
    chain = built()
    x = slots(gone=("b",))
    x["b"].values[:] = float("nan")
    out = chain(x)
    without = chain({name: slot for name, slot in x.items() if name != "b"})
    torch.testing.assert_close(out.values, without.values)
    assert out.present.all() and torch.isfinite(out.values).all()
    assert len(built(None).plan) == 3


@pytest.mark.parametrize(
    ("steps", "error", "match"),
    [((), DataError, "at least one"), ((("a", "b", "odd"),), DataError, "activation"), ((("a", "z", "relu"),), UnknownName, "'z'")],
)
def test_refusals(steps, error, match):
    with pytest.raises(error, match=match):
        built(steps)
