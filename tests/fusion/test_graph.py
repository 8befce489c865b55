"""Pipelines as typed graphs: shapes, types, cycles, and the digits references from one set of units."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier
from mcgurk.datasets import load_digits_halves
from mcgurk.errors import DataError, UnknownName
from mcgurk.fusion import AsFeatures, FusionGraph, LinearUnit, Rule, SideBySide, Source, Stacking, TreesUnit

A, B = Source("a"), Source("b")
LATE = {
    "a": A, "b": B, "fa": (SideBySide(), ("a",)), "fb": (SideBySide(), ("b",)),
    "pa": (LinearUnit(), ("fa",)), "pb": (LinearUnit(), ("fb",)),
    "out": (Rule("product"), ("pa", "pb")),
}  # fmt: skip


def test_inputs_come_before_readers_in_the_order_given():
    turned = FusionGraph(dict(reversed(list(LATE.items()))))
    assert turned.order.index("a") < turned.order.index("fa") < turned.order.index("pa") < turned.order.index("out")
    assert FusionGraph(LATE).end == turned.end == "out"


def test_feature_fusion_into_decision_fusion_names_both_nodes():
    with pytest.raises(
        DataError, match=r"node 'out' \(Rule\) takes decisions, but 'fa' \(SideBySide\) gives features; put an analysis unit"
    ) as caught:
        FusionGraph({**LATE, "out": (Rule("mean"), ("fa", "pb"))})
    assert caught.value.code == "G01"


def test_a_decision_into_an_analysis_unit_needs_as_features():
    with pytest.raises(DataError, match=r"node 'above' \(LinearUnit\) takes features, but 'pa' \(LinearUnit\) gives decisions; wrap"):
        FusionGraph({**LATE, "above": (LinearUnit(), ("pa",))}, "above")
    assert FusionGraph({**LATE, "as": (AsFeatures(), ("pa",)), "above": (LinearUnit(), ("as",))}, "above").end == "above"


def test_a_cycle_raises():
    nodes = {**LATE, "as": (AsFeatures(), ("out",)), "fa": (SideBySide(), ("a", "as"))}
    with pytest.raises(DataError, match="the graph has a cycle: fa -> as -> out -> pa -> fa") as caught:
        FusionGraph(nodes)
    assert caught.value.code == "G02"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"out": (Rule("mean"), ("pa", "sound"))}, UnknownName, "node 'out' reads 'sound', which is no node"),
        ({"out": (Rule("mean"), ())}, DataError, "reads nothing"),
        ({"pa": (LinearUnit(), ("fa", "fb"))}, DataError, "reads one input"),
        ({"pa": ("linear", ("fa",))}, DataError, "is a str; expected feature fusion"),
        ({"pa": (FusionClassifier(), ("fa",))}, DataError, "takes raw columns"),
        ({"more": (LinearUnit(), ("fa",))}, DataError, "ends in one decision; this one has .*name it with output="),
    ],
)
def test_graphs_that_cannot_be(changes, error, words):
    with pytest.raises(error, match=words):
        FusionGraph({**LATE, **changes})


def test_parts_and_bases():
    graph = FusionGraph(LATE)
    assert graph.below("pa") == ("a", "fa", "pa")
    assert graph.part("pa").end == "pa"
    nested = FusionGraph(
        {**LATE, "as": (AsFeatures(), ("out",)), "more": (SideBySide(), ("a", "as")), "end": (TreesUnit(), ("more",))}, "end"
    )
    assert nested.base == {"fa", "fb", "pa", "pb"}


def test_a_column_that_is_not_there():
    with pytest.raises(UnknownName, match="the graph reads 'b', which is no column"):
        FusionClassifier(fusion=FusionGraph(LATE)).fit({"a": np.eye(4), "c": np.eye(4)}, [0, 1, 0, 1])


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits_halves()
    train = X.rows["split"].to_numpy() == "train"
    return X[train], y[train], X[~train], y[~train]


def units():
    plain = SideBySide(standardise=False, balance=False)
    nodes = {"left": Source("left", "precomputed"), "right": Source("right", "precomputed")}
    for side in ("left", "right"):
        nodes |= {f"f{side}": (plain, (side,)), f"p{side}": (LinearUnit(C=1.0), (f"f{side}",))}
    return {**nodes, "joined": (plain, ("left", "right")), "early": (LinearUnit(C=1.0), ("joined",))}


def answered(digits, node, inputs=(), end="out"):
    X, y, X2, y2 = digits
    nodes = units() if node is None else {**units(), "out": (node, inputs)}
    return FusionClassifier(fusion=FusionGraph(nodes, end).part(end)).fit(X, y).predict(X2), y2


LATE_INPUTS = ("pleft", "pright")


@pytest.mark.parametrize(
    ("node", "inputs", "end", "reference"),
    [
        (None, (), "pleft", 0.781), (None, (), "pright", 0.826), (None, (), "early", 0.921), (Rule("mean"), LATE_INPUTS, "out", 0.881),
        (Rule("product"), LATE_INPUTS, "out", 0.906), (Rule("max"), LATE_INPUTS, "out", 0.861), (Rule("min"), LATE_INPUTS, "out", 0.903),
        (Rule("mean"), (*LATE_INPUTS, "early"), "out", 0.913),
    ],
)  # fmt: skip
def test_digits_references(digits, node, inputs, end, reference):
    predicted, truth = answered(digits, node, inputs, end)
    assert np.mean(predicted == truth) == pytest.approx(reference, abs=0.01)


def test_a_pool_with_all_weight_on_the_early_branch_is_early_fusion(digits):
    inputs = (*LATE_INPUTS, "early")
    early, _ = answered(digits, None, end="early")
    all_early, _ = answered(digits, Rule("linear", weights={"early": 1.0}), inputs)
    np.testing.assert_array_equal(all_early, early)
    none_early, _ = answered(digits, Rule("linear", weights={"early": 0.0, "pleft": 0.2, "pright": 0.6}), inputs)
    late, _ = answered(digits, Rule("linear", weights={"pleft": 0.25, "pright": 0.75}), LATE_INPUTS)
    np.testing.assert_array_equal(none_early, late)


def test_stacking_learns_where_a_source_is_read_by_two_units(digits):
    predicted, truth = answered(digits, Stacking(), (*LATE_INPUTS, "early"))
    assert np.mean(predicted == truth) > 0.9
