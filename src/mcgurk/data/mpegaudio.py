"""MPEG audio without a container: frames of MP3 and AAC end to end."""

from __future__ import annotations

import struct
from typing import IO

_STEPS = 1_000_000


def missing(end: int, size: int) -> str | None:
    """The one sentence about bytes that are promised and not there."""
    return f"its header promises {end:,} bytes and {size:,} are there" if end > size else None


def piece(stream: IO[bytes], place: int, count: int) -> bytes:
    """``count`` bytes from ``place``, fewer at the end."""
    stream.seek(place)
    return stream.read(count)


_MP3_KBPS = {
    (3, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATE = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def mp3_frame(head: bytes) -> tuple[int, int, int] | None:
    """(bytes, samples, rate) of the MPEG audio frame whose four header bytes are given; None where they are none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    index, rate_at, pad = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 0 or index in (0, 15) or rate_at == 3:
        return None
    rate = _MP3_RATE[version][rate_at]
    table = _MP3_KBPS[(3, layer) if version == 3 else (2, 3 if layer == 3 else 2)]
    samples = 384 if layer == 3 else 1152 if layer == 2 or version == 3 else 576
    slot = 4 if layer == 3 else 1
    return (samples // 8 // slot * table[index - 1] * 1000 // rate + pad) * slot, samples, rate


def mp3_shortfall(stream: IO[bytes], size: int) -> str | None:
    """Frames and bytes of the Xing/Info frame; without one, the last frame must be whole."""
    place, end = id3_end(stream), size
    if size >= 128 and piece(stream, size - 128, 3) == b"TAG":
        end -= 128
    if place >= end:
        return "no sound follows its tags"
    first = piece(stream, place, 4096)
    frame = mp3_frame(first[:4])
    if frame is None:
        return None
    for mark in (b"Xing", b"Info"):
        at = first.find(mark, 4, 64)
        if at > 0:
            (flags,) = struct.unpack(">I", first[at + 4 : at + 8])
            if flags & 2:
                (total,) = struct.unpack(">I", first[at + 8 + 4 * (flags & 1) : at + 12 + 4 * (flags & 1)])
                return missing(place + total, size)
    for _ in range(_STEPS):
        frame = mp3_frame(piece(stream, place, 4))
        if frame is None:
            return None if place >= end or end - place >= 4 else "its last frame is cut"
        if place + frame[0] > end:
            return f"its last frame, at byte {place:,}, is cut"
        place += frame[0]
    return None


def id3_end(stream: IO[bytes]) -> int:
    """Where the sound of an MP3 starts: behind its ID3v2 tag."""
    head = piece(stream, 0, 10)
    if len(head) < 10 or head[:3] != b"ID3":
        return 0
    length = 0
    for byte in head[6:10]:
        length = length << 7 | byte & 0x7F
    return 10 + length + (10 if head[5] & 0x10 else 0)


def aac_shortfall(stream: IO[bytes], size: int) -> str | None:
    """AAC frames, each with its length, end to end."""
    place = 0
    for _ in range(_STEPS):
        head = piece(stream, place, 7)
        if not head:
            return None
        if len(head) < 7:
            return "its last frame is cut"
        if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
            return None
        place += max((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5, 7)
        if place > size:
            return "its last frame is cut"
    return None
