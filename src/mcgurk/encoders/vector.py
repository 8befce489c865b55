"""Vectors that were computed elsewhere."""

from __future__ import annotations

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder


class Precomputed(Encoder):
    """The identity on vectors and on series of vectors; integers and booleans become float32.

    NaN in a vector was refused when its column was made (error N01): mark the row absent. In a series, NaN marks a step that was not
    observed; it is handed on and masked where batches are made. Not for codes of a category: those belong in a tabular column.

    Shapes: Dense (n, *item) -> the same; Ragged (N, *step) -> the same.

    Raises:
        DataError: a column of strings, paths or bytes; integer tokens.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dense
        >>> from mcgurk.encoders import Precomputed
        >>> Precomputed().prepare(Dense(np.array([[1, 2], [3, 4]]))).values.dtype.name
        'float32'
    """

    kinds = ("vector", "series", "tokens")
    cached = False

    def prepare(self, column: Column) -> Dense | Ragged:
        if isinstance(column, Lazy):
            raise DataError(f"Precomputed reads arrays; got {column.kind} items: choose an encoder of {column.kind}")
        if column.kind == "tokens" and column.values.dtype.kind != "f":
            raise DataError(
                "Precomputed got integer tokens, whose values carry no order; give token vectors, or texts for an encoder of text"
            )
        wanted = column.values.dtype if column.values.dtype.kind == "f" else np.dtype(np.float32)
        values = column.values.astype(wanted, copy=False)
        if isinstance(column, Dense):
            kept = column.present.reshape((-1,) + (1,) * (values.ndim - 1))
            return Dense(np.where(kept, values, np.zeros((), wanted)), column.present, column.kind, column.fields)
        return Ragged(values, column.offsets, column.present, column.times, "series" if column.kind == "tokens" else column.kind)
