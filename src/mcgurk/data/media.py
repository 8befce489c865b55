"""The front door to media: what is this file, and open it."""

from __future__ import annotations

import codecs
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcgurk.data.audio import Audio, audio_info, read_audio
from mcgurk.data.containers import magic
from mcgurk.data.image import image_info, read_image
from mcgurk.data.limits import check, limits
from mcgurk.data.source import Opened, Source, content_hash, fail, name_of, opened, safe_join
from mcgurk.data.video import Video, iter_video, read_video, video_info
from mcgurk.errors import McgurkWarning, MediaError

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Audio",
    "Video",
    "audio_info",
    "content_hash",
    "image_info",
    "iter_video",
    "limits",
    "open_media",
    "read_audio",
    "read_image",
    "read_text",
    "read_video",
    "safe_join",
    "sniff",
    "video_info",
]

_IMAGE = ("jpeg", "png", "webp", "gif", "tiff", "bmp")
_AUDIO = ("wav", "rf64", "flac", "ogg", "mp3", "aiff", "au", "caf", "w64", "aac", "amr")
_VIDEO = ("mp4", "matroska", "avi", "mpegts", "mpeg", "flv", "asf")
_EXTENSIONS = {
    "image": ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .bmp",
    "audio": ".wav .wave .flac .ogg .oga .opus .mp3 .m4a .m4b .aac .aif .aiff .aifc .au .snd .caf .w64 .rf64 .amr .mka .weba .wma",
    "video": ".mp4 .m4v .mov .3gp .3g2 .webm .mkv .avi .ts .m2ts .mts .mpg .mpeg .flv .ogv .wmv .asf",
    "text": ".txt .md .csv .tsv .srt .vtt .eaf .textgrid .json .jsonl .xml .html .htm",
}
_KIND = {extension: kind for kind, names in _EXTENSIONS.items() for extension in names.split()}
_FOREIGN = (b"#EXTM3U", b"ffconcat", b"v=0\r", b"v=0\n", b"<MPD", b"<SmoothStreaming")


def sniff(source: Source, *, root: str | os.PathLike[str] | None = None) -> str | None:
    """What a file is: ``"image"``, ``"audio"``, ``"video"``, ``"text"`` or None, by its first bytes, then by its extension.

    A container that may hold sound alone (MP4, Matroska, WMA) is a sound where its brand or its extension says so. A path that does
    not exist is judged by its extension, so that a table can be typed before its files are there; nothing is raised.

    Example:
        >>> from mcgurk.data.media import sniff
        >>> sniff(b"RIFF\\x24\\x00\\x00\\x00WAVEfmt "), sniff("talk.mp4"), sniff("notes.txt"), sniff("a.exe")
        ('audio', 'video', 'text', None)
    """
    path = None if isinstance(source, (bytes, bytearray, memoryview)) else os.fsdecode(os.fspath(source))
    named = None if path is None else _KIND.get(Path(path).suffix.lower())
    try:
        with opened(source, root=root) as file:
            head = file.head()
    except MediaError:
        return named
    return _by_bytes(head, named) or (named if named == "text" and b"\0" not in head else None) or _plain(head, path)


def _by_bytes(head: bytes, named: str | None) -> str | None:
    kind = magic(head)
    if kind in _IMAGE:
        return "image"
    if kind == "ogg":
        return "video" if b"theora" in head else "audio"
    if kind in _AUDIO:
        return "audio"
    if kind in _VIDEO:
        return "audio" if named == "audio" or head[8:11] in (b"M4A", b"M4B") else "video"
    return None


def _plain(head: bytes, path: str | None) -> str | None:
    """Bytes without a name are text when they are UTF-8 without control characters (and not the start of a playlist)."""
    if path is not None or not head or b"\0" in head or head.lstrip().startswith(_FOREIGN):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return None
    return "text"


def open_media(
    source: Source, *, kind: str | None = None, root: str | os.PathLike[str] | None = None, **options: Any
) -> np.ndarray | Audio | Video | str:
    """Decode whatever ``source`` is: ``read_image``, ``read_audio``, ``read_video`` or ``read_text`` with ``options``.

    A video container without a picture is read as a sound. Playlists, concatenation scripts and session descriptions are refused:
    they name other files.

    Args:
        source: path or bytes.
        kind: what it is, when the first bytes are not to decide.
        root: folder the file must lie in, links resolved.

    Raises:
        MediaError: F04 for what is none of the four, F08 for a playlist, and those of the four readers.

    Example:
        >>> from mcgurk.data.media import open_media
        >>> open_media("čeština".encode())
        'čeština'
    """
    with opened(source, root=root) as file:
        _no_reference(file)
    found = kind or sniff(source, root=root)
    if found == "image":
        return read_image(source, root=root, **options)
    if found == "audio":
        return read_audio(source, root=root, **options)
    if found == "text":
        return read_text(source, root=root)
    if found != "video":
        fail("F04", name_of(source), "is no picture, sound, video or text known here", "convert it, e.g. to JPEG, WAV, MP4 or UTF-8 text")
    try:
        return read_video(source, root=root, **options)
    except MediaError as error:
        if error.code != "F07":
            raise
        return read_audio(source, root=root)


def _no_reference(file: Opened) -> None:
    head = file.head(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_FOREIGN) or file.suffix in (".m3u8", ".m3u", ".pls", ".sdp", ".ffconcat", ".mpd"):
        fail("F08", file.name, "is a playlist or script that names other files", "give the media file itself")


def read_text(source: Source, *, root: str | os.PathLike[str] | None = None) -> str:
    """A text file as a string: UTF-8, or what its byte-order mark says; otherwise Windows-1252 with warning X01.

    Nothing is dropped: every byte becomes a character, and undefined ones become their replacement mark.

    Raises:
        MediaError: F01 to F03, F09 (see ``opened``), B07 larger than ``max_text_bytes``.

    Example:
        >>> from mcgurk.data.media import read_text
        >>> read_text(b"\\xef\\xbb\\xbfab")
        'ab'
    """
    with opened(source, root=root) as file:
        check("max_text_bytes", file.size, f"the text has {file.size:,} bytes", file.name)
        data = file.read()
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                break
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        text = f"{name_of(source)}: byte {error.start:,} is not UTF-8; the text is read as Windows-1252: save it as UTF-8"
        warnings.warn(McgurkWarning(text, code="X01"), stacklevel=2)
        return data.decode("cp1252", errors="replace")
