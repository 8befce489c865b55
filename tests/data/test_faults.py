"""What happens with faulty tables: one test a fault, each with its code."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Lazy, Ragged, as_dataset, folds, join, read_csv, read_jsonl, read_table
from mcgurk.data.column import item_hash
from mcgurk.data.describe import describe
from mcgurk.data.spec import conform, spec_of
from mcgurk.data.target import encode_target
from mcgurk.errors import DataError, McgurkError, McgurkWarning, MediaError, MissingModality


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def code_of(call):
    """The code of the error ``call`` raises, or of the warning it gives."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            call()
        except DataError as error:
            return error.code
    return next((w.message.code for w in said if isinstance(w.message, McgurkWarning)), None)


def test_m01_a_modality_missing_for_a_row_is_a_mask(tmp_path):
    X = read_csv(write(tmp_path, "text,n\nsome words of a text,1\n,2\n"), text="text")
    assert X["text"].present.tolist() == [True, False] and X["tabular"].present.all()
    X = read_csv(write(tmp_path, "text,n\nsome words,1\n,\n"), text="text")
    assert ("M01", "") in [(f.code, f.column) for f in describe(X).findings]


def test_m02_a_modality_missing_for_all_rows_at_predict():
    X = Dataset({"a": Lazy(["x"]), "b": Lazy(["y"])})
    with pytest.raises(MissingModality, match="lacks b") as caught:
        conform(X.select(["a"]), spec_of(X))
    assert caught.value.code == "M02"
    assert not conform(X.with_column("b", Lazy([None])), spec_of(X))["b"].present.any()


def test_m03_an_empty_stream_is_present_and_counted(tmp_path):
    X = read_jsonl(write(tmp_path, '{"t": "", "s": []}\n{"t": "a text", "s": [1, 2]}\n', "t.jsonl"), text="t", series="s")
    assert X["t"].present.all() and X["t"].items[0] == "" and X["s"].present.all() and X["s"].lengths.tolist() == [0, 2]
    assert sorted(f.column for f in describe(X).findings if f.code == "M03") == ["s", "t"]


def test_n01_nan_is_missing_and_inf_is_an_error_with_its_place(tmp_path):
    X = read_csv(write(tmp_path, "a,b\n1,NaN\n2,3\n"))
    assert np.isnan(X["tabular"].values[0, 1])
    with pytest.raises(DataError, match=r"inf in row 1, b ") as caught:
        read_csv(write(tmp_path, "a,b\n1,2\n2,inf\n"))
    assert caught.value.code == "N01"
    with pytest.raises(DataError, match=r"inf in row 1, step 0"):
        as_dataset({"s": [np.ones((2, 1)), np.array([[np.inf]])]})
    with pytest.raises(DataError, match="NaN in row 0"):
        as_dataset({"v": np.array([[1.0, np.nan]])})


def test_n02_constant_and_empty_columns(tmp_path):
    path = write(tmp_path, "a,b,c\n1,5,\n2,5,\n")
    assert code_of(lambda: read_csv(path)) == "N02"
    with pytest.warns(McgurkWarning):
        X = read_csv(path)
    assert [f.name for f in X["tabular"].fields] == ["a", "b"]
    assert [(f.code, f.column) for f in describe(X).findings] == [("N02", "b")]


def test_i01_duplicate_ids(tmp_path):
    path = write(tmp_path, "key,n\n" + "".join(f"k{i},1\n" for i in range(7)) * 2)
    with pytest.raises(DataError, match=r"k0, k1, k2, k3, k4 and 2 more") as caught:
        read_csv(path, id="key")
    assert caught.value.code == "I01"
    assert code_of(lambda: read_csv(path, id="key", dedupe="keep-first")) == "I01"
    assert code_of(lambda: Dataset({"a": Lazy(["x", "y"])}, ids=["k", "k"])) == "I01"


def test_i02_ids_in_one_table_only():
    a, b = Dataset({"a": Lazy(["x", "y"])}, ids=[1, 2]), Dataset({"b": Lazy(["z"])}, ids=[2])
    with pytest.warns(McgurkWarning, match="table 1: 2 rows, 1 in it alone; table 2: 1 rows, 0") as caught:
        X, _ = join(a, b)
    assert caught[0].message.code == "I02" and len(X) == 2 and X["b"].present.tolist() == [False, True]


def test_i03_the_same_subject_or_content_on_both_sides(tmp_path):
    lines = "".join(f"p{i % 5},a text of several words {i},{i % 5 % 2}\n" for i in range(40))
    path = write(tmp_path, "person,text,y\n" + lines + "p9,a text of several words 3,1\n")
    X, y = read_csv(path, target="y", group="person")
    findings = [f for f in describe(X, y).findings if f.code == "I03"]
    assert any("share their text" in f.message for f in findings) and any("knowing the group" in f.message for f in findings)
    for train, test in folds(X, y, n_splits=3):
        assert not set(X.rows["group"][train]) & set(X.rows["group"][test])
        assert (3 in test) == (40 in test)


