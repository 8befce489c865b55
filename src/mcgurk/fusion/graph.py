"""Fusion pipelines as typed graphs: early, late and hybrid are shapes, not separate code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcgurk.base import Estimator
from mcgurk.data.spec import Spec
from mcgurk.data.target import TargetSpec
from mcgurk.errors import DataError, UnknownName, listing
from mcgurk.fusion.decision import AsFeatures, DecisionFusion
from mcgurk.fusion.recipe import Recipe
from mcgurk.fusion.side_by_side import SideBySide
from mcgurk.fusion.unit import Unit
from mcgurk.params import Params


class Source(Params):
    """A column as features. Several Sources may read one column, each with an encoder of its own.

    Args:
        column: its name.
        encoder: a choice for this Source; "auto" for the estimator's choice.

    Example:
        >>> from mcgurk.fusion import Source
        >>> Source("caption", "tfidf")
        Source(column='caption', encoder='tfidf')
    """

    def __init__(self, column: str, encoder: Any = "auto") -> None:
        self.column = column
        self.encoder = encoder


class FusionGraph(Recipe):
    """Nodes of four types: a Source gives features F; feature fusion (SideBySide) F.. -> F; an analysis unit F -> D; decision fusion D..
    -> D.

    An analysis unit is a Unit on one F, or any predicting estimator on the raw columns of its Sources. ``AsFeatures()`` makes a decision a
    feature; what reads it learns from out-of-fold decisions.
    Early fusion is FF -> AU, late is {AU} -> DF, hybrid has both below one DF; nesting is allowed.

    Args:
        nodes: name -> Source, or name -> (unit, (input names)).
        output: the node whose decision is the answer; the only node nobody reads by default.

    Shapes: Sources of n rows -> features (n, d), decisions (n, k) -> scores (n, k).

    Raises:
        DataError: G01 an input of the wrong type, G02 a cycle, G03 no single output.
        UnknownName: an input that is no node.

    Source: Atrey, Hossain, El Saddik, Kankanhalli 2010, Multimedia Systems 16:345-379, figures 1 and 2.

    Example:
        >>> from mcgurk.fusion import FusionGraph, LinearUnit, Rule, SideBySide
        >>> from mcgurk.fusion.graph import Source
        >>> graph = FusionGraph({
        ...     "a": Source("a"), "b": Source("b"),
        ...     "fa": (SideBySide(), ("a",)), "fb": (SideBySide(), ("b",)),
        ...     "pa": (LinearUnit(), ("fa",)), "pb": (LinearUnit(), ("fb",)),
        ...     "out": (Rule("product"), ("pa", "pb")),
        ... })
        >>> graph.order
        ('a', 'b', 'fa', 'fb', 'pa', 'pb', 'out')
    """

    def __init__(self, nodes: Mapping[str, Any], output: str | None = None) -> None:
        self.nodes = nodes
        self.output = output
        self.order = _ordered(nodes)
        for name in self.order:
            _check_types(name, nodes)
        if output is None:
            read = {i for node in nodes.values() if not isinstance(node, Source) for i in node[1]}
            ends = [n for n in self.order if n not in read and kind(nodes[n]) == "D"]
            if len(ends) != 1:
                raise DataError(f"a graph ends in one decision; this one has {listing(ends) or 'none'}: name it with output=", code="G03")
        self.end = output or ends[0]

    def make(self, estimator: Any, spec: Spec, target: TargetSpec) -> Estimator:
        from mcgurk.fusion.graph_model import GraphModel

        missing = [s.column for s in self.sources.values() if s.column not in spec]
        if missing:
            raise UnknownName(f"the graph reads {missing[0]!r}, which is no column of the data ({listing(spec)})")
        return GraphModel(self, encoders=estimator.encoders)

    @property
    def sources(self) -> dict[str, Source]:
        return {n: node for n, node in self.nodes.items() if isinstance(node, Source)}

    @property
    def base(self) -> frozenset[str]:
        """Feature fusion and units that read columns only, no decision."""
        upper: set[str] = set()
        for name in self.order:
            node = self.nodes[name]
            if not isinstance(node, Source) and (isinstance(node[0], DecisionFusion | AsFeatures) or upper & set(node[1])):
                upper.add(name)
        return frozenset(self.order) - upper - frozenset(self.sources)

    def below(self, name: str) -> tuple[str, ...]:
        """The nodes that ``name`` depends on, itself last, in order."""
        wanted, stack = set(), [name]
        while stack:
            at = stack.pop()
            wanted.add(at)
            if not isinstance(self.nodes[at], Source):
                stack += [i for i in self.nodes[at][1] if i not in wanted]
        return tuple(n for n in self.order if n in wanted)

    def part(self, name: str) -> FusionGraph:
        """The graph that ends in ``name``."""
        kept = self.below(name)
        return FusionGraph({n: self.nodes[n] for n in kept}, name)


def kind(node: Any) -> str:
    """What a node gives: "F" or "D"."""
    if isinstance(node, Source) or isinstance(node[0], (SideBySide, AsFeatures)):
        return "F"
    return "D"


def _check_types(name: str, nodes: Mapping[str, Any]) -> None:
    node = nodes[name]
    if isinstance(node, Source):
        return
    unit, inputs = node
    if isinstance(unit, DecisionFusion | AsFeatures):
        wanted = "D"
    elif isinstance(unit, SideBySide | Unit):
        wanted = "F"
    elif isinstance(unit, Estimator) and hasattr(unit, "_scores"):
        wanted = "source"
    else:
        raise DataError(
            f"node {name!r} is a {type(unit).__name__}; expected feature fusion, an analysis unit, a predictor or decision fusion",
            code="G01",
        )
    if not inputs:
        raise DataError(f"node {name!r} ({type(unit).__name__}) reads nothing; name its inputs", code="G01")
    if isinstance(unit, Unit | AsFeatures) and len(inputs) > 1:
        raise DataError(
            f"node {name!r} ({type(unit).__name__}) reads one input, got {listing(inputs)}; put feature or decision fusion before it",
            code="G01",
        )
    for i in inputs:
        given = "source" if isinstance(nodes[i], Source) else kind(nodes[i])
        if given != wanted and not (wanted == "F" and given == "source"):
            what = {"F": "features", "D": "decisions", "source": "raw columns"}
            raise DataError(
                f"node {name!r} ({type(unit).__name__}) takes {what[wanted]}, but {i!r} ({type(nodes[i][0]).__name__}) gives {what[given]}"
                + (
                    "; wrap the decision in AsFeatures()"
                    if wanted == "F"
                    else "; put an analysis unit between them"
                    if wanted == "D"
                    else ""
                ),
                code="G01",
            )


def _ordered(nodes: Mapping[str, Any]) -> tuple[str, ...]:
    """Inputs before those who read them; names of equal depth in the order given."""
    done: list[str] = []
    state: dict[str, int] = {}

    def visit(name: str, path: Sequence[str]) -> None:
        if name not in nodes:
            raise UnknownName(f"node {path[-1]!r} reads {name!r}, which is no node; nodes are {listing(nodes)}")
        if state.get(name) == 1:
            raise DataError(f"the graph has a cycle: {' -> '.join([*path[path.index(name) :], name])}", code="G02")
        if name in state:
            return
        state[name] = 1
        if not isinstance(nodes[name], Source):
            for i in nodes[name][1]:
                visit(i, [*path, name])
        state[name] = 2
        done.append(name)

    for name in nodes:
        visit(name, [])
    return tuple(done)
