"""Videos made in the test, through encoders of pictures and of sounds."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from mcgurk.data.column import Dense, Lazy, Ragged
from mcgurk.encoders.frames import timed_frames
from mcgurk.encoders.video_frames import VideoFrames
from mcgurk.errors import DataError
from mcgurk.nn.component import Encoder


class MeanColour(Encoder):
    """The mean of every channel; learns the brightest value it was shown."""

    kinds = ("image",)

    def prepare_fit(self, column: Dense) -> None:
        self.most_ = float(column.values.max())

    def prepare(self, column: Dense) -> Dense:
        assert column.values.dtype == np.uint8
        flat = column.values.reshape(len(column), -1, column.values.shape[-1] if column.values.ndim == 4 else 1)
        return Dense(flat.mean(axis=1) / getattr(self, "most_", 1.0), column.present, "vector")


class Trainable(MeanColour):
    trains = True


class Tokens(MeanColour):
    def prepare(self, column: Dense) -> Ragged:
        return Ragged.of([np.zeros((2, 3))] * len(column))


def ramp(count: int = 20, rate: int = 10) -> bytes:
    """Frames of growing brightness, 10 more each frame."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 48, 32, "yuv420p", 4_000_000
        for i in range(count):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 10 * i, np.uint8), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return file.getvalue()


RAMP = ramp()
ARRAY = np.repeat(np.repeat((10 * np.arange(20, dtype=np.uint8))[:, None, None, None], 32, 1), 48, 2).repeat(3, 3)


def test_sampled_frames_and_their_times() -> None:
    out = VideoFrames(MeanColour(), n_frames=4, size=32, pool=None).prepare(Lazy([RAMP, None], kind="video"))
    assert isinstance(out, Ragged) and out.lengths.tolist() == [4, 0] and out.present.tolist() == [True, False]
    assert out.times == pytest.approx([0.2, 0.7, 1.2, 1.7], abs=0.06)
    assert out.values[:, 0] == pytest.approx(100 * out.times, abs=4)


def test_file_and_array_agree() -> None:
    encoder = VideoFrames(MeanColour(), n_frames=4, size=32)
    from_file = encoder.prepare(Lazy([RAMP], kind="video")).values
    from_array = encoder.prepare(Ragged.of([ARRAY], kind="video")).values
    assert from_file.shape == from_array.shape == (1, 3) and from_file == pytest.approx(from_array, abs=4)
    assert encoder.prepare(Dense(ARRAY[None], kind="video")).values == pytest.approx(from_array)


def test_pooling_by_hand() -> None:
    clip = np.array([0, 10, 40], np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    column = Ragged.of([clip, None, clip[:1], clip[:0]], kind="video")
    out = VideoFrames(MeanColour(), n_frames=3, pool="mean+diff").prepare(column)
    assert out.values.tolist() == pytest.approx(np.array([[50 / 3, 20], [0, 0], [0, 0], [0, 0]]))
    assert out.present.tolist() == [True, False, True, True]
    assert VideoFrames(MeanColour(), n_frames=3).prepare(column).values[0, 0] == pytest.approx(50 / 3)


def test_rate_instead_of_number() -> None:
    column = Ragged(np.zeros((50, 4, 4), np.uint8), [0, 50], times=np.arange(50) / 25, kind="video")
    out = VideoFrames(MeanColour(), fps=5, pool=None).prepare(column)
    assert out.lengths.tolist() == [10] and out.times == pytest.approx(np.arange(10) / 5)
    assert VideoFrames(MeanColour(), fps=5, size=32, pool=None).prepare(Lazy([RAMP], kind="video")).lengths.tolist() == [10]


def test_several_videos_a_cell() -> None:
    out = VideoFrames(MeanColour(), n_frames=2, size=32).prepare(Lazy([(RAMP, RAMP), None], kind="video"))
    assert isinstance(out, Ragged) and out.lengths.tolist() == [2, 0]


def test_learning_from_training_frames_is_stored() -> None:
    encoder = VideoFrames(MeanColour(), n_frames=20, pool=None)
    encoder.prepare_fit(Ragged.of([ARRAY], kind="video"))
    assert encoder.frame_state_ == {"most_": 190.0}
    assert encoder.prepare(Ragged.of([ARRAY], kind="video")).values.max() == pytest.approx(1)
    again = VideoFrames(MeanColour(), n_frames=20, pool=None)
    again.frame_state_ = encoder.learned()["frame_state_"]
    assert again.fingerprint() == encoder.fingerprint() != VideoFrames(MeanColour(), n_frames=20, pool=None).fingerprint()
    encoder.prepare_fit(Lazy([(RAMP,), RAMP], kind="video"))
    assert encoder.frame_state_["most_"] == pytest.approx(190, abs=4)


def test_nothing_present() -> None:
    none = VideoFrames("image_stats", size=32).prepare(Lazy([None, None], kind="video"))
    some = VideoFrames("image_stats", size=32).prepare(Lazy([RAMP, None], kind="video"))
    assert none.values.shape == some.values.shape and not none.values.any()
    assert VideoFrames(MeanColour(), size=32, pool=None).prepare(Lazy([None], kind="video")).item == (3,)


@pytest.mark.parametrize(
    ("encoder", "word"),
    [
        (VideoFrames(MeanColour(), pool="max"), "'max'"),
        (VideoFrames(Trainable()), "frozen"),
        (VideoFrames(Tokens()), "one vector"),
        (VideoFrames(MeanColour(), n_frames=0), "n_frames 0"),
        (VideoFrames(MeanColour(), fps=-1), "fps -1"),
    ],
)
def test_errors(encoder: VideoFrames, word: str) -> None:
    with pytest.raises(DataError, match=word):
        encoder.prepare(Ragged.of([ARRAY], kind="video"))


def test_float_frames_are_refused() -> None:
    with pytest.raises(DataError, match="uint8 frames"):
        VideoFrames(MeanColour()).prepare(Ragged.of([np.zeros((3, 4, 4))], kind="video"))
    with pytest.raises(DataError, match="give one"):
        list(timed_frames(Ragged.of([ARRAY], kind="video"), 0, n_frames=1, fps=1))
