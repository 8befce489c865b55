"""What the fusion room enters in a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

from mcgurk.data.spec import ColumnSpec
from mcgurk.data.target import TargetSpec
from mcgurk.fusion.single import NARROW
from mcgurk.registry import Candidate, entries, entry


def candidates(spec: Mapping[str, ColumnSpec], target: TargetSpec, budget: str) -> list[Candidate]:
    """Baselines, every single modality, early, late and hybrid fusion, auto, main recipes without each modality; by budget more.

    quick: the simplest of each family. standard: more recipes and some layers. thorough: every subset of the main recipes, all layers.
    """
    names = tuple(spec)
    out = [
        _candidate("average", "average", names, "baseline", target, cost=0.05, label="the average, knowing nothing"),
        _candidate(
            "boosting",
            ("early", {"unit": "trees"}),
            names,
            "baseline",
            target,
            cost=2,
            simplicity=3,
            label="boosting on concatenated features",
        ),
    ]
    for name in names:
        out.append(
            _candidate(
                f"single:{name}",
                "single",
                (name,),
                "single",
                target,
                recipe="linear",
                cost=0.5,
                simplicity=1,
                label=f"{name} alone, linear",
            )
        )
        if spec[name].kind in NARROW:
            out.append(
                _candidate(
                    f"single:{name}:trees",
                    ("single", {"unit": "trees"}),
                    (name,),
                    "single",
                    target,
                    recipe="trees",
                    cost=2,
                    simplicity=2,
                    label=f"{name} alone, boosted trees",
                )
            )
    if len(names) == 1:
        return [*out, _candidate("auto", "auto", names, "auto", target, cost=10, simplicity=3, label="auto")]
    recipes = _recipes(target, budget)
    for recipe, (method, family, cost, simplicity, label) in recipes.items():
        for columns in _subsets(names, recipe, budget):
            without = [n for n in names if n not in columns]
            full = not without
            name = (
                recipe if full else f"{recipe} without {', '.join(without)}" if len(without) == 1 else f"{recipe} of {', '.join(columns)}"
            )
            wording = (
                label if full else f"{label} without {', '.join(without)}" if len(without) == 1 else f"{label} of {', '.join(columns)}"
            )
            out.append(
                _candidate(
                    name,
                    method,
                    columns,
                    family if full else "subset",
                    target,
                    recipe=recipe,
                    cost=cost * len(columns) / len(names),
                    simplicity=simplicity,
                    label=wording,
                )
            )
    return out


def _recipes(target: TargetSpec, budget: str) -> dict[str, tuple[Any, str, float, int, str]]:
    """recipe -> (fusion, family, cost, simplicity, label)."""
    out: dict[str, tuple[Any, str, float, int, str]] = {
        "early:linear": ("early", "early", 0.5, 3, "early fusion, linear"),
        "late:stacking": ("late", "late", 1, 4, "late fusion, stacking"),
        "auto": ("auto", "auto", 12, 5, "auto"),
    }
    if budget == "quick":
        return out
    out["late:mean"] = (("late", {"rule": "mean"}), "late", 0.5, 3, "late fusion, mean")
    out["hybrid:stacking"] = ("hybrid", "hybrid", 1.5, 5, "hybrid fusion, stacking")
    if target.task == "classes":
        out["late:product"] = (("late", {"rule": "product", "calibrate": True}), "late", 1, 3, "late fusion, calibrated product")
    layers = {name: entry for name, entry in entries("fusion").items() if entry.role == "fusion" and target.task in entry.targets}
    chosen = list(layers) if budget == "thorough" else [n for n in ("concat", "gated", "lowrank") if n in layers]
    for name in chosen:
        out[f"layer:{name}"] = (name, "layer", layers[name].seconds, 6, f"{name} layer")
    return out


def _subsets(names: tuple[str, ...], recipe: str, budget: str) -> list[tuple[str, ...]]:
    """The columns a recipe is entered with: all; all but one for the main recipes; every subset of two or more when thorough."""
    out = [names]
    main = recipe in ("early:linear", "late:stacking") or (recipe == "auto" and budget == "thorough")
    if main and len(names) >= 2:
        out += [tuple(n for n in names if n != left) for left in names]
    if main and budget == "thorough" and len(names) <= 5:
        out += [c for size in range(2, len(names) - 1) for c in combinations(names, size)]
    return out


def _candidate(
    name: str,
    method: Any,
    columns: tuple[str, ...],
    family: str,
    target: TargetSpec,
    *,
    recipe: str = "",
    cost: float = 1.0,
    simplicity: int = 0,
    label: str = "",
) -> Candidate:
    known = entry("fusion", method if isinstance(method, str) else method[0])
    note = "reads sequences" if known.wants == "sequence" else ""
    return Candidate(
        name,
        maker(method, target),
        columns,
        family,
        recipe or name,
        cost,
        simplicity,
        label or name,
        method=method,
        paper=known.paper,
        note=note,
    )


def maker(method: Any, target: TargetSpec) -> Callable[[], Any]:
    """Makes fresh estimators of a method for a target."""

    def make() -> Any:
        from mcgurk.fusion.estimators import FusionClassifier, FusionRegressor

        family: Any = FusionClassifier if target.task in ("classes", "multilabel") else FusionRegressor
        return family(fusion=method, task=target.task)

    return make
