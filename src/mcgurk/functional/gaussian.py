"""Information fusion of Gaussian estimates, the static Kalman update."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float


def fuse_gaussian(means: Any, covariances: Any, present: Any | None = None, *, prior: tuple[Any, Any] | None = None) -> tuple[Float, Float]:
    """Combine independent Gaussian estimates of one quantity: ``P = (sum_m R_m^-1)^-1``, ``x = P sum_m R_m^-1 x_m``.

    Solved by Cholesky factors; absent estimates are left out by selection. With a prior, it is one more estimate.

    Not for: estimates with correlated errors (the variance comes out too small).

    Args:
        means: (n, M, d).
        covariances: (n, M, d, d), or (M, d, d) for all rows.
        present: (n, M) bool; all present where None.
        prior: mean (d,) and covariance (d, d).

    Shapes: mean (n, d), covariance (n, d, d).

    Raises:
        DataError: shapes disagree, a present covariance is not positive definite, or a row has nothing present and no prior is given.

    Source: Kalman 1960, J. Basic Engineering 82:35-45; Durrant-Whyte, Henderson 2008, Springer Handbook of Robotics, chapter 25.

    Example:
        >>> import numpy as np
        >>> mean, cov = fuse_gaussian(np.array([[[0.0], [3.0]]]), np.array([[[1.0]], [[0.5]]]))
        >>> mean.round(6).item(), cov.round(6).item()
        (2.0, 0.333333)
    """
    x = np.asarray(means, dtype=np.float64)
    if x.ndim != 3:
        raise DataError(f"means have shape {x.shape}; expected (rows, modalities, dimensions)")
    n, M, d = x.shape
    R = np.asarray(covariances, dtype=np.float64)
    mask = np.ones((n, M), dtype=bool) if present is None else np.asarray(present, dtype=bool)
    if R.shape not in ((n, M, d, d), (M, d, d)) or mask.shape != (n, M):
        raise DataError(f"covariances {R.shape} and present {mask.shape} do not fit means {x.shape}; expected {(n, M, d, d)} and {(n, M)}")
    R = np.broadcast_to(R, (n, M, d, d))
    precision, information = np.zeros((n, d, d)), np.zeros((n, d))
    if prior is not None:
        mu, P = _check.vector(prior[0], "prior mean", d), _check.matrix(prior[1], "prior covariance")
        inverse = _inverse(P, "the prior covariance")
        precision, information = precision + inverse, information + inverse @ mu
    elif not mask.any(axis=1).all():
        raise DataError(f"row {int(np.flatnonzero(~mask.any(axis=1))[0])} has no estimate; give a prior (mean, covariance) for such rows")
    for i, m in np.argwhere(mask):
        if not np.isfinite(x[i, m]).all():
            raise DataError(f"the mean of row {i}, modality {m} is not finite; mark it absent", code="N01")
        inverse = _inverse(R[i, m], f"the covariance of row {i}, modality {m}")
        precision[i] += inverse
        information[i] += inverse @ x[i, m]
    covariance = np.stack([_inverse(p, "the fused precision") for p in precision]) if n else precision
    return np.einsum("nij,nj->ni", covariance, information), covariance


def _inverse(matrix: Float, name: str) -> Float:
    try:
        factor = linalg.cho_factor(matrix, lower=True)
    except (linalg.LinAlgError, ValueError) as error:
        raise DataError(f"{name} is not positive definite; add a small ridge to its diagonal") from error
    inverse = linalg.cho_solve(factor, np.eye(len(matrix)))
    return (inverse + inverse.T) / 2.0
