"""A file is whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from mcgurk import files


def test_text_and_bytes_arrive_as_given(tmp_path) -> None:
    files.atomic_write(tmp_path / "new" / "a.txt", "é\r\n")
    files.atomic_write(tmp_path / "new" / "b", b"\x00")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"\xc3\xa9\r\n" and (tmp_path / "new" / "b").read_bytes() == b"\x00"
    assert sorted(os.listdir(tmp_path / "new")) == ["a.txt", "b"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path) -> None:
    target = tmp_path / "a"
    files.atomic_write(target, "old")
    with pytest.raises(KeyboardInterrupt), files.atomic_open(target, "w") as handle:
        handle.write("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old" and os.listdir(tmp_path) == ["a"]


def test_a_killed_writer_is_invisible_and_swept(tmp_path) -> None:
    code = (
        "import sys, time; from mcgurk.files import atomic_open\n"
        f"with atomic_open({str(tmp_path / 'a')!r}) as handle:\n"
        "    handle.write(b'half'); handle.flush(); print('ready', flush=True); time.sleep(60)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
    assert files.sweep(tmp_path) == 0, "a living writer keeps its file"
    writer.kill()
    writer.wait()
    writer.stdout.close()
    deadline = time.monotonic() + 5
    while files.alive(writer.pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not (tmp_path / "a").exists()
    assert files.sweep(tmp_path) == 1 and os.listdir(tmp_path) == []


def test_sweep_leaves_strangers_alone(tmp_path) -> None:
    (tmp_path / ".mine.tmp").write_text("kept")
    assert files.sweep(tmp_path) == 0 and (tmp_path / ".mine.tmp").exists()


def test_alive() -> None:
    assert files.alive(os.getpid()) and files.alive(1)


def test_digests(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.sha256_bytes(b"abc") == files.sha256_file(tmp_path / "a") == known
