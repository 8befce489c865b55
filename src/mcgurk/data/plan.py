"""What a reader will make of each column of a table: named by the caller, as fitted, or inferred; always with a reason."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from mcgurk.data.infer import Guess, guess, number_style, present_cells
from mcgurk.data.spec import Spec
from mcgurk.errors import DataError, SpecMismatch, listing

Names = str | Sequence[str] | None
FIELDS = ("number", "category", "date", "flag")
MODALITIES = ("text", "image", "audio", "video", "series", "vector")


class Options(TypedDict, total=False):
    """What every reader of tables takes, all by name and all optional.

    Args:
        target: the column to predict; the reader then returns ``(X, y)``. Of several y is (n, k) where all are numbers, else {name: y},
            as :class:`mcgurk.MultiTask` takes it.
        group: a column whose rows belong together (a person, a site): goes to ``X.rows["group"]``, never to a model.
        id: the rows' identifiers.
        text, image, audio, video, series, vector: columns of that kind, each a modality of its own.
        tabular: columns of the table block "tabular", each a number, category, date or flag by its values.
        number, category, date, flag: columns of the table block, of that kind.
        drop: columns to leave out.
        others: "infer" the columns not named (default), or "drop" them.
        root: folder that file names in cells start from; default: the table's folder.
        max_bad: share of rows that may be set aside (unreadable files or cells) before reading fails; default 0.01.
        dedupe: "keep-first" keeps the first of rows with equal ids, otherwise an error.
        rows: read only the first rows.
        like: a fitted spec: read its columns as fitted, nothing else.
        explain: return a :class:`~mcgurk.data.read.Reading`, which says why each column is what it is.
    """

    target: Names
    group: str | None
    id: str | None
    text: Names
    image: Names
    audio: Names
    video: Names
    series: Names
    vector: Names
    tabular: Names
    number: Names
    category: Names
    date: Names
    flag: Names
    drop: Names
    others: str
    root: str | Path | None
    max_bad: float
    dedupe: str | None
    rows: int | None
    like: Spec | None
    explain: bool


@dataclass(frozen=True)
class Wanted:
    """The options of one reading, checked; see :class:`Options`."""

    target: Names = None
    group: str | None = None
    id: str | None = None
    text: Names = None
    image: Names = None
    audio: Names = None
    video: Names = None
    series: Names = None
    vector: Names = None
    tabular: Names = None
    number: Names = None
    category: Names = None
    date: Names = None
    flag: Names = None
    drop: Names = None
    others: str = "infer"
    root: str | Path | None = None
    max_bad: float = 0.01
    dedupe: str | None = None
    rows: int | None = None
    like: Spec | None = None
    explain: bool = False
    kinds: Mapping[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.others not in ("infer", "drop"):
            raise DataError(f"others={self.others!r}; expected 'infer' or 'drop'")
        if self.dedupe not in (None, "keep-first"):
            raise DataError(f"dedupe={self.dedupe!r}; expected 'keep-first', or leave it out to make repeated ids an error")
        if not 0 <= self.max_bad <= 1:
            raise DataError(f"max_bad={self.max_bad!r}; expected a share of the rows, between 0 and 1")
        kinds = {name: kind for kind in (*MODALITIES, *FIELDS, "tabular") for name in listed(getattr(self, kind))}
        for name in kinds:
            twice = [kind for kind in (*MODALITIES, *FIELDS, "drop") if name in listed(getattr(self, kind))]
            if len(twice) > 1:
                raise DataError(f"column {name!r} is asked for as {twice[0]} and as {twice[1]}; choose one")
        for name, column in (self.like or {}).items():
            kinds |= {f.name: f.kind for f in column.fields} if column.fields else {name: column.kind}
        object.__setattr__(self, "kinds", kinds)

    @property
    def targets(self) -> tuple[str, ...]:
        return listed(self.target)

    @property
    def written(self) -> set[str]:
        """Columns whose cells must be read as they are written, even where they are numbers."""
        return {name for name, kind in self.kinds.items() if kind not in ("number", "tabular")} | {*listed(self.group), *listed(self.id)}

    def check_names(self, names: Sequence[str]) -> None:
        """Every column asked for by name must be in the table (those of a fitted spec may be missing: ``predict`` says so)."""
        asked = [*self.targets, *listed(self.group), *listed(self.id), *listed(self.drop), *(() if self.like else self.kinds)]
        for name in asked:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                raise SpecMismatch(f"the table has no column {name!r}{hint}; it has {listing(names, 12)}")


def listed(names: Names) -> tuple[str, ...]:
    """Names given as one string, a sequence or None."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


