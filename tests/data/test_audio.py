"""Sound: every format, rate, channels, clock; truncation and damage are said."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import media_factory
import numpy as np
import pytest
import soundfile

from mcgurk.data.audio import AudioInfo, audio_info, read_audio
from mcgurk.data.limits import limits
from mcgurk.errors import DataError, McgurkWarning, MediaError

HOLDERS = [n for n in media_factory.NAMES if n not in media_factory.PICTURES]


def hertz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("rate", [None, 16_000, 8_000])
def test_every_holder_of_sound(name: str, rate: int | None) -> None:
    sound = read_audio(media_factory.seed(name), rate=rate)
    assert sound.samples.dtype == np.float32 and sound.samples.ndim == 1 and sound.samples.flags.c_contiguous
    assert rate is None or sound.rate == rate
    assert sound.complete and sound.decoded_s == pytest.approx(2.0, abs=0.06)
    assert len(sound.samples) / sound.rate == pytest.approx(sound.decoded_s, abs=0.001)
    assert hertz(sound.samples, sound.rate) == pytest.approx(440, abs=2)
    assert np.abs(sound.samples).max() < 1 and sound.samples.std() > 0.15
    info = audio_info(media_factory.seed(name))
    assert info.channels == 1 and (rate is not None or info.rate == sound.rate)


def test_wav_is_exact_and_channels_are_averaged() -> None:
    both = np.stack([media_factory.tone(0.5), -0.5 * media_factory.tone(0.5)], 1)
    file = io.BytesIO()
    soundfile.write(file, both, 16_000, format="WAV", subtype="FLOAT")
    assert np.array_equal(read_audio(file.getvalue(), mono=False).samples, both)
    assert np.allclose(read_audio(file.getvalue()).samples, both.mean(1), atol=1e-7)
    assert audio_info(file.getvalue()) == AudioInfo(16_000, 2, 0.5)


def test_blocks_make_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decoding and resampling in small pieces gives what one piece gives."""
    data = media_factory.sound("FLAC", "PCM_16", seconds=3.0, rate=44_100, channels=2)
    whole = read_audio(data, rate=16_000, mono=False).samples
    monkeypatch.setattr("mcgurk.data.audio._BLOCK", 2_000)
    pieces = read_audio(data, rate=16_000, mono=False).samples
    assert whole.shape == pieces.shape == (48_000, 2)
    assert np.abs(whole - pieces).max() < 1e-6


def test_resampling_agrees_with_one_call() -> None:
    import soxr

    data = media_factory.seed("wav")
    plain = read_audio(data).samples
    assert np.abs(read_audio(data, rate=11_025).samples - soxr.resample(plain, 16_000, 11_025)).max() < 1e-5


def test_a_late_sound_track_says_when_it_starts() -> None:
    import av

    file = io.BytesIO()
    with av.open(io.BytesIO(media_factory.seed("mkv"))) as old, av.open(file, "w", format="matroska") as new:
        streams = {s.index: new.add_stream_from_template(s) for s in old.streams}
        for packet in old.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "audio":
                packet.pts += 500
                packet.dts += 500
            packet.stream = streams[packet.stream.index]
            new.mux(packet)
    assert read_audio(file.getvalue()).start_s == pytest.approx(0.5, abs=0.03)


def test_an_empty_sound_is_present_and_empty() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(0, np.float32), 16_000, format="WAV")
    with pytest.warns(McgurkWarning, match="no samples") as caught:
        sound = read_audio(file.getvalue())
    assert sound.samples.shape == (0,) and sound.complete
    assert {w.message.code for w in caught} == {"M03"}


@pytest.mark.parametrize("name", ["wav", "mp3", "webm", "lame"])
def test_a_cut_sound_warns(name: str) -> None:
    data = media_factory.seed(name)
    with pytest.warns(McgurkWarning, match="get the whole file again") as caught:
        sound = read_audio(data[: int(0.6 * len(data))])
    assert not sound.complete and 0 < sound.decoded_s < 1.9
    assert "F06" in {w.message.code for w in caught}


def test_streamed_wav_makes_no_promise() -> None:
    """Writers to a pipe leave sizes of 0 or 2^32 - 1; such a file is whole."""
    for claim in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
        data = bytearray(media_factory.seed("wav"))
        data[4:8] = claim
        at = data.index(b"data")
        data[at + 4 : at + 8] = claim if claim[0] else data[at + 4 : at + 8]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_audio(bytes(data)).complete


def test_no_sound_track() -> None:
    with pytest.raises(MediaError, match="holds no sound stream, only video") as caught:
        read_audio(media_factory.video("mp4", "libx264"))
    assert caught.value.code == "F07"


@pytest.mark.parametrize(
    ("changes", "name", "code"),
    [
        ({"max_audio_seconds": 1}, "flac", "B04"),
        ({"max_audio_seconds": 1}, "mkv", "B04"),
        ({"max_audio_seconds": 1}, "flv", "B04"),
        ({"max_audio_bytes": 1000}, "ogg", "B13"),
        ({"max_rate": 8000}, "wav", "B06"),
        ({"max_rate": 8000}, "m4a", "B06"),
    ],
)
def test_limits(changes: dict[str, float], name: str, code: str) -> None:
    with limits(**changes), pytest.raises(MediaError) as caught:
        read_audio(media_factory.seed(name))
    assert caught.value.code == code


def test_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcgurk.data.limits.time.monotonic", iter(range(0, 10**9, 1000)).__next__)
    with pytest.raises(MediaError) as caught:
        read_audio(media_factory.seed("wav"))
    assert caught.value.code == "B12"


@pytest.mark.parametrize("rate", [0, -1, 1.5, True, "x"])
def test_impossible_rates(rate: object) -> None:
    with pytest.raises(DataError):
        read_audio(media_factory.seed("wav"), rate=rate)  # type: ignore[arg-type]
    with pytest.raises(MediaError, match="asked for"):
        read_audio(media_factory.seed("wav"), rate=10**6)


@pytest.mark.parametrize("data", [b"", b"nothing", b"OggS" + bytes(100), b"RIFF\x10\0\0\0WAVE", b"fLaC" + bytes(50), b"ID3" + bytes(40)])
def test_what_is_no_sound(data: bytes) -> None:
    for call in (read_audio, audio_info):
        with pytest.raises(MediaError) as caught:
            call(data)
        assert caught.value.code in ("F04", "F05", "F06")


def test_real_sounds(data_root: Callable[[str], Path]) -> None:
    with zipfile.ZipFile(data_root("esc10") / "audio_22k_ogg.zip") as archive:
        for name in archive.namelist()[:5]:
            sound = read_audio(archive.read(name), rate=16_000)
            assert sound.complete and 3 < sound.decoded_s < 8
