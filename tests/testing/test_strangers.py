"""The suite on strangers' layers: a sound one passes everything, each fault of well-known code is named."""

from __future__ import annotations

import sys
import types

import pytest

from mcgurk import registry
from mcgurk.errors import DataError, UnknownName
from mcgurk.testing import check

GOOD = '''
import torch
from torch import nn
from mcgurk.nn import Slot, SlotSpec, masked
from mcgurk.nn.component import Fusion
from mcgurk.nn.macs import dense


class Total(Fusion):
    """The sum over present modalities of a linear map each: ``h = sum_m 1[m present] (W_m x_m + b_m)``.

    Args:
        width: of the sum.

    Shapes: M Slots (B, d_m) -> (B, width).

    Example:
        >>> Total(width=4)
        Total(width=4)
    """

    def __init__(self, width=8):
        super().__init__()
        self.width = width

    def build(self, specs):
        self.maps = self.container({name: nn.Linear(spec.width, self.width) for name, spec in specs.items()})
        self.out = SlotSpec((self.width,))

    container = staticmethod(nn.ModuleDict)

    def forward(self, slots):
        slots = {name: masked.clean(slot) for name, slot in slots.items()}
        each = [
            torch.where(slot.present[:, None], self.maps[name](slot.values), torch.zeros(1, dtype=slot.values.dtype))
            for name, slot in slots.items()
        ]
        present = torch.stack([slot.present for slot in slots.values()]).any(dim=0)
        return Slot(sum(each), present)

    def macs(self, steps):
        return dense(self)
'''
#: what a well-known library did -> (from, to, the check that must name it)
FAULTS = {
    "parameters in a plain dict are never trained and lost on save": (
        "staticmethod(nn.ModuleDict)",
        "staticmethod(dict)",
        "registered parameters",
    ),
    "multiplying by the mask lets NaN through": (
        "masked.clean(slot) for name",
        "Slot(slot.values * slot.present[:, None], slot.present, None, None, slot.full) for name",
        "absent content",
    ),
    "normalising over the batch makes rows depend on each other": (
        "Slot(sum(each)",
        "Slot(sum(each) - sum(each).mean(dim=0)",
        "rows independent",
    ),
    "a row without anything is called present": (".any(dim=0)", ".any(dim=0) | True", "any subset"),
    "a formula that forgets a part": ("dense(self)", "dense(self) - self.width", "cost"),
    "a constructor that changes what it is given": ("self.width = width", "self.width = int(width) + 0.0", "parameters"),
    "no example": ("Example:", "Use:", "docstring"),
}


def module(name: str, source: str, monkeypatch: pytest.MonkeyPatch) -> str:
    made = types.ModuleType(name)
    made.__file__ = f"{name}.py"
    monkeypatch.setitem(sys.modules, name, made)
    exec(source, made.__dict__)
    return f"{name}:Total"


def test_a_sound_layer_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = check(module("sound_layer", GOOD, monkeypatch))
    assert set(found.values()) == {"passed"}, found
    assert not any("under check" in name for name in registry.entries("fusion"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, name = FAULTS[fault]
    assert before in GOOD
    found = check(module("faulty_layer", GOOD.replace(before, after), monkeypatch))
    assert found[name].startswith("failed"), found


@pytest.mark.parametrize("target", ["no_such_package:Thing", "math:Thing", "nothing"])
def test_what_cannot_be_imported(target: str) -> None:
    with pytest.raises(UnknownName, match="neither room:name nor an importable"):
        check(target)


def test_what_has_no_role() -> None:
    with pytest.raises(DataError, match="derive it from one of those bases"):
        check("fractions:Fraction")