@dataclass(frozen=True)
class Plan:
    """A guess for each column and its part: "modality", "field", "target", "group", "id" or "drop"; levels of categories."""

    guesses: Mapping[str, Guess]
    parts: Mapping[str, str]
    levels: Mapping[str, tuple[Any, ...]]
    wanted: Wanted
    root: Path

    def names(self, part: str) -> list[str]:
        return [name for name, given in self.parts.items() if given == part]


def make_plan(cells: Mapping[str, np.ndarray], wanted: Wanted, root: Path) -> Plan:
    """Decide each column's kind and part from what was asked for and, for the rest, from the cells."""
    wanted.check_names(list(cells))
    guesses: dict[str, Guess] = {}
    parts: dict[str, str] = {}
    for name, column in cells.items():
        kind = wanted.kinds.get(name)
        if name in listed(wanted.drop):
            guesses[name], parts[name] = Guess("empty", "it is left out as asked"), "drop"
        elif name == wanted.group:
            guesses[name], parts[name] = Guess("group", "its rows belong together, as asked; no model sees it"), "group"
        elif name == wanted.id:
            guesses[name], parts[name] = Guess("id", "as asked"), "id"
        elif kind is None and name not in wanted.targets and not _inferred(name, column, wanted, root):
            guesses[name], parts[name] = Guess("empty", "it was not asked for"), "drop"
        else:
            guesses[name] = named(name, column, kind, root) if kind else guess(name, column, root)
            parts[name] = "target" if name in wanted.targets else _part(guesses[name].kind)
    return Plan(_one_id(guesses, parts, wanted), parts, _levels(cells, guesses, wanted), wanted, root)


def _inferred(name: str, cells: np.ndarray, wanted: Wanted, root: Path) -> bool:
    """Whether a column nobody named is looked at: with a fitted spec, only one that gives the rows their ids."""
    if wanted.like is not None:
        return wanted.id is None and guess(name, cells, root).kind == "id"
    return wanted.others == "infer"


def _part(kind: str) -> str:
    return "field" if kind in FIELDS else "drop" if kind == "empty" else "id" if kind == "id" else "modality"


def _one_id(guesses: dict[str, Guess], parts: dict[str, str], wanted: Wanted) -> dict[str, Guess]:
    """One column gives the ids; further ones named like an id are left out."""
    found = [name for name, part in parts.items() if part == "id"]
    keep = wanted.id or (found[0] if found else None)
    for name in found:
        if name != keep:
            parts[name] = "drop"
            guesses[name] = Guess("empty", f"it is a second id, and {keep} gives the ids")
    return guesses


def named(name: str, cells: np.ndarray, kind: str, root: Path) -> Guess:
    """The guess for a column whose kind was given: only how its cells are written is found out."""
    if kind == "tabular":
        found = guess(name, cells, root)
        return found if found.kind in FIELDS else Guess("category", "it belongs to the table, as asked")
    strings = [c.strip() for c in cells[present_cells(cells)] if isinstance(c, str)]
    if kind == "number" and strings:
        values = np.array([s for s in strings if s not in ("",)], dtype=object)
        return Guess(kind, "as asked", numbers=number_style(values) or "")
    if kind in ("image", "audio", "video"):
        return Guess(kind, "as asked", split=_split(strings, root))
    json = kind in ("vector", "series") or (kind == "text" and bool(strings) and guess(name, cells, root).split == "json")
    return Guess(kind, "as asked", split="json" if json and strings else "")


def _split(strings: Sequence[str], root: Path) -> str:
    if strings and all(s[:1] == "[" and s[-1:] == "]" for s in strings):
        return "json"
    for split in (";", "|"):
        holding = [s for s in strings if split in s]
        if holding and not (root / holding[0]).exists():
            return split
    return ""


def _levels(cells: Mapping[str, np.ndarray], guesses: Mapping[str, Guess], wanted: Wanted) -> dict[str, tuple[Any, ...]]:
    return {name: levels_of(cells[name]) for name, found in guesses.items() if found.kind == "category" and name not in wanted.targets}


def levels_of(cells: np.ndarray) -> tuple[Any, ...]:
    """The distinct values of a category, in order; values of several types as strings."""
    seen = cells[present_cells(cells)]
    values = {v.item() if isinstance(v, np.generic) else v for v in seen.tolist()}
    if len({type(v) for v in values}) > 1 or not all(isinstance(v, (str, int, float)) for v in values):
        values = {str(v) for v in values}
    return tuple(sorted(values))


def with_levels(plan: Plan, levels: Mapping[str, set[Any]]) -> Plan:
    """The plan with the levels found in the whole table (a stream sees them piece by piece)."""
    return replace(plan, levels={name: levels_of(np.array(sorted(found, key=str), dtype=object)) for name, found in levels.items()})
