"""FuseMix: mixing, its one draw a step, the losses it must equal, and a linear ground truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import mcgurk
from mcgurk.coordination import FuseMix, fusemix
from mcgurk.data.column import Dense
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import ColumnSpec
from mcgurk.encoders import Precomputed
from mcgurk.errors import DataError
from mcgurk.losses import info_nce
from mcgurk.nn import Batch, Slot
from mcgurk.train.objective import Step

SPECS = {"x": ColumnSpec("dense", "vector", (5,)), "y": ColumnSpec("dense", "vector", (3,))}


def objective(**options):
    torch.manual_seed(0)
    settings = {"depth": 1, "expansion": 2, "dropout": 0.0, "alpha": 1.0, "temperature": 0.07, "chunk": None, **options}
    return fusemix.Mixing({name: Precomputed() for name in SPECS}, SPECS, 4, **settings).double()


def batch(n=8, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Batch(
        {k: Slot(torch.randn(n, s.item[0], generator=g, dtype=torch.float64), torch.ones(n, dtype=torch.bool)) for k, s in SPECS.items()}
    )


def test_share_one_is_the_plain_loss_of_the_first_half():
    model, whole = objective(), batch()
    latents = model.encode(whole)
    first = {k: F.normalize(model.adapters[k](s.values[:4]), dim=1) for k, s in latents.items()}
    torch.testing.assert_close(model.contrast(latents, "x", "y", 1.0), info_nce(first["x"], first["y"], 1 / 0.07))


def test_one_draw_a_step_is_shared_by_all(monkeypatch):
    drawn, used = [], []
    real, mix = fusemix.beta, fusemix.halves

    def draw(alpha, generator):
        drawn.append(real(alpha, generator))
        return drawn[-1]

    def mixed(values, share):
        used.append(share)
        return mix(values, share)

    monkeypatch.setattr(fusemix, "beta", draw)
    monkeypatch.setattr(fusemix, "halves", mixed)
    model = objective().train()
    model.loss(batch(), "all", Step(0, 0, torch.Generator().manual_seed(1)))
    assert len(drawn) == 1 and used == drawn * 2
    model.eval().loss(batch(), "all", Step(0, 0, torch.Generator().manual_seed(1)))
    assert len(drawn) == 1  # held-out rows are not mixed


def test_swapped_halves_with_the_other_share_are_the_same_mixture():
    z = torch.randn(9, 3, dtype=torch.float64)
    torch.testing.assert_close(fusemix.halves(z, 0.3), fusemix.halves(torch.cat([z[4:8], z[:4]]), 0.7))
    assert len(fusemix.halves(z, 0.3)) == 4


def test_closed_values_of_the_loss():
    same = F.normalize(torch.ones(4, 3, dtype=torch.float64), dim=1)
    assert math.isclose(info_nce(same, same, 5.0).item(), 1.386294, abs_tol=1e-6)
    assert math.isclose(info_nce(torch.eye(4), torch.eye(4)).item(), 0.743668, abs_tol=1e-6)


def test_chunks_change_neither_loss_nor_gradients():
    out = []
    for chunk in (None, 3):
        model = objective(chunk=chunk).train()
        loss = sum(model.loss(batch(20), "all", Step(0, 0, torch.Generator().manual_seed(2))).values())
        loss.backward()
        out.append([loss.detach(), *(p.grad for p in model.parameters())])
    for dense, chunked in zip(*out, strict=True):
        torch.testing.assert_close(dense, chunked, rtol=1e-6, atol=1e-9)


def test_the_temperature_stays_in_bounds():
    model = objective(temperature=0.9)
    model.after_step("all")
    assert model.temperature.item() == 0.5


def test_recovers_a_linear_relation():
    rng = np.random.default_rng(0)
    zx = rng.normal(size=(5500, 64))
    zy = zx @ rng.normal(scale=64**-0.5, size=(64, 48)) + 0.1 * rng.normal(size=(5500, 48))
    X = {"x": zx, "y": zy}
    train, test = ({k: v[rows] for k, v in X.items()} for rows in (slice(0, 5000), slice(5000, None)))
    model = FuseMix(32, depth=2, dropout=0.1, expansion=1, batch_size=512, epochs=30).fit(train)
    Z = model.transform(test)
    hits = FuseMix.similarity(Z["x"].values, Z["y"].values).argmax(axis=1) == np.arange(500)
    assert hits.mean() > 0.9


def test_any_subset_pairs_and_files(tmp_path):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 3))
    X = Dataset(
        {
            "a": Dense(z, None, "vector"),
            "b": Dense(z[:, :2] @ rng.normal(size=(2, 4)), rng.random(60) > 0.2, "vector"),
            "c": Dense(-z, None, "vector"),
        }
    )
    model = FuseMix(4, depth=1, epochs=2).fit(X)
    assert set(model.history_.terms[0]) == {"a ~ b", "a ~ c", "b ~ c"}
    alone = model.encode("b", X["b"].values[X["b"].present])
    np.testing.assert_allclose(alone, model.transform(X)["b"].values[X["b"].present], atol=1e-6)
    model.save(tmp_path / "m.mcgurk")
    np.testing.assert_array_equal(mcgurk.load(tmp_path / "m.mcgurk").transform(X)["a"].values, model.transform(X)["a"].values)
    related = FuseMix(4, depth=1, epochs=1).fit(X.select(["a", "c"]), pairs=np.column_stack([np.arange(60), np.arange(60)[::-1]]))
    assert np.isfinite(related.transform(X.select(["a", "c"]))["c"].values).all()


@pytest.mark.parametrize(
    ("X", "options", "match"),
    [
        ({"a": np.zeros((9, 2))}, {}, "two modalities"),
        ({"a": np.zeros((3, 2)), "b": np.zeros((3, 2))}, {}, "at least 4"),
        ({"a": np.zeros((9, 2)), "b": np.zeros((9, 2))}, {"alpha": 0.0}, "above 0"),
    ],
)
def test_refusals(X, options, match):
    with pytest.raises(DataError, match=match):
        FuseMix(4, **options).fit(X)


def test_a_batch_without_complete_rows_has_no_loss():
    model = objective().train()
    part = batch(6)
    part.slots["y"] = part.slots["y"].without(torch.arange(6) > 1)
    loss = model.loss(part, "all", Step(0, 0, torch.Generator().manual_seed(0)))["x ~ y"]
    loss.backward()
    assert loss.item() == 0
