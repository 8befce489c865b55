import numpy as np
import pytest
import torch

from mcgurk import FusionClassifier, FusionRegressor
from mcgurk.coordination import InfoNCE
from mcgurk.data import Dataset, Dense, Ragged
from mcgurk.errors import DataError
from mcgurk.fusion import DynMM, MulT
from mcgurk.nn.batch import Slot, SlotSpec
from mcgurk.nn.component import Fusion
from mcgurk.testing import toys
from mcgurk.train import profile

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(60, 3)), "b": RNG.normal(size=(60, 2))}
Y = X["a"][:, 0] > 0


def model_of(fusion, **options):
    return FusionClassifier(fusion, encoders="precomputed", **{"epochs": 1, "patience": None, "hidden": (8,), **options}).fit(X, Y)


def test_a_network_is_counted_part_by_part():
    model = model_of(("lowrank", {"width": 4, "rank": 2}))
    found = model.profile()
    parts = found.to_frame().set_index("name")
    assert found.parameters == found.trainable == model.parameters()
    assert parts.macs["fusion"] == model.objective_.fusion.macs({}) == 5 * 8 + 8
    assert parts.macs["head"] == 4 * 8 + 8 * 2 and found.macs == parts.macs.sum()
    assert model.profile(X).macs == found.macs and model.profile(X).rows == 32


def test_sequences_are_counted_at_their_own_lengths():
    lengths = np.array([2, 9, 4, 6] * 4)
    rows = [RNG.normal(size=(n, 3)) for n in lengths]
    data = Dataset({"s": Ragged.of(rows, kind="series"), "v": Dense(RNG.normal(size=(16, 2)))})
    model = FusionClassifier(("mult", {"width": 4, "heads": 2, "depth": 1, "memory": 1}), encoders="precomputed", epochs=1)
    model.fit(data, np.arange(16) % 2)
    expected = np.mean([model.objective_.fusion.macs({"s": n, "v": 1}) for n in lengths])
    assert model.profile(data).to_frame().set_index("name").macs["fusion"] == pytest.approx(expected)
    with pytest.raises(DataError, match="lengths of s"):
        model.profile()


def test_frozen_numbers_are_no_trainable_ones():
    model = model_of("gated")
    model.objective_.fusion.requires_grad_(False)
    found = model.profile()
    assert found.trainable == found.parameters - sum(p.numel() for p in model.objective_.fusion.parameters())


def test_a_gate_spends_what_its_choices_cost():
    model = model_of(DynMM(gate=("a",)), epochs=2)
    report = DynMM.savings(model, {name: values[:32] for name, values in X.items()})
    first = {name: values[:32] for name, values in X.items()}
    assert model.profile(first).macs == pytest.approx(report.scalars["operations"])


@pytest.mark.parametrize("fusion", ["early", "late", "auto", "average", "joint_hybrid", "staged", "mfas"])
def test_every_kind_of_model_has_a_profile(fusion):
    small = {"hidden": (4,), "levels": 1, "rounds": 1, "samples": 2, "search_epochs": 1, "width": 4, "activations": ("relu",)}
    model = model_of((fusion, small) if fusion == "mfas" else fusion)
    found = model.profile()
    assert found.parameters == model.parameters() and found.macs >= 0
    assert model.profile(X).macs == pytest.approx(found.macs)
    assert {part.name for part in found.parts} and found.to_json()


def test_units_trees_and_kernels():
    costs = {unit: FusionRegressor(("early", {"unit": unit})).fit(X, X["a"][:, 0]).profile() for unit in ("linear", "kernel", "trees")}
    assert costs["trees"].macs == 0 < costs["linear"].macs < costs["kernel"].macs
    assert costs["linear"].macs == costs["linear"].parameters


def test_models_without_labels():
    model = InfoNCE(epochs=1, dim=4).fit(toys.vectors(20))
    assert model.profile().macs > 0


def test_a_layer_by_its_formula():
    layer = MulT(width=8, heads=2, depth=1, memory=1)
    layer.build({"s": SlotSpec((3,), True), "t": SlotSpec((2,), True)})
    found = profile.of_layer(layer, 5)
    assert found.macs == layer.macs({"s": 5, "t": 5}) and found.parameters == sum(p.numel() for p in layer.parameters())


class Sum(Fusion):
    def build(self, specs):
        self.out = SlotSpec((1,))

    def forward(self, slots):
        return next(iter(slots.values()))


def test_a_layer_without_a_formula_says_so():
    assert Sum().macs({}) is None
    with pytest.raises(DataError, match="give it macs"):
        profile.of_layer(Sum())


def test_an_objective_without_outputs_says_so():
    from mcgurk.nn.batch import Batch
    from mcgurk.train import Objective

    class Bare(Objective):
        def loss(self, batch, phase, step):
            return {}

    with pytest.raises(NotImplementedError, match="Bare"):
        profile.of_objective(Bare(), [Batch({"a": Slot(torch.zeros(1, 1), torch.ones(1, dtype=torch.bool))})])
