"""Data sets of several tasks as one, and training sets without what any task's test set holds."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mcgurk.data.coerce import as_dataset
from mcgurk.data.column import Column, Dense, Field, Lazy, concatenate
from mcgurk.data.dataset import Dataset
from mcgurk.data.pairs import spread
from mcgurk.data.twins import content_keys, shared
from mcgurk.errors import DataError, SpecMismatch, listing

if TYPE_CHECKING:
    import pandas as pd


def join_tasks(sets: Mapping[str, tuple[Any, Any]]) -> tuple[Dataset, dict[str, np.ndarray]]:
    """One Dataset of the rows of all sets, and y = {task: labels}, None (NaN for numbers) where a row belongs to other tasks.

    Columns of equal name are one modality; a set that lacks one has it absent, and a table that lacks a cell has it missing. Sets that are
    the same object are stacked once. Ids that several sets use get the task's name in front. Row facts are kept, ``rows["set"]`` names
    where a row comes from; groups of equal name are one group, and rows of a set without groups are groups of their own.

    Args:
        sets: task -> (X, y); X as ``fit`` takes it.

    Raises:
        DataError: no sets; labels that are not one a row.
        SpecMismatch: D01, columns of equal name that are not of one kind and shape.

    Example:
        >>> from mcgurk.data import Dataset, Lazy
        >>> ads = Dataset({"text": Lazy(["vote for her", "he failed you"])})
        >>> posts = Dataset({"text": Lazy(["give today"]), "photo": Lazy([b"..."], kind="image")})
        >>> X, y = join_tasks({"tone": (ads, ["good", "bad"]), "goal": (posts, ["donate"])})
        >>> X["photo"].present.tolist(), y["tone"].tolist(), y["goal"].tolist()
        ([False, False, True], ['good', 'bad', None], [None, None, 'donate'])
    """
    if not sets:
        raise DataError("no set was given; give {task: (X, y)}")
    names: dict[int, str] = {}
    for task, (X, _) in sets.items():
        names.setdefault(id(X), task)
    parts = {task: as_dataset(X) for task, (X, _) in sets.items() if names[id(X)] == task}
    starts = dict(zip(parts, np.cumsum([0, *(len(part) for part in parts.values())]).tolist()))
    n = sum(len(part) for part in parts.values())
    y = {task: _placed(task, labels, starts[names[id(X)]], len(parts[names[id(X)]]), n) for task, (X, labels) in sets.items()}
    columns = {name: _joined(name, parts) for name in sorted({name for part in parts.values() for name in part.names})}
    return Dataset(columns, ids=_ids(parts), rows=_rows(parts)), y


def clean_of(train: Mapping[str, tuple[Any, Any]], test: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, int]]:
    """Training sets without the rows that share an item with any task's test set, and how many each task lost.

    A trunk that several tasks share would otherwise have seen the photo or the text that another task is tested on. Content decides, as
    wherever rows are split (see :func:`mcgurk.data.twins.twins`): columns of one kind are compared whatever their names, tabular cells are
    not, and content that over 1 % of all cells share is a template.

    Args:
        train, test: task -> (X, y).

    Returns:
        ({task: (X, y)}, {task: rows removed}).

    Example:
        >>> from mcgurk.data import Dataset, Lazy
        >>> train = {"tone": (Dataset({"text": Lazy(["a red cotton dress", "blue jeans for sale"])}), [1, 0])}
        >>> test = {"goal": (Dataset({"body": Lazy(["a red cotton dress"])}), ["sell"])}
        >>> kept, removed = clean_of(train, test)
        >>> kept["tone"][1].tolist(), removed
        ([0], {'tone': 1})

    Source: Lu, Goswami, Rohrbach, Parikh, Lee 2020, 12-in-1: multi-task vision and language representation learning, CVPR, section 3.2.
    """
    parts = [as_dataset(X) for X, _ in [*train.values(), *test.values()]]
    lost = [np.zeros(len(part), dtype=bool) for part in parts]
    for places in _ties(parts):
        if places[-1][0] >= len(train):
            for part, row in places:
                lost[part][row] = True
    kept: dict[str, Any] = {}
    for (task, (_, labels)), X, gone in zip(train.items(), parts, lost):
        kept[task] = (X[~gone], _labels(task, labels, len(X))[~gone])
    return kept, {task: int(gone.sum()) for task, gone in zip(train, lost)}


def _ties(parts: Sequence[Dataset]) -> Iterator[list[tuple[int, int]]]:
    """(part, row) of all cells that share one content, in order."""
    cells: dict[str, list[tuple[int, int]]] = {}
    keys: dict[str, list[tuple[int, Hashable]]] = {}
    lazy: dict[str, list[Lazy]] = {}
    for number, part in enumerate(parts):
        for _, column in part.items():
            held = cells.setdefault(column.kind, [])
            if isinstance(column, Lazy):
                lazy.setdefault(column.kind, []).append(column)
                held = cells.setdefault(f"{column.kind} to be read", [])
            else:
                form = (type(column).__name__, column.item, column.values.dtype.str)
                keys.setdefault(column.kind, []).extend((len(held) + row, (form, key)) for row, key in content_keys(column))
            held += [(number, row) for row in range(len(column))]
    for kind, columns in lazy.items():  # together: whether a file must be read at all depends on the sizes of all others
        keys[f"{kind} to be read"] = list(content_keys(concatenate(columns)))
    for kind, found in keys.items():
        for rows in shared(found, len(cells[kind])).values():
            yield sorted(cells[kind][row] for row in rows)


def _labels(task: str, y: Any, rows: int) -> np.ndarray:
    values = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if values.ndim == 0 or len(values) != rows:
        raise DataError(f"task {task!r}: X has {rows} rows, y has {len(values) if values.ndim else 'none'}; give one label a row")
    return values


def _placed(task: str, y: Any, start: int, rows: int, n: int) -> np.ndarray:
    """Labels of one set among ``n`` rows."""
    values = _labels(task, y, rows)
    numbers = values.dtype.kind == "f" or values.ndim > 1
    out = np.full((n, *values.shape[1:]), np.nan if numbers else None, dtype=np.float64 if numbers else object)
    out[start : start + rows] = values
    return out


def _joined(name: str, parts: Mapping[str, Dataset]) -> Column:
    """The column's rows in every set, absent in those that lack it."""
    found = {task: part[name] for task, part in parts.items() if name in part}
    first, *others = found.items()
    for task, column in others:
        tables = column.kind == first[1].kind == "tabular"
        if (type(column), column.kind) != (type(first[1]), first[1].kind) or not (tables or column.item == first[1].item):
            said = listing(f"{c.kind} of shape {c.item} in {t!r}" for t, c in (first, (task, column)))
            raise SpecMismatch(f"column {name!r} is {said}; rename one, or convert it")
    if first[1].kind == "tabular":
        fields = _fields(name, list(found.values()))
        found = {task: _filled(column, fields) for task, column in found.items()}
    example = next(iter(found.values()))
    return concatenate([found[t] if t in found else spread(example, np.full(len(part), -1)) for t, part in parts.items()])


