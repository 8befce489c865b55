"""Arrays and manifest in one file: what goes in comes out, and nothing else is read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mcgurk.errors import IntegrityError, StoreError
from mcgurk.tensorfile import MAX_HEADER, digest, parse, read_tensors, write_tensors

KINDS = st.sampled_from(["?", "i1", "u1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", ">f8", ">i4"])
ARRAYS = KINDS.flatmap(lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda k: k != "__metadata__"), ARRAYS, max_size=3), JSON)
def test_round_trip(tmp_path_factory, arrays, value) -> None:
    path = tmp_path_factory.mktemp("t") / "x.safetensors"
    write_tensors(path, arrays, {"value": value})
    again, manifest = read_tensors(path)
    assert manifest == {"value": value} and set(again) == set(arrays)
    for name, array in arrays.items():
        assert again[name].shape == array.shape and again[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(again[name], array)


def test_a_number_stays_a_number_and_a_view_is_written_in_order(tmp_path) -> None:
    write_tensors(tmp_path / "x", {"n": np.float64(3.0), "t": np.arange(6).reshape(2, 3).T}, {})
    again, _ = read_tensors(tmp_path / "x")
    assert again["n"].shape == () and again["t"].tolist() == [[0, 3], [1, 4], [2, 5]]


def test_the_same_content_gives_the_same_bytes(tmp_path) -> None:
    a, b = np.arange(3.0), np.arange(4)
    write_tensors(tmp_path / "1", {"a": a, "b": b}, {"x": 1, "y": 2})
    write_tensors(tmp_path / "2", {"b": b, "a": a}, {"y": 2, "x": 1})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_the_digest_knows_names_types_and_shapes() -> None:
    a = np.zeros(4)
    seen = {
        digest({"a": a}, "{}"),
        digest({"b": a}, "{}"),
        digest({"a": a.reshape(2, 2)}, "{}"),
        digest({"a": a.view(np.int64)}, "{}"),
        digest({}, "{}"),
    }
    assert len(seen) == 5


def test_where_it_cannot_be_read_or_written(tmp_path) -> None:
    with pytest.raises(StoreError, match="cannot read") as caught:
        read_tensors(tmp_path / "none")
    assert caught.value.code == "S03"
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="check the folder") as caught:
        write_tensors(tmp_path / "file" / "x", {}, {})
    assert caught.value.code == "S02"
    with pytest.raises(StoreError, match="manifest of") as caught:
        write_tensors(tmp_path / "x", {}, {"words": "w" * (MAX_HEADER // 2)})
    assert caught.value.code == "S04" and not (tmp_path / "x").exists()


@pytest.mark.parametrize("data", [b"", b"\0" * 7, b"\xff" * 64, b"GIF89a" * 20, (2).to_bytes(8, "little") + b"{}"])
def test_what_is_no_such_file(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="damaged or no mcgurk file"):
        parse(data, "x")


def test_a_key_that_repeats_is_refused() -> None:
    """Readers disagree on which of two equal keys counts, so a checksum over one of them would say nothing about the other."""
    text = json.dumps({"a": 1})
    inner = f'{{"manifest": {json.dumps("{}")}, "manifest": {json.dumps(text)}, "sha256": "{digest({}, text)}"}}'
    header = ('{"__metadata__": ' + inner + "}").encode()
    with pytest.raises(IntegrityError, match="a key repeats"):
        parse(len(header).to_bytes(8, "little") + header, "x")
