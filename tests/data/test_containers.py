"""Container walkers: a whole file says nothing, a cut one says what is missing, random bytes never raise."""

from __future__ import annotations

import io
import struct

import media_factory
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcgurk.data import containers
from mcgurk.data.containers import magic, shortfall
from mcgurk.data.mpegaudio import id3_end, mp3_frame


def judge(data: bytes) -> str | None:
    return shortfall(io.BytesIO(data), len(data), magic(data[:4096]))


MORE = {
    "au": lambda: media_factory.sound("AU", "PCM_16"),
    "caf": lambda: media_factory.sound("CAF", "PCM_16"),
    "w64": lambda: media_factory.sound("W64", "PCM_16"),
    "rf64": lambda: media_factory.sound("RF64", "PCM_16"),
    "adts": lambda: media_factory.track("adts", "aac"),
    "asf": lambda: media_factory.video("asf", "mpeg4"),
    "fragmented": lambda: media_factory.video("mp4", "libx264", options={"movflags": "frag_keyframe+empty_moov"}),
    "live": lambda: media_factory.video("matroska", "libx264", options={"live": "1"}),
}
WHOLE = {**{n: (lambda n=n: media_factory.seed(n)) for n in media_factory.NAMES}, **MORE}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_say_nothing(name: str) -> None:
    assert judge(WHOLE[name]()) is None


@pytest.mark.parametrize("name", [n for n in WHOLE if n not in (*media_factory.PICTURES, "flac", "ts")])
def test_cut_files_say_so(name: str) -> None:
    data = WHOLE[name]()
    missed = [share for share in np.linspace(0.2, 0.95, 40) if judge(data[: int(len(data) * share)]) is None]
    assert len(missed) <= (2 if name in ("live", "fragmented", "adts") else 0), missed  # these end whole where a piece of them does


def test_a_transport_stream_shows_only_a_cut_packet() -> None:
    data = media_factory.seed("ts")
    assert judge(data[: 188 * 100 + 7]) == "its last packet is cut"
    assert judge(data[: 188 * 100]) is None


def test_rubbish_behind_a_wav_is_no_matter() -> None:
    assert judge(media_factory.seed("wav") + b"TAG and other things of an editor" * 5) is None


def test_several_riffs() -> None:
    """AVI files above a gigabyte continue in further RIFF chunks; the last one counts."""
    chunk = b"RIFF" + struct.pack("<I", 4 + 8 + 100) + b"AVIX" + b"movi" + struct.pack("<I", 100) + bytes(100)
    first = chunk.replace(b"AVIX", b"AVI ")
    assert judge(first + chunk) is None
    assert judge(first + chunk[:-1]) is not None


def test_mp3_frames_end_to_end() -> None:
    """Without a Xing header the last frame decides."""
    data = media_factory.seed("lame")
    first = id3_end(io.BytesIO(data))
    frame = mp3_frame(data[first : first + 4])
    assert frame is not None and frame[1:] == (1152, 44_100)
    plain = data[first + frame[0] :]
    assert judge(plain) is None and judge(plain + b"TAG" + bytes(125)) is None
    assert judge(plain[:-1]) is not None
    assert judge(data[: first - 1]) == "no sound follows its tags"


HEADERS = {0xFFFB9064: (417, 1152, 44_100), 0xFFF38064: (208, 576, 22_050), 0xFFFBF064: None, 0xFFEB9064: None, 0xFFF99064: None}


@pytest.mark.parametrize("head", HEADERS)
def test_frame_headers(head: int) -> None:
    """128 kb/s at 44.1 kHz makes frames of 417 bytes; 64 kb/s at 22.05 kHz (half the samples) of 208."""
    assert mp3_frame(struct.pack(">I", head)) == HEADERS[head]


def test_layer_one_counts_slots_of_four() -> None:
    assert mp3_frame(b"\xff\xff\x90\x00") == (4 * (12 * 288_000 // 44_100), 384, 44_100)


KINDS = sorted({m[2] for m in containers._MAGIC} | set(containers._WALKERS))


@given(st.sampled_from(KINDS), st.binary(max_size=400))
def test_no_bytes_raise(kind: str, tail: bytes) -> None:
    heads = [mark for start, mark, name in containers._MAGIC if name == kind and start == 0] or [b""]
    data = heads[0] + tail
    magic(data)
    found = shortfall(io.BytesIO(data), len(data), kind)
    assert found is None or isinstance(found, str)
