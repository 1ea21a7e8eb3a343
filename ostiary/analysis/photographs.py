"""Knows how a picture file becomes pixels: upright, BGR, 8 bits. Does not know what they show."""

import warnings
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ostiary.analysis.results import Pixels, Problem, Trouble, Unreadable

# Pillow reads more, of which some run other programs; these are what people take pictures in.
FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000",
                  "TGA")  # fmt: skip
MOVING: Final = ("GIF", "WEBP", "PNG", "AVIF")  # a TIFF's or MPO's further pictures are no film
HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
SIXTEEN_BITS: Final = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
# How the libraries of WebP and JPEG 2000 say that a file is not whole.
BROKEN: Final = ("could not create decoder object", "broken data stream")
PAPER: Final = (255, 255, 255)  # behind what is transparent


def unreadable(name: str, message: str) -> Unreadable:
    """Return the error for a file that is there and cannot be analysed."""
    return Unreadable(Problem(name, Trouble.UNREADABLE, message))


def read(path: Path, name: str) -> Pixels | Image.Image | None:
    """Return a picture file's pixels; an animation opened, for the caller to close.

    None where it is no picture but may be a film. Raises Unreadable, FileNotFoundError.
    """
    _refuse_heic(path, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            return _read(path)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
            raise unreadable(
                name, f"the picture is too large: at most {most} million pixels are read"
            ) from error
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
            raise unreadable(name, f"the picture cannot be read: {_told(error)}") from error


def _read(path: Path) -> Pixels | Image.Image | None:
    try:
        image = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        return None
    if image.format in MOVING and getattr(image, "n_frames", 1) > 1:
        return image
    with image:
        return to_bgr(ImageOps.exif_transpose(image))


def _told(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "truncated" in text.lower():
        return "it is truncated"
    broken = any(one in text for one in BROKEN)
    return "it is damaged or truncated" if broken else " ".join(text.split())


def _refuse_heic(path: Path, name: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(name, f"it cannot be read: {error.strerror or error}") from error
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        raise unreadable(name, "HEIC pictures are not read: save it as JPEG or PNG")


def to_bgr(image: Image.Image) -> Pixels:
    """Return (H, W, 3) BGR of a picture in any of Pillow's modes."""
    if image.mode in SIXTEEN_BITS:
        grey = _eight_bits(np.asarray(image))
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.new("RGBA", image.size, (*PAPER, 255))
        image.alpha_composite(above)
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[..., ::-1])


def _eight_bits(grey: NDArray[Any]) -> NDArray[np.uint8]:
    """Return grey values (H, W) of 16 bits, or of floats, as bytes; small values stay as they are.

    A file of mode F holds 0..1 or 0..255; one of mode I holds what 16 bits hold.
    """
    most = float(grey.max(initial=0))
    scale = 255.0 if grey.dtype.kind == "f" and most <= 1 else 255 / 65535 if most > 255 else 1.0
    scaled: NDArray[np.uint8] = np.clip(grey * np.float32(scale), 0, 255).astype(np.uint8)
    return scaled
