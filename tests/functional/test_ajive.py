"""AJIVE: exact decomposition, planted structure, no structure, CCA limit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import subspace_angles

from mcgurk.errors import DataError
from mcgurk.functional.ajive import ajive, joint_scores
from mcgurk.functional.cca import fit_cca

JOINT = ((40, 30), (60, 45))
INDIVIDUAL = ((35, 25, 20), (50, 40, 30, 25))


def planted(seed=0, joint=True, noise=0.25, n=200, d=(100, 500)):
    """Blocks with mutually orthonormal scores; returns them and the joint scores."""
    rng = np.random.default_rng(seed)
    sizes = [len(JOINT[0]), *map(len, INDIVIDUAL), *map(len, JOINT)]
    raw = rng.standard_normal((n, sum(sizes)))
    scores = np.split(np.linalg.qr(raw - raw.mean(0))[0], np.cumsum(sizes)[:-1], axis=1)
    blocks = []
    for m in range(2):
        values = np.r_[JOINT[m], INDIVIDUAL[m]]
        U = np.hstack([scores[0] if joint else scores[3 + m], scores[1 + m]])
        V = np.linalg.qr(rng.standard_normal((d[m], len(values))))[0]
        blocks.append((U * values) @ V.T + noise * rng.standard_normal((n, d[m])))
    return blocks, scores[0]


def test_planted_structure():
    blocks, truth = planted()
    model = ajive(blocks, (5, 6), rng=np.random.default_rng(1), draws=200)
    assert model.rank == 2 and model.individual_ranks == (3, 4)
    np.testing.assert_allclose(model.singular_values[:3], (1.995, 1.989, 1.03), atol=0.03)
    assert model.wedin_cut == pytest.approx(1.90, abs=0.03) and model.random_cut == pytest.approx(1.34, abs=0.03)
    assert np.sin(subspace_angles(model.scores, truth)[0]) < 0.12
    for m, block in enumerate(blocks):
        centred = block - model.means[m]
        J, A = model.joint(m), model.individual_part(m)
        assert np.abs(J.T @ A).max() < 1e-10
        np.testing.assert_allclose(J, model.scores @ model.scores.T @ centred, atol=1e-10)
        error = centred - J - A
        assert np.linalg.norm(error, 2) <= model.thresholds[m] and np.linalg.matrix_rank(J) == 2
        np.testing.assert_allclose(J + A + error, centred, atol=1e-12)


def test_independent_blocks_have_no_joint_part():
    found = [ajive(planted(s, joint=False, d=(60, 100))[0], (5, 6), rng=np.random.default_rng(s), draws=60).rank for s in range(10)]
    assert sum(r > 0 for r in found) == 0


def test_a_duplicated_block_is_all_joint():
    block = planted()[0][0]
    model = ajive([block, block], (5, 5), rng=np.random.default_rng(0), draws=50)
    assert model.rank == 5 and model.individual_ranks == (0, 0)


def test_without_noise_it_is_cca_at_correlation_one():
    blocks, truth = planted(noise=0.0, d=(12, 15))
    model = ajive(blocks, (5, 6), rng=np.random.default_rng(0), draws=50)
    canonical = fit_cca(*blocks, 5, reg=0.0)
    ones = int((canonical.values > 1 - 1e-8).sum())
    assert ones == model.rank == 2
    assert subspace_angles(canonical.project(0, blocks[0])[:, :2], model.scores)[0] < 1e-6
    assert subspace_angles(truth, model.scores)[0] < 1e-6


def test_new_rows_missing_blocks_and_training_rows():
    blocks, _ = planted()
    model = ajive(blocks, (5, 6), rng=np.random.default_rng(0), draws=50)
    for given in ([*blocks], [blocks[0], None], [None, blocks[1]]):
        scores = joint_scores(model, given)
        correlations = [np.corrcoef(scores[:, k], model.scores[:, k])[0, 1] for k in range(2)]
        assert min(correlations) > 0.95
    assert joint_scores(ajive(planted(joint=False)[0], (5, 6), rng=np.random.default_rng(0), draws=30), blocks).shape == (200, 0)


def test_same_generator_same_bits_and_a_given_rank():
    blocks, _ = planted()
    first, second = (ajive(blocks, (5, 6), rng=np.random.default_rng(3), draws=20) for _ in range(2))
    np.testing.assert_array_equal(first.scores, second.scores)
    assert first.wedin_cut == second.wedin_cut
    assert ajive(blocks, (5, 6), rng=np.random.default_rng(0), draws=5, joint_rank=1).rank == 1
    assert (first.scores[np.abs(first.scores).argmax(0), [0, 1]] > 0).all()


A = np.random.default_rng(0).standard_normal((6, 4))


@pytest.mark.parametrize(
    ("blocks", "ranks", "options", "match"),
    [
        ([A], [1], {}, "at least two blocks"),
        ([A, A], [1], {}, "one rank each"),
        ([A, A[:5]], [1, 1], {}, "6, 5 rows"),
        ([A, A], [1, 5], {}, "expected 1 to 4"),
        ([A, np.outer(np.arange(6.0), np.ones(4))], [1, 2], {}, "rank below 2"),
        ([A, A], [1, 1], {"draws": 0}, "at least one"),
        ([A, A * np.nan], [1, 1], {}, "finite"),
    ],
)
def test_errors(blocks, ranks, options, match):
    with pytest.raises(DataError, match=match):
        ajive(blocks, ranks, rng=np.random.default_rng(0), **options)


@pytest.mark.parametrize(
    ("given", "match"), [([None, None], "not None"), ([A[:, :2], None], "fitted on 4"), ([A, A[:3]], "different numbers")]
)
def test_projection_errors(given, match):
    model = ajive([A, A], [1, 1], rng=np.random.default_rng(0), draws=5)
    with pytest.raises(DataError, match=match):
        joint_scores(model, given)
