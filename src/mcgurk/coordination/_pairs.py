"""Rows that belong together, made one row."""

from __future__ import annotations

from mcgurk.base import FitData
from mcgurk.data.dataset import Dataset
from mcgurk.data.pairs import components
from mcgurk.errors import DataError, listing


def paired(data: FitData) -> FitData:
    """``data`` with one row a pair: the first modality, by sorted name, of the pair's first row and the second of its second row.

    Without pairs, ``data`` itself: every row is a pair with itself. Pairs across the border of held-out rows are left out; what is
    connected by pairs is one group.

    Raises:
        DataError: pairs were given for other than two modalities.
    """
    if data.pairs is None:
        return data
    names = data.X.names
    if len(names) != 2:
        raise DataError(f"pairs relate two modalities, but X has {len(names)}: {listing(names)}; select two, or leave pairs out")
    pairs = data.pairs
    if data.valid is not None:
        pairs = pairs[data.valid[pairs[:, 0]] == data.valid[pairs[:, 1]]]
    left, right = pairs[:, 0], pairs[:, 1]
    together = components(len(data.X), data.groups, pairs=pairs)
    return FitData(
        Dataset({names[0]: data.X[names[0]].take(left), names[1]: data.X[names[1]].take(right)}),
        None,
        None if data.weight is None else data.weight[left],
        together[left],
        None,
        None if data.valid is None else data.valid[left],
    )
