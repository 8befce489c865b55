"""Angle-based joint and individual variation explained, as a splitter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, listing
from mcgurk.functional.ajive import AJIVE as Decomposition
from mcgurk.functional.ajive import ajive, joint_scores
from mcgurk.functional.scree import scree_rank
from mcgurk.roles import Splitter
from mcgurk.run import Run
from mcgurk.train import features


class AJIVE(Splitter, Estimator):
    """``X_m = J_m + A_m + E_m``: joint variation with one score space for all blocks, individual variation orthogonal to it, and the rest.

    1. Each block's signal space is spanned by its first k_m singular vectors. 2. Directions common to all signal spaces are joint where
    their squared singular value is beyond what random directions and the blocks' noise can explain. 3. ``J_m = U U^T X_m``; A_m holds the
    singular values of ``X_m - J_m`` above the block's threshold. New rows get joint scores by least squares on the loadings of the blocks
    they have, and individual scores from what is left.

    Not for: relations that are not linear; blocks without a visible signal rank, on which everything else rests.

    Args:
        ranks: signal rank of every block: a number, a dict by name, or None for the elbow of each block's scree plot.
        joint_rank: use this many joint directions instead of testing; those that are not visible in some block are dropped.
        draws: random bases behind each of the two cuts.
        encoders: choices by column or kind; None for the defaults.
        random_state: of the random bases.

    Attributes:
        rank_: number of joint directions.
        individual_ranks_: name -> number of individual directions.
        ranks_: name -> signal rank that was used.
        singular_values_, cut_: squared singular values of the stacked signal scores, and what they had to exceed.
        loadings_, directions_, means_: name -> (d, rank), (d, individual rank), (d,).

    Shapes: M blocks (n, d_m) -> "shared" (n, rank) and "private:<name>" (n, individual rank).

    Raises:
        DataError: fewer than two blocks, a rank a block does not have, fewer than three complete rows (S01).

    Source: Feng, Jiang, Hannig, Marron 2018, Angle-based joint and individual variation explained, Journal of Multivariate Analysis
        166:241-265.

    Example:
        >>> import numpy as np
        >>> from mcgurk.fission import AJIVE
        >>> rng = np.random.default_rng(0)
        >>> u = rng.normal(size=(100, 1))
        >>> X = {name: u @ rng.normal(size=(1, d)) + 0.05 * rng.normal(size=(100, d)) for name, d in (("image", 8), ("text", 6))}
        >>> model = AJIVE(ranks=1, draws=200).fit(X)
        >>> model.rank_, model.individual_ranks_
        (1, {'image': 0, 'text': 0})
        >>> bool(abs(np.corrcoef(model.transform(X)["shared"].values[:, 0], u[:, 0])[0, 1]) > 0.99)
        True
    """

    def __init__(
        self,
        ranks: int | Mapping[str, int] | None = None,
        *,
        joint_rank: int | None = None,
        draws: int = 1000,
        encoders: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.ranks = ranks
        self.joint_rank = joint_rank
        self.draws = draws
        self.encoders = encoders
        self.random_state = random_state

    def _fit(self, data: FitData, run: Run) -> None:
        self.encoders_ = features.resolve(data.spec, self.encoders)
        features.fit(self.encoders_, data.X, data.train_rows)
        blocks, present = features.arrays(features.prepare(self.encoders_, data.X, run))
        rows = data.train_rows[present[data.train_rows].all(axis=1)]
        if len(blocks) < 2:
            raise DataError(f"joint variation needs two blocks or more; X has {listing(blocks)}")
        if len(rows) < 3:
            raise DataError(f"{len(rows)} rows have all of {listing(blocks)}; at least 3 are needed", code="S01")
        complete = {name: block[rows] for name, block in blocks.items()}
        self.ranks_ = self._signal_ranks(complete)
        made = ajive(
            list(complete.values()), [self.ranks_[n] for n in complete], rng=run.rng("noise"), draws=self.draws, joint_rank=self.joint_rank
        )
        self.rank_ = made.rank
        self.individual_ranks_ = dict(zip(complete, made.individual_ranks, strict=True))
        self.singular_values_ = made.singular_values
        self.cut_ = max(made.wedin_cut, made.random_cut)
        self.means_ = dict(zip(complete, made.means, strict=True))
        self.loadings_ = dict(zip(complete, made.loadings, strict=True))
        self.directions_ = {name: V for name, (_, _, V) in zip(complete, made.individual, strict=True)}

    def _signal_ranks(self, blocks: Mapping[str, np.ndarray]) -> dict[str, int]:
        if isinstance(self.ranks, Mapping):
            lacking = [name for name in blocks if name not in self.ranks]
            if lacking:
                raise DataError(f"ranks gives none for {listing(lacking)}; give one for each of {listing(blocks)}")
            return {name: int(self.ranks[name]) for name in blocks}
        if self.ranks is not None:
            return dict.fromkeys(blocks, int(self.ranks))
        return {name: _elbow(block - block.mean(axis=0)) for name, block in blocks.items()}

    def _split(self, X: Dataset) -> dict[str, np.ndarray]:
        blocks, present = features.arrays(features.prepare(self.encoders_, X))
        shared = np.zeros((len(X), self.rank_))
        model = self._decomposition()
        for pattern in np.unique(present, axis=0):
            if pattern.any():
                rows = np.flatnonzero((present == pattern).all(axis=1))
                shared[rows] = joint_scores(
                    model, [block[rows] if here else None for block, here in zip(blocks.values(), pattern, strict=True)]
                )
        out = {"shared": shared}
        for name, block in blocks.items():
            out[f"private:{name}"] = (block - self.means_[name] - shared @ self.loadings_[name].T) @ self.directions_[name]
        return out

    def _decomposition(self) -> Decomposition:
        """What projecting new rows needs: loadings, individual directions and means, without the training rows' scores."""
        individual = tuple((np.zeros((0, V.shape[1])), np.zeros(V.shape[1]), V) for V in self.directions_.values())
        none = np.zeros((0, self.rank_))
        return Decomposition(
            none, tuple(self.loadings_.values()), individual, tuple(self.means_.values()), self.singular_values_, 0.0, 0.0, ()
        )


def _elbow(centred: np.ndarray) -> int:
    """Signal rank of a block: the elbow among the singular values it can have."""
    most = min(len(centred) - 1, centred.shape[1])
    values = np.linalg.svd(centred, compute_uv=False)[:most]
    return scree_rank(values) if most > 1 else 1
