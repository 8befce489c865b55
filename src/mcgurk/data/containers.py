"""Is a media file whole? The size fields of its container against the bytes that are there.

Decoders read a truncated webm, mkv, avi, wav or mp3 without a word and give fewer frames; AVI and WAV even report a shorter
duration. The container's own size fields tell: each walker below returns why the file is short, or None.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import IO

from mcgurk.data.ebml import matroska_end
from mcgurk.data.mpegaudio import aac_shortfall, missing, mp3_frame, mp3_shortfall, piece

Walker = Callable[[IO[bytes], int], str | None]
_STEPS = 1_000_000


def magic(head: bytes) -> str | None:
    """The container's name by its first bytes, or None for one that mcgurk does not read.

    Example:
        >>> from mcgurk.data.containers import magic
        >>> magic(b"RIFF\\x24\\x00\\x00\\x00WAVEfmt ")
        'wav'
    """
    for start, mark, name in _MAGIC:
        if head[start : start + len(mark)] == mark:
            return _riff_kind(head) if name == "riff" else name
    if len(head) >= 564 and all(head[i] == 0x47 for i in (0, 188, 376)):
        return "mpegts"
    return _frame_sync(head)


def _riff_kind(head: bytes) -> str | None:
    return {b"WAVE": "wav", b"AVI ": "avi", b"WEBP": "webp"}.get(head[8:12])


def _frame_sync(head: bytes) -> str | None:
    """Raw MPEG audio: 11 sync bits, and then a layer, rate and bit rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "aac"
    return "mp3" if mp3_frame(head[:4]) else None


