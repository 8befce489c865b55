"""Which frames of a video, and when: in order or by seeking, on packet times, with an account of what was lost."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from mcgurk.data import libav
from mcgurk.data.containers import magic, shortfall
from mcgurk.data.ebml import broken_chain
from mcgurk.data.limits import Deadline, check
from mcgurk.data.source import Opened, fail
from mcgurk.errors import DataError, McgurkWarning

_CONTAINERS = frozenset({"mp4", "matroska", "avi", "mpegts", "mpeg", "flv", "asf", "ogv", "gif"})
_SEEKABLE = frozenset({"mp4", "matroska"})
_FAR = 2.0
_BACK = (0.0, 2.0, 10.0, float("inf"))
_GAP = 4.0


def video_kind(file: Opened) -> str:
    """The container's name, when it is one that holds pictures."""
    head = file.head()
    kind = magic(head)
    kind = "ogv" if kind == "ogg" else kind
    if kind not in _CONTAINERS:
        remedy = "give MP4, MOV, WebM, MKV, AVI, MPEG, FLV or OGV"
        fail("F04", file.name, "the file is empty" if not head else "is no video of a format read here", remedy)
    return str(kind)


class Sampler:
    """Iterates (time, pixels) at the wanted times; afterwards knows how far it came and whether the file was whole."""

    def __init__(
        self, file: Opened, fps: float | None, n_frames: int | None, size: int | tuple[int, int] | None, keyframes: bool = False
    ) -> None:
        from av.video.reformatter import VideoReformatter

        self._size = _checked(fps, n_frames, size)
        self._file, self.kind = file, video_kind(file)
        self._container = libav.container(file)
        try:
            self._stream = libav.stream(self._container, "video", file.name)
        except BaseException:
            self._container.close()
            raise
        self._reformatter, self._deadline = VideoReformatter(), Deadline(file.name, file.size)
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.rate = float(rate) if rate and float(rate) < 1e5 else None
        self.declared = libav.declared(self._container, self._stream)
        self._zero, self._tick = libav.zero(self._container), float(self._stream.time_base or 0.001)
        self.end, self._bad, self._guessed, self._decoded, self._last, self._gap = 0.0, 0, 0, 0, -1.0, False
        self._fps, self._n, self._sparse = fps, n_frames, keyframes
        if keyframes:  # nothing is reordered then, so nothing need be waited for
            self._stream.codec_context.flags |= 1 << 19
        self._whole = fps is None and n_frames is None
        self._reached = False

    def __enter__(self) -> Sampler:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        if self._whole or self.kind not in _SEEKABLE:
            claimed = int(self._stream.frames or (self.declared or 0.0) * (self.rate or 0.0))
            check("max_frames", claimed, f"the video has about {claimed:,} frames", self._file.name)
        if self._whole:
            self._within_budget(claimed)
            for moment, frame in self._frames():
                yield moment, self._pixels(frame)
            self._reached = True
            return
        targets = self._targets()
        if self.kind == "matroska":
            self._container.seek(0)  # reads the index, which this demuxer otherwise leaves until a first seek
        for moment, frame in self._displayed(targets):
            yield moment, self._pixels(frame)

    def _targets(self) -> np.ndarray:
        """Wanted seconds, ascending."""
        length = self._length()
        if self._n is not None:
            self._within_budget(self._n)
            start = float((self._stream.start_time or 0) * self._tick) - self._zero
            return start + (np.arange(self._n) + 0.5) * length / self._n
        assert self._fps is not None
        count = max(int(np.ceil(length * self._fps - 1e-6)), 1)
        check("max_frames", count, f"{self._fps:g} frames a second of {length:,.0f} s are {count:,} frames", self._file.name)
        self._within_budget(count)
        return np.arange(count) / self._fps

    def _length(self) -> float:
        """The picture's length: declared, or where nothing is declared counted from the packets."""
        length = self.declared
        if length is None and self._container.duration is not None and self.kind != "gif":
            length = self._container.duration / 1_000_000
        if length is None or length <= 0:
            length = self._scan()
        return length

    def _scan(self) -> float:
        """Demux without decoding; the end of the last packet."""
        end = 0.0
        for count, packet in enumerate(self._container.demux(self._stream)):
            check("max_frames", count, f"the video has more than {count:,} packets", self._file.name)
            if packet.pts is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * self._tick - self._zero)
            if count % 1000 == 0:
                self._deadline.check()
        self._container.seek(0)
        return max(end, self._tick)

    def _within_budget(self, count: int) -> None:
        """Refuse by the header's own claim, before a frame is decoded."""
        context = self._stream.codec_context
        width, height = self._size or (context.width, context.height)
        total = count * width * height
        check("max_video_pixels", total, f"{count:,} frames of {width:,} x {height:,} have {total:,} pixels", self._file.name)

    def _frames(self) -> Iterator[tuple[float, Any]]:
        """Decode from where the demuxer stands; a frame without a time follows its predecessor by one nominal step."""
        for frame in libav.frames(self._container, self._stream, self._count, keys=self._sparse):
            self._decoded += 1
            check("max_frames", self._decoded, f"more than {self._decoded:,} frames were decoded", self._file.name)
            self._deadline.check()
            step = 1 / self.rate if self.rate else 0.04
            if not self._sparse and frame.pts is not None and 0 <= self._last < frame.pts * self._tick - self._zero - _GAP * step:
                self._gap = True
            if frame.pts is None:
                moment = self._last + step if self._last >= 0 else 0.0
                self._guessed += 1
            else:
                moment = frame.pts * self._tick - self._zero
            self._last = moment
            self.end = max(self.end, moment + (float(frame.duration * self._tick) if frame.duration else step))
            yield moment, frame

    def _count(self, _: Any) -> None:
        self._bad += 1

    def _displayed(self, targets: np.ndarray) -> Iterator[tuple[float, Any]]:
        """For each target the last frame not after it (the first frame for targets before it)."""
        slack = min(0.5 * self._tick, 5e-4) + 1e-9
        frames = self._frames()
        shown: tuple[float, Any] | None = None
        ahead: tuple[float, Any] | None = next(frames, None)
        for target in targets:
            if ahead is not None and self._worth_seeking(ahead[0], float(target)):
                frames, ahead = self._seek(float(target), slack)
                shown = None
            while ahead is not None and (ahead[0] <= target + slack or shown is None):
                if shown is not None and ahead[0] > target + slack:
                    break
                shown, ahead = ahead, next(frames, None)
            if shown is None:
                break
            if ahead is None and target > self.end + slack and self._cut():
                break
            yield shown
        else:
            self._reached = True

    def _worth_seeking(self, here: float, target: float) -> bool:
        """Whether a key frame lies between here and the target, by the index, or where it cannot say, by the distance."""
        if self.kind not in _SEEKABLE or target - here < 5 * self._tick:
            return False
        entries: Any = getattr(self._stream, "index_entries", ())  # newer PyAV only
        if not len(entries):
            return target - here > _FAR
        at = entries.search_timestamp(int((target + self._zero) / self._tick))
        if at < 0:
            return False
        moment: float = entries[at].timestamp * self._tick - self._zero
        return moment > here

    def _seek(self, target: float, slack: float) -> tuple[Iterator[tuple[float, Any]], tuple[float, Any] | None]:
        """Stand at a frame not after the target: at its key frame, or further back where reordering put that frame's time behind."""
        for back in _BACK:
            moment = max(target - back, 0.0) + self._zero
            self._container.seek(int(moment / self._tick), stream=self._stream, backward=True)
            self._last = -1.0
            frames = self._frames()
            ahead = next(frames, None)
            if ahead is not None and ahead[0] <= target + slack:
                return frames, ahead
        return frames, ahead

    def _pixels(self, frame: Any) -> np.ndarray:
        """RGB at the wanted size, upright."""
        turns = round(frame.rotation / 90) % 4
        check("max_pixels", frame.width * frame.height, f"a frame has {frame.width:,} x {frame.height:,} pixels", self._file.name)
        width, height = self._size or (frame.width, frame.height)
        if self._size and turns % 2:
            width, height = height, width
        made = self._reformatter.reformat(frame, width=width, height=height, format="rgb24")
        pixels: np.ndarray = made.to_ndarray()
        return np.rot90(pixels, turns) if turns else pixels

    def _cut(self) -> str | None:
        return shortfall(self._file.stream, self._file.size, self.kind)

    def complete(self) -> bool:
        """Whether everything promised was there; says why not in warning F06."""
        reason = self._cut()
        if reason is None and self._gap and self.kind == "matroska":  # a variable rate, or a place the demuxer skipped
            reason = broken_chain(self._file.stream, self._file.size)
        if reason is None and self._bad:
            reason = f"{self._bad} packets or frames cannot be decoded"
        step = 1.5 / self.rate if self.rate else 0.1
        if reason is None and not self._reached:
            reason = "decoding ended before the last frame asked for"
        every = self._whole and not self._sparse
        if reason is None and every and self._decoded < self._stream.frames * 0.995 - 2:
            reason = f"its header promises {self._stream.frames:,} frames and {self._decoded:,} were found"
        if reason is None and every and self.declared and self.end < self.declared * 0.995 - step:
            reason = f"its header promises {self.declared:.2f} s"
        if reason:
            text = f"{self._file.name}: {reason}; {self.end:.2f} s were decoded and the rest is lost: get the whole file again"
            warnings.warn(McgurkWarning(text, code="F06"), stacklevel=3)
        if self._guessed:
            text = f"{self._file.name}: {self._guessed} frames carry no time; they are taken to follow at {self.rate or 25:g} a second"
            warnings.warn(McgurkWarning(text, code="T06"), stacklevel=3)
        return reason is None


def _checked(fps: float | None, n_frames: int | None, size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """The wanted (width, height), after the arguments were found possible."""
    if fps is not None and n_frames is not None:
        raise DataError(f"fps={fps!r} and n_frames={n_frames!r} were both given; give one")
    if fps is not None and not 0 < float(fps) <= 1000:
        raise DataError(f"fps {fps!r} was given; expected frames a second above 0 and up to 1000")
    if n_frames is not None and (isinstance(n_frames, bool) or int(n_frames) != n_frames or n_frames < 1):
        raise DataError(f"n_frames {n_frames!r} was given; expected a positive whole number")
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if height < 1 or width < 1:
        raise DataError(f"size {size!r} was given; expected a positive number or (height, width)")
    check("max_pixels", int(height) * int(width), f"size asks for {height} x {width} pixels", "size")
    return int(width), int(height)
