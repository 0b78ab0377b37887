"""Pictures: the first frame as raw pixels, and what the file tells about its maker."""

from __future__ import annotations

import importlib
import io
import struct
import threading
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageChops, ImageFile, ImageOps, ImageStat

from evidence.examine.inside.entry import Unreadable
from evidence.examine.inside.traces import Found
from evidence.examine.media_types import HEIC, PICTURES

SIDE = 1600
PIXELS = 50_000_000
HEIC_PIXELS = 25_000_000  # which are all in memory at once, three times over
_SHAPES_APART, _GREYS_APART = 0.15, 24

# media type: (Pillow's name, its module where it is not among the first five that Pillow loads itself)
_FORMATS = {
    "image/jpeg": (("JPEG", "MPO"), ("MpoImagePlugin",)),
    "image/png": (("PNG",), ()),
    "image/gif": (("GIF",), ()),
    "image/bmp": (("BMP",), ()),
    "image/webp": (("WEBP",), ("WebPImagePlugin",)),
    "image/tiff": (("TIFF",), ("TiffImagePlugin",)),
    "image/avif": (("AVIF",), ("AvifImagePlugin",)),
    HEIC: (("HEIF",), ()),
    "image/jp2": (("JPEG2000",), ("Jpeg2KImagePlugin",)),
    "image/vnd.microsoft.icon": (("ICO",), ("IcoImagePlugin",)),
}
# the rest of Pillow's readers stay off: some start other programs (EPS), most are never needed
SHOWN = PICTURES


@dataclass(frozen=True)
class Picture:
    """Raw RGB pixels, `width` x `height`, of a picture that is `full_width` x `full_height`."""

    width: int
    height: int
    rgb: bytes
    note: str


def open_image(file: BinaryIO, media_type: str) -> Image.Image:
    """Read the header only. Raises what Pillow raises for a broken file, Unreadable where HEIC cannot be decoded here."""
    names, modules = _FORMATS[media_type]
    for module in modules:
        loaded = importlib.import_module(f"PIL.{module}")
        if hasattr(loaded, "DEFAULT_MAX_THREADS"):
            vars(loaded)["DEFAULT_MAX_THREADS"] = 1  # no thread can be started in the jail
    Image.MAX_IMAGE_PIXELS = None  # the check below is stricter, and lets the header be read for metadata
    if media_type == HEIC:
        _learn_heic()
    ImageFile.LOAD_TRUNCATED_IMAGES = media_type != HEIC  # of which nothing would be drawn, in black
    return Image.open(file, formats=list(names))


def _learn_heic() -> None:
    """Let Pillow open HEIC by libheif. It decodes in a thread, and ends the process where it may have none; so that is tried before."""
    try:
        import pi_heif

        thread = threading.Thread(target=int)
        thread.start()
    except (ImportError, RuntimeError) as error:
        raise Unreadable("HEIC pictures are not shown on this machine: their library is missing, or may not work in the jail.") from error
    thread.join()
    pi_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


def too_large(image: Image.Image) -> str:
    """Return a sentence where the picture has more pixels than are decoded, else an empty text."""
    most = HEIC_PIXELS if image.format == "HEIF" else PIXELS
    if image.width * image.height <= most:
        return ""
    return f"{image.width} by {image.height} pixels, more than the {most // 1_000_000} million that are opened here."


def picture(image: Image.Image) -> Picture:
    """Decode the first frame, upright, on white where it is transparent, no side above 1600 pixels."""
    note = _size_of(image)
    image.draft("RGB", (SIDE, SIDE))
    image.load()
    image.thumbnail((SIDE, SIDE), resample=Image.Resampling.BOX if image.mode in {"1", "P"} else Image.Resampling.BICUBIC)
    return _flat(image, note)


def whole_picture(image: Image.Image) -> Picture:
    """Decode the first frame with every pixel, upright, on white where it is transparent."""
    note = _size_of(image)
    image.load()
    return _flat(image, note)


def thumbnail_of(image: Image.Image) -> list[Found]:
    """Tell of the small picture that a camera puts inside, and whether it shows the same: what was cut away may still be there."""
    data = bytes(image.info.get("exif") or b"").removeprefix(b"Exif\0\0")
    try:
        start, length = _thumbnail_place(data)
        if not length:
            return []
        with Image.open(io.BytesIO(data[start : start + length]), formats=["JPEG"]) as small:
            same = _alike(image, small)
    except (OSError, SyntaxError, ValueError, TypeError, struct.error):
        return [("thumbnail", "Small picture inside", "present, but damaged")]
    return [("thumbnail", "Small picture inside", "shows the same" if same else "shows something else than the picture")]


def _thumbnail_place(data: bytes) -> tuple[int, int]:
    """Where the small picture stands in an EXIF block: in its second directory (EXIF 2.32, 4.5.1), which Pillow does not follow here."""
    if data[:4] not in {b"II*\0", b"MM\0*"}:
        return 0, 0
    order = "<" if data[:1] == b"I" else ">"
    first = struct.unpack_from(f"{order}I", data, 4)[0]
    second = struct.unpack_from(f"{order}I", data, first + 2 + 12 * struct.unpack_from(f"{order}H", data, first)[0])[0]
    if not second:
        return 0, 0
    count = struct.unpack_from(f"{order}H", data, second)[0]
    entries = {
        tag: value for tag, _, _, value in (struct.unpack_from(f"{order}HHII", data, second + 2 + 12 * n) for n in range(min(count, 50)))
    }
    return entries.get(0x0201, 0), entries.get(0x0202, 0)


def _alike(image: Image.Image, small: Image.Image) -> bool:
    """Compare two pictures by their shapes and by a few grey squares of each."""
    if abs(image.width / image.height - small.width / small.height) > _SHAPES_APART:
        return False
    image.draft("RGB", (SIDE, SIDE))
    squares = [one.convert("L").resize((16, 16), Image.Resampling.BOX) for one in (image, small)]
    return bool(ImageStat.Stat(ImageChops.difference(*squares)).mean[0] < _GREYS_APART)


def _size_of(image: Image.Image) -> str:
    frames = getattr(image, "n_frames", 1) if image.format in {"GIF", "TIFF", "WEBP", "PNG", "AVIF"} else 1
    full = f"{image.width} by {image.height} pixels"
    return f"{full}." if frames == 1 else f"{full}, first of {frames} frames."


def _flat(image: Image.Image, note: str) -> Picture:
    flat = _on_white(ImageOps.exif_transpose(image))
    return Picture(flat.width, flat.height, flat.tobytes(), note)


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        low, high = image.getextrema()
        if isinstance(low, int | float) and isinstance(high, int | float) and high > low:
            image = image.point(lambda value: value * (255.0 / (high - low)) - low * (255.0 / (high - low))).convert("L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")
