"""Sound tracks of videos made in the test."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from mcgurk.data.column import Lazy, Ragged
from mcgurk.encoders.audio_stats import AudioStats
from mcgurk.encoders.video_sound import VideoSound
from mcgurk.errors import DataError


def film(hz: float | None, seconds: int = 1) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        picture = container.add_stream("mpeg4", rate=10)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=16000, layout="mono") if hz else None
        for i in range(10 * seconds):
            for packet in picture.encode(av.VideoFrame.from_ndarray(np.full((32, 32, 3), 5 * i, np.uint8), format="rgb24")):
                container.mux(packet)
        for packet in picture.encode(None):
            container.mux(packet)
        if sound:
            tone = (16000 * np.sin(2 * np.pi * hz * np.arange(16000 * seconds) / 16000)).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            frame.sample_rate = 16000
            for packet in [*sound.encode(frame), *sound.encode(None)]:
                container.mux(packet)
    return file.getvalue()


def test_the_sound_is_heard_and_silent_films_are_absent() -> None:
    column = Lazy([film(440), film(None), None], kind="video")
    out = VideoSound("audio_stats").prepare(column)
    assert out.present.tolist() == [True, False, False] and not out.values[1:].any()
    tone = 16000 / 32768 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    expected = AudioStats().prepare(Ragged.of([tone], kind="audio")).values[0]
    assert out.values[0, :8] == pytest.approx(expected[:8], abs=0.01)  # the cepstra of a pure tone show the 16 bits


def test_sequences_and_several_films() -> None:
    both = Lazy([(film(220), film(None), film(440)), None], kind="video")
    out = VideoSound("audio_stats").prepare(both)
    assert isinstance(out, Ragged) and out.lengths.tolist() == [2, 0]
    steps = VideoSound(("log_mel", {"n_mels": 8})).prepare(Lazy([film(220)], kind="video"))
    assert steps.item == (8,) and steps.lengths[0] >= 99 and steps.times is not None


def test_fit_and_fingerprint() -> None:
    encoder = VideoSound(AudioStats())
    encoder.prepare_fit(Lazy([(film(220),), film(440)], kind="video"))
    assert encoder.learned() == {"sound_state_": {}}
    assert encoder.fingerprint() != VideoSound(AudioStats(mid_window=2.0)).fingerprint()


def test_frames_have_no_sound() -> None:
    with pytest.raises(DataError, match="Ragged column"):
        VideoSound().prepare(Ragged.of([np.zeros((3, 4, 4), np.uint8)], kind="video"))
