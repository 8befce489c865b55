"""One modality alone: what every combination is compared with."""

from __future__ import annotations

from typing import Any

from mcgurk import registry
from mcgurk.base import Estimator
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import UnknownName, listing
from mcgurk.fusion.graph import FusionGraph, Source
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.side_by_side import SideBySide

NARROW = ("tabular", "series", "vector")
"""Kinds whose cells mean something one by one, so that trees and kernels are worth trying."""


class Single(Recipe):
    """One column, one analysis unit.

    Args:
        column: its name; None where the data has a single column.
        unit: "linear", "trees", "network", or a Unit.
        encoder: of the column; "auto" for the estimator's choice.

    Shapes: one column of n rows -> scores (n, k).

    Example:
        >>> from mcgurk.fusion import Single
        >>> Single("photo", unit="trees")
        Single(column='photo', unit='trees')
    """

    def __init__(self, column: str | None = None, *, unit: Any = "linear", encoder: Any = "auto") -> None:
        self.column = column
        self.unit = unit
        self.encoder = encoder

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        column = self.column or (next(iter(spec)) if len(spec) == 1 else "")
        if column not in spec:
            raise UnknownName(f"Single reads column {column!r}; name one of {listing(spec)}")
        return FusionGraph(branch(column, column, self.unit, self.encoder), "decision").make(estimator, spec, target)


def branch(name: str, column: str, unit: Any, encoder: Any = "auto", decision: str = "decision") -> dict[str, Any]:
    """Nodes Source -> SideBySide -> unit for one column, the last called ``decision``."""
    made = registry.make("fusion", unit)
    return {
        name: Source(column, encoder),
        f"{name} features": (SideBySide(reduce=reduction(made)), (name,)),
        decision: (made, (f"{name} features",)),
    }


def reduction(unit: Any) -> int | None:
    """Trees and kernels read 24 principal components of wide blocks; linear models and networks read all of them."""
    from mcgurk.fusion.kernel_unit import KernelUnit
    from mcgurk.fusion.trees_unit import TreesUnit

    return 24 if isinstance(unit, (TreesUnit, KernelUnit)) else None
