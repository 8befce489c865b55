"""The one data object: named columns over the same rows, plus facts about the rows that no model sees."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.column import Column, Dense, Lazy, Ragged, concatenate, rows_of
from mcgurk.errors import DataError, SpecMismatch, listing

if TYPE_CHECKING:
    import pandas as pd


class Dataset:
    """Named columns over the same n rows; ``shape == (n,)``, so scikit-learn's splitters and searches index it.

    Args:
        columns: name -> Dense, Ragged or Lazy; names are sorted, so order carries no meaning.
        ids: (n,) distinct identifiers, default 0 … n-1.
        rows: a pandas frame of row facts (``group``, ``start``, ``coverage.<name>``, …): sliced with the data, never seen by a model.

    Raises:
        DataError: columns of different lengths; I01 for duplicate ids.

    Example:
        >>> import numpy as np
        >>> from mcgurk.data import Dataset, Dense, Lazy
        >>> X = Dataset({"size": Dense(np.array([[1.0], [2.0]]), kind="tabular"), "caption": Lazy(["red dress", None])})
        >>> X.names, X.shape, X["caption"].present.tolist(), X[[1]].ids.tolist()
        (('caption', 'size'), (2,), [True, False], [1])
    """

    __slots__ = ("_columns", "ids", "rows")

    def __init__(self, columns: Mapping[str, Column], *, ids: Any = None, rows: pd.DataFrame | None = None) -> None:
        if not columns:
            raise DataError("a Dataset needs at least one column")
        wrong = [name for name, c in columns.items() if not isinstance(c, (Dense, Ragged, Lazy))]
        if wrong:
            raise DataError(
                f"column {wrong[0]!r} is a {type(columns[wrong[0]]).__name__}; expected Dense, Ragged or Lazy "
                "(mcgurk.as_dataset converts frames and arrays)"
            )
        lengths = {name: len(c) for name, c in columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"columns differ in their number of rows: {listing(f'{k} {v}' for k, v in lengths.items())}")
        n = next(iter(lengths.values()))
        self._columns = {name: columns[name] for name in sorted(columns)}
        self.ids = np.arange(n) if ids is None else np.asarray(ids)
        if self.ids.shape != (n,):
            raise DataError(f"{len(self.ids)} ids for {n} rows; give one id a row")
        if ids is not None and len(np.unique(self.ids.astype(str))) < n:
            names, counts = np.unique(self.ids.astype(str), return_counts=True)
            raise DataError(f"ids must be distinct; repeated: {listing(names[counts > 1])}", code="I01")
        if rows is not None and len(rows) != n:
            raise DataError(f"rows has {len(rows)} lines for {n} rows of data")
        self.rows = None if rows is None else rows.reset_index(drop=True)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    @property
    def shape(self) -> tuple[int]:
        return (len(self.ids),)

    def __len__(self) -> int:
        return len(self.ids)

    def items(self) -> ItemsView[str, Column]:
        return self._columns.items()

    def __iter__(self) -> Iterator[str]:
        raise TypeError("a Dataset is not iterable: use X.names, X.items(), X[rows] or X.to_frame()")

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __getitem__(self, key: Any) -> Any:
        """A column by name; otherwise the Dataset of some rows (slice, integers, mask; scikit-learn adds an Ellipsis)."""
        if isinstance(key, str):
            if key not in self._columns:
                raise SpecMismatch(f"no column {key!r}; the data has {listing(self.names)}")
            return self._columns[key]
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]
        rows = self._row_numbers(key)
        facts = None if self.rows is None else self.rows.iloc[rows].reset_index(drop=True)
        return self._made({name: c.take(rows) for name, c in self._columns.items()}, self.ids[rows], facts)

    def _row_numbers(self, key: Any) -> np.ndarray:
        if isinstance(key, (int, np.integer)):
            raise DataError(f"X[{key}] names a single row; use X[[{key}]] for a Dataset of one row")
        rows = np.arange(len(self))[key] if isinstance(key, slice) else np.asarray(key)
        if rows.dtype == bool:
            if rows.shape != self.shape:
                raise DataError(f"a row mask needs shape {self.shape}, got {rows.shape}")
            return np.flatnonzero(rows)
        if rows.size == 0:
            return rows.astype(np.int64).reshape(-1)
        if rows.dtype.kind not in "iu" or rows.ndim != 1:
            raise DataError(f"rows are chosen by a slice, integers or a bool mask; got {rows.dtype} of shape {rows.shape}")
        if rows.min() < -len(self) or rows.max() >= len(self):
            raise IndexError(f"row {rows.max()} asked of a Dataset of {len(self)} rows")
        return np.where(rows < 0, rows + len(self), rows)

    @classmethod
    def _made(cls, columns: dict[str, Column], ids: np.ndarray, rows: pd.DataFrame | None) -> Dataset:
        """Without the checks: for parts of a Dataset that passed them. Repeated rows may repeat ids (bootstrap, oversampling)."""
        new = object.__new__(cls)
        new._columns, new.ids, new.rows = columns, ids, rows
        return new

    def with_column(self, name: str, column: Column) -> Dataset:
        """With one column added or replaced."""
        if len(column) != len(self):
            raise DataError(f"column {name!r} has {len(column)} rows, the data {len(self)}")
        columns = {**self._columns, name: column}
        return self._made({k: columns[k] for k in sorted(columns)}, self.ids, self.rows)

    def with_rows(self, **facts: Any) -> Dataset:
        """With row facts added, such as ``group``."""
        import pandas as pd

        frame = pd.DataFrame(index=range(len(self))) if self.rows is None else self.rows.copy()
        for name, values in facts.items():
            frame[name] = np.asarray(values)
        return self._made(dict(self._columns), self.ids, frame)

    def select(self, names: Sequence[str]) -> Dataset:
        """Only these columns."""
        return self._made({name: self[name] for name in sorted(names)}, self.ids, self.rows)

    @staticmethod
    def stack(parts: Sequence[Dataset]) -> Dataset:
        """Rows of several Datasets with the same columns, one below another."""
        import pandas as pd

        names = parts[0].names
        odd = next((p.names for p in parts if p.names != names), None)
        if odd:
            raise SpecMismatch(f"cannot stack: one part has {listing(names)}, another {listing(odd)}")
        facts = None if any(p.rows is None for p in parts) else pd.concat([p.rows for p in parts], ignore_index=True)
        ids = np.concatenate([p.ids for p in parts])
        return Dataset._made({n: concatenate([p[n] for p in parts]) for n in names}, ids, facts)

    @property
    def present(self) -> np.ndarray:
        """(n, columns) bool, columns in the order of ``names``."""
        return np.stack([c.present for c in self._columns.values()], axis=1)

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame: tabular cells one column each (levels restored), every other column one object a row, None where absent."""
        import pandas as pd

        out: dict[str, Any] = {}
        index = pd.Index(self.ids, name="id")
        for name, column in self._columns.items():
            if isinstance(column, Dense) and column.kind == "tabular":
                for j, field in enumerate(column.fields or ()):
                    label = field.name if field.name not in self._columns else f"{name}.{field.name}"
                    out[label] = _cells(column.values[:, j], field)
            else:
                cells = np.empty(len(self), dtype=object)
                for i, value in enumerate(rows_of(column)):
                    cells[i] = value
                out[name] = pd.Series(cells, dtype=object, index=index)
        return pd.DataFrame(out, index=index)

    def __repr__(self) -> str:
        n = max(len(self), 1)
        parts = [f"{k}: {c.kind} {type(c).__name__} ({100 * c.present.sum() / n:.0f} % present)" for k, c in self._columns.items()]
        return f"Dataset of {len(self)} rows\n  " + "\n  ".join(parts)

    def _repr_html_(self) -> str:
        from html import escape

        n = max(len(self), 1)
        lines = "".join(
            f"<tr><td>{escape(k)}</td><td>{c.kind}</td><td>{type(c).__name__}</td><td>{'×'.join(map(str, c.item)) or '–'}</td>"
            f"<td>{100 * c.present.sum() / n:.0f} %</td></tr>"
            for k, c in self._columns.items()
        )
        head = "<tr><th>column</th><th>kind</th><th>container</th><th>item</th><th>present</th></tr>"
        return f"<table><caption>Dataset of {len(self)} rows</caption>{head}{lines}</table>"


def _cells(values: np.ndarray, field: Any) -> Any:
    import pandas as pd

    if field.kind == "category":
        codes = np.where(np.isnan(values), -1, values).astype(int)
        return pd.Categorical.from_codes(codes, categories=list(field.levels))
    if field.kind == "date":
        micro = np.where(np.isnan(values), 0, np.round(values * 86_400_000_000)).astype(np.int64).astype("datetime64[us]")
        return np.where(np.isnan(values), np.datetime64("NaT", "us"), micro)
    if field.kind == "flag":
        return pd.array([None if np.isnan(v) else bool(v) for v in values], dtype="boolean")
    return values
