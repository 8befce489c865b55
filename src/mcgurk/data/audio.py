"""Sound: WAV, FLAC, OGG and MP3 through soundfile, everything else and the sound track of a video through PyAV; soxr changes the rate."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from mcgurk.data import libav
from mcgurk.data.containers import magic, shortfall
from mcgurk.data.limits import Deadline, check, limits
from mcgurk.data.source import Opened, Source, decoding, fail, opened
from mcgurk.errors import DataError, McgurkWarning

_SNDFILE = {"wav": ("WAV", "WAVEX"), "rf64": ("RF64",), "flac": ("FLAC",), "ogg": ("OGG",), "mp3": ("MP3",), "aiff": ("AIFF",)}
_SNDFILE |= {"au": ("AU",), "caf": ("CAF",), "w64": ("W64",)}
_BLOCK = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """A decoded sound.

    Args:
        samples: float32, (n,) when mono, else (n, channels); full scale is 1.
        rate: samples a second.
        complete: False when the file promises more than was decoded.
        declared_s: seconds the file promises; None where it makes no promise.
        decoded_s: seconds decoded.
        start_s: when the first sample sounds on the file's own clock (a video's sound may begin later than its picture).
    """

    samples: np.ndarray
    rate: int
    complete: bool
    declared_s: float | None
    decoded_s: float
    start_s: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a sound's header says."""

    rate: int
    channels: int
    declared_s: float | None


def read_audio(source: Source, *, rate: int | None = None, mono: bool = True, root: str | os.PathLike[str] | None = None) -> Audio:
    """Decode one sound, piece by piece, to float32.

    Channels are averaged to one unless ``mono=False``; ``rate`` resamples (soxr, high quality) while decoding, so that only the
    result is ever held. Truncation is found by three signs: the container's size fields against the bytes there, its declared length
    against the decoded one, and packets that cannot be decoded; then ``complete`` is False and warning F06 says why.

    Args:
        source: path or bytes of a sound, or of a video with a sound track (its first one).
        rate: samples a second of the result; None keeps the file's own.
        mono: average the channels.
        root: folder the file must lie in, links resolved.

    Shapes:
        samples (n,) or (n, channels).

    Raises:
        MediaError: F01 to F03, F09 (see ``opened``), F04 format not read here, F05 damaged, F07 no sound track, B04 too long,
            B05 channels, B06 rate, B12 time, B13 size of the result.
        DataError: a rate that is not positive.

    Example:
        >>> import io, numpy as np, soundfile
        >>> from mcgurk.data.audio import read_audio
        >>> file = io.BytesIO(); soundfile.write(file, np.zeros(800, "f4"), 8000, format="WAV")
        >>> sound = read_audio(file.getvalue(), rate=16000)
        >>> sound.samples.shape, sound.complete
        ((1600,), True)
    """
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, np.integer)) or rate < 1):
        raise DataError(f"rate {rate!r} was given; expected a positive whole number of samples a second, or None")
    if rate is not None:
        check("max_rate", rate, f"{rate:,} samples a second are asked for", "rate")
    with opened(source, root=root) as file:
        kind = _kind(file)
        with decoding(file.name), _reader(file, kind) as reader:
            sound = _collect(reader, file, kind, rate, mono)
    return sound


def audio_info(source: Source, *, root: str | os.PathLike[str] | None = None) -> AudioInfo:
    """Rate, channels and declared length from the header; the checks of :func:`read_audio`, no sample decoded."""
    with opened(source, root=root) as file:
        kind = _kind(file)
        with decoding(file.name), _reader(file, kind) as reader:
            return AudioInfo(reader.rate, reader.channels, reader.declared)


def _kind(file: Opened) -> str:
    head = file.head()
    kind = magic(head)
    if kind == "ogg" and not _vorbis_or_opus(head):
        kind = "ogv"
    if kind is None or (kind not in _SNDFILE and kind not in libav.CONTAINERS):
        remedy = "give WAV, FLAC, OGG, MP3, M4A, or a video with a sound track"
        fail("F04", file.name, "the file is empty" if not head else "is no sound of a format read here", remedy)
    return kind


def _reader(file: Opened, kind: str) -> _Sndfile | _Libav:
    """libsndfile where it knows the format; a cut MP3 goes to PyAV, for libsndfile's decoder writes to the terminal about it."""
    cut = kind == "mp3" and shortfall(file.stream, file.size, kind)
    return _Sndfile(file, kind) if kind in _SNDFILE and not cut else _Libav(file)


