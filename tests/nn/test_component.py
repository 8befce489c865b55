"""Components: parameters, learned state, keys of the cache, modules by any name."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from mcgurk.data import Dense, Lazy
from mcgurk.data.spec import ColumnSpec
from mcgurk.errors import DataError
from mcgurk.nn import Component, Encoder, NamedModules, Slot, SlotSpec


class Scale(Encoder):
    def __init__(self, factor=2.0, options=None):
        super().__init__()
        self.factor = factor
        self.options = options

    def prepare_fit(self, column):
        self.center_ = column.values.mean(axis=0)


def test_parameters_as_scikit_learn_wants_them():
    made = Scale(3.0)
    assert made.get_params() == {"factor": 3.0, "options": None} and repr(made) == "Scale(factor=3.0)"
    assert clone(made).factor == 3.0 and made.set_params(factor=4.0) is made and made.factor == 4.0


def test_learned_state_ends_in_an_underscore():
    made = Scale()
    assert made.learned() == {}
    made.prepare_fit(Dense(np.array([[1.0], [3.0]])))
    made._hidden_ = 1
    assert made.learned() == {"center_": np.array([2.0])}


def test_an_encoder_does_nothing_by_default():
    made, column = Scale(), Dense(np.zeros((2, 3)))
    assert made.prepare(column) is column
    made.build(ColumnSpec.of(column))
    slot = Slot(torch.zeros(2, 3), torch.ones(2, dtype=torch.bool))
    assert made.out == SlotSpec((3,)) and made(slot) is slot
    with pytest.raises(DataError, match="Scale does not decode text items"):
        made.prepare(Lazy(["a"]))


def test_a_fingerprint_changes_with_all_that_prepare_depends_on():
    class Newer(Scale):
        version = 2

    class Weighted(Scale):
        def weights_hash(self):
            return "abc"

    fitted, other = Scale(), Scale()
    fitted.center_, other.center_ = np.array([1.0]), np.array([1.0], dtype=np.float32)
    nested, shifted = Scale(), Scale()
    nested.table_, shifted.table_ = {"a": [1, "b"]}, {"a": [1, "c"]}
    prints = [e.fingerprint() for e in (Scale(), Scale(3.0), Newer(), Weighted(), fitted, other, nested, shifted)]
    assert len(set(prints)) == len(prints)
    again = Scale()
    again.center_ = np.array([1.0])
    assert again.fingerprint() == fitted.fingerprint()


@pytest.mark.parametrize("name", ["items", "type", "a.b", "forward", "T", "0", "training", "a b"])
def test_modules_by_any_name(name):
    named = NamedModules({name: nn.Linear(1, 1), "z": nn.Identity()})
    assert name in named and "other" not in named and len(named) == 2
    assert named.names() == tuple(sorted([name, "z"])) == tuple(named.table)
    assert named[name] is named.table[name]
    assert [n for n, _ in named.named_parameters()] == [f"{name}.weight", f"{name}.bias"]
    other = NamedModules({name: nn.Linear(1, 1), "z": nn.Identity()})
    other.load_state_dict(named.state_dict())
    assert torch.equal(other[name].weight, named[name].weight)
    assert copy.deepcopy(named)[name].weight is not named[name].weight


def test_names_are_sorted_once():
    one, two = nn.Linear(1, 1), nn.Linear(1, 1)
    assert list(NamedModules({"b": one, "a": two}).state_dict()) == list(NamedModules({"a": two, "b": one}).state_dict())
    assert NamedModules().names() == ()


def test_a_component_is_a_module():
    class Part(Component):
        def __init__(self, width=2):
            super().__init__()
            self.width = width

        def build(self, spec):
            self.layer = nn.Linear(self.width, 1)

    made = Part(3)
    made.build(None)
    assert len(list(made.parameters())) == 2 and repr(made) == "Part(width=3)"
