"""The compiled walk down boosted trees; imported on first use."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_ROWS = 128  # a block of rows and one tree stay in the first-level cache
_LANES = 16  # rows that go down a tree in step: their loads overlap, and no branch is there to be mispredicted


@numba.njit(cache=True, nogil=True)
def walk(nodes: Any, tree: Any, depth: Any, bitsets: Any, X: Any, out: Any) -> None:
    """Add the leaf values of every tree to ``out`` (n, k).

    ``nodes``: records (threshold, value, feature, child, bitset, missing_left); a leaf has threshold inf and is its own left child, so a
    row that arrived early stays. ``depth``: levels of each tree, or -1 where it splits on categories.
    """
    n, k = out.shape
    at = np.zeros(_LANES, np.int64)
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        for t in range(len(tree)):
            i = start
            if depth[t] >= 0:
                while i + _LANES <= stop:
                    at[:] = tree[t]
                    for _ in range(depth[t]):
                        for j in range(_LANES):
                            node = nodes[at[j]]
                            value = X[i + j, node["feature"]]
                            right = (value > node["threshold"]) | ((value != value) & (node["missing_left"] == 0))
                            at[j] = node["child"] + right
                    for j in range(_LANES):
                        out[i + j, t % k] += nodes[at[j]]["value"]
                    i += _LANES
            while i < stop:
                out[i, t % k] += _leaf(nodes, tree[t], bitsets, X[i])
                i += 1


@numba.njit(cache=True, nogil=True, inline="always")
def _leaf(nodes: Any, at: int, bitsets: NDArray[np.uint32], x: NDArray[np.float64]) -> float:
    while True:
        value = x[nodes[at]["feature"]]
        if value != value:
            right = nodes[at]["missing_left"] == 0
        elif nodes[at]["bitset"] >= 0:
            code = np.int64(value)
            right = (bitsets[nodes[at]["bitset"], code // 32] >> np.uint32(code % 32)) & np.uint32(1) == 0
        else:
            right = value > nodes[at]["threshold"]
        following = nodes[at]["child"] + right
        if following == at:
            return nodes[at]["value"]
        at = following
