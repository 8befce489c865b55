"""CSV as text cells: encodings, separators, lines that do not fit."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcgurk.data import delimited
from mcgurk.data.limits import limits
from mcgurk.errors import DataError, McgurkWarning, MediaError

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=8)


def write(folder, data, name="t.csv"):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from([",", ";", "\t", "|"]))
def test_what_the_standard_writer_writes_is_read(tmp_path, rows, separator):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *rows])
    table = delimited.read(write(tmp_path, out.getvalue()), separator=separator)
    assert list(zip(*table.to_pydict().values())) == [tuple(cell or None for cell in row) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_say_what_they_are(tmp_path, encoding):
    table = delimited.read(write(tmp_path, "größe,b\n1,„q“\n2,日本\n".encode(encoding)))
    assert table.to_pydict() == {"größe": ["1", "2"], "b": ["„q“", "日本"]}


def test_bytes_that_are_not_utf8_are_counted_and_never_dropped(tmp_path):
    path = write(tmp_path, "a;b\n1;naïve “q”\n".encode("cp1252") + "2;naïve\n".encode() + b"3;\x81\n")
    with pytest.warns(McgurkWarning, match=r"4 bytes are not UTF-8; they are read as Windows-1252, of which 1 stand for nothing") as caught:
        table = delimited.read(path)
    assert caught[0].message.code == "X01"
    assert table.to_pydict() == {"a": ["1", "2", "3"], "b": ["naïve “q”", "naïve", "\ufffd"]}


def test_a_character_over_the_border_of_two_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_PIECE", 5)
    text = "a,b\n" + "é,日本\n" * 50
    assert delimited.read(write(tmp_path, text)).to_pydict() == {"a": ["é"] * 50, "b": ["日本"] * 50}


def test_a_named_encoding_is_held_to(tmp_path):
    path = write(tmp_path, "a,b\n1,é\n".encode("cp1252"))
    assert delimited.read(path, encoding="cp1252").column("b").to_pylist() == ["é"]
    for encoding in ("utf-8", "ascii"):
        with pytest.raises(DataError, match="byte 0xe9 cannot be read") as caught:
            delimited.read(path, encoding=encoding)
        assert caught.value.code == "X01"
    with pytest.raises(DataError, match="encoding 'klingon' is not known"):
        delimited.read(path, encoding="klingon")


@pytest.mark.parametrize("separator", list(delimited.SEPARATORS))
def test_the_separator_is_found_in_the_header(tmp_path, separator):
    table = delimited.read(write(tmp_path, f'a{separator}"b,;|\tc"\n1{separator}2\n'))
    assert table.column_names == ["a", "b,;|\tc"] and table.num_rows == 1


def test_one_column_and_line_ends_and_no_last_line_end(tmp_path):
    assert delimited.read(write(tmp_path, "a\r\nx\r\ny")).to_pydict() == {"a": ["x", "y"]}
    assert delimited.read(write(tmp_path, "a,b")).to_pydict() == {"a": [], "b": []}
    assert delimited.read(write(tmp_path, "\n\na,b\n1,2\n")).to_pydict() == {"a": ["1"], "b": ["2"]}


def test_words_for_missing_are_texts_and_only_the_empty_cell_is_absent(tmp_path):
    assert delimited.read(write(tmp_path, 'a,b\nNA,\nnull,""\nNone, \n')).to_pydict() == {
        "a": ["NA", "null", "None"],
        "b": [None, None, " "],
    }


def test_a_line_that_does_not_fit_is_named_by_its_number(tmp_path):
    with pytest.raises(DataError, match=r"t.csv, line 4: 1 cells where the header names 2 columns") as caught:
        delimited.read(write(tmp_path, 'a,b\n1,"x\ny"\n2\n3,4\n'))
    assert caught.value.code == "D04"
    with pytest.raises(DataError, match=r"line 3: 3 cells"):
        delimited.read(write(tmp_path, "a,b\n1,2\n1,2,3\n"))
    with pytest.raises(DataError, match=r"line 2: 1 cells"):
        delimited.read(write(tmp_path, 'a,b\n"x,2\n3,4\n'))


@pytest.mark.parametrize(("text", "said"), [("", "is empty"), (" \n", "is empty"), ("a,b,a\n1,2,3\n", "'a' occurs 2 times")])
def test_headers_that_cannot_be_used(tmp_path, text, said):
    with pytest.raises(DataError, match=said) as caught:
        delimited.read(write(tmp_path, text))
    assert caught.value.code == "D03"


def test_unnamed_columns_get_the_name_of_their_place(tmp_path):
    assert delimited.read(write(tmp_path, ",a, \n1,2,3\n")).column_names == ["column1", "a", "column3"]


def test_pieces_and_first_rows(tmp_path):
    path = write(tmp_path, "a,b\n" + "".join(f"{i},x\n" for i in range(100)))
    assert [len(piece) for piece in delimited.batches(path, chunk=40)] == [40, 40, 20]
    assert delimited.read(path, rows=7).column("a").to_pylist() == list("0123456")


def test_limits(tmp_path):
    path = write(tmp_path, "a,b\n" + "hello,world\n" * 1000)
    with limits(max_table_bytes=1000), pytest.raises(MediaError) as caught:
        delimited.read(path)
    assert caught.value.code == "B11"
    with pytest.raises(DataError, match="a line is longer"):
        list(delimited.batches(write(tmp_path, 'a,b\n1,"' + "x" * 5000 + "\n"), block=1000))
    with pytest.raises(MediaError, match="cannot be read"):
        delimited.read(tmp_path / "none.csv")
