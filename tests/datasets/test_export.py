"""What is exported is a table one could have made by hand, and reads back as it was."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest

from mcgurk.data.column import Dense, Field, Lazy, Ragged
from mcgurk.data.dataset import Dataset
from mcgurk.data.read import read_csv
from mcgurk.datasets import load_emoji, load_speech
from mcgurk.datasets.export import export
from mcgurk.errors import DataError


def lines_of(path):
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_emoji_round_trip(tmp_path):
    X, y = load_emoji(n=30, columns=["image", "name", "facts"])
    path = export(X, y, tmp_path, target="kind")
    back, kind = read_csv(path, target="kind", group="group", image="image", text="name", id="id", category="presentation")
    assert back.ids.tolist() == X.ids.tolist()
    assert kind.tolist() == y.tolist()
    assert back["name"].items.tolist() == X["name"].items.tolist()
    assert [p.read_bytes() for p in back["image"].items] == X["image"].items.tolist()
    assert back["tabular"].values[:, :4].tolist() == X["facts"].values[:, :4].tolist()
    assert back.rows["group"].tolist() == X.rows["group"].tolist()
    assert not list(tmp_path.rglob("*.tmp"))


def test_speech_round_trip(tmp_path):
    X = load_speech()
    path = export(X, None, tmp_path)
    back = read_csv(path, group="group", id="id", text="transcript")
    assert back["audio"].kind == "audio"
    assert [p.read_bytes() for p in back["audio"].items] == X["audio"].items.tolist()
    assert {p.suffix for p in back["audio"].items} == {".flac"}


def test_every_kind_of_cell(tmp_path):
    fields = (Field("weight"), Field("colour", "category", ("red", "blue, dark")), Field("sold", "flag"), Field("day", "date"))
    table = np.array([[0.1, 1, 1, 0.5], [np.nan, np.nan, np.nan, np.nan], [3, 0, 0, 20000]])
    X = Dataset(
        {
            "tabular": Dense(table, kind="tabular", fields=fields),
            "vector": Dense(np.array([[1.5, 2], [0, 0], [3, 4]]), np.array([True, False, True])),
            "pulse": Ragged.of([[[1.0], [np.nan]], None, np.zeros((0, 1))]),
            "path": Ragged.of([np.ones((2, 2)), np.zeros((1, 2)), None]),
            "turns": Lazy([("a;b", "c"), None, ("ü",)]),
            "photos": Lazy([(b"\x89PNG1", b"GIF82"), None, (b"?",)], kind="image"),
        },
        ids=np.array(["A", "a", "b/c"]),
        rows=pd.DataFrame({"split": ["train", "train", "test"], "secret": [1, 2, 3]}),
    )
    first, second, third = lines_of(export(X, np.array([[1.0, np.nan], [2.5, 3], [0, 0]]), tmp_path / "new"))
    assert (first["weight"], first["colour"], first["sold"], first["day"]) == ("0.1", "blue, dark", "true", "1970-01-01T12:00:00")
    assert [second[k] for k in ("weight", "colour", "sold", "day", "vector", "pulse", "turns", "photos")] == [""] * 8
    assert (third["sold"], third["day"], third["pulse"], third["path"]) == ("false", "2024-10-04", "[]", "")
    assert json.loads(first["vector"]) == [1.5, 2.0]
    assert json.loads(first["pulse"]) == [1.0, None]
    assert json.loads(first["path"]) == [[1, 1], [1, 1]]
    assert json.loads(first["turns"]) == ["a;b", "c"]
    assert json.loads(third["turns"]) == ["ü"]
    assert json.loads(first["photos"]) == ["photos/000000_0.png", "photos/000000_1.gif"]  # "A" and "a" are one name on some disks
    assert (tmp_path / "new" / "photos" / "000000_1.gif").read_bytes() == b"GIF82"
    assert json.loads(third["photos"]) == ["photos/000002_0.bin"]
    assert (first["y_0"], first["y_1"], third["y_0"]) == ("1.0", "", "0.0")
    assert first["split"] == "train"
    assert "secret" not in first


def test_paths_labels_a_step_and_missing_labels(tmp_path):
    source = tmp_path / "clip.weird"
    source.write_bytes(b"xyz")
    X = Dataset({"sound": Lazy([source, None], kind="audio")})
    line, other = lines_of(export(X, np.array(["good", None], dtype=object), tmp_path / "out"))
    assert (tmp_path / "out" / line["sound"]).read_bytes() == b"xyz"
    assert line["sound"] == "sound/0.weird"
    assert (line["y"], other["y"]) == ("good", "")
    labels = Ragged(np.array([1, 0, 1]), np.array([0, 2, 3]))
    line, other = lines_of(export(X, labels, tmp_path / "out"))
    assert (line["y"], other["y"]) == ("[1, 0]", "[1]")


def test_refusals(tmp_path):
    pictures = Dataset({"mouth": Dense(np.zeros((2, 4, 4), dtype=np.uint8), kind="image")})
    with pytest.raises(DataError, match="leave it out") as caught:
        export(pictures, None, tmp_path)
    assert caught.value.code == "D06"
    words = Dataset({"y": Lazy(["a"])})
    with pytest.raises(DataError, match="two columns would be named 'y'"):
        export(words, np.array([1]), tmp_path)
    assert not (tmp_path / "table.csv").exists()