def _fields(name: str, columns: Sequence[Any]) -> tuple[Field, ...]:
    """The fields of all tables; a category has the levels of all, in the order in which they are met."""
    out: dict[str, Field] = {}
    for field in (field for column in columns for field in column.fields):
        known = out.setdefault(field.name, field)
        if known.kind != field.kind:
            raise SpecMismatch(f"field {field.name!r} of column {name!r} is a {known.kind} in one set and a {field.kind} in another")
        out[field.name] = Field(field.name, field.kind, tuple(dict.fromkeys([*known.levels, *field.levels])))
    return tuple(out.values())


def _filled(column: Any, fields: Sequence[Field]) -> Dense:
    values = np.full((len(column), len(fields)), np.nan)
    own = {field.name: (j, field.levels) for j, field in enumerate(column.fields)}
    for j, field in enumerate(fields):
        if field.name in own:
            place, levels = own[field.name]
            cells = column.values[:, place]
            known = ~np.isnan(cells)
            codes = np.array([field.levels.index(level) for level in levels] or [0], dtype=np.float64)
            values[known, j] = codes[cells[known].astype(np.int64)] if levels else cells[known]
    return Dense(values, column.present, column.kind, tuple(fields))


def _ids(parts: Mapping[str, Dataset]) -> np.ndarray:
    ids = [str(key) for part in parts.values() for key in part.ids]
    if len(set(ids)) == len(ids):
        return np.array([key for part in parts.values() for key in part.ids.tolist()], dtype=object)
    return np.array([f"{task}:{key}" for task, part in parts.items() for key in part.ids.tolist()])


def _rows(parts: Mapping[str, Dataset]) -> pd.DataFrame:
    import pandas as pd

    frames = []
    grouped = any(part.rows is not None and "group" in part.rows for part in parts.values())
    for task, part in parts.items():
        frame = pd.DataFrame(index=range(len(part))) if part.rows is None else part.rows.copy()
        if grouped:
            own = frame["group"].astype(str) if "group" in frame else [f"{task} row {row}" for row in range(len(part))]
            frame["group"] = np.asarray(own, dtype=object)
        frame["set"] = task
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
