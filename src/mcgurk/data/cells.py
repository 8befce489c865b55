"""Cells of a table to columns, as a plan says; rows that cannot be read are set aside, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.coerce import TABLE_NAME, column_of_cells, days_of, table_column
from mcgurk.data.column import Column, Dense, Field, Lazy, Ragged, objects
from mcgurk.data.dataset import Dataset
from mcgurk.data.infer import FLAGS, MEDIA, MISSING, Guess, load_json, number, present_cells
from mcgurk.data.plan import Plan
from mcgurk.data.spec import ColumnSpec
from mcgurk.errors import DataError, McgurkError, listing

CONTAINERS = {"vector": "dense", "series": "ragged"}
_FLAG_WORDS = {word: value for words in FLAGS for word, value in words.items()}


@dataclass(frozen=True)
class Reject:
    """One row set aside: its place in the table (0 is the first row below the header), the column, and what its cell names."""

    row: int
    column: str
    file: str
    code: str
    message: str


@dataclass(frozen=True)
class Part:
    """Rows of a table as data: ``X`` without the rejected rows, ``y`` likewise, or None."""

    X: Dataset
    y: Any
    rejects: tuple[Reject, ...]


class Builder:
    """Builds Datasets from pieces of one table by one plan; remembers which files were already found readable."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._files: dict[Path, McgurkError | None] = {}

    def build(self, cells: Mapping[str, np.ndarray], places: np.ndarray) -> Part:
        """The Dataset and target of the rows that stand at ``places`` in the table."""
        plan, rejects = self.plan, []
        columns: dict[str, Column] = {}
        for name in plan.names("modality"):
            columns[name], bad = self.modality(name, cells[name], plan.guesses[name])
            rejects += [replace(r, row=int(places[r.row])) for r in bad]
        fields = [self.field(name, cells[name], plan.guesses[name], places) for name in plan.names("field")]
        if fields:
            if TABLE_NAME in columns:
                raise DataError(f"a column is named {TABLE_NAME!r}, the name given to the table's block; rename it")
            columns[TABLE_NAME] = table_column(fields)
        if not columns:
            raise DataError(f"no column is left to learn from among {listing(cells)}; name at least one (image=, text=, tabular=, …)")
        X = Dataset(columns, ids=self._ids(cells, places))
        if plan.wanted.group:
            X = X.with_rows(group=group_names(cells[plan.wanted.group], places))
        y = self.target(cells, places)
        if rejects:
            keep = np.flatnonzero(~np.isin(places, [r.row for r in rejects]))
            X, y = X[keep], _kept(y, keep)
        return Part(X, y, tuple(rejects))

    def _ids(self, cells: Mapping[str, np.ndarray], places: np.ndarray) -> np.ndarray:
        """Ids are made distinct by the reader before this, which knows all rows."""
        names = self.plan.names("id")
        return ids_of(names[0], cells[names[0]], places) if names else places

    def modality(self, name: str, cells: np.ndarray, found: Guess) -> tuple[Column, list[Reject]]:
        """One modality's column, and the rows whose cell cannot be read."""
        present = present_cells(cells)
        values = np.empty(len(cells), dtype=object)
        rejects: list[Reject] = []
        for i in np.flatnonzero(present):
            try:
                values[i] = self._value(cells[i], found)
            except McgurkError as error:
                rejects.append(Reject(int(i), name, _short(cells[i]), error.code, str(error)))
                present[i] = False
        fitted = (self.plan.wanted.like or {}).get(name)
        if found.kind not in CONTAINERS:
            several = fitted.sequence if fitted else any(isinstance(v, tuple) for v in values)
            for i in np.flatnonzero(present) if several else ():
                values[i] = values[i] if isinstance(values[i], tuple) else (values[i],)
            return Lazy(values, present, found.kind), rejects
        if not present.any():
            shape = fitted.item if fitted else (0,)
            empty = Dense(np.zeros((len(cells), *shape)), present, "vector")
            series = Ragged(np.zeros((0, *shape)), np.zeros(len(cells) + 1, dtype=np.int64), present)
            return (empty if found.kind == "vector" else series), rejects
        return column_of_cells(name, values, fitted or ColumnSpec(CONTAINERS[found.kind], found.kind)), rejects

    def _value(self, cell: Any, found: Guess) -> Any:
        """A cell as an item: text, a readable path, bytes, numbers, or a tuple of several."""
        if isinstance(cell, str) and found.split == "json":
            cell = load_json(cell)
        elif isinstance(cell, str) and found.split == "file":
            from mcgurk.data.media import read_text

            cell = read_text(self.plan.root / cell.strip())
        elif isinstance(cell, str) and found.split:
            cell = [part.strip() for part in cell.split(found.split) if part.strip()]
        if found.kind in CONTAINERS:
            try:
                return np.asarray(cell, dtype=np.float64)
            except (TypeError, ValueError):
                raise DataError(f"{_short(cell)!r} is not a list of numbers; mend the cell or leave it empty", code="D05") from None
        if isinstance(cell, (list, tuple, np.ndarray)):
            return tuple(self._item(part, found.kind) for part in cell if part is not None)
        return self._item(cell, found.kind)

    def _item(self, cell: Any, kind: str) -> Any:
        if isinstance(cell, dict):
            cell = cell.get("bytes") if cell.get("bytes") is not None else cell.get("path")
        if kind not in MEDIA:
            return whole_text(cell if isinstance(cell, str) else cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell))
        if isinstance(cell, bytes):
            return cell
        if not isinstance(cell, (str, Path)):
            raise DataError(f"{_short(cell)!r} is not the name of a file; give a path, or leave the cell empty", code="F02")
        path = self.plan.root / (cell.strip() if isinstance(cell, str) else cell)
        if path not in self._files:
            self._files[path] = unreadable(path)
        if error := self._files[path]:
            raise error
        return path

    def field(self, name: str, cells: np.ndarray, found: Guess, places: np.ndarray) -> tuple[Field, np.ndarray]:
        """One cell column of the table block: float64 with NaN where missing."""
        if found.kind == "category":
            return self._category(name, cells)
        if found.kind == "date":
            return Field(name, "date"), days(name, cells)
        if cells.dtype.kind in "biuf":
            return Field(name, found.kind), cells.astype(np.float64)
        values = np.full(len(cells), np.nan)
        for i in np.flatnonzero(present_cells(cells)):
            try:
                values[i] = _number(cells[i], found)
            except (TypeError, ValueError):
                raise DataError(
                    f"row {places[i]}: {name} holds {_short(cells[i])!r}, expected a {found.kind}; "
                    f"leave the cell empty where it is unknown, or read the column with category={name!r}",
                    code="L01",
                ) from None
        return Field(name, found.kind), values

    def _category(self, name: str, cells: np.ndarray) -> tuple[Field, np.ndarray]:
        levels = self.plan.levels[name]
        codes = {level: float(i) for i, level in enumerate(levels)} | {str(level): float(i) for i, level in enumerate(levels)}
        present = present_cells(cells)
        values = np.full(len(cells), np.nan)
        values[present] = [codes[c if c in codes else str(c)] for c in cells[present].tolist()]
        return Field(name, "category", self._fitted_types(name, levels)), values

    def _fitted_types(self, name: str, levels: tuple[Any, ...]) -> tuple[Any, ...]:
        """Levels in the types they were fitted with: a CSV file writes 7 where a typed file had the number."""
        fitted = next((f for s in (self.plan.wanted.like or {}).values() for f in s.fields or () if f.name == name), None)
        known = {} if fitted is None else {str(level): level for level in fitted.levels}
        return tuple(known.get(str(level), level) for level in levels)

    def target(self, cells: Mapping[str, np.ndarray], places: np.ndarray) -> Any:
        """y: float64 or int64 numbers, labels as objects (None: unlabelled), or a Ragged with a label a step; of several (n, k) where all
        are numbers, else {name: y}.
        """
        names = [name for name in self.plan.wanted.targets if name in self.plan.names("target")]  # as they were asked for
        if not names:
            return None
        found = [self.plan.guesses[name] for name in names]
        if len(names) > 1:
            if any(f.kind not in ("number", "flag") for f in found):
                return {name: self._labels(name, cells[name], f, places) for name, f in zip(names, found)}
            return np.stack([self.field(name, cells[name], f, places)[1] for name, f in zip(names, found)], axis=1)
        return self._labels(names[0], cells[names[0]], found[0], places)

    def _labels(self, name: str, column: np.ndarray, guess: Guess, places: np.ndarray) -> Any:
        if guess.kind in CONTAINERS or guess.split in ("json", "list"):
            steps = [
                None if not ok else np.asarray(load_json(c) if isinstance(c, str) else c) for c, ok in zip(column, present_cells(column))
            ]
            return Ragged.of(steps)
        if guess.kind == "number":
            values = self.field(name, column, guess, places)[1]
            whole = column.dtype.kind in "iu" or (
                guess.numbers != "comma" and not np.isnan(values).any() and all(_whole(c) for c in column)
            )
            return values.astype(np.int64) if whole and len(values) else values
        if column.dtype.kind in "bM":
            return column
        return objects([c if ok else None for c, ok in zip(column, present_cells(column))])


