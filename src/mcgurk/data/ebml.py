"""Matroska and WebM: is the file whole, and is the chain of its elements unbroken?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

_STEPS = 1_000_000
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TOP = {0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367, 0xEC, 0xBF}
_INSIDE = {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0x5854, 0xAF, 0xEC, 0xBF}


def vint(data: bytes, place: int, *, keep: bool) -> tuple[int | None, int]:
    """An EBML variable-length integer and the place behind it; None is 'unknown size'. ``keep`` leaves the length mark in (ids)."""
    first = data[place]
    width = 9 - first.bit_length()
    if width > 8 or len(data) < place + width:
        raise IndexError(place)
    raw = int.from_bytes(data[place : place + width], "big")
    if keep:
        return raw, place + width
    value = raw & ((1 << (7 * width)) - 1)
    return (None if value == (1 << (7 * width)) - 1 else value), place + width


def element(stream: IO[bytes], place: int) -> tuple[int, int | None, int]:
    """(id, bytes of its content or None, where the content starts) of the element at ``place``."""
    stream.seek(place)
    head = stream.read(16)
    name, behind = vint(head, 0, keep=True)
    length, behind = vint(head, behind, keep=False)
    return int(name or 0), length, place + behind


def matroska_end(stream: IO[bytes], size: int) -> int | None:
    """Where the Segment says it ends; of a live recording (size unknown) where its last cluster does; None: no statement."""
    _, length, start = element(stream, 0)
    name, length, start = element(stream, start + (length or 0))
    if name != _SEGMENT:
        return None
    if length is not None:
        return start + length
    for _ in range(_STEPS):
        if start >= size:
            break
        _, length, start = element(stream, start)
        start += length or 0
    return start


def broken_chain(stream: IO[bytes], size: int) -> str | None:
    """Where the chain of elements breaks: a demuxer skips over such a place to the next cluster without a word.

    Reads the whole file, so ask only where something looks lost.
    """
    try:
        _, length, start = element(stream, 0)
        _, length, start = element(stream, start + (length or 0))
        end = min(size, start + (length if length is not None else size))
        for place, name, span, content in _chain(stream, start, end):
            if name not in _TOP and name not in _INSIDE:  # the latter stand here when their cluster has no size
                return f"the file is damaged at byte {place:,}"
            if name == _CLUSTER and span is not None:
                for inner, child, _, _ in _chain(stream, content, content + span):
                    if child not in _INSIDE:
                        return f"the file is damaged at byte {inner:,}"
    except IndexError:
        return "the file is damaged"
    return None


def _chain(stream: IO[bytes], place: int, end: int) -> Iterator[tuple[int, int, int | None, int]]:
    """(place, id, length, content) of siblings; an element of unknown size is entered, one that is too long ends the chain with id 0."""
    for _ in range(_STEPS):
        if place >= end:
            return
        name, length, start = element(stream, place)
        if length is not None and start + length > end:
            name = 0
        yield place, name, length, start
        place = start + (length or 0)
