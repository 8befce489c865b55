"""The front door: kinds by first bytes, dispatch, text."""

from __future__ import annotations

from pathlib import Path

import media_factory
import numpy as np
import pytest

from mcgurk.data.media import Audio, Video, open_media, read_text, sniff
from mcgurk.errors import McgurkWarning, MediaError


def kind_of(name: str) -> str:
    return "video" if name in media_factory.VIDEOS else "image" if name in media_factory.PICTURES else "audio"


@pytest.mark.parametrize("name", media_factory.NAMES)
def test_sniff_by_bytes_whatever_the_name(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(media_factory.seed(name))
    (tmp_path / f"a.{name}").write_bytes(media_factory.seed(name))
    assert sniff(tmp_path / f"a.{name}") == sniff(media_factory.seed(name)) == sniff(tmp_path / "a.txt") == kind_of(name)


def test_sniff_by_name_where_bytes_say_nothing(tmp_path: Path) -> None:
    assert [sniff(n) for n in ("x.JPG", "x.opus", "x.mov", "x.eaf")] == ["image", "audio", "video", "text"]
    assert [sniff(n) for n in ("x.bin", "x", "")] == [None, None, None]
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "b.csv").write_bytes(b"a\0b")
    (tmp_path / "c.png").write_text("not a picture")
    assert [sniff(tmp_path / n) for n in ("a.csv", "b.csv", "c.png")] == ["text", None, None]
    assert (sniff("žluťoučký".encode()), sniff(b"\xff\xfe\0"), sniff(b""), sniff(b"#EXTM3U\n")) == ("text", None, None, None)
    (tmp_path / "voice.m4a").write_bytes(media_factory.video("mp4", "libx264"))
    assert sniff(tmp_path / "voice.m4a") == "audio"


@pytest.mark.parametrize("name", media_factory.NAMES)
def test_open_media_gives_what_it_is(name: str) -> None:
    found = open_media(media_factory.seed(name))
    assert isinstance(found, {"video": Video, "image": np.ndarray, "audio": Audio}[kind_of(name)])


def test_options_and_kind_reach_the_reader(tmp_path: Path) -> None:
    assert open_media(media_factory.seed("mp4"), n_frames=3, size=16).frames.shape == (3, 16, 16, 3)
    assert open_media(media_factory.seed("mp4"), kind="audio", rate=8000).rate == 8000
    (tmp_path / "a.txt").write_text("slovo")
    assert open_media(tmp_path / "a.txt", root=tmp_path) == "slovo"


def test_a_container_without_a_picture_is_a_sound(tmp_path: Path) -> None:
    assert isinstance(open_media(media_factory.track("matroska", "libopus")), Audio)
    with pytest.raises(MediaError) as caught:
        open_media(media_factory.seed("mp4")[:2000])
    assert caught.value.code == "F05"


@pytest.mark.parametrize("name", ["a.m3u8", "a.sdp", "a.pls"])
def test_playlists_are_refused_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(media_factory.seed("wav"))
    with pytest.raises(MediaError) as caught:
        open_media(tmp_path / name)
    assert caught.value.code == "F08"


def test_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_bytes(b"MZ\0\0")
    with pytest.raises(MediaError, match=r"a\.exe: is no picture") as caught:
        open_media(tmp_path / "a.exe")
    assert caught.value.code == "F04"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"\xef\xbb\xbfab", "ab"), ("ab".encode("utf-16"), "ab"), ("\u202eab".encode(), "\u202eab"), (b"", ""), (b"a\0b", "a\0b")],
)
def test_text(data: bytes, text: str) -> None:
    assert read_text(data) == text


@pytest.mark.parametrize(("data", "text"), [("naïve".encode("cp1252"), "naïve"), (b"\xff\xfea", "ÿþa"), (b"\x81a", "\ufffda")])
def test_other_encodings_are_said(data: bytes, text: str) -> None:
    with pytest.warns(McgurkWarning, match="Windows-1252") as caught:
        assert read_text(data) == text
    assert {w.message.code for w in caught} == {"X01"}
