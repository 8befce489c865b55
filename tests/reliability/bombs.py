"""Small files that ask for much. ``python bombs.py FOLDER`` opens each in a forked child and prints what happened as JSON.

A bomb is ``NAME: (expected code, function(folder) -> zero-argument call that must be refused)``. Files are made in the parent, so that
time and memory are those of the refusal alone.
"""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import media_factory

from mcgurk.data.archive import extract, load_json, load_xml
from mcgurk.data.audio import read_audio
from mcgurk.data.image import read_image
from mcgurk.data.limits import check_parquet
from mcgurk.data.media import open_media, read_text
from mcgurk.data.video import read_video
from mcgurk.errors import MediaError

Call = Callable[[], object]
BOMBS: dict[str, tuple[str, Callable[[Path], Call]]] = {}


def bomb(code: str) -> Callable[[Callable[[Path], Call]], Callable[[Path], Call]]:
    def add(make: Callable[[Path], Call]) -> Callable[[Path], Call]:
        BOMBS[make.__name__] = (code, make)
        return make

    return add


def png(width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG whose header is honest about its size and whose data are a few bytes."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        *extra,
        (b"IDAT", zlib.compress(b"\0" * 99)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)


def wav(channels: int = 1, rate: int = 8000, bits: int = 8, claimed: int = 16) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * bits // 8 & 0xFFFFFFFF, channels * bits // 8 & 0xFFFF, bits)
    return (
        b"RIFF"
        + struct.pack("<I", claimed + 36)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", claimed)
        + b"\x80" * 16
    )


@bomb("B01")
def png_196_megapixels(folder: Path) -> Call:
    return lambda: read_image(png(14_000, 14_000))


@bomb("B01")
def png_just_over(folder: Path) -> Call:
    return lambda: read_image(png(10_001, 10_000))


@bomb("B01")
def png_largest_sides(folder: Path) -> Call:
    return lambda: read_image(png(2**31 - 1, 2**31 - 1))


@bomb("F05")
def png_text_of_a_gigabyte(folder: Path) -> Call:
    data = png(8, 8, (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 28), 9)))
    return lambda: read_image(data)


@bomb("B01")
def jpeg_largest_sides(folder: Path) -> Call:
    data = media_factory.still("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return lambda: read_image(data[:at] + struct.pack(">HH", 65_500, 65_500) + data[at + 4 :])


@bomb("B01")
def gif_largest_sides(folder: Path) -> Call:
    data = media_factory.still("GIF")
    return lambda: read_image(data[:6] + b"\xff\xff\xff\xff" + data[10:])


@bomb("B01")
def webp_largest_canvas(folder: Path) -> Call:
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff\x3f\0\xff\x3f\0"
    return lambda: read_image(b"RIFF" + struct.pack("<I", len(body)) + body)


@bomb("B01")
def tiff_largest_sides(folder: Path) -> Call:
    tags = [
        (256, 4, 1, 200_000),
        (257, 4, 1, 200_000),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (279, 4, 1, 8),
    ]
    return lambda: read_image(
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in tags) + bytes(4)
    )


@bomb("B01")
def bmp_largest_sides(folder: Path) -> Call:
    data = media_factory.still("BMP")
    return lambda: read_image(data[:18] + struct.pack("<ii", 1 << 20, 1 << 20) + data[26:])


@bomb("B02")
def mjpeg_4096_squared(folder: Path) -> Call:
    data = _mjpeg(4096, 100)
    return lambda: read_video(data)


@bomb("F05")
def mjpeg_lying_frame(folder: Path) -> Call:
    data = media_factory.video("avi", "mjpeg", seconds=0.4)
    while (at := data.find(b"\xff\xc0\x00\x11\x08\x00\x40\x00\x40")) >= 0:
        data = data[: at + 5] + struct.pack(">HH", 30_000, 30_000) + data[at + 9 :]
    return lambda: read_video(data)


