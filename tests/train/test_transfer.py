"""Transfer: equal modalities, a constant trunk, the null, pairs, missing modalities, and nothing learned from held-out rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mcgurk.data import Dataset, Dense
from mcgurk.data.spec import spec_of
from mcgurk.data.target import encode_target
from mcgurk.errors import DataError
from mcgurk.functional.heterogeneity import heterogeneity
from mcgurk.fusion import HighMMT
from mcgurk.run import Run
from mcgurk.train import features
from mcgurk.train.transfer import Budget, Transfer, matches

SMALL = {"latents": 2, "width": 8, "heads": 2, "bands": 1, "tag": 2}
QUICK = Budget(folds=2, epochs=2, refit=2)


def planted(n=120, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    a = rng.normal(size=(n, 3)).astype(np.float32)
    a[:, 0] = 3 * y + 0.3 * a[:, 0]
    b = rng.normal(size=(n, 4)).astype(np.float32)
    return {"a": a, "b": b, "copy": a.copy()}, y


def transfer(columns, y, budget=QUICK, unit=None, family="classifier", present=None):
    n = len(y)
    here = {name: np.ones(n, dtype=bool) for name in columns} | (present or {})
    X = Dataset({name: Dense(values, here[name]) for name, values in columns.items()})
    encoders = features.resolve(spec_of(X), None)
    features.fit(encoders, X, np.arange(n))
    prepared = features.prepare(encoders, X, Run.of(0))
    target = encode_target(y, family).with_statistics(np.arange(n))
    return Transfer(HighMMT(**SMALL), encoders, prepared, target, np.arange(n) if unit is None else unit, Run.of(0), budget)


def test_equal_modalities_are_at_no_distance_and_tell_something():
    columns, y = planted()
    found = transfer({k: columns[k] for k in ("a", "copy")}, y, Budget(2, 10, 10, ("adamw", 1e-2), 16)).singles()
    information = found.matrix()
    assert information[0, 0] > 0.5 and (heterogeneity(information) == 0).all()
    np.testing.assert_allclose([null.mean() for null in found.null], np.log(2), atol=0.01)  # classes are balanced within and without
    assert sorted(found.rows[0]) == list(range(len(y)))


def test_a_constant_trunk_loses_everything():
    columns, y = planted()
    machine = transfer({"a": columns["a"]}, y, Budget(2, 10, 10, ("adamw", 1e-2), 16))
    rows, held = np.arange(60), np.arange(60, 120)
    own = machine._trained(("a",), rows, 0)
    constant = {name: torch.zeros_like(value) if name.startswith("norm.") else value for name, value in own.items()}
    losses = []
    for trunk in (own, constant):
        scores = machine._outputs(machine._refitted(("a",), rows, trunk, own, 0), ("a",), held)
        losses.append(np.logaddexp(0, np.where(y[held] == 1, -1, 1) * (scores[:, 1] - scores[:, 0])).mean())
    known, nothing = np.log(2) - np.array(losses)
    assert known > 0.5 and 1 - nothing / known == pytest.approx(1, abs=0.05)


def test_frozen_is_what_came_from_the_source():
    columns, y = planted(60)
    machine = transfer(columns, y)
    rows = np.arange(60)
    own, other = machine._trained(("a", "b"), rows, 0), machine._trained(("b", "copy"), rows, 0)
    state = machine._refitted(("a", "b"), rows, other, own, 0).fusion.state_dict()
    for name, value in state.items():
        refitted = matches(name, HighMMT.refitted)
        source = other if matches(name, HighMMT.interaction) else own
        assert refitted or torch.equal(value, source[name]), name
    assert any(matches(name, HighMMT.refitted) for name in state) and any(matches(name, HighMMT.interaction) for name in state)


def test_pairs_of_modalities():
    columns, y = planted(80)
    found = transfer(columns, y).pairs()
    assert found.units == (("a", "b"), ("a", "copy"), ("b", "copy")) and found.matrix().shape == (3, 3)
    assert np.isfinite(found.matrix()).all()


def test_rows_without_a_modality_are_left_out_of_it():
    columns, y = planted(80)
    here = np.arange(80) % 4 > 0
    found = transfer({k: columns[k] for k in "ab"}, y, present={"b": here}).singles()
    assert sorted(found.rows[1]) == np.flatnonzero(here).tolist() and len(found.rows[0]) == 80


def test_numbers_and_groups():
    columns, _ = planted(80)
    unit = np.repeat(np.arange(8), 10)
    found = transfer({"a": columns["a"], "b": columns["b"]}, columns["a"][:, 0] * 3 + 1, unit=unit, family="regressor").singles()
    assert found.task == "number" and np.isfinite(found.matrix()).all()
    assert found.information(0, 0, np.zeros(0, dtype=int)) != found.information(0, 0)


def test_the_same_seed_gives_the_same_bits():
    columns, y = planted(60)
    first, second = (transfer({k: columns[k] for k in "ab"}, y).singles().matrix() for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_refusals():
    columns, y = planted(40)
    with pytest.raises(DataError, match="one group") as caught:
        transfer(columns, y, unit=np.zeros(40, dtype=int)).singles()
    assert caught.value.code == "S01"
    with pytest.raises(DataError, match="no fold"):
        transfer({k: columns[k] for k in "ab"}, y, present={"b": np.arange(40) == 0}).singles()
