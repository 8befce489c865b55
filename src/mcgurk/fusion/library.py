"""What competes in "auto": units, and stacks of them, as nodes of one graph."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mcgurk.data.spec import ColumnSpec, Spec
from mcgurk.errors import UnknownName, listing
from mcgurk.fusion.graph import Source
from mcgurk.fusion.graph_model import chosen_encoder
from mcgurk.fusion.kernel_unit import KernelUnit
from mcgurk.fusion.linear_unit import LinearUnit
from mcgurk.fusion.network_unit import NetworkUnit
from mcgurk.fusion.side_by_side import SideBySide
from mcgurk.fusion.single import NARROW, reduction
from mcgurk.fusion.stacking import Stacking
from mcgurk.fusion.trees_unit import TreesUnit
from mcgurk.fusion.unit import Unit
from mcgurk.train.features import default_encoder

NETWORK_ROWS = 1000
KERNEL_ROWS = 5000
UNITS: dict[str, type[Unit]] = {"linear": LinearUnit, "trees": TreesUnit, "kernel": KernelUnit, "network": NetworkUnit}


@dataclass(frozen=True)
class Choice:
    """A contestant: the node that answers ("" for the prior), its inputs if it is a stack, and how many modalities it needs."""

    name: str
    node: str
    inputs: tuple[str, ...]
    modalities: int


class Library:
    """Nodes of every base unit and stack, and the contestants among them.

    Every column has a linear unit on its default encoding, text also one on its exact words; columns whose cells mean something one by one
    have trees and a kernel as well. Columns of one kind are also read together, and so are all columns. Stacks combine one unit a column,
    all units of one column, and all units.

    Args:
        spec: the columns.
        encoders: the estimator's choices.
        rows: training rows.
        units: names among "linear", "trees", "kernel" and "network"; networks join from 1,000 rows on, kernels up to 5,000.

    Attributes:
        nodes: for a FusionGraph that ends in "everything".
        choices: the contestants, the prior first.

    Raises:
        UnknownName: a unit of another name.
    """

    def __init__(self, spec: Spec, encoders: Any, rows: int, units: Iterable[str]) -> None:
        self.units = tuple(units)
        unknown = [name for name in self.units if name not in UNITS]
        if unknown or "linear" not in self.units:
            raise UnknownName(f"units={self.units}; expected 'linear' and any of {listing([u for u in UNITS if u != 'linear'])}")
        self.spec = spec
        self.nodes: dict[str, Any] = {}
        self.choices = [Choice("prior", "", (), 0)]
        views = {column: self._views(column, encoders) for column in spec}
        own = {column: self._single(column, views[column], rows) for column in spec}
        every = [label for labels in own.values() for label in labels]
        if len(spec) > 1:
            tops = tuple(labels[0] for labels in own.values())
            self._stack("late: stacking", "late", tops, len(spec))
            every += self._together()
            if set(every) != set(tops):
                self._stack("late: stacking of all units", "late all", tuple(every), len(spec))
            joint = self._early(rows)
            self._stack("hybrid: stacking of everything", "everything", (*every, *joint), len(spec))
        else:
            self.nodes["everything"] = (Stacking(), tuple(every))

    def _views(self, column: str, encoders: Any) -> dict[str, Any]:
        """Ways to encode a column: the chosen or default one first; for text also its exact words."""
        spec: ColumnSpec = self.spec[column]
        chosen = chosen_encoder(encoders, column, spec.kind)
        views: dict[str, Any] = {column: chosen}
        if spec.kind == "text" and chosen == "auto" and default_encoder(spec) != "tfidf":
            views[f"{column} · words"] = ("tfidf", {"components": "full"})
        self.nodes |= {view: Source(column, encoder) for view, encoder in views.items()}
        return views

    def _single(self, column: str, views: dict[str, Any], rows: int) -> list[str]:
        units = [(view, "linear") for view in views]
        if self.spec[column].kind in NARROW:
            units += [(column, kind) for kind in ("trees", "kernel") if kind in self.units and (kind != "kernel" or rows <= KERNEL_ROWS)]
        labels = []
        for view, kind in units:
            labels.append(self._unit(f"{view} {kind}", kind, (view,)))
            plain = kind == "linear" and view == column
            self.choices.append(
                Choice(f"single: {column}" + ("" if plain else f" ({labels[-1].removeprefix(column).strip(' ·')})"), labels[-1], (), 1)
            )
        if len(labels) > 1:
            self._stack(f"single: {column} (stack)", f"{column} stack", tuple(labels), 1)
        return labels

    def _together(self) -> list[str]:
        """Linear units on all columns of one kind, where the data have several kinds."""
        out = []
        kinds = sorted({s.kind for s in self.spec.values()})
        for kind in kinds:
            columns = tuple(c for c, s in self.spec.items() if s.kind == kind)
            if len(columns) > 1 and len(kinds) > 1:
                out.append(self._unit(f"every {kind}", "linear", columns))
                self.choices.append(Choice(f"early: every {kind}", out[-1], (), len(columns)))
        return out

    def _early(self, rows: int) -> list[str]:
        out = []
        for kind in ("linear", "trees", "network"):
            if kind in self.units and (kind != "network" or rows >= NETWORK_ROWS):
                out.append(self._unit(f"early {kind}", kind, tuple(self.spec)))
                self.choices.append(Choice(f"early: {kind}", out[-1], (), len(self.spec)))
        return out

    def _unit(self, label: str, kind: str, sources: tuple[str, ...]) -> str:
        unit = UNITS[kind]()
        self.nodes[f"{label} features"] = (SideBySide(reduce=reduction(unit)), sources)
        self.nodes[label] = (unit, (f"{label} features",))
        return label

    def _stack(self, name: str, node: str, inputs: tuple[str, ...], modalities: int) -> None:
        self.nodes[node] = (Stacking(), inputs)
        self.choices.append(Choice(name, node, inputs, modalities))
