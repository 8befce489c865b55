"""Datasets in Parquet: back as they were, checked as a whole, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcgurk.data import Dataset, Dense, Field, Lazy, Ragged, read_parquet, write_parquet
from mcgurk.data import parquet as files
from mcgurk.data.fingerprint import fingerprint
from mcgurk.errors import DataError, IntegrityError


def everything(folder: Path, n: int = 4) -> Dataset:
    (folder / "sub").mkdir(exist_ok=True)
    photo = folder / "sub" / "a.png"
    photo.write_bytes(b"picture")
    rows = np.arange(n)
    some = rows % 3 != 1
    table = np.stack([np.where(rows % 2, np.nan, rows / 7), np.where(some, rows % 2, np.nan), rows * 1e4 / 3, rows % 2], axis=1)
    fields = (Field("size"), Field("colour", "category", (7, "red")), Field("when", "date"), Field("sold", "flag"))
    rng = np.random.default_rng(0)
    lengths = np.where(some, rows % 4, 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Dataset(
        {
            "table": Dense(table, np.where(rows == 3, False, True), "tabular", fields),
            "vector": Dense(rng.normal(size=(n, 5)).astype(np.float32), some),
            "image": Dense(rng.integers(0, 256, (n, 2, 3, 3), dtype=np.uint8), kind="image"),
            "codes": Dense(rows, some),
            "series": Ragged(rng.normal(size=(offsets[-1], 2)), offsets, some, np.arange(float(offsets[-1])), "audio"),
            "tokens": Ragged(np.arange(offsets[-1], dtype=np.int32), offsets, None, None, "tokens"),
            "text": Lazy([None if i % 3 == 1 else ["", "wörter", "a\0b"][i % 3] for i in rows]),
            "photo": Lazy([photo if i % 2 else None for i in rows], kind="image"),
            "bytes": Lazy([b"\x00\xff" * i if i else None for i in rows.tolist()], kind="audio"),
            "many": Lazy([None if i == 2 else ("x",) * 2 for i in rows]),
            "empty": Lazy([None] * n),
        },
        ids=np.array([f"r{i}" for i in rows], dtype=object),
        rows=pd.DataFrame(
            {"group": [f"g{i // 2}" for i in rows], "start": rows / 3, "n": rows, "when": pd.to_datetime(["2024-01-01"] * n)}
        ),
    )


def same(a: Dataset, b: Dataset) -> None:
    assert a.names == b.names and a.ids.tolist() == b.ids.tolist() and fingerprint(a) == fingerprint(b)
    for name, column in a.items():
        other = b[name]
        assert type(column) is type(other) and column.kind == other.kind and column.item == other.item
        np.testing.assert_array_equal(column.present, other.present)
        if isinstance(column, Lazy):
            assert column.items[column.present].tolist() == other.items[column.present].tolist()
        else:
            assert column.values.dtype == other.values.dtype and getattr(column, "fields", None) == getattr(other, "fields", None)


def test_everything_comes_back(tmp_path):
    X = everything(tmp_path)
    write_parquet(X, tmp_path / "x.parquet")
    Z = read_parquet(tmp_path / "x.parquet")
    same(X, Z)
    assert Z["series"].times.tolist() == X["series"].times.tolist()
    pd.testing.assert_frame_equal(X.rows, Z.rows, check_dtype=False)
    assert Z["photo"].items[1] == tmp_path / "sub" / "a.png"


def test_other_tools_see_named_columns(tmp_path):
    write_parquet(everything(tmp_path), tmp_path / "x.parquet")
    frame = pd.read_parquet(tmp_path / "x.parquet")
    assert {"id", "size", "colour", "when", "sold", "text", "photo", "series", "rows.group"} <= set(frame.columns)
    assert frame["photo"][1] == "sub/a.png" and frame["colour"].tolist()[:1] == ["7"]


def test_many_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_GROUP_BYTES", 4000)
    X = everything(tmp_path, 60)
    write_parquet(X, tmp_path / "x.parquet")
    parts = list(files.iter_own(tmp_path / "x.parquet"))
    assert len(parts) > 3
    same(X, read_parquet(tmp_path / "x.parquet"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)), min_size=1, max_size=6),
    st.sampled_from(["<f4", "<f8", "<i2", "<i8", "|u1", "|b1"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 2**31),
)
def test_any_text_type_and_shape(tmp_path, texts, dtype, item, seed):
    rng = np.random.default_rng(seed)
    n = len(texts)
    values = rng.integers(0, 2, (n, *item)).astype(dtype)
    lengths = rng.integers(0, 3, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    X = Dataset(
        {
            "t": Lazy(texts),
            "d": Dense(values, rng.random(n) < 0.7),
            "r": Ragged(rng.integers(0, 2, (offsets[-1], *[max(i, 1) for i in item])).astype(dtype), offsets, rng.random(n) < 0.7),
        }
    )
    write_parquet(X, tmp_path / "x.parquet")
    Z = read_parquet(tmp_path / "x.parquet")
    same(X, Z)
    kept = X["d"].present
    np.testing.assert_array_equal(Z["d"].values[kept], X["d"].values[kept])
    assert not Z["d"].values[~kept].any()


def test_nothing_of_an_absent_row_is_written(tmp_path):
    X = Dataset({"d": Dense(np.array([[1.0], [424242.0]]), np.array([True, False])), "t": Lazy(["a", "secret"], np.array([True, False]))})
    write_parquet(X, tmp_path / "x.parquet")
    frame = pd.read_parquet(tmp_path / "x.parquet")
    assert frame["d"][1] is None and frame["t"].isna()[1]


def test_names_that_clash(tmp_path):
    table = Dense(np.array([[1.0], [2.0]]), None, "tabular", (Field("id"),))
    X = Dataset({"id": Lazy(["a", "b"]), "t": table, "rows.y": Lazy(["c", "d"])}).with_rows(y=[1, 2])
    write_parquet(X, tmp_path / "x.parquet")
    same(X, read_parquet(tmp_path / "x.parquet"))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (Lazy(["a", b"b"]), "mixes bytes and str"),
        (Lazy(["\ud800", "b"]), "lone surrogate"),
        (Dense(np.zeros((2, 1)), None, "tabular", (Field("c", "category", (1, "1")),)), "equal as text"),
    ],
)
def test_what_cannot_be_written(tmp_path, column, said):
    with pytest.raises(DataError, match=said):
        write_parquet(Dataset({"x": column}), tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    X = Dataset({"t": Lazy(["a"])})
    write_parquet(X, tmp_path / "x.parquet")
    before = (tmp_path / "x.parquet").read_bytes()
    monkeypatch.setattr(files, "_decode", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_parquet(Dataset({"t": Lazy(["b"])}), tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_what_is_no_parquet(tmp_path):
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(IntegrityError, match="cannot be read as Parquet"):
        read_parquet(tmp_path / "x.parquet")
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "none.parquet")


def rewritten(path: Path, **changes) -> None:
    """The same file with other metadata, as an attacker or a careless tool would leave it."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    marks = {**pyarrow.parquet.read_metadata(path).metadata, **{k.encode(): v for k, v in changes.items() if v is not None}}
    marks = {k: v for k, v in marks.items() if changes.get(k.decode(), b"") is not None and k != b"ARROW:schema"}
    pyarrow.parquet.write_table(table.replace_schema_metadata(marks), path)


