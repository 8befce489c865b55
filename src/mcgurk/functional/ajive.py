"""AJIVE: split several blocks over the same rows into a joint part, individual parts and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float


@dataclass(frozen=True, slots=True)
class AJIVE:
    """The decomposition ``X_m - mean_m = J_m + A_m + E_m``.

    ``scores (n, r)``: orthonormal joint scores U. ``loadings``: per block (d_m, r), ``J_m = U loadings_m^T``. ``individual``: per block
    ``(U_m (n, r_m), s_m, V_m (d_m, r_m))``, ``A_m = U_m s_m V_m^T``. ``means``: per block. ``singular_values``: squared singular values of
    the stacked signal scores; ``wedin_cut`` and ``random_cut``: what they had to exceed; ``thresholds``: nu_m per block.
    """

    scores: Float
    loadings: tuple[Float, ...]
    individual: tuple[tuple[Float, Float, Float], ...]
    means: tuple[Float, ...]
    singular_values: Float
    wedin_cut: float
    random_cut: float
    thresholds: tuple[float, ...]

    @property
    def rank(self) -> int:
        """Number of joint components."""
        return self.scores.shape[1]

    @property
    def individual_ranks(self) -> tuple[int, ...]:
        """Number of individual components of each block."""
        return tuple(len(s) for _, s, _ in self.individual)

    def joint(self, block: int) -> Float:
        """J_m (n, d_m)."""
        return self.scores @ self.loadings[block].T

    def individual_part(self, block: int) -> Float:
        """A_m (n, d_m)."""
        U, s, V = self.individual[block]
        return (U * s) @ V.T


def ajive(
    blocks: Sequence[Any], ranks: Sequence[int], *, rng: np.random.Generator, draws: int = 1000, joint_rank: int | None = None
) -> AJIVE:
    """Angle-based joint and individual variation explained.

    1. Signal: per block the first k_m left singular vectors U_m; ``nu_m = (s_k + s_{k+1}) / 2``.
    2. Joint rank: squared singular values of ``[U_1 .. U_M]`` above both the random-direction cut (95th percentile of the largest one of
       random orthonormal bases of the same ranks) and the Wedin cut (5th percentile of ``M - sum_m e_m^2``,
       ``e_m = min(max(|X^T Q_u|, |X Q_v|) / s_k, 1)`` with random bases orthogonal to U_m and V_m). Components u with
       ``|u^T X_m| < nu_m`` in any block are dropped.
    3. ``J_m = U U^T X_m``; ``A_m``: singular value decomposition of ``X_m - J_m`` cut at nu_m; ``E_m``: the rest.

    Two blocks: the squared singular values are 1 + cos(principal angle). Signs: the entry of each score column that is largest in size is
    positive.

    Not for: blocks whose signal rank is unknown and not visible in a scree plot (the joint rank depends on it); non-linear factors.

    Args:
        blocks: at least two matrices (n, d_m), the same rows; they are centred here.
        ranks: signal rank k_m of each block, below min(n - 1, d_m) + 1.
        rng: source of the random bases.
        draws: of each kind.
        joint_rank: use this many joint components instead of estimating; identifiability still drops some.

    Raises:
        DataError: shapes disagree, a rank that the block does not have, values not finite (N01).

    Source: Feng, Jiang, Hannig, Marron 2018, J. Multivariate Analysis 166:241-265.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> u = rng.standard_normal((60, 1))
        >>> made = ajive([u @ rng.standard_normal((1, d)) + 0.01 * rng.standard_normal((60, d)) for d in (5, 8)], [1, 1], rng=rng)
        >>> made.rank, made.individual_ranks
        (1, (0, 0))
    """
    arrays = _inputs(blocks, ranks, draws)
    means = tuple(b.mean(axis=0) for b in arrays)
    centred = [b - m for b, m in zip(arrays, means, strict=True)]
    signals = [_signal(b, k, m) for m, (b, k) in enumerate(zip(centred, ranks, strict=True))]
    thresholds = tuple(nu for *_, nu in signals)
    stacked, values, _ = linalg.svd(np.hstack([U for U, *_ in signals]), full_matrices=False, check_finite=False)
    values = values**2
    n = len(centred[0])
    random_cut = float(np.quantile([_random_value(n, ranks, rng) for _ in range(draws)], 0.95))
    slack = np.full(draws, float(len(centred)))
    for b, (U, s, V, _) in zip(centred, signals, strict=True):
        slack -= np.array([_wedin_share(b, U, s, V, rng) ** 2 for _ in range(draws)])
    wedin_cut = float(np.quantile(slack, 0.05))
    cut = max(wedin_cut, random_cut) - 1e-9  # without noise a joint direction has exactly the Wedin cut's value, M
    r = int((values > cut).sum()) if joint_rank is None else min(joint_rank, len(values))
    scores = _identifiable(stacked[:, :r], centred, thresholds)
    loadings = tuple(b.T @ scores for b in centred)
    individual = tuple(_above(b - scores @ (scores.T @ b), nu) for b, nu in zip(centred, thresholds, strict=True))
    return AJIVE(scores, loadings, individual, means, values, wedin_cut, random_cut, thresholds)


def joint_scores(model: AJIVE, blocks: Sequence[Any | None], *, ridge: float = 1e-8) -> Float:
    """Joint scores (n, r) of new rows by least squares on the stacked loadings of the blocks that are given (``None``: not observed).

    ``min_u sum_m |X_m - mean_m - u L_m^T - a_m B_m^T|^2``, L_m the joint and B_m the individual loadings of block m, so that individual
    variation does not leak into the scores; a ridge of ``ridge`` times the largest eigenvalue keeps it solvable.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> u = rng.standard_normal((60, 1))
        >>> data = [u @ rng.standard_normal((1, d)) + 0.01 * rng.standard_normal((60, d)) for d in (5, 8)]
        >>> model = ajive(data, [1, 1], rng=rng)
        >>> bool(np.corrcoef(joint_scores(model, [data[0], None])[:, 0], model.scores[:, 0])[0, 1] > 0.999)
        True
    """
    if len(blocks) != len(model.means) or all(b is None for b in blocks):
        raise DataError(f"{len(blocks)} blocks were given; expected {len(model.means)}, at least one of them not None")
    observed = [(m, _check.matrix(b, f"block {m}", rows=0)) for m, b in enumerate(blocks) if b is not None]
    for m, b in observed:
        if b.shape[1] != len(model.means[m]):
            raise DataError(f"block {m} has {b.shape[1]} columns; the model was fitted on {len(model.means[m])}")
    if len({len(b) for _, b in observed}) > 1:
        raise DataError("the blocks have different numbers of rows; expected the same rows in each")
    own = [model.individual[m][2] for m, _ in observed]
    residual = np.hstack([b - model.means[m] for m, b in observed])
    design = np.hstack([np.vstack([model.loadings[m] for m, _ in observed]), linalg.block_diag(*own)])
    gram = design.T @ design
    if not gram.size:
        return np.zeros((len(residual), 0))
    gram.flat[:: len(gram) + 1] += ridge * max(float(np.linalg.eigvalsh(gram)[-1]), 1e-300)
    solved: Float = linalg.solve(gram, design.T @ residual.T, assume_a="pos").T
    return solved[:, : model.rank]


def _inputs(blocks: Sequence[Any], ranks: Sequence[int], draws: int) -> list[Float]:
    arrays = [_check.matrix(b, f"block {m}", rows=3) for m, b in enumerate(blocks)]
    if len(arrays) < 2 or len(ranks) != len(arrays):
        raise DataError(f"{len(arrays)} blocks and {len(ranks)} ranks were given; expected at least two blocks and one rank each")
    if len({len(b) for b in arrays}) > 1:
        raise DataError(f"the blocks have {', '.join(str(len(b)) for b in arrays)} rows; expected the same rows in each")
    for m, (b, k) in enumerate(zip(arrays, ranks, strict=True)):
        most = min(len(b) - 1, b.shape[1])
        if not 1 <= k <= most:
            raise DataError(f"rank {k} was asked of block {m}, which has {len(b)} rows and {b.shape[1]} columns; expected 1 to {most}")
    if draws < 1:
        raise DataError(f"draws is {draws}; the cuts need at least one")
    return arrays


def _signal(block: Float, k: int, m: int) -> tuple[Float, Float, Float, float]:
    U, s, Vt = linalg.svd(block, full_matrices=False, check_finite=False)
    if s[k - 1] <= max(block.shape) * np.finfo(np.float64).eps * s[0]:
        raise DataError(f"block {m} has rank below {k}; ask for a smaller signal rank")
    following = s[k] if k < len(s) else 0.0
    return U[:, :k], s[:k], Vt[:k].T, float(s[k - 1] + following) / 2.0


def _random_value(n: int, ranks: Sequence[int], rng: np.random.Generator) -> float:
    """Largest squared singular value of stacked random orthonormal bases."""
    bases = np.hstack([np.linalg.qr(rng.standard_normal((n, k)))[0] for k in ranks])
    return float(np.linalg.eigvalsh(bases.T @ bases)[-1])


def _wedin_share(block: Float, U: Float, s: Float, V: Float, rng: np.random.Generator) -> float:
    """Sine of the angle by which noise of this block's size may turn its signal space."""
    left = _norm(block.T @ _orthogonal(U, rng))
    right = _norm(block @ _orthogonal(V, rng))
    return min(max(left, right) / float(s[-1]), 1.0)


