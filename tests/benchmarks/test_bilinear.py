"""The planted bilinear task at a tenth of its size."""

from __future__ import annotations

from benchmarks import bilinear


def test_products_are_learnt_and_kept():
    figures = bilinear.run(None, full=False)
    assert figures["tensor"]["accuracy"] >= 0.94 and figures["lowrank"]["accuracy"] >= 0.94
    assert abs(figures["linear"]["standard_deviations_from_chance"]) <= 3
    assert all(figures[name]["equal_after_load"] for name in bilinear.METHODS)
