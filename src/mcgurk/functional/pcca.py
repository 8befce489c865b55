"""Probabilistic reading of CCA: one shared latent, each view a noisy linear image of it; infers the latent, and a view that is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float
from mcgurk.functional.cca import CCA


@dataclass(frozen=True, slots=True)
class PCCA:
    """``z ~ N(0, I_k)``, ``x_m = W_m z + mean_m + e_m``, ``e_m ~ N(0, noise_m)``."""

    base: CCA
    loadings: tuple[Float, Float]
    noise: tuple[Float, Float]

    def posterior(self, first: Any | None, second: Any | None) -> Float:
        """``E[z | what is given]`` (n, k): ``D^{1/2} A^T (x_1 - mean_1)`` from one view, ``D^{1/2} (I + D)^-1 (..+..)`` from both.

        ``None`` stands for a missing view; D holds the canonical correlations.
        """
        given = [self.base.project(m, x) for m, x in enumerate((first, second)) if x is not None]
        if not given:
            raise DataError("both views are missing; give at least one")
        rho = self.base.values
        if len(given) == 1:
            return given[0] * np.sqrt(rho)
        if len(given[0]) != len(given[1]):
            raise DataError(f"the views have {len(given[0])} and {len(given[1])} rows; expected the same rows")
        return (given[0] + given[1]) * np.sqrt(rho) / (1.0 + rho)

    def impute(self, view: int, other: Any) -> Float:
        """``E[x_view | other view] = W_view E[z | other] + mean_view``."""
        z = self.posterior(None, other) if view == 0 else self.posterior(other, None)
        return z @ self.loadings[view].T + self.base.means[view]


def probabilistic(model: CCA, X: Any, Y: Any, *, shrunk: bool = False) -> PCCA:
    """The probabilistic model whose maximum-likelihood solution is this (ridge) CCA.

    ``S_m`` is the training covariance plus the model's ridge; ``W_m = S_m A_m D^{1/2}``, ``noise_m = S_m - W_m W_m^T``. Any rotation of z
    gives the same distribution; this one keeps the canonical axes.

    Not for: latent dimensions whose canonical correlation is not above chance (they carry noise across).

    Args:
        model: from :func:`mcgurk.functional.cca.fit_cca`.
        X, Y: the rows it was fitted on.
        shrunk: the model used ``ridge="shrinkage"``.

    Raises:
        DataError: a model of other than two views, or columns that do not fit it.

    Source: Bach, Jordan 2005, A Probabilistic Interpretation of Canonical Correlation Analysis, TR 688, theorem 2.

    Example:
        >>> import numpy as np
        >>> from mcgurk.functional.cca import fit_cca
        >>> rng = np.random.default_rng(0)
        >>> z = rng.standard_normal((500, 1))
        >>> X, Y = z @ [[1.0, 1.0]] + 0.1 * rng.standard_normal((500, 2)), 2 * z
        >>> made = probabilistic(fit_cca(X, Y, 1), X, Y)
        >>> bool(np.abs(made.impute(1, X) - Y).mean() < 0.2)
        True
    """
    if len(model.means) != 2:
        raise DataError(f"the model has {len(model.means)} views; probabilistic CCA is defined for two")
    loadings, noise = [], []
    for m, view in enumerate((X, Y)):
        rows = _check.matrix(view, f"view {m}", rows=2)
        if rows.shape[1] != len(model.means[m]):
            raise DataError(f"view {m} has {rows.shape[1]} columns; the model was fitted on {len(model.means[m])}")
        centred = rows - rows.mean(axis=0)
        covariance = (1.0 - model.ridges[m] if shrunk else 1.0) * (centred.T @ centred) / (len(rows) - 1)
        covariance.flat[:: len(covariance) + 1] += model.ridges[m]
        W = covariance @ model.weights[m] * np.sqrt(model.values)
        loadings.append(W)
        noise.append(covariance - W @ W.T)
    return PCCA(model, (loadings[0], loadings[1]), (noise[0], noise[1]))