def _orthogonal(basis: Float, rng: np.random.Generator) -> Float:
    """As many random orthonormal columns as ``basis`` has (or as there is room for), orthogonal to it."""
    room = min(basis.shape[1], basis.shape[0] - basis.shape[1])
    draw = rng.standard_normal((basis.shape[0], room))
    return np.linalg.qr(draw - basis @ (basis.T @ draw))[0]


def _norm(matrix: Float) -> float:
    """Largest singular value of a matrix with few columns."""
    return float(np.sqrt(max(np.linalg.eigvalsh(matrix.T @ matrix)[-1], 0.0))) if matrix.shape[1] else 0.0


def _identifiable(scores: Float, centred: list[Float], thresholds: tuple[float, ...]) -> Float:
    kept = np.ones(scores.shape[1], dtype=bool)
    for block, nu in zip(centred, thresholds, strict=True):
        kept &= np.linalg.norm(scores.T @ block, axis=1) >= nu
    scores = scores[:, kept]
    largest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    return scores * np.where(largest < 0, -1.0, 1.0)


def _above(residual: Float, threshold: float) -> tuple[Float, Float, Float]:
    U, s, Vt = linalg.svd(residual, full_matrices=False, check_finite=False)
    r = int((s > threshold).sum())
    return U[:, :r], s[:r], Vt[:r].T
