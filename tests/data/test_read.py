"""Readers: one table in every format, options, reasons, bad rows, streams."""

from __future__ import annotations

import json
import os

import numpy as np
import pandas as pd
import pytest

from mcgurk.data import Dataset, Dense, Lazy, Ragged, iter_table, read_csv, read_folder, read_jsonl, read_parquet, read_table, read_tsv
from mcgurk.data.fingerprint import fingerprint
from mcgurk.data.read import write_parquet
from mcgurk.data.spec import conform, spec_of
from mcgurk.errors import DataError, McgurkWarning, SpecMismatch


def picture(path, red=0):
    from PIL import Image

    Image.new("RGB", (8, 8), (red, 0, 0)).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for i in range(4):
        picture(tmp_path / f"a{i}.png", i)
    (tmp_path / "walk.csv").write_text(
        "id,photo,caption,weight,rating,sold,when,colour,seller,price\n"
        "17,a0.png,red cotton dress,0.31,,yes,2024-01-01,red,ann,39.0\n"
        "18,,blue jeans,0.62,4.1,no,2024-02-01,blue,bob,54.0\n"
        "19,a1.png,NA,NA,3.5,yes,,red,ann,20.5\n"
        "20,a2.png,,0.5,2,no,2024-03-01,red,cat,10\n"
    )
    return tmp_path


def test_the_walk(folder):
    X, y = read_csv(folder / "walk.csv", target="price", group="seller", category="colour")
    assert X.names == ("caption", "photo", "tabular") and X.ids.tolist() == [17, 18, 19, 20]
    assert X["photo"].kind == "image" and X["photo"].present.tolist() == [True, False, True, True]
    assert X["photo"].items[0] == folder / "a0.png"
    assert X["caption"].items.tolist() == ["red cotton dress", "blue jeans", "NA", None]
    fields = {f.name: f for f in X["tabular"].fields}
    assert {k: f.kind for k, f in fields.items()} == {
        "weight": "number",
        "rating": "number",
        "sold": "flag",
        "when": "date",
        "colour": "category",
    }
    assert fields["colour"].levels == ("blue", "red")
    np.testing.assert_array_equal(X["tabular"].values[2], [np.nan, 3.5, 1.0, np.nan, 1.0])
    assert X["tabular"].values[0, 3] == 19723
    assert X.rows["group"].tolist() == ["ann", "bob", "ann", "cat"]
    assert y.tolist() == [39.0, 54.0, 20.5, 10.0]


def test_every_column_has_its_reason(folder):
    reading = read_csv(folder / "walk.csv", target="price", drop="seller", explain=True)
    notes = {name: (kind, why) for name, kind, why in reading.notes}
    assert notes["photo"] == ("image", "100% of the files it names are image files")
    assert notes["id"][0] == "id" and notes["seller"][0] == "left out" and notes["price"][0] == "target"
    assert list(reading.to_frame()["column"]) == list(notes) and "<table" in reading._repr_html_()
    assert reading.rejects == () and reading.y is not None


def test_overrides(folder):
    options = {"drop": ["id", "seller", "price"], "text": ["photo", "colour"], "tabular": "caption", "number": "rating"}
    X = read_csv(folder / "walk.csv", **options)
    assert X["photo"].kind == "text" and X["colour"].kind == "text" and X.ids.tolist() == [0, 1, 2, 3]
    assert {f.name: f.kind for f in X["tabular"].fields}["caption"] == "category"
    only = read_csv(folder / "walk.csv", image="photo", others="drop")
    assert only.names == ("photo",)
    assert read_csv(folder / "walk.csv", id="seller", dedupe="keep-first", drop="id", rows=2).ids.tolist() == ["ann", "bob"]


