"""Curves of missing modalities: the rule that loses cells, the planted bound, every method of the registry, verdicts, pictures."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import _curves, missing

from mcgurk import config, registry
from mcgurk.datasets.uniqueness import uniqueness_answer


@pytest.fixture(scope="module")
def figures():
    entries = {name: entry for name, entry in missing.methods().items() if name in ("average", "early")}
    with config.set(threads=1):
        return missing.measured(entries, missing.planted, range(2), (0.0, 0.75))


def test_cells_are_lost_at_random_but_never_a_whole_row():
    X = missing.planted(0)[0]
    lost = missing.lose(X, 0.75, 1, "test")
    present = lost.present
    assert present.any(axis=1).all() and (missing.lose(X, 0.75, 1, "test").present == present).all()
    assert (missing.lose(X, 0.75, 2, "test").present != present).any() and missing.lose(X, 0.0, 1, "test").present.all()
    # all three lost: .75^3, of which one is kept
    assert 1 - present.mean() == pytest.approx(0.75 - 0.75**3 / 3, abs=0.02)
    assert 1 - missing.lose(X, 0.25, 1, "test").present.mean(axis=0) == pytest.approx(np.full(3, 0.25 - 0.25**3 / 3), abs=0.04)
    assert (lost["own"].values[~lost["own"].present] == 0).all()


def test_the_bound_is_that_of_the_evidence_left():
    X, _, _, test = missing.planted(0)
    assert missing.bound(X[test]) == pytest.approx(uniqueness_answer(1.0, 1.0)["a+b"])
    assert missing.bound(missing.lose(X, 0.75, 0, "test")) < uniqueness_answer(1.0, 1.0)["a+b"]


def test_copies_agree_with_the_label_and_own_evidence_is_its_own():
    X, y, _, _ = missing.planted(3)
    assert X.names == ("first", "own", "second") and len(X) == len(y)
    means = np.stack([X[name].values[y == 1].mean(axis=0) - X[name].values[y == 0].mean(axis=0) for name in X.names])
    assert np.linalg.norm(means, axis=1) == pytest.approx(np.full(3, 2.0), abs=0.4)


def test_every_method_of_the_registry_is_compared_or_left_out_with_a_reason():
    offered = {name for name, entry in registry.entries("fusion").items() if entry.role in missing.ROLES}
    assert set(missing.methods()) | set(missing.left_out()) == offered and not set(missing.methods()) & set(missing.left_out())
    assert set(missing.SMALLER) <= set(missing.methods())
    for name, entry in missing.methods().items():
        missing.made(name, entry, ("first", "own", "second"), 0)


def test_curves_of_two_methods(figures):
    order = list(figures["methods"])
    assert order[0] == "early" and order[-1] == "average"
    early, alone = figures["methods"]["early"], figures["methods"]["baseline"]
    for kind in ("complete", "holes"):
        assert all(low <= at <= high for low, at, high in zip(*(early[kind][k] for k in ("low", "accuracy", "high")), strict=True))
        assert alone[kind]["added low"] == alone[kind]["added high"] == [0, 0]
    assert early["verdict"] == {"complete": "above the baseline", "holes": "above the baseline"}
    assert figures["methods"]["average"]["verdict"]["complete"] == "below the baseline"
    assert figures["bound"][0] > figures["bound"][1] > early["complete"]["accuracy"][1] - 0.03


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [([-0.9, 0.1], [0.9, 0.3], "above"), ([0.1, -0.3], [0.2, -0.1], "below"), ([0.1, -0.1], [0.2, 0.1], "not told apart")],
)
def test_verdicts_read_the_shares_above_zero(low, high, said):
    assert missing.verdict({"added low": low, "added high": high}, [1]).startswith(said)


def test_pictures_are_the_same_for_the_same_figures(figures, tmp_path):
    whole = {"shares": [0.0, 0.75], "planted": figures}
    (path,) = _curves.small_multiples(whole, tmp_path)
    first = path.read_text()
    assert _curves.small_multiples(whole, tmp_path) == [path] and path.read_text() == first
    assert path.name == "missing_planted.svg" and ">early<" in first and ">best modality alone<" in first and ">baseline<" not in first
