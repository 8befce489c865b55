"""Feature fusion on arrays: standardised, balanced blocks side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcgurk.params import Params


class SideBySide(Params):
    """Blocks standardised with training-row statistics, optionally reduced, weighted equally, with presence flags.

    A block's present rows are centred and divided by their standard deviation, cell by cell ("cell") or all by one ("block", for
    embeddings whose angles carry meaning); a cell with sd <= 1e-8 max(1, |mean|) is constant and becomes 0 on every row. Blocks wider than
    ``reduce`` keep that many principal components. With ``balance`` each block is divided by sqrt(d_m), so that its mean squared norm is
    1. An absent block is 0, its mean, and its flag says so; a flag that is constant in training is left out.

    Not for: blocks of different granularity; pool them before, knowingly.

    Args:
        standardise: centre and divide by the deviation; False leaves values as they are (pixels that share a scale).
        balance: equal weight to every block.
        flags: append a presence flag for each modality whose presence varies.
        reduce: most columns of a block, or None.

    Shapes: {name: (n, d_m)}, (n, M) present -> (n, D).

    Source: Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, section 3.1.

    Example:
        >>> import numpy as np
        >>> from mcgurk.fusion import SideBySide
        >>> blocks, here = {"a": np.array([[1.0], [3.0], [5.0]])}, np.array([[True], [True], [False]])
        >>> SideBySide().fit(blocks, here, {}).transform(blocks, here).tolist()
        [[-1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]
    """

    def __init__(self, *, standardise: bool = True, balance: bool = True, flags: bool = True, reduce: int | None = None) -> None:
        self.standardise = standardise
        self.balance = balance
        self.flags = flags
        self.reduce = reduce

    def fit(self, blocks: Mapping[str, np.ndarray], present: np.ndarray, scaling: Mapping[str, str]) -> SideBySide:
        """Learn means, deviations, components and which flags vary from training rows; ``scaling`` says "cell" or "block" by name."""
        self.parts_ = {}
        for m, name in enumerate(blocks):
            self.parts_[name] = self._learn(blocks[name][present[:, m]], scaling.get(name, "cell"))
        varies = np.any(present, axis=0) & ~np.all(present, axis=0)
        self.flagged_ = tuple(bool(v) for v in varies) if self.flags else tuple(False for _ in varies)
        return self

    def _learn(self, rows: np.ndarray, scaling: str) -> dict[str, np.ndarray]:
        width = rows.shape[1]
        center = rows.mean(axis=0) if len(rows) else np.zeros(width)
        spread = rows.std(axis=0) if len(rows) else np.zeros(width)
        constant = spread <= 1e-8 * np.maximum(1.0, np.abs(center))
        if scaling == "block":
            spread = np.full(width, np.sqrt(np.mean(spread**2)))
        inverse = np.where(constant, 0.0, 1 / np.where(spread > 0, spread, 1.0))
        if not self.standardise:
            center, inverse = np.zeros(width), np.ones(width)
        out = {"center": center, "inverse": inverse}
        kept = width
        if self.reduce is not None and width > self.reduce and len(rows) > 1:
            scaled = (rows - center) * inverse
            basis = _principal(scaled, self.reduce)
            out["basis"], kept = basis, basis.shape[1]
            scores = scaled @ basis
            out["shrink"] = np.array(1 / max(np.sqrt(np.mean(scores**2)), 1e-12))
        out["weight"] = np.array(1 / np.sqrt(max(kept, 1)) if self.balance else 1.0)
        return out

    def transform(self, blocks: Mapping[str, np.ndarray], present: np.ndarray) -> np.ndarray:
        """(n, D) of any rows."""
        out = []
        for m, (name, part) in enumerate(self.parts_.items()):
            values = (np.where(present[:, m, None], blocks[name], part["center"]) - part["center"]) * part["inverse"]
            if "basis" in part:
                values = values @ part["basis"] * part["shrink"]
            out.append(values * part["weight"])
        out += [present[:, m, None].astype(np.float64) for m, flag in enumerate(self.flagged_) if flag]
        return np.concatenate(out, axis=1)


def _principal(rows: np.ndarray, k: int) -> np.ndarray:
    """(d, k) leading right singular vectors by the smaller Gram matrix, signs fixed: deterministic."""
    n, d = rows.shape
    k = min(k, n - 1, d)
    values, vectors = np.linalg.eigh(rows @ rows.T if n < d else rows.T @ rows)
    leading = vectors[:, ::-1][:, :k]
    if n < d:
        lengths = np.sqrt(np.maximum(values[::-1][:k], 0.0))
        kept = lengths > 1e-7 * max(lengths[0], 1e-300)
        leading = rows.T @ leading[:, kept] / lengths[kept]
    signs = np.sign(leading[np.abs(leading).argmax(axis=0), np.arange(leading.shape[1])])
    return np.ascontiguousarray(leading * np.where(signs == 0, 1.0, signs))