def _vorbis_or_opus(head: bytes) -> bool:
    """Whether an Ogg file holds one stream of a kind libsndfile reads; a picture stream beside it goes to PyAV."""
    return any(head[28:].startswith(mark) for mark in (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")) and b"theora" not in head


class _Sndfile:
    """libsndfile behind the reader's face: rate, channels, declared, start, bad, blocks()."""

    def __init__(self, file: Opened, kind: str) -> None:
        import soundfile

        self.start, self.bad = 0.0, 0
        _plain_header(file, kind)
        file.stream.seek(0)
        self._file = soundfile.SoundFile(file.stream)
        if self._file.format not in _SNDFILE[kind]:
            self._file.close()
            fail("F04", file.name, f"claims to be {kind} and is {self._file.format}", "give the file its own format")
        self.rate, self.channels = int(self._file.samplerate), int(self._file.channels)
        frames = int(self._file.frames)
        self.declared = frames / self.rate if 0 <= frames < 1 << 62 and self.rate else None

    def __enter__(self) -> _Sndfile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self) -> Iterator[np.ndarray]:
        while len(block := self._file.read(_BLOCK // self.channels + 1, dtype="float32", always_2d=True)):
            yield block


class _Libav:
    """PyAV behind the same face."""

    def __init__(self, file: Opened) -> None:
        self._container = libav.container(file)
        try:
            self._stream = libav.stream(self._container, "audio", file.name)
        except BaseException:
            self._container.close()
            raise
        self.rate, self.channels = int(self._stream.rate or 0), int(self._stream.channels)
        self.declared = libav.declared(self._container, self._stream)
        self.start, self.bad, self._zero = 0.0, 0, libav.zero(self._container)

    def __enter__(self) -> _Libav:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def blocks(self) -> Iterator[np.ndarray]:
        import av

        resampler = av.AudioResampler(format="fltp", layout=self._stream.layout, rate=self.rate)
        first = True
        for frame in libav.frames(self._container, self._stream, self._count):
            if first and frame.time is not None:
                self.start = max(frame.time - self._zero, 0.0)
            first = False
            for part in resampler.resample(frame):
                yield part.to_ndarray().T

    def _count(self, _: Any) -> None:
        self.bad += 1


def _plain_header(file: Opened, kind: str) -> None:
    """Refuse by the WAV header's own numbers, before a library divides by them or reserves room for them."""
    if kind != "wav":
        return
    head = file.head(4096)
    at = head.find(b"fmt ")
    if at < 0 or len(head) < at + 24:
        fail("F05", file.name, "has no format chunk", "replace or re-encode the file")
    channels, rate = int.from_bytes(head[at + 10 : at + 12], "little"), int.from_bytes(head[at + 12 : at + 16], "little")
    block = int.from_bytes(head[at + 20 : at + 22], "little")
    _bounds(channels, rate, None, file.name)
    place = head.find(b"data", at)
    length = int.from_bytes(head[place + 4 : place + 8], "little") if place > 0 else 0
    if block and 0 < length < 0xFFFFFF00:
        _bounds(channels, rate, length / block / rate, file.name)


def _bounds(channels: int, rate: int, seconds: float | None, name: str) -> None:
    if channels < 1 or rate < 1:
        fail("F05", name, f"its header gives {channels} channels and {rate} samples a second", "replace or re-encode the file")
    check("max_channels", channels, f"the sound has {channels:,} channels", name)
    check("max_rate", rate, f"the sound has {rate:,} samples a second", name)
    if seconds is not None:
        check("max_audio_seconds", seconds, f"the sound lasts {seconds:,.0f} s", name)


def _collect(reader: _Sndfile | _Libav, file: Opened, kind: str, rate: int | None, mono: bool) -> Audio:
    """Decode, mix and resample block by block; then judge whether the sound is whole."""
    _bounds(reader.channels, reader.rate, reader.declared, file.name)
    target, width = rate or reader.rate, 1 if mono else reader.channels
    deadline, limit, stop = Deadline(file.name, file.size), limits(), None
    change = _resampler(reader.rate, target, width)
    parts: list[np.ndarray] = []
    count = held = 0
    blocks = reader.blocks()
    while True:
        try:
            block = next(blocks)
        except StopIteration:
            break
        except (RuntimeError, OSError, ValueError) as error:
            if not count:
                raise
            stop = f"decoding stopped at {count / reader.rate:.2f} s ({' '.join(str(error).split())[:120]})"
            break
        count += len(block)
        if count > limit.max_audio_seconds * reader.rate:
            check("max_audio_seconds", count / reader.rate, f"the sound lasts more than {count / reader.rate:,.0f} s", file.name)
        part = change(block.mean(axis=1, keepdims=True) if mono and reader.channels > 1 else block, False)
        held += part.nbytes
        check("max_audio_bytes", held, f"the decoded sound takes more than {held:,} bytes", file.name)
        parts.append(part)
        deadline.check()
    parts.append(change(np.zeros((0, width), np.float32), True))
    samples = np.concatenate(parts) if len(parts) > 1 else parts[0]
    samples = np.ascontiguousarray(samples[:, 0] if mono else samples, dtype=np.float32)
    decoded = count / reader.rate
    reason = stop or _short(file, kind, reader, decoded)
    if reason:
        text = f"{file.name}: {reason}; {decoded:.2f} s were decoded and the rest is lost: get the whole file again"
        warnings.warn(McgurkWarning(text, code="F06"), stacklevel=3)
    elif not count:
        warnings.warn(McgurkWarning(f"{file.name}: the sound has no samples; the row stays present and empty", code="M03"), stacklevel=3)
    return Audio(samples, int(target), reason is None, reader.declared, decoded, reader.start)


def _resampler(source: int, target: int, width: int) -> Any:
    """A function (block, last) -> block at the target rate."""
    if source == target:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(source, target, width, dtype="float32")
    return lambda block, last: stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32), last=last)


def _short(file: Opened, kind: str, reader: _Sndfile | _Libav, decoded: float) -> str | None:
    """Why the sound is not whole, or None. A twentieth of a second plus half a per cent is what padding and rounding explain."""
    if reader.bad:
        return f"{reader.bad} packets cannot be decoded"
    if short := shortfall(file.stream, file.size, kind):
        return short
    if reader.declared is not None and reader.start + decoded < reader.declared * 0.995 - 0.05:
        return f"its header promises {reader.declared:.2f} s"
    return None
