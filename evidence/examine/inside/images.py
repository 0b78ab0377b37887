"""Pictures: the first frame as raw pixels, and what the file tells about its maker."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageFile, ImageOps

SIDE = 1600
PIXELS = 50_000_000

# media type: (Pillow's name, its module where it is not among the first five that Pillow loads itself)
_FORMATS = {
    "image/jpeg": (("JPEG", "MPO"), ("MpoImagePlugin",)),
    "image/png": (("PNG",), ()),
    "image/gif": (("GIF",), ()),
    "image/bmp": (("BMP",), ()),
    "image/webp": (("WEBP",), ("WebPImagePlugin",)),
    "image/tiff": (("TIFF",), ("TiffImagePlugin",)),
    "image/avif": (("AVIF",), ("AvifImagePlugin",)),
    "image/jp2": (("JPEG2000",), ("Jpeg2KImagePlugin",)),
    "image/vnd.microsoft.icon": (("ICO",), ("IcoImagePlugin",)),
}
# the rest of Pillow's readers stay off: some start other programs (EPS), most are never needed
SHOWN = frozenset(_FORMATS)


@dataclass(frozen=True)
class Picture:
    """Raw RGB pixels, `width` x `height`, of a picture that is `full_width` x `full_height`."""

    width: int
    height: int
    rgb: bytes
    note: str


def open_image(file: BinaryIO, media_type: str) -> Image.Image:
    """Read the header only. Raises what Pillow raises for a broken file."""
    names, modules = _FORMATS[media_type]
    for module in modules:
        loaded = importlib.import_module(f"PIL.{module}")
        if hasattr(loaded, "DEFAULT_MAX_THREADS"):
            vars(loaded)["DEFAULT_MAX_THREADS"] = 1  # no thread can be started in the jail
    Image.MAX_IMAGE_PIXELS = None  # the check below is stricter, and lets the header be read for metadata
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    return Image.open(file, formats=list(names))


def too_large(image: Image.Image) -> str:
    """Return a sentence where the picture has more pixels than are decoded, else an empty text."""
    pixels = image.width * image.height
    if pixels <= PIXELS:
        return ""
    return f"{image.width} by {image.height} pixels, more than the {PIXELS // 1_000_000} million that are opened here."


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
