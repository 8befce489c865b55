"""Speed of decoding: pictures to 224 x 224, sounds to 16 kHz, eight frames of a video, beside the plain libraries."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mcgurk.data.media import read_audio, read_image, read_video


def run(data_root: Path | None, full: bool) -> dict[str, Any]:
    """Files are made on the spot (a smooth picture with grain, a tone with noise, a scrolling picture); CPU milliseconds, medians."""
    rounds = 15 if full else 7
    small, large = _jpeg(640, 427), _jpeg(2560, 1708)
    sound, clip = _wav(), _clip()
    return {
        "protocol": f"one thread, CPU time, median of {rounds} rounds in turn; every contestant starts from the same bytes",
        "seed": 0,
        "JPEG 640 x 427 to 224, ms": _race({"Pillow": lambda: _pillow(small), "mcgurk": lambda: read_image(small, size=224)}, rounds),
        "JPEG 2560 x 1708 to 224, ms": _race({"Pillow": lambda: _pillow(large), "mcgurk": lambda: read_image(large, size=224)}, rounds),
        "WAV 10 s 44.1 to 16 kHz, ms": _race(
            {"soundfile + soxr": lambda: _plain_sound(sound), "mcgurk": lambda: read_audio(sound, rate=16_000)}, rounds
        ),
        "8 of 500 frames 640 x 360, ms": _race(
            {
                "PyAV in order": lambda: _in_order(clip, 8),
                "mcgurk key frames": lambda: read_video(clip, n_frames=8, size=224, keyframes=True),
                "mcgurk": lambda: read_video(clip, n_frames=8, size=224),
            },
            max(3, rounds // 3),
        ),
    }


def _race(contestants: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each, taken in turn, and how many times quicker the last is than the first."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for call in contestants.values():
        call()
    for _ in range(rounds):
        for name, call in contestants.items():
            begun = time.process_time()
            call()
            taken[name].append((time.process_time() - begun) * 1e3)
    medians = {name: round(float(np.median(times)), 2) for name, times in taken.items()}
    first, *_, last = medians.values()
    return {**medians, "times quicker": round(first / last, 2)}


def _picture(width: int, height: int, shift: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] / height
    waves = np.stack([np.sin(9 * x + shift), np.cos(7 * y + 3 * x), np.sin(31 * x * y)], -1)
    grain = np.random.default_rng(0).normal(0, 6, (height, width, 1))
    return np.clip(128 + 90 * waves + grain, 0, 255).astype(np.uint8)


def _jpeg(width: int, height: int) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(_picture(width, height)).save(file, "JPEG", quality=90)
    return file.getvalue()


def _pillow(data: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))


def _wav() -> bytes:
    import soundfile

    file = io.BytesIO()
    samples = np.random.default_rng(0).normal(0, 0.1, 441_000)
    soundfile.write(file, samples, 44_100, format="WAV", subtype="PCM_16")
    return file.getvalue()


def _plain_sound(data: bytes) -> np.ndarray:
    import soundfile
    import soxr

    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    return soxr.resample(samples, rate, 16_000)


def _clip() -> bytes:
    import av

    file, still = io.BytesIO(), _picture(900, 360)
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.options = {"crf": "23", "g": "50", "preset": "veryfast"}
        for k in range(500):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.roll(still, 2 * k, 1)[:, :640]), format="rgb24")
            frame.pts = k
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def _in_order(data: bytes, count: int) -> list[np.ndarray]:
    import av

    wanted = {int((k + 0.5) * 500 / count) for k in range(count)}
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.video[0]
        stream.codec_context.thread_count = 1
        return [f.reformat(224, 224, "rgb24").to_ndarray() for k, f in enumerate(file.decode(stream)) if k in wanted]
