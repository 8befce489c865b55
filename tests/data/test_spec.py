"""Specs: written down at fit, checked at predict."""

from __future__ import annotations

import numpy as np
import pytest

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged
from mcgurk.data.spec import ColumnSpec, conform, require_rows, spec_of
from mcgurk.errors import DataError, McgurkWarning, MissingModality, SpecMismatch


def table(levels=("a", "b"), codes=(0.0, 1.0), names=("size", "colour")) -> Dense:
    values = np.stack([np.arange(float(len(codes))), np.array(codes)], axis=1)
    return Dense(values, None, "tabular", (Field(names[0]), Field(names[1], "category", tuple(levels))))


def fitted() -> Dataset:
    return Dataset(
        {"t": table(), "text": Lazy(["x", None]), "v": Dense(np.zeros((2, 3))), "s": Ragged.of([np.zeros((1, 2)), np.zeros((2, 2))])}
    )


def test_what_is_written_down():
    spec = spec_of(fitted())
    assert list(spec) == ["s", "t", "text", "v"]
    assert spec["v"] == ColumnSpec("dense", "vector", (3,))
    assert spec["s"] == ColumnSpec("ragged", "series", (2,), True)
    assert spec["text"] == ColumnSpec("lazy", "text", (), False, None, True)
    assert spec["t"].fields == table().fields
    assert ColumnSpec.of(Lazy([("a", "b"), "c"])).sequence


def test_the_same_data_conforms():
    X = fitted()
    Z = conform(X, spec_of(X))
    assert Z.names == X.names and Z["v"] is X["v"] and Z.ids is X.ids


def test_a_missing_column_is_named_with_its_likely_misspelling():
    X = fitted()
    with pytest.raises(MissingModality, match=r"lacks text; give the column with present=False .*did you mean texts") as caught:
        conform(Dataset({"t": X["t"], "v": X["v"], "s": X["s"], "texts": X["text"]}), spec_of(X))
    assert caught.value.code == "M02"


def test_extra_columns_are_ignored_in_one_line():
    X = fitted()
    with pytest.warns(McgurkWarning, match="ignored: more") as caught:
        Z = conform(X.with_column("more", Lazy(["x", "y"])), spec_of(X))
    assert "more" not in Z and caught[0].message.code == "D02"


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("text", Dense(np.zeros((2, 3)))),
        ("text", Lazy(["x", "y"], kind="image")),
        ("text", Lazy([("x", "y"), "z"])),
        ("v", Dense(np.zeros((2, 4)))),
        ("v", Dense(np.zeros((2, 3)), kind="audio")),
        ("t", table(names=("size", "hue"))),
        ("t", Dense(np.zeros((2, 2)), None, "tabular", (Field("size"), Field("colour")))),
    ],
)
def test_another_kind_or_shape_is_refused(name, column):
    X = fitted()
    with pytest.raises(SpecMismatch, match=repr(name) if name != "t" else "colour"):
        conform(X.with_column(name, column), spec_of(X))


def test_an_all_absent_column_conforms_whatever_it_would_have_held():
    X = Dataset({"m": Lazy([("a", "b"), "c"])})
    assert not conform(Dataset({"m": Lazy([None, None])}), spec_of(X))["m"].present.any()


def test_categories_are_recoded_by_name_and_the_unseen_become_missing():
    X = Dataset({"t": table()})
    given = Dataset({"t": table(levels=("b", "green", "a"), codes=(0.0, 1.0, 2.0))})
    with pytest.warns(McgurkWarning, match="green not seen in training") as caught:
        Z = conform(given, spec_of(X))
    np.testing.assert_array_equal(Z["t"].values[:, 1], [1.0, np.nan, 0.0])
    assert caught[0].message.code == "L02" and Z["t"].fields == X["t"].fields


def test_fields_are_found_by_name_in_any_order():
    X = Dataset({"t": table()})
    turned = Dense(table().values[:, ::-1].copy(), None, "tabular", tuple(reversed(table().fields)))
    np.testing.assert_array_equal(conform(Dataset({"t": turned}), spec_of(X))["t"].values, X["t"].values)


def test_too_few_rows():
    with pytest.raises(DataError) as caught:
        require_rows(fitted(), 3)
    assert caught.value.code == "S01"
    require_rows(fitted(), 2)
