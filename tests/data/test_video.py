"""Video: every container, packet times, sparse frames equal to the same frames of a full decode, rotation, limits."""

from __future__ import annotations

import struct
import warnings

import media_factory
import numpy as np
import pytest

from mcgurk.data import sampler as module
from mcgurk.data.limits import limits
from mcgurk.data.video import Video, iter_video, read_video, video_info
from mcgurk.errors import DataError, McgurkWarning, MediaError


def numbers(found: Video) -> list[int]:
    return [media_factory.number_of(frame) for frame in found.frames]


@pytest.mark.parametrize("name", media_factory.VIDEOS)
def test_every_container(name: str) -> None:
    found = read_video(media_factory.seed(name), sound=True)
    assert found.frames.shape == (50, 64, 64, 3) and found.frames.dtype == np.uint8
    assert numbers(found) == list(range(50))
    assert np.allclose(np.diff(found.times), 0.04, atol=0.0011)
    assert found.complete and found.rate == 25 and found.decoded_s == pytest.approx(2.0, abs=0.05)
    assert found.sound is not None and found.sound.decoded_s == pytest.approx(2.0, abs=0.06)
    info = video_info(media_factory.seed(name))
    assert (info.width, info.height, info.rate, info.has_sound) == (64, 64, 25.0, True)


@pytest.mark.parametrize("name", media_factory.VIDEOS)
def test_sampling(name: str) -> None:
    data = media_factory.seed(name)
    every = read_video(data)
    for options in ({"n_frames": 1}, {"n_frames": 8}, {"n_frames": 70}, {"fps": 3}, {"fps": 25}, {"fps": 40.0}):
        found = read_video(data, **options, size=(32, 48))
        assert found.frames.shape[1:] == (32, 48, 3) and found.complete
        assert np.isin(found.times, every.times).all() and (np.diff(found.times) >= 0).all()
        assert numbers(found) == [int(np.searchsorted(every.times, t)) for t in found.times]
    assert len(read_video(data, n_frames=8).times) == 8
    thirds = numbers(read_video(data, n_frames=2))
    assert thirds == [12, 37] or abs(thirds[0] - 12) + abs(thirds[1] - 37) <= 2