def _kept(y: Any, rows: np.ndarray) -> Any:
    """A target's values of some rows."""
    if isinstance(y, dict):
        return {name: _kept(values, rows) for name, values in y.items()}
    return None if y is None else y.take(rows) if isinstance(y, Ragged) else y[rows]


def _number(cell: Any, found: Guess) -> float:
    if not isinstance(cell, str):
        return float(cell)
    word = cell.strip()
    if found.kind == "flag" and word.lower() in _FLAG_WORDS:
        return _FLAG_WORDS[word.lower()]
    return number(word, found.numbers)


def _whole(cell: Any) -> bool:
    return isinstance(cell, (int, np.integer)) if not isinstance(cell, str) else cell.strip().lstrip("+-").isdigit()


def whole_text(text: str) -> str:
    """``text`` within the limit on size; lone surrogates, which no file can hold, as U+FFFD."""
    from mcgurk.data.limits import check

    check("max_text_bytes", len(text), f"a text of {len(text):,} characters", "text")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def unreadable(path: Path) -> McgurkError | None:
    """Why a file cannot be opened for decoding (F01, F02), or None."""
    from mcgurk.data.source import opened

    try:
        with opened(path) as file:
            file.head(1)
    except McgurkError as error:
        return error
    return None


def ids_of(name: str, cells: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Row identifiers: integers where all are, else strings.

    Raises:
        DataError: I01, a row without one.
    """
    present = present_cells(cells)
    if not present.all():
        raise DataError(f"row {places[np.flatnonzero(~present)[0]]} has no {name}; every row needs an id", code="I01")
    texts = [str(c).strip() for c in cells.tolist()]
    if all(t.isdigit() and (t == "0" or not t.startswith("0")) and len(t) < 19 for t in texts):
        return np.array(texts, dtype=np.int64)
    return np.array(texts, dtype=object)


def group_names(cells: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Groups as strings; a row without one is a group of its own."""
    present = present_cells(cells)
    return np.array([str(c) if ok else f"(none {place})" for c, ok, place in zip(cells.tolist(), present, places)], dtype=object)


def days(name: str, cells: np.ndarray) -> np.ndarray:
    """Dates and times as days since 1970-01-01; a time zone is taken into account, none means UTC."""
    import pandas as pd

    if cells.dtype.kind == "M":
        return days_of(cells)
    present = present_cells(cells)
    texts = pd.Series([c if ok and str(c) not in MISSING else None for c, ok in zip(cells, present)], dtype=object)
    try:
        return days_of(pd.to_datetime(texts, utc=True, format="ISO8601").dt.tz_localize(None).to_numpy())
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{name} cannot be read as dates ({str(error)[:120]}); expected YYYY-MM-DD, with or without a time", code="L01"
        ) from None


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
