"""Targets: labels to numbers, what is refused, statistics of the labelled training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.column import Ragged
from mcgurk.data.target import encode_target, task_of, unlabelled
from mcgurk.errors import DataError


@given(st.lists(st.sampled_from(["b", "a", "c", None]), min_size=1).filter(lambda v: any(x is not None for x in v)))
def test_classes_go_there_and_back(labels):
    target = encode_target(np.array(labels, dtype=object), "classifier")
    back = [None if code < 0 else target.spec.classes[code] for code in target.values]
    assert back == labels
    assert list(target.spec.classes) == sorted({v for v in labels if v is not None})
    assert target.labelled.tolist() == [v is not None for v in labels]


def test_several_tasks_are_no_single_target():
    for read in (task_of, lambda y: encode_target(y, "classifier")):
        with pytest.raises(DataError, match=r"y is a dict of 2 tasks \(tone, price\); give one of them, or fit MultiTask"):
            read({"tone": ["a", "b"], "price": [1.0, 2.0]})


def test_minus_one_is_an_ordinary_class():
    target = encode_target([-1, 1, 0, -1], "classifier")
    assert target.spec.classes == (-1, 0, 1) and target.values.tolist() == [0, 2, 1, 0] and target.labelled.all()


@pytest.mark.parametrize(
    "y",
    [
        np.array([1.0, np.nan, 0.0]),
        pd.Series([1, None, 0], dtype="Int64"),
        [1, None, 0],
        pd.Series([1.0, None, 0.0]),
        np.array([1, None, 0], dtype=object),
    ],
)
def test_unlabelled_rows_of_every_kind(y):
    target = encode_target(y, "classifier")
    assert target.values.tolist() == [1, -1, 0]
    assert [type(c) for c in target.spec.classes] == [int, int] or all(c in (0, 1) for c in target.spec.classes)


def test_booleans_strings_and_categoricals():
    assert encode_target([True, False], "classifier").spec.classes == (False, True)
    assert encode_target(np.array(["x", "y"]), "classifier").spec.classes == ("x", "y")
    assert encode_target(pd.Series(["x", None, "y"], dtype="category"), "classifier").values.tolist() == [0, -1, 1]
    assert unlabelled(np.array([1, 2])).tolist() == [False, False]


def test_validation_is_encoded_in_the_fitted_classes():
    known = encode_target(["a", "b", "c"], "classifier").spec
    assert encode_target(["c", "c"], "classifier", known=known).values.tolist() == [2, 2]
    with pytest.raises(DataError, match=r"label 'd' was not seen") as caught:
        encode_target(["d"], "classifier", known=known)
    assert caught.value.code == "L01"


def test_several_labels_a_row():
    target = encode_target(np.array([[1, 0], [0, np.nan], [np.nan, np.nan]]), "classifier")
    assert target.spec.task == "multilabel" and target.spec.columns == 2 and not target.spec.flat
    assert target.labelled.tolist() == [True, True, False]
    assert target.with_statistics().spec.prior == (0.5, 0.0)


def test_numbers_keep_their_shape():
    one = encode_target([1.0, None, 3.0], "regressor")
    assert one.values.shape == (3, 1) and one.spec.flat and one.labelled.tolist() == [True, False, True]
    two = encode_target(np.arange(6.0).reshape(3, 2), "regressor")
    assert two.spec.outputs == two.spec.columns == 2 and not two.spec.flat


def test_statistics_are_those_of_the_training_rows():
    target = encode_target([1.0, 3.0, 100.0], "regressor").with_statistics(np.array([0, 1]))
    assert target.spec.center == (2.0,) and target.spec.scale == (1.0,)
    assert encode_target([5.0, 5.0], "regressor").with_statistics().spec.scale == (1.0,)
    counts = encode_target(["a", "b", "b", None], "classifier").with_statistics().spec.prior
    assert counts == pytest.approx((1 / 3, 2 / 3))


def test_counts():
    assert encode_target([0, 3, 2], "regressor", task="count").spec.task == "count"
    for bad in ([1.5, 2], [-1, 2]):
        with pytest.raises(DataError, match="counts must be whole"):
            encode_target(bad, "regressor", task="count")


def test_a_label_a_step():
    y = Ragged(np.array([0, 1, 1, 0, 1]), [0, 2, 2, 5])
    target = encode_target(y, "classifier")
    assert target.spec.per == "step" and target.values.tolist() == [0, 1, 1, 0, 1]
    part = target.take(np.array([2, 0]))
    assert part.values.tolist() == [1, 0, 1, 0, 1] and part.offsets.tolist() == [0, 3, 5]
    assert target.row_labels().tolist() == [0, 0, 1]
    assert encode_target(Ragged(np.array([1.0, 3.0]), [0, 2]), "regressor").row_labels().tolist() == [2.0]


def test_labels_for_stratifying():
    assert encode_target(["b", None, "a"], "classifier").row_labels().tolist() == [1, -1, 0]
    assert encode_target(np.array([[1, 1], [0, np.nan]]), "classifier").row_labels().tolist() == [2.0, 0.0]


@pytest.mark.parametrize(
    ("y", "family", "task", "said"),
    [
        (None, "classifier", None, "requires y"),
        ([0.5, 1.5], "classifier", None, "Unknown label type: continuous"),
        ([1.0, np.inf], "classifier", None, "infinity"),
        ([1.0, np.inf], "regressor", None, "infinity"),
        ([1, "a"], "classifier", None, "mixes types"),
        (["a", "b"], "regressor", None, "not numbers"),
        ([None, None], "classifier", None, "no labelled row"),
        ([np.nan, np.nan], "regressor", None, "no labelled row"),
        ([1 + 2j], "regressor", None, "Complex data"),
        (np.zeros((2, 2, 2)), "regressor", None, "y must be"),
        ([1, 2], "classifier", "number", "does not belong to a classifier"),
        ([1, 2], "regressor", "classes", "does not belong to a regressor"),
        ([1, 2], "regressor", "ranks", "is not known"),
        ([[1, 2]], "classifier", "classes", r"must be \(n,\)"),
        ([1, 0], "classifier", "multilabel", "multilabel y must be"),
        ([[2, 0]], "classifier", None, "must hold 0 and 1, found"),
    ],
)
def test_refusals(y, family, task, said):
    with pytest.raises(DataError, match=said):
        encode_target(y, family, task=task)


def test_sparse_labels_are_refused():
    from scipy.sparse import csr_array

    with pytest.raises(DataError, match="sparse"):
        encode_target(csr_array(np.eye(2)), "classifier")


def test_a_column_of_labels_is_read_with_a_warning():
    from sklearn.exceptions import DataConversionWarning

    with pytest.warns(DataConversionWarning):
        assert encode_target(np.array([[1.0], [2.0]]), "regressor").spec.flat
