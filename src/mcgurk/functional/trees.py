"""Boosted trees as plain arrays: scikit-learn's histogram boosting, exported after fit and evaluated here."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.errors import DataError, IntegrityError
from mcgurk.functional import _check
from mcgurk.functional._check import Float, Int

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODE = np.dtype([("number", "f8"), ("feature", "i4"), ("child", "i4"), ("bitset", "i4"), ("missing_left", "i4")])
_PACKED = np.dtype([("threshold", "f8"), ("value", "f8"), ("feature", "i4"), ("child", "i4"), ("bitset", "i4"), ("missing_left", "i4")])
_KEYS = (*_NODE.names, "tree", "baseline", "bitsets", "levels", "level_offsets")  # type: ignore[misc]
_BLOCK = 4096  # rows the numpy fall-back walks at once


def export(model: Any) -> dict[str, NDArray[Any]]:
    """The trees of a fitted ``HistGradientBoostingClassifier`` or ``-Regressor`` as plain arrays, nothing else needed to predict.

    ``raw(x)_k = baseline_k + sum_t leaf_{t,k}(x)``. At an inner node a number goes left if ``x <= threshold``, a category if its bit is
    set, and a missing or unknown value to the side the training chose.

    Not for: categorical columns that hold text (encode them first).

    Returns:
        One entry a node, trees one after another and siblings side by side: ``number`` (threshold, or the value of a leaf), ``feature``
        (column of X; -1 at a leaf), ``child`` (left child; right is the next), ``bitset`` (row of ``bitsets``, or -1 for a number),
        ``missing_left``. Then ``tree`` (first node of each tree; trees of one iteration are adjacent, one a score), ``baseline (k,)``,
        ``bitsets (s, 8) uint32``, and the sorted category values ``levels`` with ``level_offsets (p + 1,)`` by column.

    Raises:
        DataError: not a fitted histogram boosting model, or its categories are not numbers.

    Source: Ke et al. 2017, NeurIPS (histogram boosting); Friedman 2001, Annals of Statistics 29:1189-1232.

    Example:
        >>> import numpy as np
        >>> from sklearn.ensemble import HistGradientBoostingRegressor
        >>> X = np.arange(40.0)[:, None]
        >>> model = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5).fit(X, X[:, 0] ** 2)
        >>> bool(np.all(predict_raw(export(model), X)[:, 0] == model.predict(X)))
        True
    """
    if not hasattr(model, "_predictors") or not hasattr(model, "_baseline_prediction"):
        raise DataError(f"export was given a {type(model).__name__}; expected a fitted HistGradientBoostingClassifier or -Regressor")
    columns, levels = _inputs(model)
    nodes, bitsets, starts = [], [np.zeros((0, 8), np.uint32)], []
    n_nodes = n_bitsets = 0
    for tree in (tree for iteration in model._predictors for tree in iteration):
        nodes.append(_siblings_adjacent(tree.nodes, columns, n_nodes, n_bitsets))
        bitsets.append(np.asarray(tree.raw_left_cat_bitsets, np.uint32).reshape(-1, 8))
        starts.append(n_nodes)
        n_nodes, n_bitsets = n_nodes + len(nodes[-1]), n_bitsets + len(bitsets[-1])
    table = np.concatenate(nodes) if nodes else np.empty(0, _NODE)
    return {
        **{name: np.ascontiguousarray(table[name]) for name in _NODE.names or ()},
        "tree": np.array(starts, np.int64),
        "baseline": np.array(model._baseline_prediction, np.float64).ravel(),
        "bitsets": np.concatenate(bitsets),
        "levels": np.concatenate([np.zeros(0), *levels]),
        "level_offsets": np.cumsum([0, *map(len, levels)], dtype=np.int64),
    }


def predict_raw(arrays: Mapping[str, NDArray[Any]], X: Any, *, threads: int = 1, compiled: bool | None = None) -> Float:
    """Raw scores of exported trees, before the inverse link: equal bit for bit to scikit-learn's.

    Args:
        arrays: what :func:`export` returned.
        X: (n, p) in the column order the model was fitted on, NaN for missing.
        threads: rows are shared among that many threads; the result does not depend on it.
        compiled: use numba (default: where it is installed) or the numpy fall-back.

    Shapes: (n, k): k = 1 for regression and two classes (log-odds of the second), else one logit a class.

    Raises:
        DataError: X has the wrong number of columns, or holds inf (N01).
        IntegrityError: the arrays are not a forest (S01).

    Example: see :func:`export`.
    """
    nodes, n_features = _validated(arrays)
    X = _check.matrix(X, "X", rows=0, missing=True)
    if X.shape[1] != n_features:
        raise DataError(f"X has {X.shape[1]} columns; the trees were fitted on {n_features}: give the same columns in the same order")
    X = _encode(X, arrays["levels"], arrays["level_offsets"])
    out = np.tile(arrays["baseline"], (len(X), 1))
    if compiled is None:
        compiled = importlib.util.find_spec("numba") is not None
    if not compiled:
        _walk(nodes, arrays["tree"], arrays["bitsets"], X, out)
        return out
    from mcgurk.functional._trees_numba import walk

    packed, depth = _packed(nodes, arrays["tree"])
    parts = np.linspace(0, len(X), min(max(threads, 1), max(len(X), 1)) + 1).astype(int)
    jobs = [(packed, arrays["tree"], depth, arrays["bitsets"], X[a:b], out[a:b]) for a, b in itertools.pairwise(parts)]
    if len(jobs) == 1:
        walk(*jobs[0])
        return out
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: walk(*job), jobs))
    return out


def _inputs(model: Any) -> tuple[Int, list[Float]]:
    """For each column the trees speak of, the column of X; and for each column of X its sorted category values (none for a number)."""
    p = int(model.n_features_in_)
    levels = [np.zeros(0)] * p
    if model.is_categorical_ is None:
        return np.arange(p), levels
    categorical = np.flatnonzero(model.is_categorical_)
    for column, values in zip(categorical, model._preprocessor.named_transformers_["encoder"].categories_, strict=True):
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"column {column} has categories that are not numbers, such as {values[0]!r}; encode them as codes") from error
        levels[column] = numbers[~np.isnan(numbers)]
    return np.concatenate([categorical, np.flatnonzero(~np.asarray(model.is_categorical_))]), levels  # scikit-learn moves categories first


def _siblings_adjacent(tree: Any, columns: Int, first_node: int, first_bitset: int) -> NDArray[Any]:
    """One tree with its nodes renumbered so that a right child follows its left sibling and every child its parent."""
    order = [0]
    for old in order:  # grows while it is read: breadth first
        if not tree["is_leaf"][old]:
            order += [int(tree["left"][old]), int(tree["right"][old])]
    new = np.empty(len(tree), np.int64)
    new[order] = np.arange(len(order))
    old_nodes = tree[order]
    leaf = old_nodes["is_leaf"].astype(bool)
    out = np.zeros(len(order), _NODE)
    out["number"] = np.where(leaf, old_nodes["value"], old_nodes["num_threshold"])
    out["feature"] = np.where(leaf, -1, columns[np.where(leaf, 0, old_nodes["feature_idx"])])
    out["child"] = np.where(leaf, 0, first_node + new[np.where(leaf, 0, old_nodes["left"])])
    out["bitset"] = np.where(leaf | (old_nodes["is_categorical"] == 0), -1, first_bitset + old_nodes["bitset_idx"].astype(np.int64))
    out["missing_left"] = old_nodes["missing_go_to_left"]
    return out


def _validated(arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], int]:
    """The nodes as records, after every index in them was checked: compiled code must not read outside its arrays."""
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise IntegrityError(f"the arrays of a boosted model lack {', '.join(missing)}; export the model again")
    kinds = {"tree": np.int64, "level_offsets": np.int64, "bitsets": np.uint32, "baseline": np.float64, "levels": np.float64}
    for key, kind in kinds.items():
        if arrays[key].dtype != kind:
            raise IntegrityError(f"{key} of a boosted model is {arrays[key].dtype}, expected {np.dtype(kind)}; export the model again")
    n, n_features = len(arrays["number"]), len(arrays["level_offsets"]) - 1
    nodes = np.zeros(n, _NODE)
    for name in _NODE.names or ():
        if arrays[name].shape != (n,):
            raise IntegrityError(f"{name} of a boosted model has shape {arrays[name].shape}, expected ({n},); export the model again")
        nodes[name] = arrays[name]
    inner, tree, offsets = nodes["feature"] >= 0, arrays["tree"], arrays["level_offsets"]
    index = np.arange(n)
    sound = (
        (nodes["feature"] < n_features).all()
        and ((nodes["child"] > index) & (nodes["child"] < n - 1))[inner].all()
        and len(np.unique(np.concatenate([nodes["child"][inner], nodes["child"][inner] + 1, tree]))) == 2 * inner.sum() + len(tree)
        and (nodes["bitset"] < len(arrays["bitsets"])).all()
        and (
            np.diff(offsets)[nodes["feature"][nodes["bitset"] >= 0]] > 0
        ).all()  # a bitset is read at codes, and only categories have codes
        and arrays["bitsets"].shape[1:] == (8,)
        and (tree.size == 0 or (tree.min() >= 0 and tree.max() < n))
        and len(arrays["baseline"]) > 0
        and (np.diff(offsets) >= 0).all()
        and (np.diff(offsets) <= 256).all()
        and offsets[0] == 0
        and offsets[-1] == len(arrays["levels"])
    )
    if not sound:
        raise IntegrityError("the arrays of a boosted model point outside themselves; the file is damaged: export the model again")
    return nodes, n_features


def _packed(nodes: NDArray[Any], tree: Int) -> tuple[NDArray[Any], Int]:
    """Nodes in the compiled walk's layout, and the depth of each tree (-1 where it splits on categories)."""
    leaf = nodes["feature"] < 0
    packed = np.zeros(len(nodes), _PACKED)
    packed["threshold"] = np.where(leaf, np.inf, nodes["number"])
    packed["value"] = np.where(leaf, nodes["number"], 0.0)
    packed["feature"] = np.maximum(nodes["feature"], 0)
    packed["child"] = np.where(leaf, np.arange(len(nodes)), nodes["child"])
    packed["bitset"] = np.where(leaf, -1, nodes["bitset"])
    packed["missing_left"] = leaf | (nodes["missing_left"] != 0)
    depth, categorical = np.zeros(len(tree), np.int64), np.zeros(len(tree), bool)
    frontier, owner = tree, np.arange(len(tree))
    while len(frontier):
        categorical[owner[nodes["bitset"][frontier] >= 0]] = True
        inner = ~leaf[frontier]
        frontier, owner = frontier[inner], owner[inner]
        depth[owner] += 1  # one level, however many of its nodes the tree has: fancy assignment adds once
        frontier, owner = np.repeat(nodes["child"][frontier], 2), np.repeat(owner, 2)
        frontier[1::2] += 1
    return packed, np.where(categorical, -1, depth)


