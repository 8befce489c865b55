"""What a column is, written down at fit so that predict can be read and checked by it."""

from __future__ import annotations

import difflib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcgurk.data.column import Column, Dense, Field, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.errors import DataError, McgurkWarning, MissingModality, SpecMismatch, listing


@dataclass(frozen=True)
class ColumnSpec:
    """Container, kind and shape of a column.

    Args:
        container: "dense", "ragged" or "lazy".
        kind: one of :data:`mcgurk.data.column.KINDS`.
        item: shape of an item (Dense) or of a step (Ragged); () for Lazy.
        sequence: whether a row is a sequence of items.
        fields: a tabular block's cells.
        flagged: whether some fitted row was absent.
    """

    container: str
    kind: str
    item: tuple[int, ...] = ()
    sequence: bool = False
    fields: tuple[Field, ...] | None = None
    flagged: bool = False

    @classmethod
    def of(cls, column: Column) -> ColumnSpec:
        flagged = bool(not column.present.all())
        if isinstance(column, Dense):
            return cls("dense", column.kind, column.item, False, column.fields, flagged)
        if isinstance(column, Ragged):
            return cls("ragged", column.kind, column.item, True, None, flagged)
        return cls("lazy", column.kind, (), column.multiple, None, flagged)


Spec = dict[str, ColumnSpec]


def spec_of(X: Dataset) -> Spec:
    """The spec of every column, names sorted."""
    return {name: ColumnSpec.of(column) for name, column in X.items()}


def conform(X: Dataset, spec: Spec) -> Dataset:
    """``X`` as a model fitted with ``spec`` reads it: the fitted columns only, categories recoded to the fitted levels.

    Extra columns are left out with one line; a category not seen in training becomes a missing cell with a warning.

    Raises:
        MissingModality: M02, a fitted column is not in X.
        SpecMismatch: D01, a column has another kind, container, shape or fields.
    """
    missing = [name for name in spec if name not in X]
    if missing:
        hint = ", ".join(m for name in missing for m in difflib.get_close_matches(name, [n for n in X.names if n not in spec], 1))
        raise MissingModality(
            f"fitted on {listing(spec)} but X lacks {listing(missing)}; "
            "give the column with present=False (empty cells in a table) where it is unknown" + (f" (did you mean {hint}?)" if hint else "")
        )
    extra = [name for name in X.names if name not in spec]
    if extra:
        warnings.warn(McgurkWarning(f"columns not used in fitting are ignored: {listing(extra)}", code="D02"), stacklevel=3)
    return Dataset._made({name: _conform(name, X[name], spec[name]) for name in spec}, X.ids, X.rows)


def _conform(name: str, column: Column, spec: ColumnSpec) -> Column:
    given = ColumnSpec.of(column)
    if given.container == "lazy" and not column.present.any():
        given = ColumnSpec("lazy", given.kind, (), spec.sequence)
    if (given.container, given.kind) != (spec.container, spec.kind):
        raise SpecMismatch(
            f"column {name!r} was fitted as {spec.kind} ({spec.container}), but X has {given.kind} ({given.container}); convert it"
        )
    if spec.container == "lazy" and given.sequence != spec.sequence:
        wanted = "several values a cell" if spec.sequence else "one value a cell"
        raise SpecMismatch(f"column {name!r} was fitted with {wanted}; X differs")
    if spec.fields is not None and isinstance(column, Dense):
        return _conform_fields(name, column, spec.fields)
    if given.item != spec.item:
        raise SpecMismatch(f"column {name!r} was fitted with items of shape {spec.item}, X has {given.item}")
    return column


def _conform_fields(name: str, column: Dense, fields: tuple[Field, ...]) -> Dense:
    if column.fields == fields:
        return column
    place = {f.name: j for j, f in enumerate(column.fields or ())}
    absent = [f.name for f in fields if f.name not in place]
    if absent:
        raise SpecMismatch(f"column {name!r} was fitted with the fields {listing(f.name for f in fields)}; X lacks {listing(absent)}")
    values = np.empty((len(column), len(fields)))
    for j, field in enumerate(fields):
        given = (column.fields or ())[place[field.name]]
        if given.kind != field.kind:
            raise SpecMismatch(f"field {field.name!r} of column {name!r} was fitted as {field.kind}, X has {given.kind}")
        cells = column.values[:, place[field.name]]
        values[:, j] = cells if given.levels == field.levels else _recode(cells, given.levels, field)
    return Dense(values, column.present, column.kind, fields)


def _recode(codes: np.ndarray, levels: tuple[Any, ...], field: Field) -> np.ndarray:
    known = {level: float(i) for i, level in enumerate(field.levels)}
    table = np.array([known.get(level, np.nan) for level in levels] or [np.nan])
    seen = ~np.isnan(codes)
    out = np.full(len(codes), np.nan)
    out[seen] = table[codes[seen].astype(int)]
    unseen = {levels[int(c)] for c in np.unique(codes[seen]) if np.isnan(table[int(c)])}
    if unseen:
        warnings.warn(
            McgurkWarning(
                f"field {field.name!r}: {listing(sorted(map(str, unseen)))} not seen in training; read as missing cells", code="L02"
            ),
            stacklevel=5,
        )
    return out


def absent_column(spec: ColumnSpec, n: int) -> Column:
    """A column of this spec in which no row is observed.

    Example:
        >>> absent_column(ColumnSpec("dense", "vector", (2,)), 3).present.tolist()
        [False, False, False]
    """
    nothing = np.zeros(n, dtype=bool)
    if spec.container == "lazy":
        return Lazy(np.full(n, None, dtype=object), nothing, spec.kind)
    if spec.container == "ragged":
        return Ragged(np.zeros((0, *spec.item)), np.zeros(n + 1, dtype=np.int64), nothing, None, spec.kind)
    return Dense(np.zeros((n, *spec.item)), nothing, spec.kind, spec.fields)


def completed(X: Dataset, spec: Spec) -> Dataset:
    """``X`` with every column of ``spec`` that it lacks added as absent in all rows.

    Raises:
        MissingModality: M02, X has none of them.
    """
    if not any(name in spec for name in X.names):
        raise MissingModality(f"fitted on {listing(spec)}, of which X has none; it has {listing(X.names)}")
    columns = dict(X.items()) | {name: absent_column(spec[name], len(X)) for name in spec if name not in X}
    return Dataset._made({name: columns[name] for name in sorted(columns)}, X.ids, X.rows)


def require_rows(X: Dataset, least: int = 1) -> None:
    """Raise S01 when there are too few rows."""
    if len(X) < least:
        raise DataError(f"{len(X)} rows given, at least {least} needed", code="S01")
