"""Archives, JSON and XML: what is whole comes out, what is not is refused before anything is written."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.archive import extract, json_depth, load_json, load_xml
from mcgurk.data.limits import limits
from mcgurk.errors import MediaError

FILES = {"a.txt": b"eins", "sub/b.bin": bytes(range(256)) * 40, "sub/deep/č.txt": "tři".encode()}


def zipped(files: dict[str, bytes], **options: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sub/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name in (".", "./sub"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def code(call: object, *args: object) -> str:
    with pytest.raises(MediaError) as caught:
        call(*args)  # type: ignore[operator]
    return caught.value.code


ARCHIVES = {"zip": zipped(FILES), **{mode: tarred(FILES, f"w:{mode}") for mode in ("", "gz", "bz2", "xz")}}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_round_trip(kind: str, tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(ARCHIVES[kind])
    paths = extract(tmp_path / "packed", tmp_path / "out")
    assert {p.relative_to((tmp_path / "out").resolve()).as_posix(): p.read_bytes() for p in paths} == FILES


@pytest.mark.parametrize("kind", ARCHIVES)
def test_cut_archives_are_refused(kind: str, tmp_path: Path) -> None:
    data = ARCHIVES[kind]
    assert code(extract, data[: len(data) // 2], tmp_path / "out") in ("F04", "F05")


def test_damage_is_found_by_its_checksum(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.bin": bytes(1000) + b"x" * 1000}))
    at = data.index(b"a.bin") + 8
    data[at] ^= 0x40
    assert code(extract, bytes(data), tmp_path / "out") == "F05"


def test_encrypted_and_foreign(tmp_path: Path) -> None:
    data = bytearray(zipped({"a.txt": b"x"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(mark)
        data[at + offset] |= 1
    assert code(extract, bytes(data), tmp_path / "out") == "F10"
    assert code(extract, b"Rar!\x1a\x07", tmp_path / "out") == "F04"
    assert code(extract, b"", tmp_path / "out") == "F04"


def test_nothing_is_written_from_a_refused_tar(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name in ("good.txt", "GOOD.txt"):
            archive.addfile(tarfile.TarInfo(name))
    assert code(extract, out.getvalue(), tmp_path / "out") == "F10"
    assert not (tmp_path / "out").exists()


def test_members_are_limited(tmp_path: Path) -> None:
    with limits(max_members=2):
        assert code(extract, ARCHIVES["zip"], tmp_path / "out") == "B09"
        assert code(extract, ARCHIVES["gz"], tmp_path / "out") == "B09"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((depth_of(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((depth_of(v) for v in value), default=0)
    return 0


@given(values)
def test_json_round_trip_and_depth(value: object) -> None:
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
        assert json_depth(data) == depth_of(value)
    assert load_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200) | st.text(alphabet='[]{}",:\\0a ', max_size=60).map(str.encode))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for load in (load_json, load_xml):
        try:
            load(data)
        except MediaError as error:
            assert error.code in ("F05", "F12", "B10")


def test_json_says_where() -> None:
    with pytest.raises(MediaError, match="at line 2"):
        load_json(b'{"a": 1,\n "b": }')
    assert load_json(b"\xef\xbb\xbf[1]") == [1]
    assert code(load_json, b"[" * 65 + b"]" * 65) == "B10"
    assert len(load_json(b"[" * 64 + b"]" * 64)) == 1
    assert code(load_json, b"1" * 5000) == "F05"


def test_xml() -> None:
    root = load_xml("<?xml version='1.0' encoding='UTF-8'?><a x='1'><b>č &amp; &#233;</b>tail<c/></a>".encode())
    assert (root.get("x"), root[0].text, root[0].tail, len(root)) == ("1", "č & é", "tail", 2)
    with pytest.raises(MediaError, match="at line 2"):
        load_xml(b"<a>\n<b></a>")
    with limits(max_elements=3):
        assert code(load_xml, b"<a><b/><b/><b/></a>") == "B15"
        assert code(load_xml, b"<a>" * 4 + b"</a>" * 4) == "B15"
    with limits(max_text_bytes=5):
        assert code(load_xml, b"<a></a>") == code(load_json, b"[1,2,3]") == "B07"
    assert code(load_xml, b"") == code(load_xml, b"<?xml version='1.0' encoding='nonsense'?><a/>") == "F05"
