"""Dynamic time warping as an aligner."""

from __future__ import annotations

import numpy as np

from mcgurk.base import Estimator, FitData
from mcgurk.functional.dtw import dtw_path
from mcgurk.results import Alignment
from mcgurk.roles import Aligner
from mcgurk.run import Run


class DTW(Aligner, Estimator):
    """The monotone, continuous path from the first pair of steps to the last with the least sum of local costs.

    ``D(i, j) = c(i, j) + min(D(i-1, j-1), D(i-1, j), D(i, j-1))`` for ``pattern="symmetric1"``; ties go to the diagonal, then to a step in
    the first sequence. There is nothing to learn: ``align`` works without ``fit``.

    Not for: sequences of different features or of different scales (canonical time warping, or ``standardise=True``); a short query within
    a long recording.

    Args:
        cost: "squared", "absolute", "euclidean" or "cosine".
        pattern: steps and their weights: "symmetric1", "symmetric2", "asymmetric", "symmetricP1", ...
        band: half-width of the Sakoe-Chiba window in steps, or None.
        slanted: the window follows the straight line between the corners, which fits unequal lengths; otherwise |i - j| <= band.
        itakura: largest slope of Itakura's parallelogram, or None.
        standardise: centre and scale every feature within each sequence first.

    Shapes: (n, d) and (m, d) -> Alignment of l pairs; ``cost`` is the sum of weighted local costs, without a root.

    Raises:
        DataError: an empty sequence, other numbers of features, unknown names, a window that no path fits.

    Source: Sakoe, Chiba 1978, Dynamic programming algorithm optimization for spoken word recognition, IEEE Transactions on Acoustics,
        Speech, and Signal Processing 26:43-49.

    Example:
        >>> from mcgurk.alignment import DTW
        >>> path = DTW(cost="absolute").align([1.0, 3.0, 4.0, 9.0], [1.0, 3.0, 7.0, 8.0, 9.0])
        >>> path.cost, path.i.tolist(), path.j.tolist()
        (4.0, [0, 1, 2, 3, 3], [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        *,
        cost: str = "squared",
        pattern: str = "symmetric1",
        band: float | None = None,
        slanted: bool = True,
        itakura: float | None = None,
        standardise: bool = False,
    ) -> None:
        self.cost = cost
        self.pattern = pattern
        self.band = band
        self.slanted = slanted
        self.itakura = itakura
        self.standardise = standardise

    def _fit(self, data: FitData, run: Run) -> None:
        """Nothing to learn."""

    def _align(self, a: np.ndarray, b: np.ndarray) -> Alignment:
        if self.standardise:
            a, b = _standardised(a), _standardised(b)
        path, cost = dtw_path(a, b, cost=self.cost, pattern=self.pattern, band=self.band, slanted=self.slanted, itakura=self.itakura)
        return Alignment(path[:, 0], path[:, 1], np.ones(len(path)), cost, (len(a), len(b)))


def _standardised(x: np.ndarray) -> np.ndarray:
    """Features with mean 0 and standard deviation 1; a constant feature becomes 0."""
    centred, spread = x - x.mean(axis=0), x.std(axis=0)
    constant = spread <= 1e-8 * np.maximum(1.0, np.abs(x.mean(axis=0)))
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, spread))
