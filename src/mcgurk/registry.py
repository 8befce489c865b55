"""Every room's table of methods: lazy export, test plan, docs index and CLI choices at once, readable without torch."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from mcgurk.errors import DataError, UnknownName

ROOMS = tuple("encoders fusion joint coordination fission alignment reasoning generation transference quantification inference".split())


@dataclass(frozen=True)
class Entry:
    """One method.

    Args:
        target: "file:Class" within the room, or "package.module:Class" for a stranger's plug-in.
        role: what it is: encoder, fusion, recipe, unit, classifier, regressor, multitask, embedder, aligner, generator, splitter, measure,
            reasoner.
        summary: one line for the docs index.
        wants: "vector" or "sequence" for fusion layers; for encoders the kinds they read.
        targets: tasks it serves: classes, multilabel, number, count.
        cost: operations per sample, in the symbols of the method's docstring.
        paper: authors, year, venue.
        small: constructor arguments that make it quick, for the conformance suite.
        extra: the optional extra it needs, if any.
        needs: what only a caller can give, such as a model folder; without it nothing but its texts and parameters can be checked.
        modalities: fewest and most that a fusion method takes; None is no limit.
        labels: what it can have a label for: "row", "step" (of a sequence).
        seconds: of one fit on 1,000 rows of two modalities (128 numbers; 10 steps where it reads sequences), as measured on one core;
            what a comparison plans with.
        apart: why no comparison enters it of its own accord, as the end of a sentence; "" where one does.
    """

    target: str
    role: str
    summary: str = ""
    wants: str | tuple[str, ...] | None = None
    targets: tuple[str, ...] = ()
    cost: str = ""
    paper: str = ""
    small: Mapping[str, Any] = field(default_factory=dict)
    extra: str | None = None
    needs: str = ""
    modalities: tuple[int, int | None] = (2, None)
    labels: tuple[str, ...] = ("row", "step")
    seconds: float = 5.0
    apart: str = ""

    def refusal(self, columns: int, task: str, per: str) -> str:
        """Why it cannot take so many modalities, this task, or a label per "row" or "step", in one sentence; "" where it can.

        Example:
            >>> Entry("mfas:MFAS", "recipe", targets=("number",), modalities=(2, 2)).refusal(3, "number", "row")
            'it fuses 2 modalities, and the data has 3'
        """
        fewest, most = self.modalities
        if columns < fewest or (most is not None and columns > most):
            wanted = f"{fewest}" if fewest == most else f"{fewest} or more" if most is None else f"{fewest} to {most}"
            return f"it fuses {wanted} modalities, and the data has {columns}"
        if task not in self.targets:
            return f"it learns {' and '.join(self.targets)}, and the target is {task}"
        if per not in self.labels:
            return f"it takes one label a {' or '.join(self.labels)}, and the target has one a {per}"
        return ""


@dataclass(frozen=True)
class Candidate:
    """One contestant that a room offers to ``compare``.

    Args:
        name: unique, such as "late:stacking" or "single:photo".
        make: a fresh, unfitted estimator.
        columns: the modalities it uses.
        family: "baseline", "single", "subset", "early", "late", "hybrid", "layer", "recipe" or "auto".
        recipe: candidates of one recipe differ only in their columns, so their difference is what columns are worth.
        cost: rough seconds a fit on 1,000 rows, for planning a budget.
        simplicity: of candidates within one standard error the one with the lowest is recommended.
        label: how a person reads it.
        method: what it is made with: a registry name, a pair ``(name, {params})`` or an object.
        paper: where the method comes from.
        note: what a reader should know besides, such as what it reads.
    """

    name: str
    make: Callable[[], Any]
    columns: tuple[str, ...]
    family: str
    recipe: str
    cost: float = 1.0
    simplicity: int = 0
    label: str = ""
    method: Any = None
    paper: str = ""
    note: str = ""


def candidates(spec: Mapping[str, Any], target: Any, budget: str) -> list[Candidate]:
    """What every room offers for this spec and target under a budget ("quick", "standard" or "thorough"), in the rooms' order."""
    out: list[Candidate] = []
    for room in ROOMS:
        if offered(room):
            offer = getattr(importlib.import_module(f"mcgurk.{room}"), "OFFER", None)
            if offer is not None:
                out += importlib.import_module(f"mcgurk.{room}.{offer}").candidates(spec, target, budget)
    return out


