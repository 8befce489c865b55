"""A4: nothing a file or a name says makes mcgurk open a file outside the corpus or speak to the network."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import escapes
import media_factory
import pytest

from mcgurk.errors import MediaError

_IN_OPEN = 0x20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="FIFOs, sockets and inotify as on Linux")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[escapes.Place]:
    """A corpus; the kernel tells whether the canary beside it was opened, and the port whether anyone knocked."""
    corpus, canary = tmp_path / "corpus", tmp_path / "canary.mp4"
    corpus.mkdir()
    canary.write_bytes(media_factory.seed("mp4"))
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(watch, os.fsencode(canary), _IN_OPEN) >= 0
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        yield escapes.Place(corpus, canary, door.getsockname()[1])
        with pytest.raises(BlockingIOError):  # nobody knocked
            door.accept()
    with pytest.raises(BlockingIOError):  # nobody opened it
        os.read(watch, struct.calcsize("iIII") * 4)
    os.close(watch)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["canary.mp4", "corpus"]


@pytest.mark.parametrize("name", escapes.ESCAPES)
def test_refused(name: str, place: escapes.Place) -> None:
    with pytest.raises(MediaError) as caught:
        escapes.ESCAPES[name](place)
    assert caught.value.code in {"F01", "F02", "F04", "F05", "F08", "F09", "F10", "F12"}
    assert not (place.corpus / "out").exists(), "something was unpacked"


def test_enough_of_them() -> None:
    assert len(escapes.ESCAPES) >= 40


def test_the_watch_sees(place: escapes.Place, tmp_path: Path) -> None:
    """The guard itself works: opening another watched file leaves an event."""
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    other = place.write("other.txt", "x")
    libc.inotify_add_watch(watch, os.fsencode(other), _IN_OPEN)
    other.read_bytes()
    assert os.read(watch, 64)
    os.close(watch)