@pytest.mark.parametrize(
    "muxer,codec", [("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("mp4", "mpeg4"), ("mov", "mjpeg")]
)
@pytest.mark.parametrize("group", [5, 30])
def test_seeking_gives_the_frames_of_a_full_decode(muxer: str, codec: str, group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = media_factory.video(muxer, codec, seconds=8.0, group=group)
    seeks = []
    real = module.Sampler._seek
    monkeypatch.setattr(module.Sampler, "_seek", lambda self, *a: seeks.append(1) or real(self, *a))
    for options in ({"n_frames": 5}, {"n_frames": 23}, {"fps": 1.7}):
        sparse = read_video(data, **options)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_SEEKABLE", frozenset())
            full = read_video(data, **options)
        assert np.array_equal(sparse.times, full.times) and np.array_equal(sparse.frames, full.frames)
    assert seeks


@pytest.mark.parametrize("muxer,codec", [("matroska", "libx264"), ("mp4", "libx264"), ("webm", "libvpx-vp9")])
def test_variable_rate_uses_packet_times(muxer: str, codec: str) -> None:
    times = [0.0, 0.04, 0.5, 0.52, 1.3, 1.34, 1.38, 3.0, 3.5]
    data = media_factory.video(muxer, codec, times=times)
    assert np.allclose(read_video(data).times, times, atol=0.001)
    found = read_video(data, fps=2)
    assert numbers(found)[:7] == [0, 2, 3, 6, 6, 6, 7]


def test_streaming_gives_the_same_pairs() -> None:
    data = media_factory.seed("webm")
    found = read_video(data, fps=5)
    pairs = list(iter_video(data, fps=5))
    assert np.array_equal([t for t, _ in pairs], found.times) and np.array_equal(np.stack([f for _, f in pairs]), found.frames)


@pytest.mark.parametrize("muxer,codec", [("mp4", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("mpegts", "libx264")])
def test_key_frames_only(muxer: str, codec: str) -> None:
    data = media_factory.video(muxer, codec, seconds=4.0, group=20)
    keys = read_video(data, keyframes=True)
    assert numbers(keys) == [0, 20, 40, 60, 80] and keys.complete
    found = read_video(data, n_frames=8, keyframes=True)
    assert numbers(found) == [20 * (n // 20) for n in numbers(read_video(data, n_frames=8))] and found.complete


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rotation_as_a_phone_writes_it(turns: int) -> None:
    """The display matrix of an MP4 track header; the frame must come out as a player shows it."""
    import io

    import av

    left_bright = np.zeros((48, 64, 3), np.uint8)
    left_bright[:, :32] = 220
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(5):
            frame = av.VideoFrame.from_ndarray(left_bright, format="rgb24")
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    data = file.getvalue()
    one, none, minus = 1 << 16, 0, -(1 << 16)
    matrix = {0: (one, none, none, one), 1: (none, one, minus, none), 2: (minus, none, none, minus), 3: (none, minus, one, none)}[turns]
    at = data.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    data = data[:at] + struct.pack(">iiiiiiiii", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]
    shown = read_video(data).frames[0]
    expected = np.rot90(left_bright, -turns)  # the matrix turns clockwise
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 12
    assert read_video(data, size=(20, 30)).frames.shape[1:] == (20, 30, 3)


def test_no_sound_track_is_none() -> None:
    assert read_video(media_factory.video("mp4", "libx264"), sound=True).sound is None


def test_no_picture() -> None:
    with pytest.raises(MediaError, match="holds no picture stream, only audio") as caught:
        read_video(media_factory.seed("m4a"))
    assert caught.value.code == "F07"


@pytest.mark.parametrize("options", [{}, {"n_frames": 8}, {"fps": 4}])
def test_a_cut_video_is_never_padded(options: dict[str, float]) -> None:
    data = media_factory.seed("mkv")
    with pytest.warns(McgurkWarning, match="get the whole file again") as caught:
        found = read_video(data[: len(data) // 2], **options)
    assert not found.complete and len(found.frames) == len(np.unique(found.times))
    assert found.times[-1] <= found.decoded_s < 1.5
    assert {w.message.code for w in caught} == {"F06"}


def test_frames_without_times_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Timeless:
        def __init__(self, frame: object) -> None:
            self.frame, self.pts = frame, None

        def __getattr__(self, name: str) -> object:
            return getattr(self.frame, name)

    real = module.libav.frames
    monkeypatch.setattr(module.libav, "frames", lambda *a, **k: (Timeless(f) for f in real(*a, **k)))
    monkeypatch.setattr(module.Sampler, "_pixels", lambda self, frame: frame.frame.to_ndarray(format="rgb24"))
    with pytest.warns(McgurkWarning, match="carry no time") as caught:
        found = read_video(media_factory.seed("avi"))
    assert np.allclose(found.times, np.arange(50) / 25)
    assert {w.message.code for w in caught} == {"T06"}


@pytest.mark.parametrize(
    ("changes", "options", "code"),
    [
        ({"max_pixels": 1000}, {}, "B01"),
        ({"max_video_pixels": 100_000}, {}, "B02"),
        ({"max_video_pixels": 100_000}, {"fps": 25}, "B02"),
        ({"max_video_pixels": 100_000}, {"n_frames": 30}, "B02"),
        ({"max_frames": 10}, {}, "B03"),
        ({"max_frames": 10}, {"fps": 20}, "B03"),
    ],
)
@pytest.mark.parametrize("name", ["mp4", "webm", "ts", "flv"])
def test_limits(changes: dict[str, float], options: dict[str, float], code: str, name: str) -> None:
    with limits(**changes), pytest.raises(MediaError) as caught:
        read_video(media_factory.seed(name), **options)
    assert caught.value.code == code or (name, code, caught.value.code) == ("webm", "B01", "F05")  # vp9 then reports no size at all


def test_long_videos_stream_within_the_budget() -> None:
    with limits(max_video_pixels=64 * 64 * 10):
        assert sum(1 for _ in iter_video(media_factory.seed("flv"))) == 50


@pytest.mark.parametrize("options", [{"fps": 1, "n_frames": 2}, {"fps": 0}, {"fps": 1e9}, {"n_frames": 0}, {"n_frames": 1.5}, {"size": 0}])
def test_impossible_options(options: dict[str, object]) -> None:
    with pytest.raises(DataError):
        read_video(media_factory.seed("mp4"), **options)


@pytest.mark.parametrize("data", [b"", b"nothing", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3" + bytes(50), b"RIFF\x10\0\0\0AVI "])
def test_what_is_no_video(data: bytes) -> None:
    for call in (read_video, video_info):
        with pytest.raises(MediaError) as caught:
            call(data)
        assert caught.value.code in ("F04", "F05")


def test_gif_plays() -> None:
    import io

    from PIL import Image

    file = io.BytesIO()
    frames = [Image.fromarray(media_factory.picture(k)) for k in (1, 2, 4, 8)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=200)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_video(file.getvalue(), n_frames=4)
    assert numbers(found) == [1, 2, 4, 8] and np.allclose(found.times, [0, 0.2, 0.4, 0.6])
