"""Which rows belong together: pairs, their connected components, and joining tables by id without losing a row unseen."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, McgurkWarning, listing

if TYPE_CHECKING:
    import pandas as pd


def check_pairs(pairs: Any, left: int, right: int | None = None) -> np.ndarray:
    """``pairs`` as distinct int64 (m, 2), sorted: row of the left side, row of the right (the same Dataset where ``right`` is None).

    Raises:
        DataError: not whole numbers of shape (m, 2), or a row that does not exist.

    Example:
        >>> check_pairs([[1, 0], [0, 2], [1, 0]], 2, 3).tolist()
        [[0, 2], [1, 0]]
    """
    given = np.asarray(pairs)
    if given.size == 0:
        return np.zeros((0, 2), dtype=np.int64)
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
        raise DataError(
            f"pairs must be whole numbers of shape (m, 2), got {given.dtype} of shape {given.shape}; give one (row, row) a pair"
        )
    for side, count in enumerate((left, left if right is None else right)):
        bad = (given[:, side] < 0) | (given[:, side] >= count)
        if bad.any():
            place = int(np.flatnonzero(bad)[0])
            raise DataError(f"pair {place} names row {given[place, side]} where there are {count} rows; rows count from 0")
    return np.unique(given.astype(np.int64), axis=0)


def components(n: int, *labels: np.ndarray | None, pairs: np.ndarray | None = None) -> np.ndarray:
    """(n,) int64: the connected component of each row, numbered by first appearance.

    Args:
        n: rows.
        *labels: (n,) arrays; rows of equal label are connected. None is passed over.
        pairs: (m, 2) further connections.

    Example:
        >>> import numpy as np
        >>> components(5, np.array(["a", "b", "a", "c", "d"]), pairs=np.array([[1, 3]])).tolist()
        [0, 1, 0, 1, 2]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = [] if pairs is None else [np.asarray(pairs, dtype=np.int64).reshape(-1, 2)]
    for label in labels:
        if label is not None:
            _, codes = np.unique(np.asarray(label), return_inverse=True)
            order = np.argsort(codes, kind="stable")
            same = np.flatnonzero(np.diff(codes[order]) == 0)
            ends.append(np.stack([order[same], order[same + 1]], axis=1))
    edges = np.concatenate(ends) if ends else np.zeros((0, 2), dtype=np.int64)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(n, n))
    return first_seen(connected_components(graph, directed=False)[1])


def first_seen(codes: np.ndarray) -> np.ndarray:
    """Codes renumbered 0, 1, … in the order in which they first appear."""
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def match(left: Sequence[Any] | np.ndarray, right: Sequence[Any] | np.ndarray) -> np.ndarray:
    """All pairs (i, j) with ``left[i] == right[j]``, many to many, in the order of the left side.

    Example:
        >>> match(["a", "b", "a"], ["b", "a", "a"]).tolist()
        [[0, 1], [0, 2], [1, 0], [2, 1], [2, 2]]
    """
    places: dict[Any, list[int]] = {}
    for j, key in enumerate(right):
        places.setdefault(key, []).append(j)
    found = [(i, j) for i, key in enumerate(left) for j in places.get(key, ())]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def expand(left: Dataset, right: Dataset, pairs: Any) -> Dataset:
    """One row for each pair, with the columns of both sides; ``rows`` holds both ids and, as ``group``, the pair's connected component.

    Pairs that share a row share its content, so they are one group and no split may separate them.

    Raises:
        DataError: a column name on both sides.
    """
    both = [name for name in left.names if name in right]
    if both:
        raise DataError(f"both sides have a column {listing(both)}; rename one")
    pairs = check_pairs(pairs, len(left), len(right))
    a, b = left[pairs[:, 0]], right[pairs[:, 1]]
    group = components(len(left) + len(right), pairs=pairs + np.array([0, len(left)]))[pairs[:, 0]]
    joined = Dataset({**dict(a.items()), **dict(b.items())})
    return joined.with_rows(left=a.ids, right=b.ids, group=first_seen(group))


@dataclass(frozen=True)
class JoinReport:
    """How many ids each table has, how many it alone has, and how many all have."""

    rows: tuple[int, ...]
    alone: tuple[int, ...]
    shared: int

    def __str__(self) -> str:
        sides = "; ".join(f"table {i + 1}: {n} rows, {a} in it alone" for i, (n, a) in enumerate(zip(self.rows, self.alone)))
        return f"{self.shared} ids are in all tables; {sides}"

    def to_frame(self) -> pd.DataFrame:
        """One line a table."""
        import pandas as pd

        return pd.DataFrame({"rows": self.rows, "alone": self.alone, "shared": self.shared})


def join(*tables: Dataset) -> tuple[Dataset, JoinReport]:
    """Outer join by id: every id of any table is a row, absent in the columns of the tables that lack it; warns I02 where they differ.

    Ids come in the order of their first appearance; row facts of equal name are taken from the first table that has the row.

    Raises:
        DataError: fewer than two tables, or a column name in two of them.
    """
    if len(tables) < 2:
        raise DataError(f"{len(tables)} table given; join takes at least two")
    names = [name for table in tables for name in table.names]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f"several tables have a column {listing(sorted(twice))}; rename them")
    ids = list(dict.fromkeys(key for table in tables for key in table.ids.tolist()))
    owners = [set(table.ids.tolist()) for table in tables]
    alone = tuple(sum(sum(key in other for other in owners) == 1 for key in owner) for owner in owners)
    report = JoinReport(tuple(map(len, tables)), alone, len(set.intersection(*owners)))
    if report.shared < len(ids):
        warnings.warn(McgurkWarning(f"{report}; the rows are kept, with what they lack absent", code="I02"), stacklevel=2)
    columns: dict[str, Column] = {}
    for table in tables:
        place = {key: i for i, key in enumerate(table.ids.tolist())}
        rows = np.array([place.get(key, -1) for key in ids])
        columns |= {name: spread(column, rows) for name, column in table.items()}
    kind = object if any(table.ids.dtype == object for table in tables) else None
    return Dataset(columns, ids=np.array(ids, dtype=kind), rows=_facts(tables, ids)), report


def spread(column: Column, rows: np.ndarray) -> Column:
    """The column's rows in the order of ``rows``; -1 is an absent row (zeros, no steps, None)."""
    kept = rows >= 0
    present = np.zeros(len(rows), dtype=bool)
    present[kept] = column.present[rows[kept]]
    if isinstance(column, Lazy):
        items = np.empty(len(rows), dtype=object)
        items[kept] = column.items[rows[kept]]
        return Lazy(items, present, column.kind)
    if isinstance(column, Dense):
        values = np.full((len(rows), *column.item), np.nan if column.kind == "tabular" else 0, dtype=column.values.dtype)
        values[kept] = column.values[rows[kept]]
        return Dense(values, present, column.kind, column.fields)
    part = column.take(rows[kept])
    lengths = np.zeros(len(rows), dtype=np.int64)
    lengths[kept] = part.lengths
    return Ragged(part.values, np.concatenate([[0], np.cumsum(lengths)]), present, part.times, column.kind)


def _facts(tables: Iterable[Dataset], ids: list[Any]) -> pd.DataFrame | None:
    import pandas as pd

    frames = [table.rows.set_index(pd.Index(table.ids)) for table in tables if table.rows is not None]
    if not frames:
        return None
    out = frames[0]
    for frame in frames[1:]:
        out = out.combine_first(frame)
    return out.reindex(ids).reset_index(drop=True)
