"""One modality alone."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk import FusionClassifier
from mcgurk.errors import UnknownName
from mcgurk.fusion import KernelUnit, LinearUnit, NetworkUnit, Single, TreesUnit
from mcgurk.fusion.single import reduction

RNG = np.random.default_rng(0)
X = {"a": RNG.normal(size=(80, 2)), "b": RNG.normal(size=(80, 2))}
Y = X["a"][:, 0] > 0


@pytest.mark.parametrize("unit", ["linear", "kernel", ("trees", {"iterations": 20}), LinearUnit(C=1.0)])
def test_the_other_columns_are_not_read(unit):
    model = FusionClassifier(fusion=Single("a", unit=unit)).fit(X, Y)
    assert model.score(X, Y) > 0.9
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba({**X, "b": X["b"] + 100}))


def test_a_single_column_needs_no_name():
    assert FusionClassifier(fusion="single").fit(X["a"], Y).score(X["a"], Y) > 0.9


def test_the_encoder_can_be_named():
    texts = np.array(["good film", "bad film"] * 20, dtype=object)
    model = FusionClassifier(fusion=Single("t", encoder="tfidf")).fit({"t": texts}, np.arange(40) % 2)
    assert type(model.model_.encoders_["t"]).__name__ == "TfidfEncoder"


@pytest.mark.parametrize("column", [None, "c"])
def test_which_column_must_be_known(column):
    with pytest.raises(UnknownName, match=r"name one of .*a.*b"):
        FusionClassifier(fusion=Single(column)).fit(X, Y)


def test_wide_blocks_are_reduced_for_units_that_cannot_bear_them():
    assert reduction(TreesUnit()) == reduction(KernelUnit()) == 24
    assert reduction(LinearUnit()) is reduction(NetworkUnit()) is None
