"""Embedded files arrive whole: every byte that changes, every file that goes, is refused with a sentence."""

from __future__ import annotations

import json
import shutil

import pytest

from mcgurk.datasets import embedded
from mcgurk.errors import IntegrityError, StoreError


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(embedded.FOLDER / "speech", tmp_path / "speech")
    return tmp_path


@pytest.mark.parametrize("dataset", ["emoji", "speech"])
def test_every_shipped_file_is_listed_and_matches(dataset):
    listed = embedded.manifest(dataset)["files"]
    on_disk = {p.name for p in (embedded.FOLDER / dataset).iterdir()} - {embedded.MANIFEST}
    assert set(listed) == on_disk
    for name, entry in listed.items():
        assert len(embedded.read(dataset, name)) == entry["bytes"]
    assert any(name.startswith("LICENSE") for name in listed)


def test_small_enough_to_ship():
    sizes = {d: sum(p.stat().st_size for p in (embedded.FOLDER / d).iterdir()) for d in ("emoji", "speech")}
    assert sizes["emoji"] <= 2_000_000
    assert sizes["speech"] <= 600_000
    assert sum(sizes.values()) < 3_000_000


def test_one_changed_bit_is_refused(copy):
    path = copy / "speech" / "speech.json"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="reinstall") as caught:
        embedded.read("speech", "speech.json", folder=copy)
    assert caught.value.code == "S07"


def test_missing_unlisted_and_outside_names_are_refused(copy):
    (copy / "speech" / "cards-001.flac").unlink()
    (copy / "speech" / "extra.txt").write_text("x")
    for name in ("cards-001.flac", "extra.txt", "../speech/speech.json"):
        with pytest.raises(StoreError, match="not in this installation") as caught:
            embedded.read("speech", name, folder=copy)
        assert caught.value.code == "S03"
    with pytest.raises(StoreError, match="not in this installation"):
        embedded.manifest("nothing", folder=copy)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', "{"])
def test_damaged_manifest_is_refused(copy, content):
    (copy / "speech" / embedded.MANIFEST).write_text(content)
    with pytest.raises(IntegrityError, match="not a manifest"):
        embedded.read("speech", "speech.json", folder=copy)


def test_write_manifest_is_what_read_needs(tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "a.txt").write_bytes(b"abc")
    embedded.write_manifest(tmp_path / "toy", {"a.txt": b"abc"}, source="here", made_with={"hand": "1"})
    assert embedded.read("toy", "a.txt", folder=tmp_path) == b"abc"
    assert json.loads((tmp_path / "toy" / embedded.MANIFEST).read_text())["source"] == "here"
