"""Pictures: JPEG, PNG, WebP, GIF (first frame), TIFF and BMP to uint8 arrays, through Pillow with its doors closed."""

from __future__ import annotations

import dataclasses
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from mcgurk.data.containers import magic, shortfall
from mcgurk.data.limits import check, limits, over
from mcgurk.data.source import Opened, Source, decoding, fail, opened
from mcgurk.errors import DataError, McgurkWarning

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP"}
_MODES = {"RGB": 3, "RGBA": 4, "L": 1}
_ORIENTATION = 0x0112
_PILLOW = threading.Lock()


@dataclasses.dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a picture's header says; ``height`` and ``width`` are those of the upright picture."""

    format: str
    height: int
    width: int
    mode: str


def read_image(
    source: Source,
    *,
    mode: str = "RGB",
    size: int | tuple[int, int] | None = None,
    background: int = 255,
    root: str | os.PathLike[str] | None = None,
) -> np.ndarray:
    """Decode one picture, upright, to ``uint8 (height, width, channels)``.

    The header is checked before a pixel is decoded. EXIF orientation is applied. Transparent places show ``background``: what an
    encoder left under them is no data. 16-bit grey keeps its high byte. A truncated picture is an error, never a half-grey array.
    With ``size`` a large JPEG is decoded at the nearest larger eighth, which is several times faster.

    Not for floating-point or 32-bit pictures (F04): their scale is the user's to choose.

    Args:
        source: path or bytes.
        mode: "RGB", "RGBA" or "L".
        size: (height, width), or one number for both; antialiased bilinear. None keeps the picture's own.
        background: grey level under transparent places, 0 to 255; not used by "RGBA".
        root: folder the file must lie in, links resolved.

    Shapes:
        returns (height, width, 3 | 4 | 1).

    Raises:
        MediaError: F01 to F03, F09 (see ``opened``), F04 format not read here, F05 damaged, F06 truncated, B01 too many pixels,
            B14 file too large.
        DataError: an unknown mode or an impossible size.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> from mcgurk.data.image import read_image
        >>> file = io.BytesIO(); Image.new("RGB", (4, 3), (255, 0, 0)).save(file, "PNG")
        >>> read_image(file.getvalue()).shape
        (3, 4, 3)
    """
    if mode not in _MODES:
        raise DataError(f"mode {mode!r} was given; expected one of {', '.join(_MODES)}")
    wanted = _size(size)
    with opened(source, root=root) as file:
        picture = _open(file)
        with decoding(file.name), picture:
            if wanted and picture.format == "JPEG" and mode in ("RGB", "L"):
                picture.draft(mode, wanted[::-1] if _orientation(picture, file.name) >= 5 else wanted)
            _load(picture, file.name)
            upright = _turn(picture, _orientation(picture, file.name))
            flat = _to_mode(upright, mode, background, file.name)
            if wanted and flat.size != wanted:
                flat = flat.resize(wanted, 2)
            pixels = np.array(flat, dtype=np.uint8)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def image_info(source: Source, *, root: str | os.PathLike[str] | None = None) -> ImageInfo:
    """Format and size from the header alone; the same checks as :func:`read_image`, no pixel decoded."""
    with opened(source, root=root) as file:
        picture = _open(file)
        with decoding(file.name), picture:
            width, height = picture.size
            ready = picture.format == "TIFF" or (picture.format == "PNG" and "exif" not in picture.info)  # already upright, or unknown
            if not ready and _orientation(picture, file.name) >= 5:
                width, height = height, width
            return ImageInfo(str(picture.format), height, width, picture.mode)


def _size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """(width, height) in Pillow's order."""
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if height < 1 or width < 1:
        raise DataError(f"size {size!r} was given; expected a positive number or (height, width)")
    check("max_pixels", int(height) * int(width), f"size asks for {height} x {width} pixels", "size")
    return int(width), int(height)


def _open(file: Opened) -> Image:
    """Pillow's handle on a file whose format is white-listed by its first bytes and whose size is within the limit."""
    from PIL import Image

    head = file.head(64)
    kind = magic(head)
    if kind not in _FORMATS:
        remedy = "give JPEG, PNG, WebP, GIF, TIFF or BMP"
        fail("F04", file.name, "the file is empty" if not head else "is no picture of a format read here", remedy)
    if kind == "webp":
        if canvas := _webp_canvas(head):
            _fits(*canvas, file.name)
        if short := shortfall(file.stream, file.size, kind):
            fail("F06", file.name, f"the file ends before the picture does ({short})", "get the whole file again")
    check("max_file_bytes", file.size, f"the file has {file.size:,} bytes", file.name)
    with decoding(file.name), _PILLOW:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limits().max_pixels
        try:
            picture = Image.open(file.stream, formats=[_FORMATS[kind]])
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            over("max_pixels", "the picture has more than twice as many pixels", file.name)
        except (OSError, SyntaxError, EOFError) as error:
            _damaged(error, file.name)
        finally:
            Image.MAX_IMAGE_PIXELS = before
    _fits(*picture.size, file.name)
    return picture


def _fits(width: int, height: int, name: str) -> None:
    check("max_pixels", width * height, f"the picture has {width:,} x {height:,} pixels", name)
    if width < 1 or height < 1:
        fail("F05", name, f"the picture has {width} x {height} pixels", "replace or re-encode the file")


def _webp_canvas(head: bytes) -> tuple[int, int] | None:
    """The canvas of an extended WebP: Pillow's decoder allocates it on opening, so it is checked before."""
    if head[12:16] != b"VP8X" or len(head) < 30:
        return None
    return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1


def _orientation(picture: Image, name: str) -> int:
    """EXIF orientation 1 to 8; damaged EXIF data leaves the picture as it is, with a warning."""
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except Exception as error:
        text = f"{name}: its EXIF data is damaged ({type(error).__name__}); the picture is used as it is stored"
        warnings.warn(McgurkWarning(text, code="F11"), stacklevel=4)
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _load(picture: Image, name: str) -> None:
    """Decode; Pillow's words for 'the file ends too early' become F06."""
    try:
        picture.load()
    except (OSError, SyntaxError, EOFError) as error:
        _damaged(error, name)


def _damaged(error: Exception, name: str) -> NoReturn:
    text = " ".join(str(error).split())[:160]
    cut = any(word in text.lower() for word in ("truncated", "unexpected end", "not processed", "premature"))
    cause = f"the file ends before the picture does ({text})" if cut else f"cannot be decoded ({text})"
    fail("F06" if cut else "F05", name, cause, "get the whole file again" if cut else "replace or re-encode the file")


def _turn(picture: Image, orientation: int) -> Image:
    """The upright picture; the numbers are Pillow's transpose codes for EXIF orientations 2 to 8."""
    from PIL.Image import Transpose

    codes = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
    return picture.transpose(Transpose(codes[orientation])) if orientation in codes else picture


def _to_mode(picture: Image, mode: str, background: int, name: str) -> Image:
    from PIL import Image

    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.array(picture).astype(np.uint16) >> 8).astype(np.uint8))
    elif picture.mode in ("I", "F"):
        fail("F04", name, f"has {picture.mode} pixels of 32 bits, which have no scale", "save it with 8 or 16 bits a channel")
    clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    if clear and mode != "RGBA":
        full: Any = picture.convert("RGBA")
        picture = Image.new("RGBA", full.size, (background, background, background, 255))
        picture.alpha_composite(full)
    return picture if picture.mode == mode else picture.convert(mode)
