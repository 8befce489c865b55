"""Files and names that reach for something outside their folder: another file, a device, the network.

``ESCAPES`` maps a name to a function (Place) -> what must raise a MediaError. ``Place`` holds a corpus folder, a canary file outside
it that must never be opened, and a port on which nobody may knock.
"""

from __future__ import annotations

import dataclasses
import io
import os
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import media_factory

from mcgurk.data.archive import extract, load_xml
from mcgurk.data.audio import read_audio
from mcgurk.data.image import read_image
from mcgurk.data.media import content_hash, open_media
from mcgurk.data.source import safe_join
from mcgurk.data.video import read_video


@dataclasses.dataclass
class Place:
    corpus: Path
    canary: Path
    port: int

    def write(self, name: str, data: str | bytes) -> Path:
        path = self.corpus / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/a.mp4"


ESCAPES: dict[str, Callable[[Place], object]] = {}


def escape(function: Callable[[Place], object]) -> Callable[[Place], object]:
    ESCAPES[function.__name__] = function
    return function


def each(prefix: str, values: dict[str, str], call: Callable[[Place, str], object]) -> None:
    for name, value in values.items():
        ESCAPES[f"{prefix}_{name}"] = lambda place, value=value: call(
            place, value.replace("CANARY", str(place.canary)).replace("URL", place.url)
        )


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nCANARY\n#EXT-X-ENDLIST\n",
    "m3u8_file_url": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://CANARY\n#EXT-X-ENDLIST\n",
    "m3u8_http": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nURL\n#EXT-X-ENDLIST\n",
    "m3u8_key": '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-KEY:METHOD=AES-128,URI="file://CANARY"\n#EXTINF:2,\nCANARY\n#EXT-X-ENDLIST\n',
    "ffconcat": "ffconcat version 1.0\nfile 'CANARY'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>file://CANARY</BaseURL></Period></MPD>',
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://CANARY" width="9" height="9"/></svg>',
}
each("playlist_as_video", PLAYLISTS, lambda place, text: read_video(place.write("a.m3u8", text)))
each("playlist_renamed", PLAYLISTS, lambda place, text: read_video(place.write("a.mp4", text)))
each("playlist_as_sound", PLAYLISTS, lambda place, text: read_audio(text.encode()))
each("playlist_opened", {k: v for k, v in PLAYLISTS.items() if k != "svg"}, lambda place, text: open_media(place.write("a.mkv", text)))

PROTOCOLS = {
    "http": "URL",
    "file": "file://CANARY",
    "concat": "concat:CANARY|CANARY",
    "data": "data:video/mp4;base64,AAAA",
    "subfile": "subfile,,start,0,end,0,,:CANARY",
    "pipe": "pipe:0",
    "lavfi": "lavfi:testsrc",
    "rtsp": "rtsp://127.0.0.1/a",
}
each("protocol", PROTOCOLS, lambda place, text: read_video(text))

NAMES = {
    "parent": "../canary.mp4",
    "parent_inside": "a/../../canary.mp4",
    "absolute": "CANARY",
    "drive": "C:\\canary.mp4",
    "drive_relative": "C:canary.mp4",
    "network": "\\\\host\\share\\a.wav",
    "backslash": "..\\canary.mp4",
    "nul": "a.wav\0.txt",
    "newline": "a\n.wav",
    "url": "URL",
    "file_url": "file://CANARY",
    "data_url": "data:audio/wav;base64,AAAA",
    "home": "~root/a.wav",
    "empty": "",
    "dot": ".",
    "device_name": "con.wav",
    "trailing_dot": "a.wav.",
    "stream": "a.wav:hidden",
    "surrogate": "a\ud800.wav",
}
each("name", NAMES, lambda place, name: safe_join(place.corpus, name))


@escape
def link_out_of_the_root(place: Place) -> object:
    (place.corpus / "link.mp4").symlink_to(place.canary)
    return open_media(place.corpus / "link.mp4", root=place.corpus)


@escape
def folder_link_out_of_the_root(place: Place) -> object:
    (place.corpus / "sub").symlink_to(place.canary.parent)
    return content_hash(safe_join(place.corpus, "sub/canary.mp4"))


@escape
def loop_of_links(place: Place) -> object:
    (place.corpus / "a").symlink_to(place.corpus / "b")
    (place.corpus / "b").symlink_to(place.corpus / "a")
    return open_media(place.corpus / "a")


@escape
def fifo(place: Place) -> object:
    os.mkfifo(place.corpus / "a.wav")
    return read_audio(place.corpus / "a.wav")


@escape
def unix_socket(place: Place) -> object:
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.getcwd()
        os.chdir(place.corpus)  # the name of a socket may have 107 bytes
        sock.bind("s.png")
        os.chdir(here)
        return read_image(place.corpus / "s.png")


@escape
def device_zero(place: Place) -> object:
    return read_image("/dev/zero")


@escape
def device_through_link(place: Place) -> object:
    (place.corpus / "zero.wav").symlink_to("/dev/zero")
    return content_hash(place.corpus / "zero.wav")


@escape
def folder(place: Place) -> object:
    return open_media(place.corpus)


@escape
def xml_external_entity(place: Place) -> object:
    return load_xml(f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{place.canary}">]><a>&x;</a>'.encode())


@escape
def xml_external_dtd(place: Place) -> object:
    return load_xml(f'<!DOCTYPE a SYSTEM "{place.url}"><a/>'.encode())


@escape
def mov_external_media(place: Place) -> object:
    """A QuickTime file whose samples lie in another file (a data reference that is not 'self-contained')."""
    data = media_factory.seed("mov")
    at = data.index(b"dref") + 12
    alias = data[: at + 4] + b"alis" + b"\0\0\0\0" + data[at + 12 :]
    cut = alias.replace(b"mdat", b"free", 1)[: alias.index(b"mdat") + 64] + alias[alias.index(b"moov") - 4 :]
    return read_video(cut)


def _zip(place: Place, *names: str, link: bool = False) -> object:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = name
            if link:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, b"../canary.mp4" if link else b"x")
    return extract(file.getvalue(), place.corpus / "out")


each("zip", {k: NAMES[k] for k in ("parent", "absolute", "drive", "backslash", "device_name")}, lambda place, name: _zip(place, name))


@escape
def zip_case_twins(place: Place) -> object:
    return _zip(place, "a.wav", "A.WAV")


@escape
def zip_unicode_twins(place: Place) -> object:
    return _zip(place, "caf\u00e9.wav", "cafe\u0301.wav")


@escape
def zip_link(place: Place) -> object:
    return _zip(place, "a.mp4", link=True)


def _tar(place: Place, kind: bytes, name: str = "a.mp4") -> object:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, str(place.canary)
        archive.addfile(info)
    return extract(file.getvalue(), place.corpus / "out")


for _name, _type in {"link": tarfile.SYMTYPE, "hard_link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}.items():
    ESCAPES[f"tar_{_name}"] = lambda place, kind=_type: _tar(place, kind)
ESCAPES["tar_parent"] = lambda place: _tar(place, tarfile.REGTYPE, "../../canary.mp4")
ESCAPES["tar_absolute"] = lambda place: _tar(place, tarfile.REGTYPE, str(place.canary))
