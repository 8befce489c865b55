"""What a warping path may do: step patterns, windows, local costs, and the plain recursion over any of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.errors import DataError
from mcgurk.functional import _check
from mcgurk.functional._check import Float, Int

COSTS = ("squared", "absolute", "euclidean", "cosine")
Step = tuple[tuple[int, int], tuple[tuple[int, int, float], ...]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A step pattern as a table of transitions.

    Each transition into cell (i, j) is its origin ``(di, dj)``, read as D(i - di, j - dj), and the cells it pays for on the way,
    ``(a, b, weight)`` read as ``weight * c(i - a, j - b)``, first to last. Earlier transitions win ties. ``per``: what a normalised cost is
    divided by, "n", "n+m" or None.
    """

    steps: tuple[Step, ...]
    per: str | None

    def normaliser(self, n: int, m: int) -> float:
        """Divisor of the cost for lengths n and m."""
        if self.per is None:
            raise DataError("this step pattern has no normaliser; use 'symmetric2', 'symmetricP1' or 'asymmetric'")
        return float(n if self.per == "n" else n + m)


PATTERNS: dict[str, Pattern] = {
    "symmetric1": Pattern((((1, 1), ((0, 0, 1.0),)), ((1, 0), ((0, 0, 1.0),)), ((0, 1), ((0, 0, 1.0),))), None),
    "symmetric2": Pattern((((1, 1), ((0, 0, 2.0),)), ((1, 0), ((0, 0, 1.0),)), ((0, 1), ((0, 0, 1.0),))), "n+m"),
    "asymmetric": Pattern((((1, 1), ((0, 0, 1.0),)), ((1, 0), ((0, 0, 1.0),)), ((1, 2), ((0, 0, 1.0),))), "n"),
    "symmetricP1": Pattern(
        (((1, 1), ((0, 0, 2.0),)), ((2, 1), ((1, 0, 2.0), (0, 0, 1.0))), ((1, 2), ((0, 1, 2.0), (0, 0, 1.0)))),
        "n+m",
    ),
}


def window(n: int, m: int, *, band: float | None = None, slanted: bool = True, itakura: float | None = None) -> tuple[Int, Int]:
    """First and one past the last admitted column of each row.

    Sakoe-Chiba: ``|j - i (m - 1) / (n - 1)| <= band`` (slanted: along the diagonal of the rectangle) or ``|i - j| <= band`` (plain).
    Itakura: between lines of slope 1/s and s times that diagonal through both corners. Neither: everything.

    Raises:
        DataError: no path fits (the message holds the smallest band that admits one), or both windows were asked for.

    Source: Sakoe, Chiba 1978, IEEE ASSP 26:43-49; Itakura 1975, IEEE ASSP 23:67-72.

    Example:
        >>> window(3, 3, band=1)[0].tolist(), window(3, 3, band=1)[1].tolist()
        ([0, 0, 1], [2, 3, 3])
    """
    if band is not None and itakura is not None:
        raise DataError("band and itakura were both given; choose one window")
    if itakura is not None:
        if itakura < 1:
            raise DataError(f"itakura is {itakura}; expected a slope of at least 1")
        lo, hi = _itakura(n, m, itakura)
    elif band is not None:
        lo, hi = _sakoe_chiba(n, m, _check.positive(band, "band", zero=True), slanted)
    else:
        return np.zeros(n, np.int64), np.full(n, m, np.int64)
    if not _admits_a_path(lo, hi, m):
        if itakura is not None:
            raise DataError(f"no path fits slope {itakura:g} for lengths {n} and {m}; raise itakura")
        smallest = next(w for w in range(n + m) if _admits_a_path(*_sakoe_chiba(n, m, w, slanted), m))
        raise DataError(f"no path fits band {band:g} for lengths {n} and {m}; the smallest band that admits one is {smallest}")
    return lo, hi


def sequences(x: Any, y: Any, cost: str) -> tuple[Float, Float]:
    """Two sequences as matrices (time, features); a vector is one feature; rows at unit length for the cosine."""
    if cost not in COSTS:
        raise DataError(f"cost is {cost!r}; expected one of {', '.join(COSTS)}")
    a, b = (_check.matrix(np.asarray(v)[:, None] if np.ndim(v) == 1 else v, name) for v, name in ((x, "x"), (y, "y")))
    if a.shape[1] != b.shape[1]:
        raise DataError(f"x has {a.shape[1]} features and y {b.shape[1]}; warp sequences of one space (canonical time warping takes two)")
    return (_unit(a), _unit(b)) if cost == "cosine" else (a, b)