def test_cells_read_as_text_stay_as_they_are_written(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c,d,e,zip\n1.50,1.50,0x10,007,1_0,01234\n2,2,11,008,2,10115\n")
    X = read_csv(tmp_path / "t.csv", text=["a", "c", "e"], group="d")
    assert X["a"].items.tolist() == ["1.50", "2"] and X.rows["group"].tolist() == ["007", "008"]
    assert {f.name: f.kind for f in X["tabular"].fields} == {"b": "number", "zip": "category"}
    assert X["tabular"].fields[1].levels == ("01234", "10115") and X["c"].items[0] == "0x10" and X["e"].items[0] == "1_0"
    assert read_csv(tmp_path / "t.csv", others="drop", number="b", text="c")["tabular"].values.ravel().tolist() == [1.5, 2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "prize"}, r"no column 'prize' \(did you mean 'price'\?\)"),
        ({"image": "foto"}, "no column 'foto'"),
        ({"image": "photo", "text": "photo"}, "asked for as text and as image"),
        ({"others": "keep"}, "expected 'infer' or 'drop'"),
        ({"dedupe": "last"}, "expected 'keep-first'"),
        ({"max_bad": 2}, "a share of the rows"),
        ({"number": "caption"}, r"row 0: caption holds 'red cotton dress', expected a number"),
        ({"date": "caption", "others": "drop"}, "cannot be read as dates"),
        ({"drop": ["photo", "caption"], "others": "drop"}, "no column is left"),
        ({"id": "seller"}, r"seller repeats in 1 rows \(ann\)"),
        ({"id": "photo"}, "row 1 has no photo"),
    ],
)
def test_options_that_cannot_be_meant(folder, options, said):
    with pytest.raises((DataError, SpecMismatch), match=said):
        read_csv(folder / "walk.csv", **options)


def test_an_unknown_option_is_a_type_error(folder):
    with pytest.raises(TypeError, match="sound"):
        read_csv(folder / "walk.csv", sound="photo")


def test_a_column_may_not_take_the_name_of_the_block(folder):
    (folder / "t.csv").write_text("tabular,n\nsome long text of words here,1\nsome other text of words,2\n")
    with pytest.raises(DataError, match="rename it"):
        read_csv(folder / "t.csv")


def typed_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [3, 1, 2],
            "text": ["one long text of words", None, "another long text of words"],
            "n": [1.5, np.nan, 2.0],
            "v": [[1.0, 2.0], [3.0, 4.0], None],
            "y": ["a", "b", "a"],
        }
    )


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_one_table_in_every_form(tmp_path, form):
    path = tmp_path / f"t.{form}"
    frame = typed_table()
    if form == "parquet":
        frame.to_parquet(path)
    elif form == "jsonl":
        lines = [
            json.dumps({k: None if isinstance(v, float) and v != v else v for k, v in row.items()}) for row in frame.to_dict("records")
        ]
        path.write_text("\n".join(lines))
    else:
        frame.assign(v=[json.dumps(v) if v else "" for v in frame["v"]]).to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    X, y = read_table(path, target="y")
    assert X.names == ("tabular", "text", "v") and X.ids.tolist() == [3, 1, 2] and y.tolist() == ["a", "b", "a"]
    assert X["v"].values.tolist() == [[1, 2], [3, 4], [0, 0]] and X["v"].present.tolist() == [True, True, False]
    assert X["text"].items.tolist() == ["one long text of words", None, "another long text of words"]
    np.testing.assert_array_equal(X["tabular"].values.ravel(), [1.5, np.nan, 2.0])


def test_read_table_knows_its_extensions(tmp_path):
    (tmp_path / "t.xlsx").write_text("x")
    with pytest.raises(DataError, match=r"tables end in \.csv") as caught:
        read_table(tmp_path / "t.xlsx")
    assert caught.value.code == "D03"
    (tmp_path / "t.txt").write_text("a;b\n1;2\n3;5\n")
    assert read_table(tmp_path / "t.txt")["tabular"].values.tolist() == [[1, 2], [3, 5]]
    (tmp_path / "t.tab").write_text("a\tb\n1\t2\n")
    assert read_tsv(tmp_path / "t.tab").names == ("tabular",)


@pytest.mark.parametrize(
    ("cells", "options", "expected"),
    [
        (["1", "2", "3"], {}, np.array([1, 2, 3])),
        (["1", "", "3"], {}, np.array([1.0, np.nan, 3.0])),
        (["1,5", "2", "3"], {"separator": ";"}, np.array([1.5, 2.0, 3.0])),
        (["yes", "no", ""], {}, np.array(["yes", "no", None], dtype=object)),
        (["1", "2", "x"], {}, np.array(["1", "2", "x"], dtype=object)),
    ],
)
def test_targets(tmp_path, cells, options, expected):
    path = tmp_path / "t.csv"
    path.write_text("n;y\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells)))
    _, y = read_csv(path, target="y", **options)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y, expected)


