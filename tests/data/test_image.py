"""Pictures: formats, orientation, transparency, depth, size; every refusal typed."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import media_factory
import numpy as np
import pytest
from PIL import Image

from mcgurk.data.image import ImageInfo, image_info, read_image
from mcgurk.data.limits import limits
from mcgurk.errors import DataError, McgurkWarning, MediaError


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", media_factory.PICTURES)
def test_every_format(name: str) -> None:
    data = media_factory.seed(name)
    pixels = read_image(data)
    assert pixels.shape == (64, 96, 3) and pixels.dtype == np.uint8 and pixels.flags.writeable
    assert pixels[:, -8:].mean() - pixels[:, :8].mean() > 150
    assert image_info(data) == ImageInfo(media_factory.PICTURES[name], 64, 96, image_info(data).mode)
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.array_equal(pixels, expected)


def test_modes_and_sizes() -> None:
    data = media_factory.seed("png")
    assert read_image(data, mode="L").shape == (64, 96, 1)
    assert read_image(data, mode="RGBA").shape == (64, 96, 4)
    assert read_image(data, size=(10, 20)).shape == (10, 20, 3)
    assert read_image(data, size=7).shape == (7, 7, 3)
    assert read_image(data, size=np.int64(7)).shape == (7, 7, 3)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int, kind: str) -> None:
    """The upright picture is bright at its upper left corner, whatever way the camera was held."""
    upright = np.zeros((40, 60), np.uint8)
    upright[:20, :30] = 200
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = Image.fromarray(upright).convert("RGB")
    stored = stored if undo is None else stored.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, kind, exif=exif)
    for size in (None, (40, 60), (20, 30)):
        pixels = read_image(data, size=size)
        h, w = pixels.shape[:2]
        assert (h, w) == (size or (40, 60))
        assert pixels[: h // 4, : w // 4].min() > 150 and pixels[3 * h // 4 :].max() < 60
    info = image_info(data)
    assert (info.height, info.width) == (40, 60)


def test_transparent_places_show_the_background() -> None:
    data = encoded(Image.fromarray(np.array([[[9, 9, 9, 0], [50, 60, 70, 255]]], np.uint8)))
    assert read_image(data).tolist() == [[[255, 255, 255], [50, 60, 70]]]
    assert read_image(data, background=0).tolist() == [[[0, 0, 0], [50, 60, 70]]]
    assert read_image(data, mode="RGBA").tolist() == [[[9, 9, 9, 0], [50, 60, 70, 255]]]
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([1, 2, 3, 4, 5, 6])
    assert read_image(encoded(palette, transparency=0)).tolist() == [[[255] * 3, [4, 5, 6]]]


def test_sixteen_bits_keep_the_high_byte() -> None:
    grey = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    assert np.array_equal(read_image(encoded(Image.fromarray(grey)), mode="L")[..., 0], np.arange(256).reshape(16, 16))


def test_floats_have_no_scale() -> None:
    with pytest.raises(MediaError) as caught:
        read_image(encoded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"))
    assert caught.value.code == "F04"


def test_draft_is_close_to_the_full_decode() -> None:
    y, x = np.mgrid[0:1200, 0:1600]
    smooth = np.stack([127 + 120 * np.sin(x / 90), 127 + 120 * np.cos(y / 70), (x + y) % 256 * 0 + 90], -1).astype(np.uint8)
    data = encoded(Image.fromarray(smooth), "JPEG", quality=95)
    full = np.asarray(Image.fromarray(read_image(data)).resize((224, 224), 2)).astype(int)
    assert np.abs(full - read_image(data, size=224)).mean() < 1


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"", "F04"), (b"GIF89a", "F06 F05"), (b"\x89PNG\r\n\x1a\n", "F05 F06"), (b"<svg/>", "F04"), (b"\xff\xd8\xff\xe0" + bytes(50), "F05")],
)
def test_what_is_no_picture(data: bytes, code: str) -> None:
    for call in (read_image, image_info):
        with pytest.raises(MediaError) as caught:
            call(data)
        assert caught.value.code in code


def test_damaged_exif_warns_and_the_picture_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(self: Image.Image) -> None:
        raise SyntaxError("not a TIFF header")

    monkeypatch.setattr(Image.Image, "getexif", damaged)
    with pytest.warns(McgurkWarning, match="EXIF") as caught:
        assert read_image(media_factory.seed("png")).shape == (64, 96, 3)
    assert {w.message.code for w in caught} == {"F11"}


def test_a_raised_limit_reaches_past_pillows_own() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    before = Image.MAX_IMAGE_PIXELS
    with limits(max_pixels=100), pytest.raises(MediaError) as caught:
        read_image(media_factory.seed("png"))
    assert caught.value.code == "B01"
    assert before == Image.MAX_IMAGE_PIXELS
    with limits(max_pixels=64 * 96):
        assert read_image(media_factory.seed("png")).shape == (64, 96, 3)


@pytest.mark.parametrize("options", [{"mode": "CMYK"}, {"size": 0}, {"size": (4, -1)}])
def test_impossible_options(options: dict[str, object]) -> None:
    with pytest.raises(DataError):
        read_image(media_factory.seed("png"), **options)
    with pytest.raises(MediaError, match="size asks for"):
        read_image(media_factory.seed("png"), size=20_000)


def test_threads_read_the_same() -> None:
    data, found = media_factory.seed("jpg"), []
    threads = [threading.Thread(target=lambda: found.append(read_image(data, size=32))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(np.array_equal(found[0], other) for other in found)


def test_real_photos(data_root: Callable[[str], Path]) -> None:
    for path in sorted(data_root("flickr8k").glob("images/*"))[:5]:
        ours, plain = read_image(path, size=224), np.asarray(Image.open(path).convert("RGB").resize((224, 224), 2))
        assert np.abs(ours.astype(int) - plain).mean() < 2
