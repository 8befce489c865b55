"""Optimisers by glob on parameter names, and learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.train.objective import Phase

OPTIMISERS = ("adamw", "adam", "sgd", "rmsprop")
SCHEDULES = ("constant", "cosine", "linear", "step")


def match(name: str, glob: str, columns: Sequence[str] = ()) -> bool:
    """Whether a parameter name fits a glob; a bare column name means ``encoders.<name>.*``."""
    if glob in columns:
        return name.startswith(f"encoders.{glob}.")
    return fnmatchcase(name, glob)


def phase_parameters(objective: nn.Module, phases: Sequence[Phase], columns: Sequence[str] = ()) -> dict[str, list[str]]:
    """Phase name -> parameter names. A parameter in no phase is an error."""
    names = [name for name, _ in objective.named_parameters()]
    out = {p.name: [n for n in names if any(match(n, g, columns) for g in p.params.split())] for p in phases}
    orphans = [n for n in names if not any(n in part for part in out.values())]
    if orphans:
        raise DataError(
            f"parameters in no phase would never train: {listing(orphans)}; name them in a phase or make them buffers", code="T90"
        )
    return out


def parameter_groups(
    objective: nn.Module, names: Sequence[str], optim: Any, columns: Sequence[str] = ()
) -> list[tuple[str, dict[str, Any], list[str]]]:
    """(optimiser name, its arguments, parameter names), the first glob of ``optim`` that fits deciding for each parameter.

    Args:
        optim: ``("adamw", 1e-3)``, ``("sgd", {"lr": 1e-2, "momentum": 0.9})``, or a dict from glob to such a pair.

    Raises:
        DataError: a parameter fits no glob.
        UnknownName: no such optimiser, or a glob fits nothing.
    """
    table = dict(optim) if isinstance(optim, Mapping) else {"*": optim}
    groups: list[tuple[str, dict[str, Any], list[str]]] = []
    left = list(names)
    for glob, choice in sorted(table.items(), key=lambda item: item[0] == "*"):
        kind, options = choice
        if kind not in OPTIMISERS:
            raise UnknownName(f"no optimiser {kind!r}; there are {', '.join(OPTIMISERS)}")
        taken = [n for n in left if match(n, glob, columns)]
        if not taken and glob != "*" and not any(match(n, glob, columns) for n, _ in objective.named_parameters()):
            raise UnknownName(
                f"optim names {glob!r}, which fits no parameter; columns are {listing(columns)}, parameters {listing(n for n, _ in objective.named_parameters())}"
            )
        if taken:
            groups.append((kind, dict(options) if isinstance(options, Mapping) else {"lr": float(options)}, taken))
        left = [n for n in left if n not in taken]
    if left:
        raise DataError(f"optim gives no optimiser to {listing(left)}; add a '*' entry")
    return groups


def make_optimisers(
    objective: nn.Module, names: Sequence[str], optim: Any, *, lr_scale: float = 1.0, columns: Sequence[str] = ()
) -> list[torch.optim.Optimizer]:
    """One optimiser for each kind of group; fused kernels where torch has them."""
    parameters = dict(objective.named_parameters())
    out: dict[str, list[dict[str, Any]]] = {}
    for kind, options, taken in parameter_groups(objective, names, optim, columns):
        options = {**options, "lr": options.get("lr", 1e-3) * lr_scale}
        out.setdefault(kind, []).append({"params": [parameters[n] for n in taken], **options, "base_lr": options["lr"]})
    made: list[torch.optim.Optimizer] = []
    for kind, groups in out.items():
        fused = all(p.dtype in (torch.float32, torch.float64) for g in groups for p in g["params"])
        if kind in ("adam", "adamw"):
            cls = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
            made.append(cls(groups, fused=fused))
        elif kind == "sgd":
            made.append(torch.optim.SGD(groups, lr=groups[0]["lr"], fused=fused))
        else:
            made.append(torch.optim.RMSprop(groups))
    return made


def schedule_factor(schedule: Any, done: float, warmup: float = 0.0) -> float:
    """Factor on the learning rate after a share ``done`` of training: "constant", "cosine", "linear", or ("step", {"at": [...], "by": 0.1}).

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