def local_costs(x: Float, y: Float, cost: str) -> Float:
    """Costs (n, m) of every pair of time steps, of sequences prepared by :func:`sequences`.

    Example:
        >>> import numpy as np
        >>> local_costs(*sequences([0.0, 2.0], [1.0], "squared"), "squared").ravel()
        array([1., 1.])
    """
    if cost == "cosine":
        return np.maximum(1.0 - x @ y.T, 0.0)
    out = np.zeros((len(x), len(y)))
    for k in range(x.shape[1]):
        difference = x[:, k, None] - y[None, :, k]
        out += np.abs(difference) if cost == "absolute" else difference**2
    return np.sqrt(out) if cost == "euclidean" else out


def accumulate(costs: Any, pattern: str = "symmetric1") -> tuple[Float, Int]:
    """``D(i, j) = min over transitions of D(origin) + weighted costs``, by anti-diagonals; and the number of the best transition.

    Any pattern, any window (inf in ``costs``). D is inf where no path leads, the choice -1 there and in the first cell.

    Args:
        costs: (n, m), non-negative or inf.

    Example:
        >>> import numpy as np
        >>> accumulate(np.ones((3, 3)))[0][-1, -1]
        np.float64(3.0)
    """
    c = np.asarray(costs, dtype=np.float64)
    if c.ndim != 2 or 0 in c.shape or np.isnan(c).any() or (c < 0).any():
        raise DataError(f"costs of shape {c.shape} are not a cost matrix; expected (n, m) numbers >= 0, inf outside the window")
    steps = _pattern(pattern).steps
    n, m = c.shape
    pad = max(max(origin) for origin, _ in steps)
    D = np.full((n + pad, m + pad), np.inf)
    C = np.full((n + pad, m + pad), np.inf)
    C[pad:, pad:] = c
    choice = np.full((n, m), -1, np.int64)
    D[pad, pad] = c[0, 0]
    for k in range(1, n + m - 1):
        i = np.arange(max(0, k - m + 1), min(n, k + 1))
        j = k - i
        best, chosen = np.full(len(i), np.inf), np.full(len(i), -1)
        for number, ((di, dj), cells) in enumerate(steps):
            value = D[i + pad - di, j + pad - dj]
            for a, b, weight in cells:
                value = value + weight * C[i + pad - a, j + pad - b]
            better = value < best
            best, chosen = np.where(better, value, best), np.where(better, number, chosen)
        D[i + pad, j + pad], choice[i, j] = best, chosen
    return D[pad:, pad:], choice


def trace(choice: Int, pattern: str = "symmetric1") -> Int:
    """Cells (l, 2) of the path that :func:`accumulate` chose, first to last, cells passed on the way included."""
    steps = _pattern(pattern).steps
    i, j = choice.shape[0] - 1, choice.shape[1] - 1
    cells = []
    while choice[i, j] >= 0:
        (di, dj), passed = steps[choice[i, j]]
        cells += [(i - a, j - b) for a, b, _ in reversed(passed)]
        i, j = i - di, j - dj
    return np.array([*cells, (i, j)][::-1], dtype=np.int64)


def _pattern(name: str) -> Pattern:
    if name not in PATTERNS:
        raise DataError(f"pattern is {name!r}; expected one of {', '.join(PATTERNS)}")
    return PATTERNS[name]


def _unit(x: Float) -> Float:
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)


def _sakoe_chiba(n: int, m: int, band: float, slanted: bool) -> tuple[Int, Int]:
    center = np.arange(n) * ((m - 1) / (n - 1) if n > 1 else 0.0) if slanted else np.arange(n, dtype=np.float64)
    if slanted and n == 1:
        return np.zeros(1, np.int64), np.array([m], np.int64)
    return _limits(center - band, center + band, m)


def _itakura(n: int, m: int, slope: float) -> tuple[Int, Int]:
    if n == 1:
        return np.zeros(1, np.int64), np.array([m], np.int64)
    forward, back = np.arange(n) * (m - 1) / (n - 1), np.arange(n)[::-1] * (m - 1) / (n - 1)
    return _limits(np.maximum(forward / slope, m - 1 - slope * back), np.minimum(slope * forward, m - 1 - back / slope), m)


def _limits(low: Any, high: Any, m: int) -> tuple[Int, Int]:
    lo = np.clip(np.ceil(low - 1e-9), 0, m).astype(np.int64)
    hi = np.clip(np.floor(high + 1e-9) + 1, 0, m).astype(np.int64)
    return lo, hi


def _admits_a_path(lo: Int, hi: Int, m: int) -> bool:
    return bool(lo[0] == 0 and hi[-1] == m and (lo < hi).all() and (lo[1:] <= hi[:-1]).all())
