"""Fusion methods that a caller asks a comparison to enter: some by name, a stranger's own, or all there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mcgurk import registry
from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TASKS, TargetSpec
from mcgurk.errors import DataError
from mcgurk.fusion.offer import maker
from mcgurk.registry import Candidate, Entry

ALL = "all"
METHODS = {"fusion": "layer", "recipe": "recipe", "classifier": "model", "regressor": "model"}
"""Role of the registry -> what a contestant of that role is called."""
SIMPLICITY = 6


def methods(
    spec: Mapping[str, ColumnSpec], target: TargetSpec, wanted: Any, standing: Iterable[Candidate] = ()
) -> tuple[list[Candidate], dict[str, str]]:
    """Contestants for what was asked for, and name -> why it cannot enter, in one sentence, for the rest.

    Every method takes all columns. What it needs of them stands in its :class:`~mcgurk.registry.Entry`; a stranger's class that is in no
    registry is taken to fuse two modalities or more and to learn anything.

    Args:
        spec, target: of the data.
        wanted: "all", names ("mult,vilbert", or a list), "package.module:Class", pairs ``(name, {params})``, objects.
        standing: contestants that take part anyway; a method among them does not enter twice.

    Raises:
        UnknownName: a name that is not known, before anything is fitted.
        DataError: C02, what was named is no fusion method.
    """
    names, per = tuple(spec), target.per
    taken = {title(c.method) for c in standing if c.method is not None and c.family != "subset"}
    out: list[Candidate] = []
    refused: dict[str, str] = {}
    for value in asked(wanted):
        called, entry = title(value), entry_of(value)
        if called in taken:
            continue
        taken.add(called)
        why = entry.apart or entry.refusal(len(names), str(target.task), per)
        if why:
            refused[called] = why
        else:
            out.append(_entered(called, value, entry, names, target))
    return out, refused


def asked(wanted: Any) -> Iterator[Any]:
    """One value after another; "all" is every method of the room, strangers' included."""
    for value in _said(wanted):
        if isinstance(value, str) and value == ALL:
            yield from (name for name, entry in registry.entries("fusion").items() if entry.role in METHODS or entry.apart)
        else:
            yield value


def everyone(wanted: Any) -> bool:
    """Whether "all" is among what was asked for."""
    return any(isinstance(value, str) and value == ALL for value in _said(wanted))


def _said(wanted: Any) -> list[Any]:
    """What was asked for, names with commas taken apart."""
    given = [] if wanted is None else list(wanted) if isinstance(wanted, (list, tuple)) and not _pair(wanted) else [wanted]
    parts = [value.split(",") if isinstance(value, str) else [value] for value in given]
    return [part.strip() if isinstance(part, str) else part for some in parts for part in some if part != ""]


def title(value: Any) -> str:
    """How a method is called in plans and tables: ``late``, ``late(rule=mean)``, ``Trust()``."""
    if isinstance(value, str):
        return value
    if _pair(value):
        return f"{value[0]}({', '.join(f'{key}={setting}' for key, setting in value[1].items())})"
    return repr(value)


def entry_of(value: Any) -> Entry:
    """What the registry knows of a method, or what its class shows where the registry knows nothing.

    Raises:
        UnknownName: no such name.
        DataError: C02, it is no fusion method.
    """
    if isinstance(value, str) and ":" not in value:
        entry = registry.entry("fusion", value)
    else:
        made = registry.make("fusion", own(value))
        room, _, name = (registry.name_of(type(made)) or "").partition(":")
        entry = (
            registry.entry(room, name) if room == "fusion" else Entry("", _role(made), wants=getattr(made, "wants", None), targets=TASKS)
        )
    if entry.role not in METHODS and not entry.apart:
        known = [name for name, other in registry.entries("fusion").items() if other.role in METHODS and not other.apart]
        raise DataError(
            f"{title(value)} is a {entry.role or type(value).__name__}, not a fusion method; there are {', '.join(known)}", code="C02"
        )
    return entry


def own(value: Any) -> Any:
    """What was asked for; where it names a class of one's own, ``module:Class`` alone or in a pair, an object of that class."""
    name, settings = value if _pair(value) else (value, {})
    return registry.located(name)(**settings) if isinstance(name, str) and ":" in name else value


def _role(made: Any) -> str:
    from mcgurk.fusion.recipe import Recipe
    from mcgurk.nn.component import Fusion
    from mcgurk.roles import Classifier, Regressor

    kinds = {Fusion: "fusion", Recipe: "recipe", Classifier: "classifier", Regressor: "regressor"}
    return next((role for kind, role in kinds.items() if isinstance(made, kind)), "")


def _entered(called: str, value: Any, entry: Entry, names: tuple[str, ...], target: TargetSpec) -> Candidate:
    kind, name = METHODS[entry.role], f"{METHODS[entry.role]}:{called}"
    short = called.rpartition(":")[2].removesuffix("()").replace("_", " ")
    return Candidate(
        name,
        _alone(own(value), target) if kind == "model" else maker(own(value), target),
        names,
        kind,
        name,
        cost=entry.seconds * len(names) / 2,
        simplicity=SIMPLICITY,
        label=f"{short} layer" if kind == "layer" else short,
        method=value,
        paper=entry.paper,
        note="reads sequences" if entry.wants == "sequence" else "",
    )


def _alone(value: Any, target: TargetSpec) -> Any:
    """Makes fresh copies of an estimator that is a method of its own."""

    def make() -> Any:
        from sklearn.base import clone

        model = clone(registry.make("fusion", value))
        return model.set_params(task=target.task) if "task" in model.get_params(deep=False) else model

    return make


def _pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], Mapping)
