"""Finding and reading files that do not travel with mcgurk."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from mcgurk.datasets import _root
from mcgurk.datasets._root import components, data_folder, decode_text, read_rows, read_table, zip_members
from mcgurk.errors import DataError, MediaError


def test_folder_by_argument_by_environment_or_a_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("MCGURK_DATA", raising=False)
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "a.csv").write_text("")
    assert data_folder(tmp_path, "toy", ["a.csv"]) == tmp_path / "toy"
    assert data_folder(tmp_path / "toy", "toy", ["a.csv"]) == tmp_path / "toy"
    with pytest.raises(DataError, match="set MCGURK_DATA") as caught:
        data_folder(None, "toy", ["a.csv"])
    assert caught.value.code == "F02"
    monkeypatch.setenv("MCGURK_DATA", str(tmp_path))
    assert data_folder(None, "toy", ["a.csv"]) == tmp_path / "toy"
    with pytest.raises(DataError, match=r"lacks b\.csv"):
        data_folder(None, "toy", ["a.csv", "b.csv"])


def test_text_is_never_dropped(tmp_path):
    path = tmp_path / "a.csv"
    for content, expected in (
        ("ä,NA\n".encode(), "ä,NA\n"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("don’t €".encode("cp1252"), "don’t €"),
        (b"a\x81b\xe4", "a�bä"),
    ):
        path.write_bytes(content)
        assert decode_text(path) == expected
    path.write_bytes(b'k,v\n"a\nb",NA\n')
    assert read_rows(path) == [["k", "v"], ["a\nb", "NA"]]
    assert read_table(path) == [{"k": "a\nb", "v": "NA"}]


def test_zip_members(tmp_path, monkeypatch):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", b"abc")
    assert zip_members(path, ["x.txt", "y.txt"]) == [b"abc", None]
    monkeypatch.setattr(_root, "MAX_MEMBER_BYTES", 2)
    with pytest.raises(MediaError, match="at most 2"):
        zip_members(path, ["x.txt"])
    path.write_bytes(b"not a zip")
    with pytest.raises(MediaError, match="fetch it again") as caught:
        zip_members(path, ["x.txt"])
    assert caught.value.code == "F05"


def test_components_join_chains():
    assert components(6, [(4, 2), (2, 5), (0, 1)]).tolist() == [0, 0, 2, 3, 2, 2]
    assert np.array_equal(components(3, []), [0, 1, 2])
