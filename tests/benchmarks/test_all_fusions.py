"""Every method on one table, at a small size: what the page is made of."""

from __future__ import annotations

import numpy as np
from benchmarks import all_fusions
from benchmarks.__main__ import is_table

from mcgurk import compare
from mcgurk.datasets import make_synergy


def test_a_line_a_contestant_and_a_reason_for_the_others():
    X, y = make_synergy(n=120)
    result = compare(X, y, budget="quick", folds=2, repeats=1, fusions="concat,interaction_classifier,graph", candidates=["single:*"])
    told = all_fusions.told(result, X)
    assert is_table(told["ranking"])
    lines = {row["contestant"]: row for row in told["ranking"]}
    assert lines["interaction classifier"]["score"]["estimate"] > 0.8 > lines["a alone, linear"]["score"]["estimate"]
    assert lines["interaction classifier"]["gain"]["low"] < lines["interaction classifier"]["gain"]["estimate"]
    assert lines["concat layer"]["learned numbers"] and lines["concat layer"]["operations"]
    assert told["did not take part"] == "graph: its nodes are drawn by hand"


def test_who_is_late():
    X, y = all_fusions.lagged(30)
    assert set(y) == {"a late", "b late"} and len(X) == len(y) <= 30
    row = int(np.flatnonzero(y == "b late")[0])
    a, b = X["a"].row(row)[:, 0], X["b"].row(row)[:, 0]
    assert np.corrcoef(a[:-1], b[1:])[0, 1] > np.corrcoef(a[1:], b[:-1])[0, 1]
