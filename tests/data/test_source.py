"""The one door: regular files inside their root, unchanged while read; safe names; content hashes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data.source import content_hash, decoding, name_of, opened, safe_join
from mcgurk.errors import DataError, MediaError


def code(call: object, *args: object, **kw: object) -> str:
    with pytest.raises(MediaError) as caught:
        call(*args, **kw)  # type: ignore[operator]
    return caught.value.code


def enter(source: object, **kw: object) -> None:
    with opened(source, **kw):  # type: ignore[arg-type]
        pass


def test_a_file_and_its_bytes_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3_000_000)
    expected = hashlib.sha256(b"x" * 3_000_000).hexdigest()
    assert content_hash(path) == content_hash(str(path)) == content_hash(path.read_bytes()) == expected
    assert content_hash(b"") == hashlib.sha256().hexdigest()
    with opened(path) as file:
        assert (file.name, file.size, file.suffix, file.head(2)) == ("a.bin", 3_000_000, ".bin", b"xx")
        assert file.read() == path.read_bytes()


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    assert code(enter, tmp_path / "missing") == "F02"
    assert code(enter, tmp_path) == "F01"
    assert code(enter, "a\0b") == "F02"
    assert code(enter, 7) == "F02"
    assert code(enter, "x" * 5000) == "F02"
    assert code(enter, tmp_path / "a" / "b") == "F02"


@pytest.mark.skipif(os.name == "nt", reason="devices and links as on Unix")
def test_special_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert code(enter, tmp_path / "fifo") == "F01"
    assert code(enter, "/dev/null") == "F01"
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert code(enter, tmp_path / "loop") == "F01"
    assert code(enter, tmp_path / "loop", root=tmp_path) == "F01"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "a").chmod(0)
    assert code(enter, tmp_path / "a") == "F02"


def test_root(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (tmp_path / "outside").write_bytes(b"x")
    (corpus / "inside").write_bytes(b"x")
    (corpus / "out").symlink_to(tmp_path / "outside")
    (corpus / "in").symlink_to(corpus / "inside")
    enter(corpus / "in", root=corpus)
    enter(corpus / "out")
    assert code(enter, corpus / "out", root=corpus) == "F09"
    assert code(enter, tmp_path / "outside", root=corpus) == "F09"


def test_change_during_reading(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"xx")

    def read() -> None:
        with opened(path) as file:
            file.head()
            path.write_bytes(b"xxx")

    assert code(read) == "F03"


def test_hash_of_a_growing_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    real = hashlib.sha256

    def grow() -> object:
        with open(path, "ab") as file:
            file.write(b"y" * 50)
        return real()

    monkeypatch.setattr(hashlib, "sha256", grow)
    assert code(content_hash, path) == "F03"


def test_decoding_turns_everything_into_one_kind() -> None:
    for error in (UnicodeDecodeError("utf-8", b"", 0, 1, "x"), PermissionError("x"), AttributeError("x"), MemoryError(), RecursionError()):
        with pytest.raises(MediaError) as caught, decoding("a.mp4"):
            raise error
        assert caught.value.code == "F05" and str(caught.value).startswith("a.mp4: ")
        assert caught.value.__cause__ is error
    with pytest.raises(DataError) as kept, decoding("a"):
        raise DataError("x")
    assert not isinstance(kept.value, MediaError)
    with pytest.raises(KeyboardInterrupt), decoding("a"):
        raise KeyboardInterrupt


def test_names() -> None:
    assert name_of(b"xyz") == "<3 bytes>"
    assert name_of("/a/b.wav") == "b.wav"


def test_safe_join_gives_the_place(tmp_path: Path) -> None:
    assert safe_join(tmp_path, "a/b.wav") == (tmp_path / "a" / "b.wav").resolve()
    assert safe_join(tmp_path, "čaj 1.wav").name == "čaj 1.wav"


@given(st.text(max_size=30))
def test_no_name_leads_outside(name: str) -> None:
    root = Path(__file__).parent
    try:
        path = safe_join(root, name)
    except MediaError as error:
        assert error.code == "F09"
    else:
        assert path.is_relative_to(root.resolve())
