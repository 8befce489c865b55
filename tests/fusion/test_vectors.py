"""What every fusion layer promises: derivatives, order of rows, one row, absence, copies."""

from __future__ import annotations

import copy

import pytest
import torch

from mcgurk import registry
from mcgurk.errors import DataError
from mcgurk.fusion import _vectors
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 2, "c": 4}
LAYERS = [name for name, entry in registry.entries("fusion").items() if entry.role == "fusion" and entry.wants == "vector"]


def built(name, widths=WIDTHS, seed=0):
    torch.manual_seed(seed)
    layer = registry.make("fusion", (name, dict(registry.entry("fusion", name).small)))
    layer.build({k: SlotSpec((d,)) for k, d in widths.items()})
    layer.double().eval()
    for p in layer.parameters():
        p.data += 0.1 * torch.randn_like(p)  # away from zeros and ones of the start
    return layer


def some(n=5, widths=WIDTHS, seed=1, absent=None):
    """Slots of random values; ``absent`` lists (modality, row)."""
    torch.manual_seed(seed)
    slots = {k: Slot(torch.randn(n, d, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k, d in widths.items()}
    for k, row in absent or ():
        slots[k].present[row] = False
    return slots


HOLES = (("a", 0), ("a", 1), ("b", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 4), ("c", 4))


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives(name):
    layer, slots = built(name), some(3, absent=(("a", 0), ("b", 1)))

    def out(*values):
        return layer({k: Slot(v, slots[k].present) for k, v in zip(slots, values, strict=True)}).values

    assert torch.autograd.gradcheck(out, [s.values.requires_grad_() for s in slots.values()])
    parameters = list(layer.parameters())

    def of_parameters(*values):
        return torch.func.functional_call(layer, dict(zip(dict(layer.named_parameters()), values, strict=True)), (slots,)).values

    assert not parameters or torch.autograd.gradcheck(of_parameters, [p.detach().requires_grad_() for p in parameters], fast_mode=True)


@pytest.mark.parametrize("name", LAYERS)
def test_rows_are_independent(name):
    layer, slots = built(name), some(absent=HOLES)
    out = layer(slots)
    order = torch.tensor([3, 0, 4, 2, 1])
    moved = layer({k: Slot(s.values[order], s.present[order]) for k, s in slots.items()})
    torch.testing.assert_close(moved.values, out.values[order], rtol=1e-10, atol=1e-14)
    alone = layer({k: Slot(s.values[:1], s.present[:1]) for k, s in slots.items()})
    torch.testing.assert_close(alone.values, out.values[:1], rtol=1e-10, atol=1e-14)
    assert out.values.shape == (5, layer.out.width) and out.present.tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("name", LAYERS)
def test_full_is_a_short_cut(name):
    layer, slots = built(name), some()
    out = layer({k: Slot(s.values, s.present, None, None, True) for k, s in slots.items()})
    assert out.full and torch.equal(out.values, layer(slots).values)


@pytest.mark.parametrize("name", LAYERS)
def test_absent_content_never_matters(name):
    def run(filling):
        layer, slots = built(name), some(absent=HOLES)
        for s in slots.values():
            s.values[~s.present] = filling
            s.values.requires_grad_()
        layer(slots).values[:4].square().sum().backward()
        return [p.grad for p in layer.parameters()], [s.values.grad for s in slots.values()]

    for filling in (float("nan"), float("inf"), 1e6):
        for one, two in zip(*(a + b for a, b in (run(0.0), run(filling))), strict=True):
            assert (one is None and two is None) or torch.equal(one, two)
            assert one is None or torch.isfinite(one).all()
    for k, row in HOLES:
        slots = some(absent=HOLES)
        slots[k].values.requires_grad_()
        built(name)(slots).values.sum().backward()
        assert (slots[k].values.grad[row] == 0).all()


@pytest.mark.parametrize("name", [n for n in LAYERS if n != "concat"])
def test_a_modality_left_out_is_absent(name):
    layer, slots = built(name), some(absent=[("b", row) for row in range(5)])
    assert torch.equal(layer({k: slots[k] for k in ("a", "c")}).values, layer(slots).values)


@pytest.mark.parametrize("name", LAYERS)
def test_order_of_columns_and_copies(name):
    layer, slots = built(name), some(absent=HOLES)
    torch.manual_seed(0)
    other = registry.make("fusion", (name, dict(registry.entry("fusion", name).small)))
    other.build({k: SlotSpec((d,)) for k, d in sorted(WIDTHS.items(), reverse=name != "concat")})
    other.double().eval().load_state_dict(copy.deepcopy(layer.state_dict()))
    out = layer(slots).values
    assert torch.equal(other({k: slots[k] for k in sorted(slots, reverse=name != "concat")}).values, out)
    assert torch.equal(copy.deepcopy(layer)(slots).values, out)


@pytest.mark.parametrize("name", [n for n in LAYERS if n != "concat"])
def test_one_modality_alone(name):
    layer = built(name, {"a": 3})
    assert layer(some(4, {"a": 3})).values.shape == (4, layer.out.width)


@pytest.mark.parametrize("name", [n for n in LAYERS if n not in ("concat",)])
def test_refusals_name_the_remedy(name):
    layer = registry.make("fusion", name)
    with pytest.raises(DataError, match="at least one"):
        layer.build({})
    with pytest.raises(DataError, match="pool it first"):
        layer.build({"a": SlotSpec((3,), sequence=True)})
    with pytest.raises(DataError, match="leave the modality out"):
        layer.build({"a": SlotSpec((0,))})
    with pytest.raises(DataError, match="was given z"):
        built(name)({**some(), "z": some()["a"]})
    with pytest.raises(DataError, match="no modality"):
        built(name)({})


@pytest.mark.parametrize("normaliser", [_vectors.signed_sqrt, _vectors.unit_norm])
def test_normalisers_at_zero(normaliser):
    x = torch.zeros(2, 3, requires_grad=True)
    normaliser(x).sum().backward()
    assert torch.isfinite(x.grad).all()
    y = torch.tensor([[3.0, -4.0]])
    expected = [[3**0.5, -2.0]] if normaliser is _vectors.signed_sqrt else [[0.6, -0.8]]
    torch.testing.assert_close(normaliser(y), torch.tensor(expected))


def test_half_precision_is_widened():
    assert _vectors.wide(torch.ones(1, dtype=torch.bfloat16)).dtype == torch.float32
    assert _vectors.wide(torch.ones(1, dtype=torch.float64)).dtype == torch.float64