def _encode(X: Float, levels: Float, offsets: Int) -> Float:
    """Category values replaced by their codes, unknown ones by NaN."""
    categorical = np.flatnonzero(np.diff(offsets))
    if len(categorical):
        X = X.copy()
    for column in categorical:
        known = levels[offsets[column] : offsets[column + 1]]
        place = np.minimum(np.searchsorted(known, X[:, column]), len(known) - 1)
        X[:, column] = np.where(known[place] == X[:, column], place, np.nan)
    return X


def _walk(nodes: NDArray[Any], tree: Int, bitsets: NDArray[np.uint32], X: Float, out: Float) -> None:
    """The numpy fall-back: a block of rows walks each tree one level at a time."""
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        for t, root in enumerate(tree):
            at = np.full(len(block), root)
            moving = np.flatnonzero(nodes["feature"][at] >= 0)
            while len(moving):
                node = nodes[at[moving]]
                x = block[moving, node["feature"]]
                missing = np.isnan(x)
                code = np.where(missing | (node["bitset"] < 0), 0.0, x).astype(np.int64)
                bit = (bitsets[np.maximum(node["bitset"], 0), code // 32] >> (code % 32).astype(np.uint32)) & 1 if len(bitsets) else code
                left = np.where(missing, node["missing_left"] != 0, np.where(node["bitset"] < 0, x <= node["number"], bit != 0))
                at[moving] = node["child"] + ~left
                moving = moving[nodes["feature"][at[moving]] >= 0]
            out[start : start + len(block), t % out.shape[1]] += nodes["number"][at]
