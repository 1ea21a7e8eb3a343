"""Knows how to paint flat shapes, light and shadow on a canvas. Does not know what they show.

Convention: a canvas is float32 (H, W, 3), BGR, 0..255; colours are written as RGB triples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 1280
HEIGHT: Final = 720
Canvas = NDArray[np.float32]
Colour = tuple[float, float, float]
Places = Sequence[tuple[float, float]]
_BITS: Final = 4  # of the fraction of a pixel in polygons


def bgr(colour: Colour) -> NDArray[np.float32]:
    """Return an RGB colour in the canvas's order."""
    return np.array(colour[::-1], np.float32)


@dataclass(frozen=True, slots=True)
class _Patch:
    """A polygon's surroundings on the canvas, and how far it covers each pixel there, 0..1."""

    rows: slice
    columns: slice
    part: NDArray[np.float32]


def _patch(places: Places, soft_px: float = 0) -> _Patch:
    corners = np.array(places, np.float64)
    margin = 2 + int(3.5 * soft_px)
    left, top = np.clip(np.floor(corners.min(0)) - margin, 0, (WIDTH, HEIGHT)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(0)) + margin, 0, (WIDTH, HEIGHT)).astype(int)
    area = np.zeros((max(0, bottom - top), max(0, right - left)), np.uint8)
    if area.size:
        fixed = np.round((corners - (left, top)) * (1 << _BITS)).astype(np.int32)
        cv2.fillPoly(area, [fixed], 255, cv2.LINE_AA, _BITS)
    part = np.asarray(area / 255, np.float32)
    if soft_px > 0 and area.size:
        part = cv2.GaussianBlur(part, (0, 0), soft_px, borderType=cv2.BORDER_REPLICATE)
    return _Patch(slice(top, bottom), slice(left, right), part)


def cover(places: Places, soft_px: float = 0) -> NDArray[np.float32]:
    """Return how far each pixel (H, W) lies in a polygon, 0..1, its edge softened."""
    whole = np.zeros((HEIGHT, WIDTH), np.float32)
    patch = _patch(places, soft_px)
    whole[patch.rows, patch.columns] = patch.part
    return whole


def ramp(start: Colour, end: Colour, across: bool = False) -> Canvas:
    """Return a canvas that runs from one colour to another, downwards or across."""
    count = WIDTH if across else HEIGHT
    part = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    line = bgr(start) * (1 - part) + bgr(end) * part
    shaped = line[None] if across else line[:, None]
    return np.broadcast_to(shaped, (HEIGHT, WIDTH, 3)).astype(np.float32, order="C")


def band(start: Colour, end: Colour, top_px: float, bottom_px: float) -> Canvas:
    """Return a canvas that runs from one colour at top_px to another at bottom_px."""
    rows = np.arange(HEIGHT, dtype=np.float32)
    part = np.clip((rows - top_px) / max(1.0, bottom_px - top_px), 0, 1)[:, None]
    line = bgr(start) * (1 - part) + bgr(end) * part
    return np.broadcast_to(line[:, None], (HEIGHT, WIDTH, 3)).astype(np.float32, order="C")


def lay(canvas: Canvas, part: NDArray[np.float32], paint: Canvas | Colour) -> None:
    """Paint a colour or another canvas over this one where part (H, W) says, in place."""
    source = bgr(paint) if isinstance(paint, tuple) else paint
    weight = part[..., None]
    canvas[:] = canvas * (1 - weight) + source * weight


def fill(canvas: Canvas, places: Places, paint: Canvas | Colour, opacity: float = 1) -> None:
    """Fill a polygon, in place."""
    patch = _patch(places)
    window = canvas[patch.rows, patch.columns]
    source = paint if isinstance(paint, tuple) else paint[patch.rows, patch.columns]
    lay(window, patch.part * np.float32(opacity), source)


def darken(canvas: Canvas, places: Places, soft_px: float, depth: float) -> None:
    """Let a polygon's soft shadow fall on the canvas, in place; depth 0..1."""
    patch = _patch(places, soft_px)
    canvas[patch.rows, patch.columns] *= 1 - depth * patch.part[..., None]


def glow(canvas: Canvas, places: Places, soft_px: float, colour: Colour) -> None:
    """Add a polygon's soft light to the canvas, in place; the colour is what is added."""
    patch = _patch(places, soft_px)
    canvas[patch.rows, patch.columns] += patch.part[..., None] * bgr(colour)


def box(left: float, top: float, right: float, bottom: float) -> Places:
    """Return a rectangle's corners."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def vignette(canvas: Canvas, depth: float) -> None:
    """Darken the corners as a lens does, in place."""
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None]
    y = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    canvas *= (1 - depth * np.clip(x * x * 0.6 + y * y * 0.5 - 0.15, 0, 1))[..., None]


def grain(canvas: Canvas, deviation: float, seed: int) -> None:
    """Add a sensor's standing noise, in place."""
    noise = np.random.default_rng(seed).normal(0, deviation, (HEIGHT, WIDTH, 1))
    canvas += noise.astype(np.float32)


def write(canvas: Canvas, words: str, place: tuple[int, int], size: float, colour: Colour) -> None:
    """Write words whose baseline begins at a place, in place."""
    area = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(area, words, place, cv2.FONT_HERSHEY_DUPLEX, size, 255, 1, cv2.LINE_AA)
    lay(canvas, np.asarray(area / 255, np.float32), colour)
