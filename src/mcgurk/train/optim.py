"""Optimisers by glob on parameter names, and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.train.adam import Adam, AdamW
from mcgurk.train.objective import Phase

SCHEDULES = ("constant", "cosine", "linear", "step")


def match(name: str, glob: str, columns: Sequence[str] = ()) -> bool:
    """Whether a parameter name fits a glob; a bare column name means ``encoders.<name>.*``."""
    if glob not in columns:
        return fnmatchcase(name, glob)
    owners = [column for column in columns if name.startswith(f"encoders.{column}.")]
    return bool(owners) and max(owners, key=len) == glob  # a column "a" does not own what belongs to a column "a.b"


def phase_parameters(names: Iterable[str], phases: Sequence[Phase], columns: Sequence[str] = ()) -> list[list[str]]:
    """The parameter names of every phase.

    Raises:
        DataError: T90, a parameter is in no phase.
    """
    names = list(names)
    out = [[n for n in names if any(match(n, glob, columns) for glob in phase.params.split())] for phase in phases]
    orphans = [n for n in names if not any(n in part for part in out)]
    if orphans:
        raise DataError(
            f"parameters in no phase would never train: {listing(orphans)}; name them in a phase or make them buffers", code="T90"
        )
    return out


Group = tuple[str, dict[str, Any], list[str]]


def parameter_groups(objective: nn.Module, names: Sequence[str], optim: Any, columns: Sequence[str] = ()) -> tuple[list[Group], list[str]]:
    """Groups of (optimiser name, its arguments, parameter names), and the names that are frozen.

    Args:
        optim: ``("adamw", 1e-3)``, ``("sgd", {"lr": 1e-2, "momentum": 0.9})``, or a dict from glob to such a pair, or to None, which
            freezes. The first glob that fits a parameter decides; "*" comes last wherever it stands.

    Raises:
        DataError: a parameter fits no glob.
        UnknownName: no such optimiser, or a glob that fits nothing.
    """
    table = dict(optim) if isinstance(optim, Mapping) else {"*": optim}
    everything = [name for name, _ in objective.named_parameters()]
    groups: list[Group] = []
    frozen: list[str] = []
    left = list(names)
    for glob, choice in sorted(table.items(), key=lambda item: item[0] == "*"):
        if choice is not None and choice[0] not in OPTIMISERS:
            raise UnknownName(f"no optimiser {choice[0]!r}; there are {', '.join(OPTIMISERS)}")
        if glob != "*" and not any(match(n, glob, columns) for n in everything):
            raise UnknownName(
                f"optim names {glob!r}, which fits no parameter; columns are {listing(columns)}, parameters {listing(everything)}"
            )
        taken = [n for n in left if match(n, glob, columns)]
        left = [n for n in left if n not in taken]
        if choice is None:
            frozen += taken
        elif taken:
            groups.append((choice[0], dict(choice[1]) if isinstance(choice[1], Mapping) else {"lr": float(choice[1])}, taken))
    if left:
        raise DataError(f"optim gives no optimiser to {listing(left)}; add a '*' entry")
    return groups, frozen


def make_optimisers(
    objective: nn.Module,
    names: Sequence[str],
    optim: Any,
    *,
    lr_scale: float = 1.0,
    rates: Sequence[tuple[str, float]] = (),
    columns: Sequence[str] = (),
) -> tuple[list[torch.optim.Optimizer], list[str]]:
    """One optimiser for each kind of group, with fused kernels where torch has them; and the names that are frozen."""
    parameters = dict(objective.named_parameters())
    groups, frozen = parameter_groups(objective, names, optim, columns)
    kinds: dict[str, list[dict[str, Any]]] = {}
    for kind, options, taken in groups:
        for factor, part in _by_rate(taken, rates, columns).items():
            rate = options.get("lr", 1e-3) * lr_scale * factor
            kinds.setdefault(kind, []).append({"params": [parameters[n] for n in part], **options, "lr": rate, "base_lr": rate})
    return [MAKERS[kind](parts) for kind, parts in kinds.items()], frozen


def _by_rate(names: Sequence[str], rates: Sequence[tuple[str, float]], columns: Sequence[str]) -> dict[float, list[str]]:
    """Names by the factor on their learning rate; 1 where no glob fits."""
    out: dict[float, list[str]] = {}
    for name in names:
        factor = next((f for globs, f in rates if any(match(name, glob, columns) for glob in globs.split())), 1.0)
        out.setdefault(factor, []).append(name)
    return out


MAKERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "adamw": AdamW,
    "adam": Adam,
    "sgd": lambda groups: torch.optim.SGD(groups, lr=groups[0]["lr"], fused=True),
    "rmsprop": lambda groups: torch.optim.RMSprop(groups),
}
OPTIMISERS = tuple(MAKERS)


def schedule_factor(schedule: Any, done: float, warmup: float = 0.0) -> float:
    """Factor on the learning rate after a share ``done`` of training.

    ``schedule`` is "constant", "cosine", "linear", "step", or ("step", {"at": [0.5, 0.75], "by": 0.1}) with shares of training.

    A share ``warmup`` at the start rises linearly from 0.
    """
    name, options = schedule if isinstance(schedule, (tuple, list)) else (schedule or "constant", {})
    if name not in SCHEDULES:
        raise UnknownName(f"no schedule {name!r}; there are {', '.join(SCHEDULES)}")
    if warmup and done < warmup:
        return max(done / warmup, 1e-3)
    rest = (done - warmup) / max(1 - warmup, 1e-12)
    if name == "cosine":
        return 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))
    if name == "linear":
        return max(1 - rest, 0.0)
    if name == "step":
        return float(options.get("by", 0.1)) ** sum(rest >= point for point in options.get("at", (0.5, 0.75)))
    return 1.0
