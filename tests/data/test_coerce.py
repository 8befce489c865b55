"""Everything a caller may hand over becomes a Dataset, typed by dtype and never by counting values."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, Lazy, as_dataset
from mcgurk.data.coerce import tabular_field
from mcgurk.data.spec import conform, spec_of
from mcgurk.errors import DataError, SpecMismatch


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "caption": ["red dress", None, ""],
            "price": [1.5, np.nan, 3.0],
            "count": pd.array([1, None, 3], dtype="Int64"),
            "sold": pd.array([True, False, None], dtype="boolean"),
            "when": pd.to_datetime(["2024-01-01", None, "1970-01-02"]),
            "colour": pd.Categorical(["b", "a", None]),
        },
        index=[7, 8, 9],
    )


def test_a_dataset_is_itself():
    X = Dataset({"a": Lazy(["x"])})
    assert as_dataset(X) is X


def test_a_frame_by_its_dtypes():
    X = as_dataset(frame())
    assert X.names == ("caption", "tabular") and X.ids.tolist() == [7, 8, 9]
    assert X["caption"].items.tolist() == ["red dress", None, ""] and X["caption"].present.tolist() == [True, False, True]
    assert [(f.name, f.kind) for f in X["tabular"].fields] == [
        ("price", "number"),
        ("count", "number"),
        ("sold", "flag"),
        ("when", "date"),
        ("colour", "category"),
    ]
    np.testing.assert_array_equal(X["tabular"].values[2], [3.0, 3.0, np.nan, 1.0, np.nan])
    assert X["tabular"].fields[-1].levels == ("a", "b") and X["tabular"].values[0, -1] == 1


def test_few_distinct_strings_stay_text():
    assert as_dataset(pd.DataFrame({"a": ["x", "y"] * 50}))["a"].kind == "text"


def test_repeated_index_gives_no_ids():
    assert as_dataset(frame().set_axis([1, 1, 2])).ids.tolist() == [0, 1, 2]


def test_the_fitted_spec_types_what_predict_reads():
    X = as_dataset(frame())
    later = frame()
    later["colour"] = ["a", "b", "a"]
    later["caption"] = pd.Series([None, None, None], index=later.index, dtype=object)
    Z = conform(as_dataset(later, spec_of(X)), spec_of(X))
    assert Z["tabular"].fields == X["tabular"].fields and Z["tabular"].values[:, -1].tolist() == [0, 1, 0]
    assert not Z["caption"].present.any()
    with pytest.raises(SpecMismatch, match="X lacks price"):
        as_dataset(later.drop(columns="price"), spec_of(X))


@pytest.mark.parametrize(
    ("value", "kind", "container", "item"),
    [
        (np.zeros(3), "tabular", "Dense", (1,)),
        (np.zeros((3, 4)), "vector", "Dense", (4,)),
        (np.zeros((3, 5, 4)), "series", "Ragged", (4,)),
        (np.zeros((3, 8, 8, 3), dtype=np.uint8), "image", "Dense", (8, 8, 3)),
        ([[1, 2], [3, 4], [5, 6]], "vector", "Dense", (2,)),
        ([[1, 2], [3], None], "series", "Ragged", (1,)),
        ([np.zeros((2, 4)), np.zeros((1, 4)), None], "series", "Ragged", (4,)),
        ([np.zeros((2, 4)), np.zeros((2, 4)), np.zeros((2, 4))], "series", "Ragged", (4,)),
        (["a", "b", None], "text", "Lazy", ()),
        (np.array(["a", "b", "c"]), "text", "Lazy", ()),
        ([["a", "b"], ["c"], None], "text", "Lazy", ()),
        ([b"\x89PNG", None, b"x"], "image", "Lazy", ()),
        ([Path("a.wav"), None, None], "audio", "Lazy", ()),
        ([None, None, None], "text", "Lazy", ()),
    ],
)
def test_one_modality_from_cells(value, kind, container, item):
    column = as_dataset({"m": value})["m"]
    assert (column.kind, type(column).__name__, column.item, len(column)) == (kind, container, item, 3)


def test_a_vector_of_nothing_but_nan_is_absent():
    column = as_dataset({"v": np.array([[1.0, 2.0], [np.nan, np.nan]])})["v"]
    assert column.present.tolist() == [True, False]
    with pytest.raises(DataError, match="NaN in row 0"):
        as_dataset({"v": np.array([[1.0, np.nan], [0, 0]])})


def test_containers_in_a_dict_are_kept():
    column = Dense(np.zeros((2, 3)))
    assert as_dataset({"v": column})["v"] is column


def test_one_array_is_one_table():
    X = as_dataset(np.array([[1, 2], [np.nan, np.nan]]))
    assert X.names == ("x",) and X["x"].kind == "tabular" and X["x"].present.all()
    assert as_dataset([[1, 2], [3, 4]])["x"].values.dtype == np.float64


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (np.zeros(3), "Expected 2D array, got 1D"),
        (np.float64(1), "Expected 2D array, got scalar"),
        (np.zeros((0, 2)), "0 sample"),
        (np.zeros((2, 0)), "0 feature"),
        (np.array([[1j]]), "Complex data"),
        (np.array([["a"]], dtype=object), "not numbers"),
        ({"m": np.array([1j])}, "dtype complex"),
        ({"m": [np.zeros(2), np.float64(1.0)]}, "mixes single values"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column names repeat: a"),
        (pd.DataFrame({"a": [np.inf, 1.0]}), "inf in row 0 of column 'a'"),
    ],
)
def test_refusals(X, said):
    with pytest.raises(DataError, match=said):
        as_dataset(X)


def test_what_is_no_number_at_all_is_a_type_error():
    with pytest.raises(TypeError, match="argument must be a string or a number"):
        as_dataset(np.array([[{}]], dtype=object))
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match="dense data is required"):
        as_dataset(csr_array(np.eye(2)))


def test_a_text_column_named_like_the_table_block():
    with pytest.raises(DataError, match="rename it"):
        as_dataset(pd.DataFrame({"tabular": ["a"], "n": [1]}))


def test_polars_comes_through_arrow():
    polars = pytest.importorskip("polars")
    table = polars.DataFrame(
        {
            "caption": ["a", None],
            "n": [1, 2],
            "when": [datetime.date(1970, 1, 2), None],
            "c": polars.Series(["x", "y"], dtype=polars.Categorical),
        }
    )
    X = as_dataset(table)
    assert X["caption"].items.tolist() == ["a", None]
    assert {f.name: f.kind for f in X["tabular"].fields}["n"] == "number" and X["tabular"].values[0, 0] == 1


def test_arrow_tables():
    import pyarrow

    X = as_dataset(pyarrow.table({"t": ["a", None], "n": pyarrow.array([1.5, None])}))
    assert X["t"].items.tolist() == ["a", None] and np.isnan(X["tabular"].values[1, 0])


def test_hugging_face_datasets():
    datasets = pytest.importorskip("datasets")
    X = as_dataset(datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1], "vector": [[1.0, 2.0], [3.0, 4.0]]}))
    assert X["text"].kind == "text" and X["vector"].values.tolist() == [[1, 2], [3, 4]] and X["label"].kind == "tabular"


def test_fields_as_a_reader_names_them():
    field, values = tabular_field("when", pd.Series(["2024-02-29T12:00:00Z", None]), "date")
    assert field.kind == "date" and values[0] == 19782.5 and np.isnan(values[1])
    field, values = tabular_field("c", pd.Series([3, 1, 3]), "category")
    assert field.levels == (1, 3) and values.tolist() == [1, 0, 1]
    with pytest.raises(DataError, match="cannot be read as number"):
        tabular_field("n", pd.Series(["x"]), "number")


def test_dates_of_any_year():
    from mcgurk.data.coerce import days_of

    given = np.array(["9999-12-31", "0001-01-01", "NaT", "1970-01-01T12:00"], dtype="datetime64[us]")
    np.testing.assert_array_equal(days_of(given), [2932896, -719162, np.nan, 0.5])
