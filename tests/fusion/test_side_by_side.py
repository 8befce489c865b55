"""Blocks side by side: training statistics only, constants, balance, flags, components."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.fusion import SideBySide

RNG = np.random.default_rng(0)
BLOCKS = {"a": RNG.normal(3, 2, size=(40, 3)), "b": RNG.normal(size=(40, 30)) * np.arange(1, 31)}
HERE = np.stack([np.ones(40, bool), np.arange(40) % 3 > 0], axis=1)


def fitted(scaling=None, blocks=BLOCKS, here=HERE, **params):
    return SideBySide(**params).fit(blocks, here, scaling or {})


def test_every_block_has_mean_squared_norm_one():
    out = fitted(flags=False).transform(BLOCKS, HERE)
    assert np.mean(np.sum(out[:, :3] ** 2, axis=1)) == pytest.approx(1)
    assert np.mean(np.sum(out[HERE[:, 1], 3:] ** 2, axis=1)) == pytest.approx(1)
    assert np.mean(np.sum(fitted(flags=False, balance=False).transform(BLOCKS, HERE)[:, :3] ** 2, axis=1)) == pytest.approx(3)


def test_a_block_scaled_as_one_keeps_angles():
    out = fitted({"b": "block"}, flags=False).transform(BLOCKS, HERE)[HERE[:, 1], 3:]
    centred = BLOCKS["b"][HERE[:, 1]] - BLOCKS["b"][HERE[:, 1]].mean(axis=0)
    np.testing.assert_allclose(out / np.linalg.norm(out), centred / np.linalg.norm(centred), rtol=1e-10)


def test_rows_added_to_the_test_part_change_nothing():
    unit = fitted(reduce=5)
    few = unit.transform({k: v[:3] for k, v in BLOCKS.items()}, HERE[:3])
    np.testing.assert_array_equal(unit.transform(BLOCKS, HERE)[:3], few)


def test_constant_columns_are_zero_on_every_row():
    blocks = {"a": np.column_stack([np.full(40, 1e6), BLOCKS["a"][:, 0]])}
    unit = fitted(blocks=blocks, here=HERE[:, :1])
    other = {"a": np.array([[2e6, 0.0]])}
    assert unit.transform(other, np.array([[True]]))[0, 0] == 0


def test_absent_blocks_are_their_mean_and_flagged_where_presence_varies():
    poisoned = {**BLOCKS, "b": np.where(HERE[:, 1:], BLOCKS["b"], np.nan)}
    out = fitted(blocks=poisoned).transform(poisoned, HERE)
    assert out.shape == (40, 34)
    assert not out[~HERE[:, 1], 3:33].any()
    np.testing.assert_array_equal(out[:, 33], HERE[:, 1])
    assert fitted(flags=False).transform(BLOCKS, HERE).shape == (40, 33)


def test_values_as_they_are():
    out = fitted(standardise=False, balance=False, flags=False).transform(BLOCKS, HERE)
    np.testing.assert_array_equal(out[:, :3], BLOCKS["a"])


@pytest.mark.parametrize("width", [8, 60])
def test_components_are_the_leading_ones_with_fixed_signs(width):
    rows = np.random.default_rng(1).normal(size=(30, width)) @ np.diag(np.linspace(5, 0.1, width))
    unit = fitted({"a": "block"}, {"a": rows}, np.ones((30, 1), bool), reduce=4, flags=False, balance=False)
    expected = np.linalg.svd((rows - rows.mean(axis=0)), full_matrices=False)[2][:4]
    np.testing.assert_allclose(np.abs(unit.parts_["a"]["basis"].T @ expected.T), np.eye(4), atol=1e-8)
    largest = np.abs(unit.parts_["a"]["basis"]).argmax(axis=0)
    assert (unit.parts_["a"]["basis"][largest, np.arange(4)] > 0).all()


def test_a_modality_that_training_never_saw():
    unit = fitted(here=np.stack([np.ones(40, bool), np.zeros(40, bool)], axis=1))
    assert np.isfinite(unit.transform(BLOCKS, HERE)).all()


def test_permuting_modalities_permutes_columns():
    out = fitted(flags=False).transform(BLOCKS, HERE)
    turned = dict(reversed(list(BLOCKS.items())))
    other = fitted(blocks=turned, here=HERE[:, ::-1], flags=False).transform(turned, HERE[:, ::-1])
    np.testing.assert_array_equal(out, np.concatenate([other[:, 30:], other[:, :30]], axis=1))
