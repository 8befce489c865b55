"""PyAV with its doors closed: white-listed containers and codecs, no protocol, no second file, sizes checked before a frame is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mcgurk.data.limits import check, limits
from mcgurk.data.source import Opened, fail

if TYPE_CHECKING:
    from av.container import InputContainer

CONTAINERS = {
    "mp4": "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska": "matroska,webm",
    "avi": "avi",
    "mpegts": "mpegts",
    "mpeg": "mpeg",
    "flv": "flv",
    "asf": "asf",
    "ogv": "ogg",
    "ogg": "ogg",
    "gif": "gif",
    "wav": "wav",
    "aiff": "aiff",
    "flac": "flac",
    "mp3": "mp3",
    "aac": "aac",
    "amr": "amr",
    "caf": "caf",
    "w64": "w64",
}
_VIDEO = "h264 hevc vp8 vp9 libvpx libvpx-vp9 libdav1d av1 mpeg4 mpeg1video mpeg2video mjpeg png gif theora flv h263 wmv1 wmv2 wmv3 vc1"
_VIDEO += " msmpeg4 msmpeg4v1 msmpeg4v2 rawvideo ffv1 huffyuv prores dnxhd dvvideo qtrle"
_AUDIO = "aac aac_latm mp1 mp1float mp2 mp2float mp3 mp3float vorbis opus libopus flac alac ac3 eac3 amrnb amrwb libopencore_amrnb"
_AUDIO += " libopencore_amrwb wmav1 wmav2 wmapro adpcm_ms adpcm_ima_wav adpcm_ima_qt adpcm_swf nellymoser speex"
_CODECS = {"video": frozenset(_VIDEO.split()), "audio": frozenset(_AUDIO.split())}
_WORDS = {"video": "picture", "audio": "sound"}


def container(file: Opened) -> InputContainer:
    """Open ``file`` for demuxing.

    The demuxer reads through our handle, so it knows no path to find siblings by; formats that name other files (playlists,
    concatenations, session descriptions) are not on the list, and the only protocol is ``file``.
    """
    import av

    file.stream.seek(0)
    options = {
        "format_whitelist": ",".join(sorted(set(CONTAINERS.values()))),
        "protocol_whitelist": "file",
        "enable_drefs": "0",
        "max_pixels": str(limits().max_pixels),
        "max_samples": str(limits().max_rate * 60),
    }
    return av.open(file.stream, "r", options=options, metadata_errors="replace", buffer_size=1 << 16)


def stream(opened: InputContainer, kind: str, name: str) -> Any:
    """The first stream of ``kind`` that is no cover picture, one thread, its codec on the list and its size within the limits."""
    found = [s for s in opened.streams if s.type == kind and not _cover(s)]
    if not found:
        other = ", ".join(sorted({str(s.type) for s in opened.streams})) or "nothing"
        fail("F07", name, f"holds no {_WORDS[kind]} stream, only {other}", f"give a file with {_WORDS[kind]}, or leave the cell empty")
    chosen: Any = found[0]
    context = chosen.codec_context
    codec = None if context is None else context.codec.name
    if codec is None or not (codec in _CODECS[kind] or (kind == "audio" and codec.startswith("pcm_"))):
        fail(
            "F04",
            name,
            f"its {_WORDS[kind]} is coded as {codec or 'something unknown'}, which is not read here",
            "re-encode it, e.g. as H.264 and AAC",
        )
    if kind == "video":
        check("max_pixels", context.width * context.height, f"a frame has {context.width:,} x {context.height:,} pixels", name)
    context.thread_count = 1
    context.options = {"max_pixels": str(limits().max_pixels), "max_samples": str(limits().max_rate * 60)}
    return chosen


def _cover(candidate: Any) -> bool:
    return bool(int(candidate.disposition) & 0x0400)


def declared(opened: InputContainer, chosen: Any) -> float | None:
    """Seconds the file promises for this stream: its own duration, its tag, or the file's where it is the only stream."""
    if chosen.duration is not None and chosen.time_base:
        return max(float(chosen.duration * chosen.time_base), 0.0)
    tag = next((v for k, v in chosen.metadata.items() if k.upper().startswith("DURATION")), None)
    if tag and (seconds := _clock(tag)) is not None:
        return seconds
    if opened.duration is not None and len(opened.streams) == 1:
        return max(opened.duration / 1_000_000, 0.0)
    return None


def _clock(text: str) -> float | None:
    """``00:00:02.500000000`` in seconds."""
    parts = text.split(":")
    if len(parts) != 3 or not all(p.replace(".", "", 1).isdigit() for p in parts):
        return None
    return int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])


def zero(opened: InputContainer) -> float:
    """The file's own second zero, which all its streams share."""
    return (opened.start_time or 0) / 1_000_000


def frames(opened: InputContainer, chosen: Any, bad: Callable[[Any], None], *, keys: bool = False) -> Iterator[Any]:
    """Decoded frames in order (of key packets only, with ``keys``); a packet that cannot be decoded is counted by ``bad`` and passed over.

    Demuxing errors in the middle end the stream, counted the same way; what is lost is for the caller to report.
    """
    import av

    packets = opened.demux(chosen)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.error.FFmpegError, ValueError, OSError) as error:
            bad(error)
            return
        if keys and packet.size and not packet.is_keyframe:
            continue
        if packet.is_corrupt:
            bad(packet)
        try:
            made = packet.decode()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            bad(error)
            if isinstance(error, av.error.EOFError):
                return
            continue
        for frame in made:
            if frame.is_corrupt:
                bad(frame)
            yield frame
