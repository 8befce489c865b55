"""The few questions every numeric function asks of its arrays before it starts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mcgurk.errors import DataError

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]


def matrix(values: Any, name: str, *, rows: int = 1, missing: bool = False) -> Float:
    """``values`` as a float64 matrix with at least ``rows`` rows; NaN only where ``missing`` allows it, inf never."""
    out = np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    if out.ndim != 2:
        raise DataError(f"{name} has shape {out.shape}; expected a matrix (rows, features): reshape it")
    if out.shape[0] < rows:
        raise DataError(f"{name} has {out.shape[0]} rows; at least {rows} are needed: give more data", code="S01")
    _finite(out, name, missing)
    return out


def matrix_or_sparse(values: Any, name: str, *, rows: int = 1) -> Any:
    """Like :func:`matrix`, but a scipy sparse matrix stays sparse (CSR, float64)."""
    if not sparse.issparse(values):
        return matrix(values, name, rows=rows)
    out = sparse.csr_array(values, dtype=np.float64)
    if out.shape[0] < rows:
        raise DataError(f"{name} has {out.shape[0]} rows; at least {rows} are needed: give more data", code="S01")
    _finite(out.data, name, False)
    return out


def vector(values: Any, name: str, n: int | None = None, *, missing: bool = False) -> Float:
    """``values`` as a float64 vector, of length ``n`` where given."""
    out = np.ascontiguousarray(np.asarray(values, dtype=np.float64))
    if out.ndim != 1:
        raise DataError(f"{name} has shape {out.shape}; expected one number per row: pass a vector")
    if n is not None and len(out) != n:
        raise DataError(f"{name} has {len(out)} entries; expected {n}, one per row: align it with the rows")
    _finite(out, name, missing)
    return out


def weights(values: Any | None, n: int, name: str = "weight") -> Float:
    """Non-negative row weights with a positive sum; ones where ``values`` is None."""
    if values is None:
        return np.ones(n)
    out = vector(values, name, n)
    if (out < 0).any() or not out.sum() > 0:
        raise DataError(f"{name} must be non-negative with a positive sum; it runs from {out.min():g} to {out.max():g}")
    return out


def codes(values: Any, n_classes: int, name: str = "codes", n: int | None = None) -> Int:
    """Integer class codes ``0 .. n_classes - 1``."""
    out = np.asarray(values)
    if out.ndim != 1 or (out.size and not np.issubdtype(out.dtype, np.integer)):
        raise DataError(
            f"{name} has shape {out.shape} and type {out.dtype}; expected a vector of integer class codes: encode the labels first"
        )
    if n is not None and len(out) != n:
        raise DataError(f"{name} has {len(out)} entries; expected {n}, one per row: align it with the rows")
    if out.size and (out.min() < 0 or out.max() >= n_classes):
        raise DataError(f"{name} runs from {out.min()} to {out.max()}; expected 0 to {n_classes - 1}: encode the labels first", code="L01")
    return out.astype(np.int64)


def positive(value: float, name: str, *, zero: bool = False) -> float:
    """``value`` as a finite float above zero (or not below it, with ``zero``)."""
    number = float(value)
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise DataError(f"{name} is {value!r}; expected a finite number {'>= 0' if zero else '> 0'}")
    return number


def _finite(array: Float, name: str, missing: bool) -> None:
    bad = np.isinf(array) if missing else ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        wanted = "numbers or NaN" if missing else "finite numbers"
        raise DataError(
            f"{name} holds {array[where]} at position {where}; expected {wanted}: clean that cell",
            code="N01",
        )


def decisions(logp: Any, present: Any, prior: Any | None) -> tuple[Float, Bool, Float]:
    """Log-probabilities (n, M, C), presence (n, M) and log prior (C,) of a late-fusion rule, checked against each other."""
    values, mask = np.asarray(logp, dtype=np.float64), np.asarray(present)
    if values.ndim != 3 or values.shape[1] < 1 or values.shape[2] < 2:
        raise DataError(f"logp has shape {values.shape}; expected (rows, modalities, classes) with at least 1 modality and 2 classes")
    if mask.shape != values.shape[:2] or mask.dtype != np.bool_:
        raise DataError(f"present has shape {mask.shape} and type {mask.dtype}; expected bool of shape {values.shape[:2]}")
    bad = mask[:, :, None] & ~(values <= 1e-6)  # NaN compares false
    if bad.any():
        row, modality, k = (int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"row {row}, modality {modality}, class {k} has log-probability {values[row, modality, k]}; expected a number <= 0",
            code="N01",
        )
    if prior is None:
        return values, mask, np.full(values.shape[2], -np.log(values.shape[2]))
    p = vector(prior, "prior", values.shape[2])
    if (p < 0).any() or not p.sum() > 0:
        raise DataError("the prior must be non-negative with a positive sum; give the class shares of the training rows")
    with np.errstate(divide="ignore"):
        return values, mask, np.log(p / p.sum())
