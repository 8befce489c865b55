"""What a column is taken for, from its values."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

from mcgurk.data.column import objects
from mcgurk.data.infer import guess, load_json, number, present_cells
from mcgurk.data.limits import limits
from mcgurk.errors import DataError, MediaError

N = 40
MANY = [f"word{i} here" for i in range(N)]


@pytest.fixture
def root(tmp_path):
    from PIL import Image

    for i in range(4):
        Image.new("RGB", (4, 4), (i, 0, 0)).save(tmp_path / f"p{i}.png")
        (tmp_path / f"n{i}.txt").write_text("words")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", ["1", "2.5", "-3e2"], "number"),
        ("x", ["1", "NA", "null", None, "NaN"], "number"),
        ("x", ["1,5", "2", "1.234,75"], "number"),
        ("x", ["1,234", "5,678,901", "12"], "number"),
        ("x", ["1_000", "2"], "text"),
        ("x", ["1", "two"], "text"),
        ("x", ["inf", "1"], "number"),
        ("x", ["yes", "no", "Yes", None], "flag"),
        ("x", ["TRUE", "false"], "flag"),
        ("x", ["y", "n"], "flag"),
        ("x", ["yes", "no", "maybe"] * 10, "category"),
        ("x", ["0", "1"] * 5, "number"),
        ("x", ["2024-01-31", "1999-12-01T10:00:00Z", None], "date"),
        ("x", ["2024-01-31 10:00", "1999-12-01 10:00:00.5+02:00"], "date"),
        ("x", ["31.01.2024", "01.02.2024"] * 10, "category"),
        ("x", ["red", "blue"] * 20, "category"),
        ("x", MANY, "text"),
        ("x", ["a long text of many words"] * 40, "text"),
        ("x", ["NA"] * 40, "category"),
        ("x", [None, None], "empty"),
        ("id", [str(i) for i in range(N)], "id"),
        ("user_id", [f"u{i}" for i in range(N)], "id"),
        ("userId", [f"u{i}" for i in range(N)], "id"),
        ("column1", [str(i) for i in range(N)], "id"),
        ("valid", [str(i) for i in range(N)], "number"),
        ("user_id", [f"u{i % 4}" for i in range(N)], "category"),
        ("user_id", [f"{i % 4}" for i in range(N)], "category"),
        ("user_id", [f"{i // 2}" for i in range(400)], "empty"),
        ("user_id", [f"u{i // 2}" for i in range(400)], "empty"),
        ("zip", ["10115", "10117"] * 4, "category"),
        ("house_zip", ["10115", "10117"] * 4, "category"),
        ("x", ["007", "008", "010"] * 4, "category"),
        ("x", ["[1, 2]", "[3, 4.5]"], "vector"),
        ("x", ["[1, 2]", "[3]", "[]"], "series"),
        ("x", ["[[1, 2]]", "[[3, 4], [5, 6]]"], "series"),
        ("x", ['["a", "b"]', '["c"]'], "text"),
        ("x", ["[1, 2", "[3]"], "text"),
        ("x", ["[1, 2]", "[broken]"], "text"),
    ],
)
def test_strings(name, cells, kind, tmp_path):
    found = guess(name, objects(cells), tmp_path)
    assert found.kind == kind, found.why
    assert found.why


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", np.array([1.0, np.nan]), "number"),
        ("x", np.arange(3), "number"),
        ("id", np.arange(N), "id"),
        ("store_id", np.arange(N) % 3, "category"),
        ("zip_code", np.arange(N), "category"),
        ("x", np.array([True, False]), "flag"),
        ("x", objects([True, None]), "flag"),
        ("x", np.array(["2024-01-01", "NaT"], dtype="datetime64[us]"), "date"),
        ("x", objects([datetime.date(2024, 1, 1), None]), "date"),
        ("x", objects([1, "a", 2.5]), "text"),
        ("x", objects([[1, 2], [3, 4]]), "vector"),
        ("x", objects([np.zeros(2), np.zeros(3)]), "series"),
        ("x", objects([["a", "b"], ["c"]]), "text"),
        ("x", objects([b"RIFF\x24\x00\x00\x00WAVEfmt ", None]), "audio"),
        ("x", objects([{"bytes": b"x", "path": "a.png"}]), "image"),
    ],
)
def test_typed_cells(name, cells, kind, tmp_path):
    assert guess(name, cells, tmp_path).kind == kind


@pytest.mark.parametrize(
    ("cells", "kind", "split"),
    [
        (["p0.png", "p1.png", None], "image", ""),
        (["p0.png;p1.png", "p2.png"], "image", ";"),
        (["p0.png | p1.png", "p2.png"], "image", "|"),
        (['["p0.png", "p1.png"]', '["p2.png"]'], "image", "json"),
        (["elsewhere/a.jpg", "elsewhere/b.jpg"], "image", ""),
        (["x.mp4", "y.mp4"], "video", ""),
        (["x.wav", "y.flac"], "audio", ""),
        (["n0.txt", "n1.txt"], "text", "file"),
        (["gone.txt", "lost.txt"], "text", ""),
        (["p0.png", "see below", "a", "b"], "text", ""),
    ],
)
def test_names_of_files(cells, kind, split, root):
    found = guess("x", objects(cells), root)
    assert (found.kind, found.split) == (kind, split)


def test_how_numbers_are_written():
    assert number("1.234,5", "comma") == 1234.5 and number("1,234.5", "thousands") == 1234.5 and np.isnan(number("NA"))
    assert guess("x", objects(["1,5", "2,25"]), None).numbers == "comma"  # type: ignore[arg-type]
    for bad in ("1_0", "x", ""):
        with pytest.raises(ValueError):
            number(bad)


def test_what_is_present():
    import pandas as pd

    assert present_cells(objects([None, float("nan"), pd.NA, pd.NaT, "", 0])).tolist() == [False] * 4 + [True] * 2
    assert present_cells(np.array([1, 2])).all()


def test_json_within_limits():
    assert load_json('{"a": [1]}') == {"a": [1]}
    with pytest.raises(DataError, match="is not JSON") as caught:
        load_json("{")
    assert caught.value.code == "D05"
    for deep in ("[" * 100 + "]" * 100, "[" * 200_000 + "]" * 200_000):
        with pytest.raises(MediaError) as caught:
            load_json(deep)
        assert caught.value.code == "B10"
    assert load_json(json.dumps([[i] for i in range(100)]))[99] == [99]
    with limits(max_text_bytes=10), pytest.raises(MediaError) as caught:
        load_json('"' + "x" * 20 + '"')
    assert caught.value.code == "B07"