def test_several_targets_and_a_target_a_step(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('n,a,b,steps\n1,1,yes,"[0, 1]"\n2,2,no,"[1]"\n')
    _, y = read_csv(path, target=["a", "b"])
    assert y.tolist() == [[1, 1], [2, 0]]
    assert read_csv(path, target=["b", "a"])[1].tolist() == [[1, 1], [0, 2]]
    _, y = read_csv(path, target="steps")
    assert isinstance(y, Ragged) and y.values.tolist() == [0, 1, 1] and y.offsets.tolist() == [0, 2, 3]


def test_several_targets_that_are_not_all_numbers_are_tasks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,a,c\n1,0.5,warm\n2,,\n3,2,cold and wet\n")
    X, y = read_csv(path, target=["a", "c"])
    assert X.names == ("tabular",) and y["c"].tolist() == ["warm", None, "cold and wet"]
    np.testing.assert_array_equal(y["a"], [0.5, np.nan, 2.0])
    (_, first), (_, second) = iter_table(path, chunk=2, target=["a", "c"])
    assert first["c"].tolist() == ["warm", None] and second["a"].tolist() == [2.0]


def test_typed_targets(tmp_path):
    frame = pd.DataFrame(
        {"n": [1.0, 2.0, 3.0], "flag": [True, False, True], "when": pd.to_datetime(["2024-01-01"] * 3), "count": [1, 2, 3]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    assert read_parquet(tmp_path / "t.parquet", target="flag")[1].tolist() == [True, False, True]
    assert read_parquet(tmp_path / "t.parquet", target="when")[1].dtype.kind == "M"
    assert read_parquet(tmp_path / "t.parquet", target="count")[1].dtype == np.int64


def test_several_files_a_cell(folder):
    (folder / "many.csv").write_text("photos,n\na0.png;a1.png,1\na2.png,2\n,3\n")
    for options in ({}, {"image": "photos"}):
        column = read_csv(folder / "many.csv", **options)["photos"]
        assert column.items.tolist() == [(folder / "a0.png", folder / "a1.png"), (folder / "a2.png",), None] and column.kind == "image"
    (folder / "json.csv").write_text('photos,n\n"[""a0.png"", ""a1.png""]",1\n"[""a2.png""]",2\n')
    assert read_csv(folder / "json.csv", image="photos")["photos"].multiple


def test_text_files_and_lists_of_texts(folder):
    (folder / "note.txt").write_text("the note's own words")
    (folder / "t.csv").write_text('doc,tags\nnote.txt,"[""a b"", ""c""]"\nnote.txt,"[""d""]"\n')
    X = read_csv(folder / "t.csv")
    assert X["doc"].items.tolist() == ["the note's own words"] * 2
    assert X["tags"].items.tolist() == [("a b", "c"), ("d",)]
    assert read_csv(folder / "t.csv", text="tags", others="drop")["tags"].items.tolist() == [("a b", "c"), ("d",)]


def test_series_and_vectors(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('v,s,m\n"[1, 2]","[1, 2, 3]","[[1, 2]]"\n"[3, null]","[4]","[[3, 4], [5, 6]]"\n')
    with pytest.raises(DataError, match="NaN in row 1"):
        read_csv(path, drop=["s", "m"])
    X = read_csv(path, series="v")
    assert X["v"].row(1).ravel().tolist()[0] == 3 and np.isnan(X["v"].row(1)[1, 0])
    assert X["s"].lengths.tolist() == [3, 1] and X["m"].item == (2,) and X["m"].kind == "series"
    path.write_text('v,n\n"[1, 2]",1\nbroken,2\n')
    with pytest.warns(McgurkWarning, match="1 of 2 rows cannot be read"):
        reading = read_csv(path, vector="v", max_bad=0.5, explain=True)
    assert [(r.row, r.column, r.code) for r in reading.rejects] == [(1, "v", "D05")] and len(reading.X) == 1


def test_a_column_without_values_is_left_out_with_a_warning(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,\n2,\n")
    with pytest.warns(McgurkWarning, match="left out: b") as caught:
        assert read_csv(tmp_path / "t.csv").names == ("tabular",)
    assert caught[0].message.code == "N02"
    assert read_csv(tmp_path / "t.csv", vector="b")["b"].present.tolist() == [False, False]
    assert read_csv(tmp_path / "t.csv", series="b")["b"].lengths.tolist() == [0, 0]
    assert not read_csv(tmp_path / "t.csv", image="b")["b"].present.any()


def test_unreadable_files_are_set_aside_up_to_a_share(folder):
    lines = "".join(f"a{i % 4}.png,{i}\n" for i in range(8))
    (folder / "t.csv").write_text(f"photo,y\n{lines}gone.png,8\n.,9\n")
    os.mkfifo(folder / "pipe.png")
    with pytest.raises(DataError, match=r"2 of 10 rows cannot be read, the first is row 8: photo: gone.png.*max_bad=0.01") as caught:
        read_csv(folder / "t.csv", target="y", image="photo")
    assert caught.value.code == "I04"
    with pytest.warns(McgurkWarning, match="these rows are set aside") as seen:
        reading = read_csv(folder / "t.csv", target="y", image="photo", max_bad=0.2, explain=True)
    assert seen[0].message.code == "I04"
    assert reading.y.tolist() == list(range(8)) and reading.X.ids.tolist() == list(range(8))
    assert reading.rejects_frame()[["row", "column", "file", "code"]].values.tolist() == [
        [8, "photo", "gone.png", "F02"],
        [9, "photo", ".", "F01"],
    ]
    reading.write_rejects(folder / "rejects.parquet")
    assert pd.read_parquet(folder / "rejects.parquet")["code"].tolist() == ["F02", "F01"]
    (folder / "t.csv").write_text("photo,y\npipe.png,1\n")
    with pytest.raises(DataError, match="FIFO"):
        read_csv(folder / "t.csv", image="photo")


def test_the_root_of_file_names(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("tables")
    (elsewhere / "t.csv").write_text("photo,y\na0.png,1\na1.png,2\n")
    with pytest.raises(DataError, match="give root="):
        read_csv(elsewhere / "t.csv", target="y")
    X, _ = read_csv(elsewhere / "t.csv", target="y", root=folder)
    assert X["photo"].items[1] == folder / "a1.png"


def test_repeated_ids(tmp_path):
    (tmp_path / "t.csv").write_text("key,n\na,1\nb,2\na,3\n")
    with pytest.raises(DataError, match="dedupe='keep-first'") as caught:
        read_csv(tmp_path / "t.csv", id="key")
    assert caught.value.code == "I01"
    with pytest.warns(McgurkWarning, match="the first of each is kept"):
        X = read_csv(tmp_path / "t.csv", id="key", dedupe="keep-first")
    assert X.ids.tolist() == ["a", "b"] and X["tabular"].values.ravel().tolist() == [1, 2]


def test_a_second_id_is_left_out(tmp_path):
    (tmp_path / "t.csv").write_text("id,row_id,n\n7,1,5\n8,2,6\n")
    reading = read_csv(tmp_path / "t.csv", explain=True)
    assert reading.X.ids.tolist() == [7, 8] and {n: k for n, k, _ in reading.notes}["row_id"] == "left out"


def test_a_row_without_a_group_is_a_group_of_its_own(tmp_path):
    (tmp_path / "t.csv").write_text("g,n\na,1\n,2\n,3\na,4\n")
    assert read_csv(tmp_path / "t.csv", group="g").rows["group"].tolist() == ["a", "(none 1)", "(none 2)", "a"]


def test_reading_as_fitted(folder):
    X, _ = read_csv(folder / "walk.csv", target="price", drop="seller")
    spec = spec_of(X)
    (folder / "new.csv").write_text(
        "id,caption,photo,weight,rating,colour,sold,when,price\n91,,a3.png,1,2,,yes,2024-01-01,3\n92,,,1,2,red,,,\n"
    )
    Z = read_csv(folder / "new.csv", like=spec)
    assert Z.ids.tolist() == [91, 92]
    assert conform(Z, spec)["photo"].items[0] == folder / "a3.png" and not Z["caption"].present.any()
    assert [f.name for f in Z["tabular"].fields] == ["weight", "rating", "colour", "sold", "when"] and "price" not in Z
    assert conform(Z, spec)["tabular"].fields == X["tabular"].fields and conform(Z, spec)["tabular"].values[1, -1] == 1
    (folder / "less.csv").write_text("id,caption\n1,words\n")
    assert read_csv(folder / "less.csv", like=spec).names == ("caption",)


def test_reading_as_fitted_keeps_levels_shapes_and_several_values(folder, tmp_path):
    frame = pd.DataFrame(
        {"zip": [10115, 10117, 10115], "v": [[1.0, 2.0], [3.0, 4.0], None], "photos": [["a0.png", "a1.png"], ["a2.png"], None]}
    )
    frame.to_parquet(folder / "t.parquet")
    X = read_parquet(folder / "t.parquet")
    assert X["tabular"].fields[0].levels == (10115, 10117) and X["photos"].multiple
    (folder / "new.csv").write_text("zip,v,photos\n10117,,a0.png\n")
    Z = conform(read_csv(folder / "new.csv", like=spec_of(X)), spec_of(X))
    assert (
        Z["tabular"].values.tolist() == [[1.0]] and Z["v"].values.shape == (1, 2) and Z["photos"].items.tolist() == [(folder / "a0.png",)]
    )


def test_tables_without_rows(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    (tmp_path / "t.jsonl").write_text("\n")
    for path in ("t.csv", "t.jsonl"):
        with pytest.raises(DataError, match="no rows") as caught:
            read_table(tmp_path / path)
        assert caught.value.code == "S01"
    with pytest.raises(DataError, match="no rows"):
        list(iter_table(tmp_path / "t.csv"))


def test_json_lines(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "", "n": 1}\n\n{"text": null, "n": 2.5, "late": true}\n{"n": null, "text": "\\ud800 lone"}\n')
    X = read_jsonl(path, text="text")
    assert X["text"].items.tolist() == ["", None, "\ufffd lone"] and X["text"].present.tolist() == [True, False, True]
    assert {f.name: f.kind for f in X["tabular"].fields} == {"n": "number", "late": "flag"}
    for text, code in (('{"a": 1}\n[1]\n', "D05"), ('{"a": 1}\n{"a"\n', "D05"), ('{"a": ' + "[" * 100 + "]" * 100 + "}\n", "B10")):
        path.write_text(text)
        with pytest.raises(DataError, match=r"line \d") as caught:
            read_jsonl(path)
        assert caught.value.code == code
    path.write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(DataError, match="not UTF-8"):
        read_jsonl(path)
    path.write_text('{"n": 123456789012345678901234567890, "m": 1}\n{"n": 2, "m": 2}\n')
    assert read_jsonl(path)["tabular"].values[0, 0] == pytest.approx(1.2345678901234568e29)


def test_parquet_of_others(tmp_path):
    import decimal

    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {
            "text": ["a few words in here", None, "a few more words in here"],
            "colour": pyarrow.array(["r", "b", "r"]).dictionary_encode(),
            "when": pyarrow.array([0, None, 86_400_000_000], pyarrow.timestamp("us")),
            "money": pyarrow.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.25")]),
            "whole": pyarrow.array([1, None, 3]),
            "flag": pyarrow.array([True, None, False]),
            "fixed": pyarrow.array([[1.0, 2.0], None, [3.0, 4.0]], pyarrow.list_(pyarrow.float32(), 2)),
            "series": pyarrow.array([[1.0], [2.0, 3.0], []]),
            "image": pyarrow.array([{"bytes": b"\x89PNG\r\n\x1a\n", "path": None}, None, {"bytes": b"\x89PNG\r\n\x1a\n1", "path": "x"}]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    X = read_parquet(tmp_path / "t.parquet", category="colour")
    kinds = {f.name: f.kind for f in X["tabular"].fields}
    assert kinds == {"colour": "category", "when": "date", "money": "number", "whole": "number", "flag": "flag"}
    np.testing.assert_array_equal(X["tabular"].values[2], [1, 1, 2.25, 3, 0])
    assert X["fixed"].values.tolist() == [[1, 2], [0, 0], [3, 4]] and X["series"].lengths.tolist() == [1, 2, 0]
    assert X["image"].kind == "image" and X["image"].items[2] == b"\x89PNG\r\n\x1a\n1"
    assert len(read_parquet(tmp_path / "t.parquet", rows=2)) == 2
    assert [len(part) for part in iter_table(tmp_path / "t.parquet", chunk=2, category="colour")] == [2, 1]


def test_own_parquet_with_its_facts(tmp_path):
    X = Dataset({"v": Dense(np.eye(3)), "t": Lazy(["a", None, "c"])}).with_rows(y=[1, 2, 3], site=["p", "q", "p"])
    write_parquet(X, tmp_path / "x.parquet")
    assert fingerprint(read_parquet(tmp_path / "x.parquet")) == fingerprint(X)
    Z, y = read_parquet(tmp_path / "x.parquet", target="y", group="site", drop="t", rows=2)
    assert y.tolist() == [1, 2] and Z.rows["group"].tolist() == ["p", "q"] and Z.names == ("v",)
    for options in ({"target": "z"}, {"group": "z"}, {"target": ["y", "site"]}):
        with pytest.raises(DataError, match="no row fact"):
            read_parquet(tmp_path / "x.parquet", **options)
    assert [len(part) for part in iter_table(tmp_path / "x.parquet", chunk=2)] == [2, 1]


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_streams_have_one_spec_and_every_row(tmp_path, form):
    rng = np.random.default_rng(0)
    n = 500
    frame = pd.DataFrame(
        {
            "key_id": np.arange(n),
            "text": [f"some words about number {i}" for i in range(n)],
            "colour": [["red", "blue"][i % 2] if i < 450 else "late" for i in range(n)],
            "n": rng.normal(size=n).round(3),
            "y": rng.integers(0, 5, n),
        }
    )
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        frame.to_parquet(path, row_group_size=90)
    elif form == "jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    parts = list(iter_table(path, chunk=64, target="y"))
    specs = [spec_of(X) for X, _ in parts]
    assert all(spec == specs[0] for spec in specs) and max(len(X) for X, _ in parts) == 64
    assert specs[0]["tabular"].fields[0].levels == ("blue", "late", "red")
    whole, y = read_table(path, target="y")
    assert fingerprint(Dataset.stack([X for X, _ in parts])) == fingerprint(whole)
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), y)


def test_a_stream_says_which_row_does_not_fit(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("n,m\n" + "".join(f"{i},{i}\n" for i in range(50)) + "oops,1\n")
    with pytest.raises(DataError, match="row 50: n holds 'oops', expected a number"):
        list(iter_table(path, chunk=20))
    path.write_text("key,m\na,1\nb,2\na,3\n")
    with pytest.raises(DataError, match="key repeats in 1 rows"):
        list(iter_table(path, chunk=2, id="key"))
    with pytest.warns(McgurkWarning, match="the first of each"):
        parts = list(iter_table(path, chunk=2, id="key", dedupe="keep-first"))
    assert sum(map(len, parts)) == 2


def test_folders_of_classes(tmp_path):
    import soundfile

    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        for i in range(2):
            picture(tmp_path / kind / f"{i}.png", i)
    soundfile.write(tmp_path / "cat" / "0.wav", np.zeros(100), 8000)
    (tmp_path / "dog" / "1.txt").write_text("a good dog")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "dog" / "loop").symlink_to(tmp_path)
    X, y = read_folder(tmp_path)
    assert (
        X.names == ("audio", "image", "text")
        and X.ids.tolist() == ["cat/0", "cat/1", "dog/0", "dog/1"]
        and y.tolist() == ["cat", "cat", "dog", "dog"]
    )
    assert X["audio"].present.tolist() == [True, False, False, False] and X["text"].items[3] == "a good dog"
    assert read_table(tmp_path, explain=True).notes[0][0] == "image"
    (tmp_path / "dog" / "bad.bin").write_bytes(b"\x00\x01")
    with pytest.raises(DataError, match=r"bad\.bin is no image"):
        read_folder(tmp_path)
    with pytest.warns(McgurkWarning, match="set aside"):
        assert len(read_folder(tmp_path, max_bad=0.5)[0]) == 4
    (tmp_path / "dog" / "bad.bin").unlink()
    picture(tmp_path / "dog" / "0.jpg")
    with pytest.raises(DataError, match="dog/0 exists twice as image"):
        read_folder(tmp_path)


def test_flat_folders_and_folders_with_a_table(tmp_path, folder):
    flat = tmp_path / "flat"
    flat.mkdir()
    picture(flat / "b.png")
    picture(flat / "a.png")
    assert read_folder(flat).ids.tolist() == ["a", "b"]
    X, y = read_folder(folder, target="price") if len(list(folder.glob("*.csv"))) == 1 else (None, None)
    assert X["photo"].kind == "image" and len(y) == 4
    (folder / "second.csv").write_text("a\n1\n")
    with pytest.raises(DataError, match="holds 2 tables"):
        read_folder(folder)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no image"):
        read_folder(tmp_path / "nothing")