def exports(
    package: str, table: Mapping[str, Entry], also: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__, __dir__, __all__`` of a room: the classes of its table (and other public names) import on first use."""
    from mcgurk._lazy import attach

    names = {e.target.split(":")[1]: e.target.split(":")[0] for e in table.values()}
    return attach(package, {**names, **(also or {})})


def offered(room: str) -> bool:
    """Whether a room exists in this installation; a folder without its table (left behind by an older version, say) is none."""
    spec = importlib.util.find_spec(f"mcgurk.{room}")
    return spec is not None and spec.origin is not None


@cache
def own(room: str) -> Mapping[str, Entry]:
    """Name -> Entry of what mcgurk itself offers in a room; nothing where the room does not exist yet."""
    return importlib.import_module(f"mcgurk.{room}").ENTRIES if offered(room) else {}


@cache
def entries(room: str) -> dict[str, Entry]:
    """Name -> Entry of a room: ours first, then plug-ins of the entry-point group ``mcgurk.<room>``.

    Raises:
        UnknownName: no such room.
        DataError: a plug-in takes a name that is already used, cannot be imported, or is no Entry.
    """
    if room not in ROOMS:
        raise UnknownName(f"no room {room!r}; the rooms are {', '.join(ROOMS)}")
    from importlib.metadata import entry_points

    table = dict(own(room))
    claimed: dict[str, str] = {}
    for point in entry_points(group=f"mcgurk.{room}"):
        try:
            found = point.load()
        except (ImportError, AttributeError) as error:
            raise DataError(f"the plug-in {point.value} of group mcgurk.{room} cannot be loaded ({error}); mend or uninstall it") from error
        if not isinstance(found, Entry):
            raise DataError(
                f"the plug-in {point.value} of group mcgurk.{room} is a {type(found).__name__}; expected a mcgurk.registry.Entry"
            )
        if point.name in table:
            first = claimed.get(point.name) or f"mcgurk.{room}.{table[point.name].target}"
            raise DataError(f"the name {point.name!r} of room {room} is claimed by {first} and by {point.value}; rename the plug-in")
        table[point.name] = found
        claimed[point.name] = point.value
    return table


def entry(room: str, name: str) -> Entry:
    """The Entry of a name, or UnknownName with the nearest known names."""
    table = entries(room)
    if name not in table:
        near = difflib.get_close_matches(name, table, 3)
        raise UnknownName(
            f"{room} has no {name!r}; {'did you mean ' + ' or '.join(near) if near else 'it offers ' + ', '.join(sorted(table))}"
        )
    return table[name]


def find(room: str, name: str) -> type:
    """The class registered under ``name`` in ``room``. Never imports what is not registered: names stand in model files, too."""
    found = entry(room, name)
    _, _, attribute = found.target.partition(":")
    try:
        return getattr(importlib.import_module(module_of(room, name)), attribute)
    except AttributeError as error:
        raise UnknownName(f"{room}:{name} is registered as {found.target!r}, which does not exist ({error})") from None


def located(target: str) -> type:
    """The class at ``package.module:Class``, which is imported: only for what a person names, never for what a file says.

    Raises:
        UnknownName: there is none, or it is no class.
    """
    module, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise UnknownName(f"{target!r} is neither room:name nor an importable package.module:Class ({error})") from None
    if not isinstance(found, type):
        raise UnknownName(f"{target!r} is a {type(found).__name__}; expected a class")
    return found


def module_of(room: str, name: str) -> str:
    """The module of a registered class: a file of the room for ours, a module of its own for a stranger's."""
    module = entry(room, name).target.partition(":")[0]
    return f"mcgurk.{room}.{module}" if name in own(room) else module


def make(room: str, value: Any) -> Any:
    """An object from a registry name, a pair ``(name, {params})``, or the object itself."""
    if isinstance(value, str):
        return find(room, value)()
    if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping):
        return find(room, value[0])(**value[1])
    if isinstance(value, (type, tuple, list, int, float)) or value is None:
        raise DataError(
            f"{value!r} is not a member of {room}; give a name ({', '.join(sorted(entries(room))[:8])}, …), "
            "a pair (name, {params}) or an object"
        )
    return value


def name_of(cls: type) -> str | None:
    """``"room:name"`` of a registered class, else None."""
    parts = cls.__module__.split(".")
    rooms = [parts[1]] if len(parts) > 2 and parts[0] == "mcgurk" and parts[1] in ROOMS else ROOMS
    for room in rooms:
        for name, item in entries(room).items():
            if item.target.partition(":")[2] == cls.__name__ and module_of(room, name) == cls.__module__:
                return f"{room}:{name}"
    return None
