"""HighMMT: sizes, padding, pairs, sharing, and heterogeneity measured with its encoders."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import mcgurk
from mcgurk import MultiTask
from mcgurk.data import Dataset, Ragged, join_tasks
from mcgurk.errors import DataError, UnknownName
from mcgurk.functional.heterogeneity import heterogeneity, null_entropy
from mcgurk.fusion import HighMMT, highmmt
from mcgurk.fusion.highmmt import fourier
from mcgurk.nn import Slot, SlotSpec

WIDTHS = {"a": 3, "b": 5, "c": 2}


def built(widths=WIDTHS, **options):
    torch.manual_seed(0)
    layer = HighMMT(**{"latents": 3, "width": 8, "heads": 2, **options})
    layer.build({name: SlotSpec((d,), True) for name, d in widths.items()})
    return layer.double().eval()


def slots(widths=WIDTHS, lengths=(4, 7, 1), n=2):
    torch.manual_seed(1)
    here = torch.ones(n, dtype=torch.bool)
    return {
        k: Slot(torch.randn(n, t, d, dtype=torch.float64), here, torch.ones(n, t, dtype=torch.bool))
        for (k, d), t in zip(widths.items(), lengths, strict=True)
    }


def test_latents_have_one_size_for_all_lengths_and_modalities():
    layer = built()
    for lengths in ((4, 7, 1), (1, 1, 9)):
        assert {tuple(z.values.shape) for z in layer.encode(slots(lengths=lengths)).values()} == {(2, 3, 8)}
    assert layer(slots()).values.shape == (2, layer.out.width)


def test_padded_channels_change_nothing_of_the_others():
    layer, x = built(), slots()
    before = layer.encode(x)
    with torch.no_grad():
        layer.encoders["all"].embed.weight[:, 3:5] *= 3.0  # columns that only "b" fills
    after = layer.encode(x)
    for name in ("a", "c"):
        torch.testing.assert_close(before[name].values, after[name].values, rtol=0, atol=0)
    assert not torch.allclose(before["b"].values, after["b"].values)


def test_pairs_and_shared_parameters():
    names = list(WIDTHS)
    layer = built(pair_groups="own", groups="own")
    assert len(layer.crosses) == 3 * 2 and len(layer.encoders) == 3
    size = lambda module: sum(p.numel() for p in module.parameters())  # noqa: E731
    block = size(layer.crosses["('a', 'b')"])
    shared = built(pair_groups={(i, j): i == "a" for i in names for j in names if i != j}, groups={"a": 0, "b": 0, "c": 1})
    assert len(shared.crosses) == 2 and len(shared.encoders) == 2
    assert size(layer.crosses) == 6 * block and size(shared.crosses) == 2 * block
    encoders = sum(size(e) for e in (shared.encoders["0"], shared.encoders["1"]))
    assert size(shared) == encoders + 2 * block + size(shared.tags) + size(shared.norm)
    assert size(built()) == size(built().encoders["all"]) + block + 3 * 10 + 2 * 8


def test_an_absent_modality_skips_its_pairs():
    layer, x = built(), slots()
    x["b"] = Slot(torch.full_like(x["b"].values, float("nan")), torch.zeros(2, dtype=torch.bool), torch.zeros(2, 7, dtype=torch.bool))
    out = layer(x).values
    assert torch.isfinite(out).all()
    alone, rest = out[:, : 3 * 8].view(2, 3, 8), out[:, 24 : 9 * 8].view(2, 6, 8)
    assert (alone[:, 1] == 0).all() and (rest[:, [0, 2, 3, 5]] == 0).all() and (rest[:, [1, 4]] != 0).any()


def test_pairs_without_the_modalities_alone():
    x = slots()
    with_them, without = built(), built(alone=False)
    torch.testing.assert_close(with_them(x).values[:, 3 * 8 :], without(x).values)
    one = built({"a": 3}, alone=False)
    assert one.out.width == 8 + 1 and one({"a": x["a"]}).values.shape == (2, 9)


def test_what_no_row_has_is_not_computed(monkeypatch):
    layer, x = built(groups="own", pair_groups="own"), slots()
    gone = torch.zeros(2, dtype=torch.bool)
    x["b"] = Slot(x["b"].values, gone, torch.zeros(2, 7, dtype=torch.bool))
    out = layer(x).values
    out.sum().backward()
    assert all(p.grad is None for p in layer.encoders["b"].parameters()) and layer.crosses["('a', 'b')"][0].norm.weight.grad is None
    assert layer.crosses["('a', 'c')"][0].norm.weight.grad is not None
    monkeypatch.setattr(highmmt, "worthwhile", lambda *slots: True)
    torch.testing.assert_close(layer(x).values, out, rtol=0, atol=0)


def test_positions_run_over_a_sequence_whatever_its_padding():
    short = fourier(torch.ones(1, 3, dtype=torch.bool), 2, torch.float64)
    padded = fourier(torch.tensor([[True, True, True, False]]), 2, torch.float64)
    torch.testing.assert_close(short[0, :, 0], torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(short, padded[:, :3])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"latents": 0}, DataError, "latents=0"),
        ({"groups": {"a": 0}}, UnknownName, "label for each"),
        ({"groups": 3}, DataError, "groups=3"),
    ],
)
def test_refusals(options, error, match):
    with pytest.raises(error, match=match):
        built(**options)


def trained(model, head, slot, y, parameters):
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        nn.functional.cross_entropy(head(model({"x": slot}).values), y).backward()
        optimiser.step()


def test_heterogeneity_of_a_copy_and_of_a_constant_encoder():
    """T(s -> t): the trunk of s frozen, embedding and head refitted on t with a fixed budget."""
    rng = np.random.default_rng(0)
    x = torch.as_tensor(rng.normal(size=(600, 1, 4)), dtype=torch.float32)
    y = torch.as_tensor((x[:, 0, 0] + x[:, 0, 1] > 0).long())
    here = torch.ones(300, dtype=torch.bool)
    fit, held = (Slot(part, here, here[:, None], None, True) for part in (x[:300], x[300:]))
    null = null_entropy(y[:300].numpy(), y[300:].numpy(), 2)
    trunks = []
    for _ in range(2):  # two copies of one modality
        torch.manual_seed(0)
        model = HighMMT(latents=2, width=8, heads=2, bands=1, tag=2)
        model.build({"x": SlotSpec((4,), True)})
        trained(model, head := nn.Linear(model.out.width, 2), fit, y[:300], [*model.parameters(), *head.parameters()])
        trunks.append(model)
    constant = copy.deepcopy(trunks[0])
    nn.init.zeros_(constant.norm.weight)  # whatever comes in, the same goes out
    T = np.zeros((3, 3))
    for s, source in enumerate([*trunks, constant]):
        torch.manual_seed(1)
        model = copy.deepcopy(source)
        embed, head = model.encoders["all"].embed, nn.Linear(model.out.width, 2)
        embed.reset_parameters()
        trained(model, head, fit, y[:300], [*embed.parameters(), *head.parameters()])
        with torch.no_grad():
            T[s, :] = null - nn.functional.cross_entropy(head(model({"x": held}).values), y[300:]).item()
    assert T[0, 0] > 0.5, T
    T[:, 2] = T[:, 0]
    T[2, 2] = T[0, 0]  # as a target the third is the same modality; only its encoder is constant
    d = np.maximum(0, 1 - T / T[0, 0])
    assert d[0, 1] == pytest.approx(0, abs=0.05) and d[1, 0] == pytest.approx(0, abs=0.05)
    assert d[2, 0] == pytest.approx(1, abs=0.05)
    assert heterogeneity(T[:2, :2])[0, 1] == pytest.approx(0, abs=0.05)


def test_a_constant_model_reaches_the_null():
    y = torch.as_tensor(np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [100, 60, 40])))
    logits = torch.zeros(3, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(200):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(logits.expand(200, 3), y)
        loss.backward()
        optimiser.step()
    assert loss.item() == pytest.approx(null_entropy(y.numpy(), y.numpy(), 3), abs=0.01)


def test_one_network_for_tasks_of_disjoint_modalities(tmp_path):
    rng = np.random.default_rng(0)
    sets = {}
    for task, names in {"tone": ("sound", "words"), "pace": ("hand", "gaze")}.items():
        offsets = np.arange(0, 4 * 40 + 1, 4)
        columns = {
            name: Ragged(rng.normal(size=(160, 2 + k)).astype(np.float32), offsets, np.ones(40, bool)) for k, name in enumerate(names)
        }
        sets[task] = (Dataset(columns), np.where(columns[names[0]].values[offsets[:-1], 0] > 0, "yes", "no"))
    X, y = join_tasks(sets)
    assert [X[name].present.sum() for name in X.names] == [40] * 4  # every row has the two modalities of its task
    small = {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2}
    model = MultiTask(("highmmt", small), shared=(), epochs=3, patience=None, batch_size=16).fit(X, y)
    layer = model.objective_.fusion
    assert len(layer.encoders) == len(layer.crosses) == 1 and len(layer.built) == 4
    first = model.predict(X)
    assert set(first) == {"tone", "pace"} and len(first["tone"]) == 80
    model.save(tmp_path / "m.mcgurk")
    again = mcgurk.load(tmp_path / "m.mcgurk").predict(X)
    assert all((again[task] == first[task]).all() for task in first)