@bomb("B03")
def gif_of_a_million_frames(folder: Path) -> Call:
    frame = b"\x21\xf9\x04\0\x01\0\0\0\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    data = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff" + frame * 1_000_050 + b"\x3b"
    return lambda: read_video(data, n_frames=8)


@bomb("B02")
def frames_asked_for(folder: Path) -> Call:
    data = media_factory.seed("mp4")
    return lambda: read_video(data, fps=1000, size=4000)


@bomb("B04")
def wav_two_gigabytes_claimed(folder: Path) -> Call:
    return lambda: read_audio(wav(claimed=1 << 31))


@bomb("B05")
def wav_65535_channels(folder: Path) -> Call:
    return lambda: read_audio(wav(channels=65_535))


@bomb("F05")
def wav_rate_zero(folder: Path) -> Call:
    return lambda: read_audio(wav(rate=0))


@bomb("B06")
def wav_rate_of_two_gigahertz(folder: Path) -> Call:
    return lambda: read_audio(wav(rate=1 << 31))


@bomb("B04")
def flac_most_samples(folder: Path) -> Call:
    data = bytearray(media_factory.seed("flac"))
    data[21] |= 0x0F
    data[22:26] = b"\xff\xff\xff\xff"
    return lambda: read_audio(bytes(data))


@bomb("B05")
def aiff_hundred_channels(folder: Path) -> Call:
    data = media_factory.seed("aiff")
    at = data.index(b"COMM") + 8
    return lambda: read_audio(data[:at] + struct.pack(">H", 100) + data[at + 2 :])


@bomb("B08")
def zip_thousand_to_one(folder: Path) -> Call:
    data = _zip([("a.bin", bytes(200 << 20))])
    return lambda: extract(data, folder / "out")


@bomb("B08")
def zip_nested(folder: Path) -> Call:
    inner = _zip([("a.bin", bytes(100 << 20))])
    outer = _zip([(f"{k}.zip", inner) for k in range(8)])

    def call() -> None:
        for path in extract(outer, folder / "out"):
            extract(path, folder / "inner")

    return call


@bomb("F05")
def zip_lying_sizes(folder: Path) -> Call:
    data = _zip([("a.bin", bytes(50 << 20))])
    data = data.replace(struct.pack("<I", 50 << 20), struct.pack("<I", 1000))
    return lambda: extract(data, folder / "out")


@bomb("B09")
def zip_of_many_members(folder: Path) -> Call:
    data = _zip([(f"{k}", b"") for k in range(100_001)])
    return lambda: extract(data, folder / "out")


@bomb("B08")
def tar_gz_thousand_to_one(folder: Path) -> Call:
    data = _tar(("a.bin", bytes(100 << 20)))
    return lambda: extract(data, folder / "out")


@bomb("B08")
def tar_gz_endless_header(folder: Path) -> Call:
    data = _tar(("a.bin", b""), comment="x" * (100 << 20))
    return lambda: extract(data, folder / "out")


@bomb("B10")
def json_deep(folder: Path) -> Call:
    return lambda: load_json(b"[" * 1_000_000 + b"]" * 1_000_000)


@bomb("F05")
def json_unclosed_escapes(folder: Path) -> Call:
    return lambda: load_json(b'"' + b'\\"' * 2_000_000)


@bomb("B07")
def json_large(folder: Path) -> Call:
    path = _sparse(folder / "large.json", 1 << 40)
    return lambda: load_json(path)


@bomb("B07")
def text_large(folder: Path) -> Call:
    path = _sparse(folder / "large.txt", 1 << 40)
    return lambda: read_text(path)


@bomb("B14")
def picture_file_large(folder: Path) -> Call:
    path = _sparse(folder / "large.png", 1 << 40, png(8, 8))
    return lambda: read_image(path)


@bomb("F12")
def xml_billion_laughs(folder: Path) -> Call:
    entities = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    return lambda: load_xml(f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{entities}]><a>&l9;</a>'.encode())


@bomb("B10")
def xml_deep(folder: Path) -> Call:
    return lambda: load_xml(b"<a>" * 100_000 + b"</a>" * 100_000)