_MAGIC = [
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF87a", "gif"),
    (0, b"GIF89a", "gif"),
    (0, b"II*\x00", "tiff"),
    (0, b"MM\x00*", "tiff"),
    (0, b"BM", "bmp"),
    (0, b"RIFF", "riff"),
    (0, b"RF64", "rf64"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"ID3", "mp3"),
    (0, b"FORM", "aiff"),
    (0, b".snd", "au"),
    (0, b"caff", "caf"),
    (0, b"riff\x2e\x91\xcf\x11", "w64"),
    (0, b"\x1a\x45\xdf\xa3", "matroska"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (4, b"wide", "mp4"),
    (0, b"FLV\x01", "flv"),
    (0, b"\x00\x00\x01\xba", "mpeg"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
    (0, b"#!AMR", "amr"),
]


def shortfall(stream: IO[bytes], size: int, kind: str | None) -> str | None:
    """Why the container says that bytes are missing at the end, or None where it does not say so.

    Args:
        stream: a seekable binary stream; its position is restored.
        size: bytes that are there.
        kind: the name :func:`magic` gives.
    """
    walker = _WALKERS.get(kind or "")
    if walker is None:
        return None
    place = stream.tell()
    try:
        return walker(stream, size)
    except (struct.error, IndexError, ValueError, OverflowError):
        return "its last structure is cut"
    finally:
        stream.seek(place)


def _riff(stream: IO[bytes], size: int) -> str | None:
    """RIFF size, then each chunk inside. 0 and 2^32 - 1 are what writers to a pipe leave behind: no statement.

    What follows the last RIFF is a tag or rubbish of some editor and says nothing; AVI files above 1 GB are several RIFFs.
    """
    start = 0
    for _ in range(_STEPS):
        (total,) = struct.unpack("<I", piece(stream, start + 4, 4))
        stated = 0 < total < 0xFFFFFF00
        end = start + 8 + total if stated else size
        if short := missing(end, size):
            return short
        place = start + 12
        while place + 8 <= end:
            name, length = struct.unpack("<4sI", piece(stream, place, 8))
            if name == b"data" and (length == 0 or length >= 0xFFFFFF00):
                return None
            if short := missing(place + 8 + length, size):
                return short
            place += 8 + length + (length & 1)
        start = end + (end & 1)
        if not stated or piece(stream, start, 4) != b"RIFF":
            return None
    return None


def _rf64(stream: IO[bytes], size: int) -> str | None:
    name, _, total = struct.unpack("<4sIQ", piece(stream, 12, 16))
    return missing(total + 8, size) if name == b"ds64" else None


def _form(stream: IO[bytes], size: int) -> str | None:
    (total,) = struct.unpack(">I", piece(stream, 4, 4))
    return missing(total + 8, size)


def _au(stream: IO[bytes], size: int) -> str | None:
    start, length = struct.unpack(">II", piece(stream, 4, 8))
    return None if length == 0xFFFFFFFF else missing(start + length, size)


def _caf(stream: IO[bytes], size: int) -> str | None:
    place = 8
    for _ in range(_STEPS):
        if place + 12 > size:
            return None if place >= size else "its last chunk is cut"
        _, length = struct.unpack(">4sq", piece(stream, place, 12))
        if length < 0:
            return None
        if short := missing(place + 12 + length, size):
            return short
        place += 12 + length
    return None


def _w64(stream: IO[bytes], size: int) -> str | None:
    (total,) = struct.unpack("<Q", piece(stream, 16, 8))
    return missing(total, size)


def _mp4(stream: IO[bytes], size: int) -> str | None:
    """Boxes end to end; without a moov box nothing can be decoded."""
    place, seen = 0, set()
    for _ in range(_STEPS):
        if place >= size:
            break
        head = piece(stream, place, 16)
        length, name = struct.unpack(">I4s", head[:8])
        if length == 1:
            (length,) = struct.unpack(">Q", head[8:16])
        seen.add(name)
        if length == 0:
            place = size
            break
        if length < 8:
            return f"the box at byte {place:,} has no valid size"
        if short := missing(place + length, size):
            return short
        place += length
    return None if seen & {b"moov", b"moof"} else "its index (moov) is missing"


def _matroska(stream: IO[bytes], size: int) -> str | None:
    end = matroska_end(stream, size)
    return None if end is None else missing(end, size)


def _flac(stream: IO[bytes], size: int) -> str | None:
    """Metadata blocks only: the samples they promise are compared after decoding."""
    place = 4
    for _ in range(_STEPS):
        kind, *length = piece(stream, place, 4)
        place += 4 + int.from_bytes(bytes(length), "big")
        if short := missing(place, size):
            return short
        if kind & 0x80:
            return None if place < size else "no sound follows its header"
    return None


def _ogg(stream: IO[bytes], size: int) -> str | None:
    """The last page must be whole and carry the end-of-stream mark of its stream."""
    tail_at = max(0, size - (1 << 17))
    tail = piece(stream, tail_at, 1 << 17)
    place = len(tail)
    while (place := tail.rfind(b"OggS", 0, place)) >= 0:
        page = tail[place:]
        if len(page) >= 27 and page[4] == 0:
            count = page[26]
            end = 27 + count + sum(page[27 : 27 + count])
            if len(page) < 27 + count or len(page) < end:
                return f"its last page, at byte {tail_at + place:,}, is cut"
            return None if page[5] & 4 else "its last page does not carry the end-of-stream mark"
        if len(page) < 27:
            return f"its last page, at byte {tail_at + place:,}, is cut"
    return "no page of it is whole"


def _flv(stream: IO[bytes], size: int) -> str | None:
    """The file size in its metadata, then whole tags to the end."""
    head = piece(stream, 0, 4096)
    at = head.find(b"\x00\x08filesize\x00")
    if at >= 0:
        (total,) = struct.unpack(">d", head[at + 11 : at + 19])
        if 0 < total < 2**53 and (short := missing(int(total), size)):
            return short
    place = int.from_bytes(head[5:9], "big") + 4
    for _ in range(_STEPS):
        if place >= size:
            return None if place == size else "its last tag is cut"
        tag = piece(stream, place, 11)
        if len(tag) < 11:
            return "its last tag is cut"
        place += 11 + int.from_bytes(tag[1:4], "big") + 4
    return None


def _mpegts(stream: IO[bytes], size: int) -> str | None:
    """A transport stream promises no length; all it can show is a cut packet."""
    return "its last packet is cut" if size % 188 and size % 192 and size % 204 else None


def _asf(stream: IO[bytes], size: int) -> str | None:
    """The file size in the File Properties object of the header."""
    head = piece(stream, 0, 8192)
    at = head.find(b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11")
    if at < 0 or len(head) < at + 48:
        return None
    (total,) = struct.unpack("<Q", head[at + 40 : at + 48])
    return missing(total, size)


_WALKERS: dict[str, Walker] = {
    "wav": _riff,
    "avi": _riff,
    "webp": _riff,
    "rf64": _rf64,
    "aiff": _form,
    "au": _au,
    "caf": _caf,
    "w64": _w64,
    "mp4": _mp4,
    "matroska": _matroska,
    "flac": _flac,
    "ogg": _ogg,
    "mp3": mp3_shortfall,
    "aac": aac_shortfall,
    "flv": _flv,
    "mpegts": _mpegts,
    "asf": _asf,
}
