"""Small seed files in every container that the installed wheels can write: two seconds of moving picture, a tone, a gradient."""

from __future__ import annotations

import functools
import io
from fractions import Fraction

import numpy as np

RATE, FPS, SECONDS, SIDE = 16_000, 25, 2.0, 64

VIDEOS = {  # name: (muxer, video codec, audio codec)
    "mp4": ("mp4", "libx264", "aac"),
    "mov": ("mov", "mjpeg", "pcm_s16le"),
    "webm": ("webm", "libvpx-vp9", "libopus"),
    "mkv": ("matroska", "libx264", "aac"),
    "avi": ("avi", "mpeg4", "pcm_s16le"),
    "ts": ("mpegts", "libx264", "aac"),
    "flv": ("flv", "flv", "libmp3lame"),
}
SOUNDS = {  # name: (soundfile format, subtype)
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "aiff": ("AIFF", "PCM_16"),
}
TRACKS = {"m4a": ("ipod", "aac"), "opus": ("ogg", "libopus"), "lame": ("mp3", "libmp3lame")}  # name: (muxer, audio codec)
PICTURES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}
NAMES = (*VIDEOS, *SOUNDS, *TRACKS, *PICTURES)


def tone(seconds: float = SECONDS, rate: int = RATE, hertz: float = 440.0) -> np.ndarray:
    """A sine with a little noise, so that no encoder can drop it."""
    t = np.arange(int(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * hertz * t) + 0.01 * np.random.default_rng(0).normal(size=len(t))).astype(np.float32)


def picture(k: int = 0, side: int = SIDE) -> np.ndarray:
    """Eight upright stripes that spell ``k`` in binary, dark and bright, with a little noise."""
    bits = np.array([k >> bit & 1 for bit in range(8)])
    stripes = np.repeat(60 + 130 * bits, side // 8)
    return (stripes[None, :, None] + np.random.default_rng(k).integers(-8, 9, (side, side, 3))).astype(np.uint8)


def number_of(frame: np.ndarray) -> int:
    """The number :func:`picture` wrote into a frame of any size."""
    columns = np.array_split(frame.mean(axis=(0, 2)), 8)
    return sum(int(c[len(c) // 4 : len(c) - len(c) // 4].mean() > 125) << bit for bit, c in enumerate(columns))


@functools.cache
def seed(name: str) -> bytes:
    """The bytes of the seed file ``name``."""
    if name in VIDEOS:
        return video(*VIDEOS[name])
    if name in SOUNDS:
        return sound(*SOUNDS[name])
    if name in TRACKS:
        return track(*TRACKS[name])
    return still(PICTURES[name])


def video(
    muxer: str,
    codec: str,
    audio: str | None = None,
    *,
    seconds: float = SECONDS,
    side: int = SIDE,
    group: int = 12,
    times: list[float] | None = None,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video; ``times`` gives each frame its own moment (variable frame rate)."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=muxer, options=options or {}) as out:
        pictures = out.add_stream(codec, rate=FPS)
        pictures.width = pictures.height = side
        pictures.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        pictures.codec_context.thread_count = 1
        pictures.codec_context.gop_size = group
        if codec == "libx264":
            pictures.options = {"preset": "ultrafast", "crf": "18"}
        if codec == "libvpx-vp9":
            pictures.options = {"cpu-used": "8", "deadline": "realtime", "crf": "20"}
        sounds = out.add_stream(audio, rate=48_000 if audio == "libopus" else 44_100, layout="mono") if audio else None
        base = Fraction(1, 1000)
        if times is not None:
            pictures.codec_context.time_base = base
        moments = times if times is not None else [k / FPS for k in range(int(seconds * FPS))]
        for k, moment in enumerate(moments):
            frame = av.VideoFrame.from_ndarray(picture(k, side), format="rgb24")
            frame.pts, frame.time_base = (k, Fraction(1, FPS)) if times is None else (round(moment * 1000), base)
            out.mux(pictures.encode(frame))
        out.mux(pictures.encode(None))
        if sounds is not None:
            _encode(out, sounds, tone(seconds, sounds.rate))
    return file.getvalue()


def track(muxer: str, codec: str, *, seconds: float = SECONDS, rate: int | None = None) -> bytes:
    """A sound written by PyAV."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=muxer) as out:
        stream = out.add_stream(codec, rate=rate or (48_000 if codec == "libopus" else 44_100), layout="mono")
        _encode(out, stream, tone(seconds, stream.rate))
    return file.getvalue()


def _encode(out: object, stream: object, samples: np.ndarray) -> None:
    import av

    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = stream.rate, 0
    frame.time_base = Fraction(1, stream.rate)
    context = stream.codec_context
    fifo = av.AudioFifo()
    for part in av.AudioResampler(format=context.format, layout=context.layout, rate=stream.rate).resample(frame):
        fifo.write(part)
    while fifo.samples:
        piece = fifo.read(min(context.frame_size or 1024, fifo.samples))
        out.mux(stream.encode(piece))
    out.mux(stream.encode(None))


def sound(kind: str, subtype: str, *, seconds: float = SECONDS, rate: int = RATE, channels: int = 1) -> bytes:
    """A sound written by soundfile."""
    import soundfile

    file = io.BytesIO()
    samples = tone(seconds, rate)
    soundfile.write(file, np.repeat(samples[:, None], channels, 1), rate, format=kind, subtype=subtype)
    return file.getvalue()


def still(kind: str, *, size: tuple[int, int] = (96, 64), **options: object) -> bytes:
    """A picture written by Pillow; ``size`` is (width, height)."""
    from PIL import Image

    file = io.BytesIO()
    tall = np.random.default_rng(1).integers(0, 40, (size[1], size[0], 3)) + np.linspace(0, 200, size[0])[None, :, None]
    Image.fromarray(tall.astype(np.uint8)).save(file, kind, **options)
    return file.getvalue()