def test_l01_labels_that_cannot_be_read(tmp_path):
    known = encode_target(["a", "b"], "classifier").spec
    for call in (
        lambda: encode_target(["c"], "classifier", known=known),
        lambda: encode_target(["a", 1], "classifier"),
        lambda: encode_target(["yes", "no"], "regressor"),
        lambda: read_csv(write(tmp_path, "a,n\nTrue,x\nmaybe,y\n"), flag="a"),
        lambda: read_csv(write(tmp_path, "a,n\n1,x\nTrue,y\n"), number="a"),
    ):
        assert code_of(call) == "L01"
    _, y = read_csv(write(tmp_path, "y,n\nTrue,1\nFalse,2\n"), target="y")
    assert y.tolist() == ["True", "False"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("t,n\nnaïve text,1\n".encode("cp1252"), "naïve text"),
        ("\ufefft,n\nnaïve text,1\n".encode(), "naïve text"),
        (b"t,n\na\0b,1\n", "a\0b"),
        ("t,n\n\u202eabc,1\n".encode(), "\u202eabc"),
        ("t,n\nnaïve text,1\n".encode("utf-16"), "naïve text"),
    ],
)
def test_x01_characters_are_never_dropped(tmp_path, data, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", McgurkWarning)
        X = read_csv(write(tmp_path, data), text="t")
    assert X["t"].items.tolist() == [expected]


def test_x01_damage_is_counted(tmp_path):
    assert code_of(lambda: read_csv(write(tmp_path, "t,n\nnaïve text,1\n".encode("cp1252")), text="t")) == "X01"
    X = Dataset({"t": Lazy(["itâ€™s", "a\0b", "\u202eabc", "\ufffd", "fine"])})
    said = [f.message for f in describe(X).findings if f.code == "X01"]
    assert len(said) == 3 and said[0].startswith("1 texts") and said[1].startswith("2 texts")


def test_s01_too_few_rows_classes_and_folds():
    X = Dataset({"a": Dense(np.arange(3.0)[:, None])})
    assert code_of(lambda: folds(X[:1])) == "S01"
    assert code_of(lambda: folds(X, n_splits=5)) == "S01"
    assert code_of(lambda: encode_target([None], "classifier")) == "S01"
    assert len(folds(X, n_splits=3)) == 3


def test_f01_f02_links_and_files_that_cannot_be_read(tmp_path):
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    rows = "".join(f"{name},1\n" for name in ("loop.png", "folder.png", "pipe.png", "gone.png"))
    with pytest.warns(McgurkWarning, match="4 of 5 rows"):
        reading = read_csv(write(tmp_path, f"p,n\n{rows},2\n"), image="p", max_bad=1.0, explain=True)
    assert [r.code for r in reading.rejects] == ["F01", "F01", "F01", "F02"] and len(reading.X) == 1


def test_f03_a_file_that_changes_is_hashed_anew(tmp_path):
    (tmp_path / "a.png").write_bytes(b"one")
    column = Lazy([tmp_path / "a.png"], kind="image")
    before = item_hash(column, 0)
    (tmp_path / "a.png").write_bytes(b"other")
    assert item_hash(column, 0) != before
    (tmp_path / "a.png").unlink()
    with pytest.raises(MediaError):
        item_hash(column, 0)


def test_empty_is_not_absent_is_not_zero():
    column = Ragged.of([[0.0], [], None])
    assert column.present.tolist() == [True, True, False] and column.lengths.tolist() == [1, 0, 0]


TABLE = b'id,photo,text,n,v\n1,a.png,"some words, of a text",1.5,"[1, 2]"\n2,,,,\n3,b.png;c.png,"more\nwords",NA,"[3, 4]"\n'
LINES = b'{"id": 1, "text": "some words", "v": [1, 2], "n": null}\n{"id": 2, "text": null, "deep": {"a": [[1], [2]]}, "n": 1e999}\n'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.sampled_from([("t.csv", TABLE), ("t.jsonl", LINES)]), st.data())
def test_whatever_the_bytes_only_named_errors_come_out(tmp_path, kind, data):
    name, whole = kind
    if data.draw(st.booleans()):
        broken = data.draw(st.binary(max_size=200))
    else:
        broken = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 6))):
            place = data.draw(st.integers(0, len(broken) - 1))
            broken[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3)) or b'"'
    path = write(tmp_path, bytes(broken), name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", McgurkWarning)
        try:
            X = read_table(path, max_bad=1.0)
        except McgurkError as error:
            assert len(str(error)) > 20 and error.code != "E00"
        else:
            assert len(X) >= 0 and describe(X).rows == len(X)