def test_a_changed_description_is_found(tmp_path):
    path = tmp_path / "x.parquet"
    X = Dataset({"d": Dense(np.arange(4.0)[:, None])})
    write_parquet(X, path)
    import pyarrow.parquet

    about = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"mcgurk"])
    about["columns"]["d"]["kind"] = "audio"
    for changes in ({"mcgurk": json.dumps(about).encode()}, {"mcgurk.sums": None}, {"mcgurk": None}):
        write_parquet(X, path)
        rewritten(path, **changes)
        with pytest.raises(IntegrityError, match="does not match its SHA-256"):
            read_parquet(path)


def test_changed_values_and_lost_row_groups_are_found(tmp_path):
    import pyarrow
    import pyarrow.parquet

    path = tmp_path / "x.parquet"
    X = Dataset({"d": Dense(np.arange(4.0)[:, None])})
    write_parquet(X, path)
    marks = {k: v for k, v in pyarrow.parquet.read_metadata(path).metadata.items() if k != b"ARROW:schema"}
    table = pyarrow.parquet.read_table(path)
    for changed, said in ((table.slice(0, 3), "row group 0 does not match"), (table, "2 row groups where 1")):
        pyarrow.parquet.write_table(changed.replace_schema_metadata(marks), path, row_group_size=2 if changed is table else 9)
        with pytest.raises(IntegrityError, match=said):
            read_parquet(path)


def test_a_format_of_the_future_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "FORMAT", 9)
    write_parquet(Dataset({"t": Lazy(["a"])}), tmp_path / "x.parquet")
    monkeypatch.setattr(files, "FORMAT", 1)
    with pytest.raises(DataError, match="install a newer mcgurk"):
        read_parquet(tmp_path / "x.parquet")
