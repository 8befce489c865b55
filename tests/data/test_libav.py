"""PyAV's doors: what may be opened, which stream, which codec, and what a file promises."""

from __future__ import annotations

import io
import warnings

import media_factory
import pytest

from mcgurk.data import libav
from mcgurk.data.audio import read_audio
from mcgurk.data.source import opened
from mcgurk.data.video import read_video
from mcgurk.errors import McgurkWarning, MediaError


@pytest.mark.parametrize("name", [*media_factory.VIDEOS, *media_factory.TRACKS])
def test_declared_length_and_zero(name: str) -> None:
    with opened(media_factory.seed(name)) as file, libav.container(file) as container:
        stream = libav.stream(container, "audio", "x")
        found = libav.declared(container, stream)
        assert found is None or found == pytest.approx(2.0, abs=0.1)
        assert 0 <= libav.zero(container) < 2
        assert stream.codec_context.thread_count == 1


def test_only_listed_containers_open() -> None:
    """NUT is a fine container that is not on the list."""
    with opened(media_factory.video("nut", "mpeg4")) as file, pytest.raises(Exception, match="Invalid"):
        libav.container(file)


def test_only_listed_codecs_open() -> None:
    data = media_factory.video("avi", "ffvhuff")
    with pytest.raises(MediaError, match="coded as ffvhuff") as caught:
        read_video(data)
    assert caught.value.code == "F04"


def test_a_cover_is_no_video() -> None:
    """The picture in the tag of an M4A makes it no film."""
    import av

    file = io.BytesIO()
    with av.open(io.BytesIO(media_factory.seed("m4a"))) as old, av.open(file, "w", format="mp4") as new:
        sound = new.add_stream_from_template(old.streams.audio[0])
        cover = new.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 16, 16, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(media_factory.still("JPEG", size=(16, 16)))
        packet.stream, packet.pts, packet.dts = cover, 0, 0
        new.start_encoding()
        new.mux(packet)
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = sound
                new.mux(packet)
    data = file.getvalue()
    assert read_audio(data).complete
    with pytest.raises(MediaError) as caught:
        read_video(data)
    assert caught.value.code == "F07"


@pytest.mark.parametrize(("text", "seconds"), [("00:01:02.500000000", 62.5), ("1:0:0", 3600), ("x", None), ("a:b:c", None), ("1:2", None)])
def test_clock(text: str, seconds: float | None) -> None:
    assert libav._clock(text) == seconds


@pytest.mark.parametrize("offset", [0, 3000, 7000])
@pytest.mark.parametrize("name", ["mp4", "mkv", "webm", "ts", "flv"])
@pytest.mark.parametrize("options", [{}, {"n_frames": 24}])
def test_a_damaged_middle_is_said(name: str, offset: int, options: dict[str, int]) -> None:
    """Neither fatal nor silent: demuxers skip over damage to the next place they can read."""
    data = bytearray(media_factory.seed(name))
    middle = len(data) // 2 + offset
    data[middle : middle + 3000] = b"\x55" * 3000
    with pytest.warns(McgurkWarning) as caught:
        found = read_video(bytes(data), **options)
    assert not found.complete and {w.message.code for w in caught} == {"F06"}
    assert len(found.frames) > 10


def test_a_variable_rate_is_no_damage() -> None:
    data = media_factory.video("matroska", "libx264", times=[0.0, 0.04, 2.0, 2.04, 9.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_video(data).complete and read_video(data, n_frames=4).complete
