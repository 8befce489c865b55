"""Regularised canonical correlation analysis: one linear space for two modalities, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.coordination._pairs import paired
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, listing
from mcgurk.functional.cca import fit_cca
from mcgurk.roles import Embedder
from mcgurk.run import Run
from mcgurk.train import features


class RegularisedCCA(Embedder, Estimator):
    """Projections A and B of two modalities whose scores correlate as highly as possible: ``max corr(X a, Y b)``, direction by direction.

    ``A^T (S_xx + r_x I) A = B^T (S_yy + r_y I) B = I`` and ``A^T S_xy B = diag(rho)``. Means come from the training rows; columns are not
    scaled, which changes nothing but the ridge. Rows with both modalities are learned from; each is then embedded from itself alone.

    Not for: relations that are not linear; more directions than a hundredth of the rows without a larger ``reg``.

    Args:
        k: directions; None takes as many as the smaller modality has columns, at most 10.
        reg: r, see ``ridge``.
        ridge: "relative": r = reg trace(S) / d; "absolute": r = reg; "shrinkage": (1 - reg) S + reg I.
        power: scores are scaled by rho^power, which gives the stronger directions more weight in cosines (4 in Gong et al. 2014).
        encoders: choices by column or kind; None for the defaults.
        random_state: of encoders that draw.

    Attributes:
        correlations_: (k,) regularised canonical correlations.
        weights_: name -> (d, k).
        means_: name -> (d,).

    Shapes: two modalities with features (n, d_1) and (n, d_2) -> two columns (n, k).

    Raises:
        DataError: other than two modalities, k beyond the rank, fewer than two complete rows (S01).

    Source: Hotelling 1936, Relations between two sets of variates, Biometrika 28:321-377; Vinod 1976, Canonical ridge and econometrics of
        joint production, Journal of Econometrics 4:147-166.

    Example:
        >>> import numpy as np
        >>> from mcgurk.coordination import RegularisedCCA
        >>> rng = np.random.default_rng(0)
        >>> z = rng.normal(size=(200, 2))
        >>> X = {"image": z @ rng.normal(size=(2, 5)), "text": z @ rng.normal(size=(2, 4))}
        >>> model = RegularisedCCA(k=2).fit(X)
        >>> model.correlations_.round(2).tolist()
        [1.0, 1.0]
        >>> model.transform({"text": X["text"]}).names
        ('text',)
    """

    pairs_wanted = True

    def __init__(
        self,
        k: int | None = None,
        *,
        reg: float = 1e-4,
        ridge: str = "relative",
        power: float = 0.0,
        encoders: Any = None,
        random_state: Any = 0,
    ) -> None:
        self.k = k
        self.reg = reg
        self.ridge = ridge
        self.power = power
        self.encoders = encoders
        self.random_state = random_state

    def _fit(self, data: FitData, run: Run) -> None:
        if len(data.X.names) != 2:
            raise DataError(
                f"canonical correlation relates two modalities, but X has {len(data.X.names)}: {listing(data.X.names)}; select two"
            )
        data = paired(data)
        self.encoders_ = features.resolve(data.spec, self.encoders)
        features.fit(self.encoders_, data.X, data.train_rows)
        blocks, present = features.arrays(features.prepare(self.encoders_, data.X, run))
        rows = data.train_rows[present[data.train_rows].all(axis=1)]
        if len(rows) < 2:
            raise DataError(f"{len(rows)} rows have both {listing(blocks)}; canonical correlation needs at least 2", code="S01")
        first, second = blocks
        width = min(blocks[first].shape[1], blocks[second].shape[1])
        model = fit_cca(blocks[first][rows], blocks[second][rows], self.k or min(width, len(rows) - 1, 10), reg=self.reg, ridge=self.ridge)
        self.correlations_ = model.values
        self.means_ = dict(zip(blocks, model.means, strict=True))
        self.weights_ = dict(zip(blocks, model.weights, strict=True))

    def _embed(self, X: Dataset) -> dict[str, np.ndarray]:
        blocks, _ = features.arrays(features.prepare(self.encoders_, X))
        scale = self.correlations_**self.power
        return {name: (block - self.means_[name]) @ self.weights_[name] * scale for name, block in blocks.items()}
