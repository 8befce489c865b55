"""Truncated Newton for ``strength * sum_i s_i loss_i(Z w + b) + |w|^2 / 2``: the one solver of the penalised linear models."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from scipy import linalg, sparse

from mcgurk.errors import DataError, McgurkWarning
from mcgurk.functional._check import Float

_FACTORABLE = 6000  # largest Gram matrix worth a Cholesky factor (0.3 GB)


class Loss(Protocol):
    """A convex loss of the linear predictor, row by row."""

    def value(self, eta: Float) -> Float:
        """Loss of every row, (n,)."""

    def expand(self, eta: Float) -> tuple[Float, Callable[[Float], Float], float]:
        """Gradient (n, k), the Hessian as a function (n, k) -> (n, k), and its mean diagonal entry."""


class Design:
    """The rows of X in coordinates in which a Newton step is cheap, and the way back to coefficients.

    Dense and tall: centred. Dense and wide: ``Z`` with ``Z Z^T`` equal to the centred Gram matrix, so that the problem has as many
    unknowns as rows. Sparse: as it is. Columns are centred because the unpenalised intercept then decouples from the slopes.
    """

    def __init__(self, X: Any) -> None:
        n, p = X.shape
        self.n, self.mean = n, np.zeros(p)
        self._centred: Float | None = None
        self._gram: Float | None = None
        if sparse.issparse(X):
            self.Z, self._squares = X, np.asarray(X.multiply(X).sum(axis=0)).ravel()
            return
        self.mean = X.mean(axis=0)
        self.Z = X - self.mean
        if not np.isfinite(np.vdot(self.Z, self.Z)):
            raise DataError("the squares of X overflow; scale its columns")
        if n < p and n <= _FACTORABLE:
            self._centred, self.Z = self.Z, _root(self.Z @ self.Z.T)
        if self.Z.shape[1] <= _FACTORABLE:
            self._gram = self.Z.T @ self.Z
        self._squares = np.einsum("ij,ij->j", self.Z, self.Z)

    def forward(self, params: Float) -> Float:
        """Linear predictor (n, k) of ``params`` (r + 1, k), whose last row is the intercept."""
        out: Float = self.Z @ params[:-1] + params[-1]
        return out

    def adjoint(self, rows: Float) -> Float:
        """Transpose of :meth:`forward`."""
        return np.vstack([self.Z.T @ rows, rows.sum(axis=0)])

    def preconditioner(self, curvature: float) -> Callable[[Float], Float]:
        """Approximate inverse of ``curvature * Z^T Z + I`` (intercept: ``curvature * n``)."""
        last = 1.0 / max(curvature * self.n, 1e-300)
        if self._gram is None:
            diagonal = 1.0 / (1.0 + curvature * self._squares[:, None])
            return lambda g: np.vstack([g[:-1] * diagonal, g[-1:] * last])
        system = curvature * self._gram
        system.flat[:: len(system) + 1] += 1.0
        factor = linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        return lambda g: np.vstack([linalg.cho_solve(factor, g[:-1], check_finite=False), g[-1:] * last])

    def coefficients(self, params: Float) -> tuple[Float, Float]:
        """``coef (k, p), intercept (k,)`` on the scale of X."""
        slopes = params[:-1]
        if self._centred is not None:
            slopes = self._centred.T @ linalg.solve_triangular(self.Z, slopes, lower=True, trans=1, check_finite=False)
        return np.ascontiguousarray(slopes.T), params[-1] - self.mean @ slopes


def _root(gram: Float) -> Float:
    """Lower triangular root of a positive semidefinite matrix; the ridge is the smallest that LAPACK accepts."""
    ridge = 1e-13 * max(float(np.trace(gram)), 1e-300)
    while True:
        shifted = gram.copy()
        shifted.flat[:: len(gram) + 1] += ridge
        with contextlib.suppress(linalg.LinAlgError):
            root: Float = linalg.cholesky(shifted, lower=True, overwrite_a=True, check_finite=False)
            return root
        ridge *= 10.0


def _identity(gradient: Float) -> Float:
    return gradient


def minimise(design: Design, loss: Loss, strength: Float, start: Float, *, tol: float = 1e-7, max_iter: int = 100) -> Float:
    """Parameters ``(r + 1, k)`` with gradient norm at most ``tol``.

    The penalty makes the objective 1-strongly convex in the slopes, so ``tol`` bounds their distance from the optimum.

    Args:
        strength: C times the row weights, (n,).
        start: initial parameters; the last row is the intercept.
    """
    params, column = start.copy(), strength[:, None]
    penalty = np.ones((len(params), 1))
    penalty[-1] = 0.0
    eta = design.forward(params)
    value = _objective(loss, strength, eta, params)
    built = 0.0
    precondition: Callable[[Float], Float] = _identity
    for _ in range(max_iter):
        slope, hessian, curvature = loss.expand(eta)
        gradient = design.adjoint(column * slope) + penalty * params
        size = float(np.linalg.norm(gradient))
        if size <= tol:
            return params
        curvature = max(curvature * float(strength.mean()), 1e-300)
        if not 0.5 < built / curvature < 2.0:  # a stale preconditioner is still a good one; rebuild only when it is far off
            built, precondition = curvature, design.preconditioner(curvature)

        def product(v: Float, hessian: Callable[[Float], Float] = hessian) -> Float:
            return design.adjoint(column * hessian(design.forward(v))) + penalty * v

        step = _conjugate_gradient(product, -gradient, precondition, size * min(0.1, 0.5 * max(size, tol / size)))
        along, decrease, length = design.forward(step), float(np.vdot(gradient, step)), 1.0
        rounding = 1e-13 * abs(value)  # near the optimum a full Newton step is right although the value can no longer show it
        for _ in range(40):
            trial = params + length * step
            trial_value = _objective(loss, strength, eta + length * along, trial)
            if trial_value <= value + 1e-4 * length * decrease + rounding:
                break
            length *= 0.5
        else:
            return params  # no smaller value exists in floating point
        params, eta, value = trial, eta + length * along, trial_value
    warnings.warn(
        McgurkWarning(f"no convergence in {max_iter} Newton steps; scale the features or lower C", code="O01"),
        stacklevel=3,
    )
    return params


def _objective(loss: Loss, strength: Float, eta: Float, params: Float) -> float:
    return float(strength @ loss.value(eta)) + 0.5 * float(np.vdot(params[:-1], params[:-1]))


def _conjugate_gradient(product: Callable[[Float], Float], rhs: Float, precondition: Callable[[Float], Float], tol: float) -> Float:
    x, residual = np.zeros_like(rhs), rhs.copy()
    z = precondition(residual)
    direction, rz = z, float(np.vdot(residual, z))
    for _ in range(500):
        image = product(direction)
        bend = float(np.vdot(direction, image))
        if bend <= 0.0:
            break
        alpha = rz / bend
        x += alpha * direction
        residual -= alpha * image
        if float(np.linalg.norm(residual)) <= tol:
            break
        z = precondition(residual)
        rz, previous = float(np.vdot(residual, z)), rz
        direction = z + (rz / previous) * direction
    return x
