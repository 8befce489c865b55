"""Video: frames and the packet times they are shown at, all of them or a sparse sample found by seeking."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

import numpy as np

from mcgurk.data import libav
from mcgurk.data.audio import Audio, read_audio
from mcgurk.data.limits import check
from mcgurk.data.sampler import Sampler, video_kind
from mcgurk.data.source import Source, decoding, fail, opened
from mcgurk.errors import MediaError


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Video:
    """Decoded frames on the file's own clock.

    Args:
        frames: uint8 (T, height, width, 3), upright.
        times: float64 (T,), seconds at which each frame is first shown, from its packet; never index / rate.
        rate: frames a second that the header claims; None where it does not. For information: use ``times``.
        complete: False when the file promises more than was decoded.
        declared_s: seconds the file promises for the picture; None where it makes no promise.
        decoded_s: seconds up to the end of the last frame reached.
        sound: the sound track, when asked for and there.
    """

    frames: np.ndarray
    times: np.ndarray
    rate: float | None
    complete: bool
    declared_s: float | None
    decoded_s: float
    sound: Audio | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video's header says; ``frames`` and ``declared_s`` are claims, not counts."""

    width: int
    height: int
    rate: float | None
    declared_s: float | None
    frames: int | None
    codec: str
    has_sound: bool


def read_video(
    source: Source,
    *,
    fps: float | None = None,
    n_frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    keyframes: bool = False,
    sound: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> Video:
    """Decode a video to RGB frames and their times.

    The frame at time t is the one on display at t: the last whose packet time is not after t. ``fps`` takes t = k / fps on the
    file's clock, ``n_frames`` the middles of n equal parts of its length, neither takes every frame. Where the file has an index and
    the next wanted time lies behind a later key frame, the reader seeks there; the frames are the same as without seeking.
    Frames beyond the end of a truncated file are left out, never repeated; ``complete`` is then False and warning F06 says why.

    Not for hours of video at full rate (B02): give ``fps``, ``n_frames`` or ``size``, or stream with :func:`iter_video`.

    Args:
        source: path or bytes.
        fps: frames a second of the result.
        n_frames: number of frames of the result.
        size: (height, width) of the result, or one number for both.
        keyframes: take key frames only, several times quicker: for each time the last key frame not after it.
        sound: also decode the sound track, where there is one.
        root: folder the file must lie in, links resolved.

    Shapes:
        frames (T, height, width, 3), times (T,) in seconds.

    Raises:
        MediaError: F01 to F03, F09 (see ``opened``), F04 format not read here, F05 damaged, F07 no picture, B01 pixels of a frame,
            B02 pixels of all frames, B03 frames, B12 time.
        DataError: both ``fps`` and ``n_frames``, or a value that is not positive.

    Example:
        >>> from mcgurk.data.video import read_video
        >>> read_video("clip.mp4", n_frames=8, size=224).frames.shape  # doctest: +SKIP
        (8, 224, 224, 3)
    """
    with opened(source, root=root) as file, decoding(file.name), Sampler(file, fps, n_frames, size, keyframes) as sampler:
        times, frames = [], []
        for moment, pixels in sampler:
            times.append(moment)
            frames.append(pixels)
            shown = len(frames) * pixels.shape[0] * pixels.shape[1]
            check("max_video_pixels", shown, f"{len(frames):,} frames have {shown:,} pixels", file.name)
        if not frames:
            fail(
                "F05", file.name, "no frame of it can be decoded: damaged, or larger than limit max_pixels", "replace or re-encode the file"
            )
        order = np.argsort(times, kind="stable")
        video = Video(
            np.stack(frames)[order] if np.any(np.diff(order) < 0) else np.stack(frames),
            np.asarray(times, dtype=np.float64)[order],
            sampler.rate,
            sampler.complete(),
            sampler.declared,
            sampler.end,
        )
    return dataclasses.replace(video, sound=_sound(source, root)) if sound else video


def iter_video(
    source: Source,
    *,
    fps: float | None = None,
    n_frames: int | None = None,
    size: int | tuple[int, int] | None = None,
    keyframes: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> Iterator[tuple[float, np.ndarray]]:
    """The (time, frame) pairs of :func:`read_video`, one at a time: memory does not grow with the length.

    Args and Raises: as in :func:`read_video`, without B02.

    Example:
        >>> from mcgurk.data.video import iter_video
        >>> mean = [frame.mean() for _, frame in iter_video("clip.mp4", fps=1)]  # doctest: +SKIP
    """
    with opened(source, root=root) as file, decoding(file.name), Sampler(file, fps, n_frames, size, keyframes) as sampler:
        yield from sampler
        sampler.complete()


def video_info(source: Source, *, root: str | os.PathLike[str] | None = None) -> VideoInfo:
    """Size, rate, length and tracks from the header; the checks of :func:`read_video`, no frame returned."""
    with opened(source, root=root) as file, decoding(file.name):
        video_kind(file)
        with libav.container(file) as container:
            stream = libav.stream(container, "video", file.name)
            context, rate = stream.codec_context, stream.average_rate
            return VideoInfo(
                context.width,
                context.height,
                float(rate) if rate else None,
                libav.declared(container, stream),
                int(stream.frames) or None,
                context.codec.name,
                any(s.type == "audio" for s in container.streams),
            )


def _sound(source: Source, root: str | os.PathLike[str] | None) -> Audio | None:
    try:
        return read_audio(source, root=root)
    except MediaError as error:
        if error.code == "F07":
            return None
        raise