@bomb("B15")
def eaf_of_a_million_slots(folder: Path) -> Call:
    slots = "".join(f'<TIME_SLOT TIME_SLOT_ID="ts{k}" TIME_VALUE="{k}"/>' for k in range(1_000_000))
    data = f"<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER></ANNOTATION_DOCUMENT>".encode()
    return lambda: load_xml(data)


@bomb("B11")
def parquet_run_lengths(folder: Path) -> Call:
    import pyarrow as pa
    import pyarrow.parquet as pq

    piece = pa.table({"x": pa.repeat(pa.scalar(7, pa.int64()), 1_000_000)})
    with pq.ParquetWriter(folder / "rle.parquet", piece.schema, use_dictionary=True, compression="zstd") as writer:
        for _ in range(50):
            writer.write_table(piece, row_group_size=1_000_000)
    return lambda: check_parquet(folder / "rle.parquet")


@bomb("B11")
def parquet_repeated_text(folder: Path) -> Call:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"x": pa.DictionaryArray.from_arrays(pa.array([0] * 200_000, pa.int32()), pa.array(["y" * 100_000]))})
    pq.write_table(table, folder / "text.parquet", compression="zstd")
    return lambda: check_parquet(folder / "text.parquet")


@bomb("F04")
def yaml_anchors(folder: Path) -> Call:
    lines = ["a: &a [x, x]"] + [f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 9)}]" for k in range(9)]
    (folder / "bomb.yaml").write_text("\n".join(lines))
    return lambda: open_media(folder / "bomb.yaml")


def _zip(members: list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return file.getvalue()


def _tar(member: tuple[str, bytes], comment: str | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(
        fileobj=file, mode="w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": comment} if comment else None
    ) as archive:
        info = tarfile.TarInfo(member[0])
        info.size = len(member[1])
        archive.addfile(info, io.BytesIO(member[1]))
    return file.getvalue()


def _sparse(path: Path, size: int, start: bytes = b"") -> Path:
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(size)
    return path


def _mjpeg(side: int, count: int) -> bytes:
    """An AVI of ``count`` equal pictures, encoded once."""
    import av
    from PIL import Image

    picture, file = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (side, side), (200, 0, 0)).save(picture, "JPEG")
    with av.open(file, "w", format="avi") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width = stream.height = side
        stream.pix_fmt = "yuvj420p"
        for k in range(count):
            packet = av.Packet(picture.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, k, k, Fraction(1, 25)
            out.mux(packet)
    return file.getvalue()


def refused(call: Call) -> str:
    """The code a call is refused with; "accepted", or the name of an error that is none of ours."""
    try:
        call()
    except MediaError as error:
        return error.code
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "accepted"


def resident(field: str) -> int:
    """Bytes of this process by ``VmRSS`` (now) or ``VmHWM`` (at its highest)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(field + ":")[1].split()[0]) * 1024


def measured(call: Callable[[], str]) -> dict[str, object]:
    """What ``call`` returns in a forked child, with the CPU seconds and the memory it took there."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)
        before = resident("VmRSS")
        said = call()
        os.write(writer, json.dumps([said, resident("VmHWM") - before]).encode())
        os._exit(0)
    os.close(writer)
    _, status, usage = os.wait4(pid, 0)
    seconds = usage.ru_utime + usage.ru_stime
    said, extra = json.loads(os.read(reader, 4096) or '["no answer", 0]')
    os.close(reader)
    return {"code": said, "status": status, "seconds": round(seconds, 2), "mb": extra >> 20}


def main(folder: Path) -> dict[str, dict[str, object]]:
    warnings.simplefilter("ignore")
    found = {}
    for seed in ("png", "wav", "mp4"):
        open_media(media_factory.seed(seed))
    for name, (_, make) in BOMBS.items():
        place = folder / name
        place.mkdir(parents=True)
        call = make(place)
        found[name] = measured(lambda call=call: refused(call))
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
