"""Knows how a surgical mask is drawn onto a portrait. Does not know who wears it or why."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ostiary.demo.portraits import MaskShape, Point

FABRIC_BGR: Final = np.array([222, 196, 158], np.float32)
EDGE_BGR: Final = np.array([244, 240, 232], np.float32)
_PLEATS: Final = (0.34, 0.54, 0.74)  # of the way from the upper edge to the lower
_SUPERSAMPLING: Final = 3
_CELLS: Final = (96, 72)  # across, down
_SUBPIXEL_BITS: Final = 3


def _along(points: tuple[Point, ...], at: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return places (N, 2) on a smooth curve through points, at 0..1 of its way from left."""
    knots = np.array(points, np.float32)
    position = at * (len(knots) - 1)
    low = np.clip(position.astype(int), 0, len(knots) - 2)
    part = (position - low)[:, None]
    before, after = np.maximum(low - 1, 0), np.minimum(low + 2, len(knots) - 1)
    a, b, c, d = knots[before], knots[low], knots[low + 1], knots[after]
    # Catmull-Rom: through every knot, with a continuous tangent.
    curve = b + 0.5 * part * (
        (c - a) + part * (2 * a - 5 * b + 4 * c - d + part * (3 * (b - c) + d - a))
    )
    return np.asarray(curve, np.float32)


def _bump(distance: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    return np.asarray(np.exp(-np.square(distance / width)), np.float32)


def shade(across: NDArray[np.float32], down: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return colours (..., 3) BGR of the mask's cloth at places 0..1 across and down."""
    light = 0.70 + 0.32 * np.cos((across - 0.48) * np.pi * 0.88) - 0.13 * down**2
    ridge = np.clip(1 - down / 0.55, 0, 1)
    light = light + ridge * (0.10 * _bump(across - 0.5, 0.09) - 0.07 * _bump(across - 0.33, 0.07))
    light = light - ridge * 0.09 * _bump(across - 0.67, 0.07)
    for pleat in _PLEATS:
        sag = pleat + 0.03 * np.cos((across - 0.5) * np.pi)
        light = light - 0.20 * _bump(down - sag, 0.016) + 0.07 * _bump(down - sag - 0.035, 0.03)
    light = (
        light + 0.012 * np.sin(across * 41 + down * 23) + 0.010 * np.sin(across * 17 - down * 31)
    )
    hem = np.maximum(
        np.maximum(_bump(down, 0.055), _bump(1 - down, 0.04)),
        np.maximum(_bump(across, 0.02), _bump(1 - across, 0.02)),
    )[..., None]
    colour = FABRIC_BGR * (1 - 0.75 * hem) + EDGE_BGR * 0.75 * hem
    stitched = 1 - 0.10 * _bump(down - 0.085, 0.012)
    return np.asarray(colour * (light * stitched)[..., None], np.float32)


def _cloth(shape: MaskShape, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mask alone, (H, W, 4) BGR premultiplied by alpha 0..1."""
    columns, rows = _CELLS
    across = np.linspace(0, 1, columns + 1, dtype=np.float32)
    down = np.linspace(0, 1, rows + 1, dtype=np.float32)
    upper, lower = _along(shape.upper, across), _along(shape.lower, across)
    places = upper[None] + down[:, None, None] * (lower - upper)[None]
    middle = np.meshgrid((across[1:] + across[:-1]) / 2, (down[1:] + down[:-1]) / 2)
    colours = shade(middle[0].astype(np.float32), middle[1].astype(np.float32))
    grain = np.random.default_rng(7).normal(1, 0.012, colours.shape[:2])
    colours = np.clip(colours * grain[..., None], 0, 255)
    scale, fine = _SUPERSAMPLING, 1 << _SUBPIXEL_BITS
    canvas = np.zeros((size[0] * scale, size[1] * scale, 4), np.float32)
    corners = np.round(places * scale * fine).astype(np.int32)
    for row in range(rows):
        for column in range(columns):
            cell = corners[[row, row, row + 1, row + 1], [column, column + 1, column + 1, column]]
            colour = (*colours[row, column].tolist(), 1.0)
            cv2.fillConvexPoly(canvas, cell, colour, cv2.LINE_8, _SUBPIXEL_BITS)
    return np.asarray(cv2.resize(canvas, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _draw_loops(pixels: NDArray[np.float32], shape: MaskShape) -> None:
    fine = 1 << _SUBPIXEL_BITS
    for loop in shape.loops:
        line = _along(loop, np.linspace(0, 1, 12, dtype=np.float32))
        dark = np.round((line + np.array([0.6, 1.8])) * fine).astype(np.int32)
        cord = np.round(line * fine).astype(np.int32)
        shadow = np.zeros(pixels.shape[:2], np.float32)
        cv2.polylines(shadow, [dark], False, 1.0, 2, cv2.LINE_8, _SUBPIXEL_BITS)
        pixels *= 1 - 0.35 * cv2.GaussianBlur(shadow, (0, 0), 1.2)[..., None]
        strand = np.zeros(pixels.shape[:2], np.uint8)
        cv2.polylines(strand, [cord], False, 255, 2, cv2.LINE_AA, _SUBPIXEL_BITS)
        part = (strand.astype(np.float32) / 255)[..., None]
        pixels[:] = pixels * (1 - part) + np.array([236, 234, 230], np.float32) * part


def draw_mask(cutout: NDArray[np.uint8], shape: MaskShape) -> NDArray[np.uint8]:
    """Return the cut-out BGRA (H, W, 4) with a mask on it, lit as the face below it is."""
    pixels = cutout[..., :3].astype(np.float32)
    cloth = _cloth(shape, cutout.shape[:2])
    cover = cloth[..., 3:]
    grey = cv2.GaussianBlur(cv2.cvtColor(cutout[..., :3], cv2.COLOR_BGR2GRAY), (0, 0), 14)
    face = float(grey[cover[..., 0] > 0.5].mean())
    light = np.clip(np.sqrt(grey.astype(np.float32) / face), 0.8, 1.12)[..., None]
    below = cv2.GaussianBlur(np.roll(cover[..., 0], 4, axis=0), (0, 0), 3.5)[..., None]
    pixels *= 1 - 0.30 * below * (1 - cover)
    _draw_loops(pixels, shape)
    pixels = pixels * (1 - cover) + cloth[..., :3] * light
    alpha = np.maximum(cutout[..., 3], np.round(cover[..., 0] * 255)).astype(np.uint8)
    return np.dstack([np.clip(pixels, 0, 255).astype(np.uint8), alpha])
