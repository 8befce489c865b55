"""Everything a caller may hand to fit or predict becomes a Dataset here, and only here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field, Lazy, Ragged, objects
from mcgurk.data.dataset import Dataset
from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.errors import DataError, SpecMismatch, listing

ARRAY_NAME = "x"
TABLE_NAME = "tabular"


def as_dataset(X: Any, spec: Spec | None = None) -> Dataset:
    """A Dataset from a Dataset, a pandas or Arrow-compatible frame, a dict of arrays, a Hugging Face dataset or one 2-D array.

    Types come from dtypes only, never from counting values: numbers, dates, flags and categoricals of a frame become one tabular column
    named "tabular"; strings become text, one column each; bytes images; arrays in cells vectors or series. A 2-D array becomes one
    tabular column named "x". With ``spec`` (at predict) the fitted spec types what is read.

    Raises:
        DataError: what was given cannot be read as any of these.
    """
    if isinstance(X, Dataset):
        return X
    if hasattr(X, "toarray"):
        raise TypeError("Sparse data was passed, but dense data is required: pass X.toarray()")
    if isinstance(X, Mapping):
        return _from_mapping(X, spec)
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return _from_frame(X, spec)
    if hasattr(X, "column_names") and hasattr(X, "with_format"):
        return _from_mapping({name: list(X[name]) for name in X.column_names}, spec)
    if hasattr(X, "__arrow_c_stream__"):
        import pyarrow

        return _from_frame(pyarrow.table(X).to_pandas(date_as_object=False), spec)
    return Dataset({ARRAY_NAME: _from_array(X)})


def _from_array(X: Any) -> Dense:
    values = np.asarray(X)
    if values.dtype.kind == "c":
        raise DataError("Complex data not supported: X holds complex numbers; give real numbers")
    if values.dtype == object:
        try:
            values = values.astype(np.float64)
        except ValueError as error:
            raise DataError(f"X holds values that are not numbers ({error}); give a frame, a dict of columns or a Dataset") from None
        except TypeError as error:
            raise TypeError(f"{error}: argument must be a string or a number; give a frame, a dict of columns or a Dataset") from None
    if values.ndim != 2:
        raise DataError(
            f"Expected 2D array, got {'scalar' if values.ndim == 0 else f'{values.ndim}D'} array instead; give (rows, features). "
            "Reshape your data either using array.reshape(-1, 1) if it has a single feature "
            "or array.reshape(1, -1) if it contains a single row"
        )
    n, p = values.shape
    if n == 0:
        raise DataError(f"Found array with 0 sample(s) (shape={values.shape}) while a minimum of 1 is required.", code="S01")
    if p == 0:
        raise DataError(f"Found array with 0 feature(s) (shape={values.shape}) while a minimum of 1 is required.", code="S01")
    return Dense(values.astype(np.float64), np.ones(n, dtype=bool), "tabular", tuple(Field(f"x{j}") for j in range(p)))


def _from_mapping(X: Mapping[str, Any], spec: Spec | None) -> Dataset:
    columns: dict[str, Column] = {}
    for name, value in X.items():
        if isinstance(value, (Dense, Ragged, Lazy)):
            columns[str(name)] = value
        else:
            columns[str(name)] = _column(str(name), value, (spec or {}).get(str(name)))
    return Dataset(columns)


def _column(name: str, value: Any, spec: ColumnSpec | None) -> Column:
    """One modality from an array or a list of cells."""
    value = value.to_numpy() if hasattr(value, "to_numpy") else value
    array = value if isinstance(value, np.ndarray) else _object_array(value)
    if array.dtype.kind in "biuf":
        kind = (
            spec.kind
            if spec
            else "tabular"
            if array.ndim == 1
            else "image"
            if array.ndim == 4
            else "vector"
            if array.ndim == 2
            else "series"
        )
        if array.ndim >= 3 and kind == "series":
            n, steps = array.shape[:2]
            return Ragged(array.reshape(n * steps, *array.shape[2:]), np.arange(n + 1) * steps, None, None, kind)
        fields = (spec.fields if spec else (Field(name),)) if kind == "tabular" and array.ndim == 1 else spec.fields if spec else None
        present = None
        if kind == "vector" and array.dtype.kind == "f":
            present = ~np.isnan(array.reshape(len(array), -1)).all(axis=1)
        return Dense(array, present, kind, fields)
    if array.dtype.kind in "US":
        array = array.astype(object)
    if array.dtype != object:
        raise DataError(f"column {name!r} has dtype {array.dtype}; expected numbers, strings, bytes, paths or arrays")
    return column_of_cells(name, array, spec)


def _object_array(cells: Any) -> np.ndarray:
    try:
        plain = np.asarray(cells)
        if plain.dtype.kind in "biuf":
            return plain
    except ValueError:
        pass
    return objects(cells)


def column_of_cells(name: str, cells: np.ndarray, spec: ColumnSpec | None) -> Column:
    absent = np.array([c is None or (isinstance(c, float) and c != c) or type(c).__name__ == "NAType" for c in cells])
    cells = cells.copy()
    cells[absent] = None
    first = next((c for c in cells if c is not None), None)
    if first is None:
        return Lazy(cells, ~absent, spec.kind if spec else "text")
    inner = next((v for c in cells if isinstance(c, (list, tuple, np.ndarray)) for v in c), None) if _several(first) else first
    if isinstance(inner, (str, bytes, Path)):
        cells = objects([tuple(c) if _several(c) else c for c in cells])
        kind = spec.kind if spec else "image" if isinstance(inner, bytes) else "text"
        if isinstance(inner, Path) and not spec:
            from mcgurk.data.media import sniff

            kind = sniff(inner) or "text"
        return Lazy(cells, ~absent, kind)
    arrays = [None if c is None else np.asarray(c) for c in cells]
    shapes = {a.shape for a in arrays if a is not None}
    kind = spec.kind if spec else ""
    if len(shapes) == 1 and (spec.container == "dense" if spec else len(next(iter(shapes))) == 1):
        shape = next(iter(shapes))
        values = np.stack([np.zeros(shape) if a is None else a for a in arrays])
        return Dense(values, ~absent, kind or "vector")
    if any(len(s) == 0 for s in shapes):
        raise DataError(f"column {name!r} mixes single values and {type(first).__name__}; give one type a column", code="L01")
    steps = [a[:, None] if a is not None and a.ndim == 1 else a for a in arrays]
    return Ragged.of(steps, kind=kind or "series")


def _several(cell: Any) -> bool:
    return isinstance(cell, (list, tuple, np.ndarray)) and np.ndim(cell) > 0


def _from_frame(frame: Any, spec: Spec | None) -> Dataset:
    import pandas as pd

    names = [str(c) for c in frame.columns]
    if len(set(names)) < len(names):
        raise DataError(f"column names repeat: {listing(sorted({n for n in names if names.count(n) > 1}))}; rename them")
    frame = frame.set_axis(names, axis=1)
    claimed = {f.name for s in (spec or {}).values() if s.fields for f in s.fields}
    columns: dict[str, Column] = {}
    cells: list[tuple[Field, np.ndarray]] = []
    for name in names:
        series = frame[name]
        if spec is not None and name in spec and spec[name].fields is None:
            columns[name] = _column(
                name, series.to_numpy(dtype=object) if series.dtype.kind not in "biuf" else series.to_numpy(), spec[name]
            )
        elif pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype):
            if name in claimed:
                field = next(f for s in (spec or {}).values() for f in s.fields or () if f.name == name)
                cells.append(tabular_field(name, series, field.kind))
            else:
                columns[name] = column_of_cells(name, series.to_numpy(dtype=object), None)
        else:
            cells.append(tabular_field(name, series))
    if spec:
        for name, column_spec in spec.items():
            if column_spec.fields and all(f.name in {c[0].name for c in cells} for f in column_spec.fields):
                columns[name] = table_column([c for c in cells if c[0].name in {f.name for f in column_spec.fields}])
                cells = [c for c in cells if c[0].name not in {f.name for f in column_spec.fields}]
            elif column_spec.fields and name not in columns and len(column_spec.fields) > 1:
                lacking = [f.name for f in column_spec.fields if f.name not in {c[0].name for c in cells}]
                raise SpecMismatch(
                    f"fitted with the table columns {listing(f.name for f in column_spec.fields)}; X lacks {listing(lacking)}"
                )
    elif cells:
        if TABLE_NAME in columns:
            raise DataError(f"a text column is named {TABLE_NAME!r}, the name given to the numbers' block; rename it")
        columns[TABLE_NAME] = table_column(cells)
    ids = frame.index.to_numpy() if frame.index.is_unique else None
    return Dataset(columns, ids=ids)


def table_column(cells: list[tuple[Field, np.ndarray]]) -> Dense:
    """One tabular column from (field, values) pairs."""
    return Dense(np.stack([v for _, v in cells], axis=1), None, "tabular", tuple(f for f, _ in cells))


def days_of(stamps: np.ndarray) -> np.ndarray:
    """datetime64 as days since 1970-01-01, NaT as NaN; any year that 64 bits of microseconds hold."""
    micro = stamps.astype("datetime64[us]")
    return np.where(np.isnat(micro), np.nan, micro.astype(np.int64) / 86_400_000_000)


def tabular_field(name: str, series: Any, kind: str | None = None) -> tuple[Field, np.ndarray]:
    """A pandas series as a field and its float64 cells; kind from the dtype unless given (a reader that looked at values gives it)."""
    import pandas as pd

    if kind is None:
        if isinstance(series.dtype, pd.CategoricalDtype):
            kind = "category"
        elif pd.api.types.is_bool_dtype(series.dtype):
            kind = "flag"
        elif pd.api.types.is_datetime64_any_dtype(series.dtype):
            kind = "date"
        elif pd.api.types.is_numeric_dtype(series.dtype):
            kind = "number"
        else:
            kind = "category"
    if kind == "category":
        as_category = series if isinstance(series.dtype, pd.CategoricalDtype) else series.astype("object").astype("category")
        codes = as_category.cat.codes.to_numpy().astype(np.float64)
        levels = tuple(v.item() if hasattr(v, "item") else v for v in as_category.cat.categories)
        return Field(name, "category", levels), np.where(codes < 0, np.nan, codes)
    if kind == "date":
        stamps = pd.to_datetime(series, utc=True, errors="raise").dt.tz_localize(None)
        return Field(name, "date"), days_of(stamps.to_numpy())
    try:
        values = series.astype("Float64") if kind == "number" else series.astype("boolean").astype("Float64")
    except (TypeError, ValueError) as error:
        raise DataError(f"column {name!r} cannot be read as {kind}: {error}", code="L01") from None
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise DataError(
            f"inf in row {int(np.flatnonzero(np.isinf(numbers))[0])} of column {name!r}; leave the cell empty if it is unknown", code="N01"
        )
    return Field(name, kind), numbers
