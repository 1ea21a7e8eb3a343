"""Knows how the demo's studio looks, behind and before its people. Does not know who comes."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ostiary.demo.paint import (
    HEIGHT,
    WIDTH,
    Canvas,
    band,
    box,
    cover,
    darken,
    fill,
    glow,
    grain,
    lay,
    ramp,
    vignette,
    write,
)

DESK_TOP: Final = 596.0
_PANEL: Final = 92.0


def _wall(canvas: Canvas) -> None:
    canvas[:] = band((58, 70, 92), (84, 92, 112), 0, DESK_TOP)
    for row in range(6):
        for column in range(14):
            x, y = column * _PANEL + 4, row * _PANEL + 22
            tone = 1 + 0.10 * np.sin(row * 1.7 + column * 2.9)
            base = (66 * tone, 80 * tone, 104 * tone)
            fill(canvas, box(x, y, x + _PANEL - 5, y + _PANEL - 5), base)
            fill(canvas, [(x, y), (x + _PANEL - 5, y), (x + 43, y + 43)], (84, 99, 125), 0.55)
            edge = [(x, y + _PANEL - 5), (x + _PANEL - 5, y + _PANEL - 5), (x + 43, y + 43)]
            fill(canvas, edge, (44, 55, 74), 0.6)
    lights = np.clip(np.sin(np.linspace(0.4, 2.7, WIDTH)), 0, 1).astype(np.float32)
    canvas *= (0.72 + 0.5 * lights)[None, :, None]


def _window(canvas: Canvas) -> None:
    """A window with blinds, evening outside."""
    left, top, right, bottom = 486.0, 70.0, 794.0, 360.0
    darken(canvas, box(left - 14, top - 14, right + 20, bottom + 20), 14, 0.5)
    fill(canvas, box(left - 12, top - 12, right + 12, bottom + 12), (38, 42, 50))
    view = band((84, 108, 158), (246, 186, 132), top, bottom)
    rng = np.random.default_rng(9)
    for x in np.arange(left - 20, right, 34):
        roof = bottom - rng.uniform(50, 150)
        fill(view, box(x, roof, x + 36, bottom), (70, 72, 98))
        for _ in range(9):
            at = (x + rng.uniform(4, 28), roof + rng.uniform(8, 120))
            fill(view, box(at[0], at[1], at[0] + 4, at[1] + 5), (255, 222, 150))
    fill(canvas, box(left, top, right, bottom), cv2.GaussianBlur(view, (0, 0), 2.6))
    for y in np.arange(top + 6, bottom, 17.0):
        fill(canvas, box(left, y, right, y + 3), (226, 222, 214), 0.5)
    glow(canvas, box(left, top, right, bottom), 50, (26, 18, 10))


def _lamps(canvas: Canvas) -> None:
    for x in (150.0, 1130.0):
        glow(canvas, box(x - 70, 120, x + 70, 460), 60, (74, 50, 22))
        fill(canvas, box(x - 5, 130, x + 5, 450), (255, 236, 196))
        glow(canvas, box(x - 7, 128, x + 7, 452), 8, (120, 88, 44))
    fill(canvas, box(556, 398, 724, 446), (26, 28, 34))
    fill(canvas, box(560, 402, 720, 442), band((196, 52, 44), (160, 34, 30), 402, 442))
    glow(canvas, box(560, 402, 720, 442), 26, (70, 14, 10))
    write(canvas, "ON AIR", (587, 432), 0.95, (255, 240, 230))


def backdrop() -> NDArray[np.uint8]:
    """Return the empty studio, (720, 1280, 3) BGR."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    _wall(canvas)
    _window(canvas)
    _lamps(canvas)
    canvas *= 1.12
    vignette(canvas, 0.5)
    grain(canvas, 1.2, 6)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def foreground() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the desk before everybody: colours (H, W, 3) BGR, and how far they cover (H, W)."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    desk = [(-40.0, HEIGHT), (-40.0, DESK_TOP), (WIDTH + 40.0, DESK_TOP), (WIDTH + 40.0, HEIGHT)]
    part = cover(desk)
    lay(canvas, part, band((172, 124, 84), (96, 64, 42), DESK_TOP, HEIGHT))
    rng = np.random.default_rng(2)
    for _ in range(60):  # the grain of the wood
        y = DESK_TOP + rng.uniform(10, HEIGHT - DESK_TOP)
        x = rng.uniform(-200, WIDTH)
        streak = box(x, y, x + rng.uniform(200, 700), y + rng.uniform(0.8, 2))
        fill(canvas, streak, (84, 56, 36), 0.16)
    fill(
        canvas, box(0, DESK_TOP, WIDTH, DESK_TOP + 5), ramp((226, 184, 140), (206, 160, 118), True)
    )
    fill(canvas, box(0, DESK_TOP + 5, WIDTH, DESK_TOP + 9), (108, 74, 48), 0.6)
    _cup(canvas, part)
    return np.clip(canvas, 0, 255).astype(np.uint8), part


def _cup(canvas: Canvas, part: NDArray[np.float32]) -> None:
    left, right, top, bottom = 612.0, 668.0, 566.0, 636.0
    darken(canvas, box(left - 6, bottom - 10, right + 26, bottom + 6), 6, 0.5)
    cup = [(left, top), (right, top), (right - 7, bottom), (left + 7, bottom)]
    part[:] = np.maximum(part, cover(cup))
    fill(canvas, cup, (216, 220, 224))
    for step in range(14):
        x = left + step * 4
        tone = 236 - 8.5 * step
        fill(canvas, [(x, top), (x + 5, top), (x + 4, bottom), (x + 1, bottom)], (tone,) * 3, 0.6)
    fill(canvas, box(left, top, right, top + 4), (250, 250, 250))
