"""Knows how the demo's lobby looks, behind and before its people. Does not know who comes."""

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

VANISHING: Final = (640.0, 205.0)
WALL: Final = (205.0, 38.0, 1075.0, 452.0)  # the back wall: left, top, right, bottom
DOOR: Final = (480.0, 112.0, 800.0, 452.0)
GATE_TOP: Final = 612.0


def _from_wall(x: float, y: float, reach: float) -> tuple[float, float]:
    """Follow the line from the vanishing point through a place on the back wall."""
    return (
        VANISHING[0] + (x - VANISHING[0]) * reach,
        VANISHING[1] + (y - VANISHING[1]) * reach,
    )


def _shell(canvas: Canvas) -> None:
    left, top, right, bottom = WALL
    far = 4.0
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    outer = [_from_wall(x, y, far) for x, y in corners]
    fill(
        canvas,
        [corners[0], corners[1], outer[1], outer[0]],
        band((206, 203, 197), (236, 233, 226), -40, 60),
    )
    fill(
        canvas,
        [corners[0], corners[3], outer[3], outer[0]],
        ramp((150, 141, 130), (214, 207, 196), True),
    )
    fill(
        canvas,
        [corners[1], corners[2], outer[2], outer[1]],
        ramp((232, 226, 215), (168, 160, 149), True),
    )
    fill(canvas, corners, band((226, 221, 212), (205, 198, 187), top, bottom))
    floor = [corners[3], corners[2], outer[2], outer[3]]
    fill(canvas, floor, band((176, 170, 162), (112, 107, 101), bottom, HEIGHT))


def _ceiling_lights(canvas: Canvas) -> None:
    for x in (330.0, 640.0, 950.0):
        near = [_from_wall(x - 26, WALL[1] + 3, 1.9), _from_wall(x + 26, WALL[1] + 3, 1.9)]
        strip = [(x - 22, WALL[1] - 8), (x + 22, WALL[1] - 8), near[1], near[0]]
        glow(canvas, strip, 14, (60, 56, 44))
        fill(canvas, strip, (255, 252, 240))


def _floor_tiles(canvas: Canvas) -> None:
    floor = cover([(WALL[0], WALL[3]), (WALL[2], WALL[3]), (WIDTH + 1500, HEIGHT), (-1500, HEIGHT)])
    lines = np.zeros((HEIGHT, WIDTH), np.uint8)
    for x in np.linspace(WALL[0] - 600, WALL[2] + 600, 25):
        near = _from_wall(float(x), WALL[3], 3.5)
        start = (int(x * 16), int(WALL[3] * 16))
        cv2.line(lines, start, (int(near[0] * 16), int(near[1] * 16)), 255, 1, cv2.LINE_AA, 4)
    for reach in (1.06, 1.2, 1.37, 1.58, 1.83, 2.1):
        y = int(_from_wall(0, WALL[3], reach)[1])
        cv2.line(lines, (0, y), (WIDTH, y), 255, 1, cv2.LINE_AA)
    lay(canvas, np.asarray(floor * (lines / 255 * 0.28), np.float32), (88, 83, 78))


def _outside() -> Canvas:
    """Return what is seen through the glass: sky, trees, a path, all out of focus."""
    rng = np.random.default_rng(3)
    view = band((196, 222, 244), (246, 248, 244), DOOR[1], DOOR[1] + 190)
    ground = DOOR[1] + 235
    fill(
        view,
        box(DOOR[0], ground, DOOR[2], DOOR[3]),
        band((186, 190, 172), (214, 210, 200), ground, DOOR[3]),
    )
    for _ in range(70):
        x, y = rng.uniform(DOOR[0] - 20, DOOR[2] + 20), ground - rng.gamma(2.0, 22)
        green = rng.uniform(0.7, 1.1)
        colour = (int(128 * green), int(168 * green), int(112 * green))
        size = int(rng.uniform(10, 26))
        cv2.circle(view, (int(x), int(y)), size, colour[::-1], -1, cv2.LINE_AA)
    fill(view, [(600, DOOR[3]), (690, DOOR[3]), (660, ground), (634, ground)], (232, 226, 214))
    return np.asarray(cv2.GaussianBlur(view, (0, 0), 7), np.float32)


def _door(canvas: Canvas) -> None:
    left, top, right, bottom = DOOR
    darken(canvas, box(left - 16, top - 16, right + 16, bottom), 16, 0.35)
    fill(canvas, box(left - 12, top - 12, right + 12, bottom), (52, 56, 60))
    fill(canvas, box(left, top, right, bottom), _outside())
    middle = (left + right) / 2
    for x, width in ((left, 8), (middle, 7), (right, 8)):
        fill(canvas, box(x - width, top, x + width, bottom), (58, 62, 66))
        fill(canvas, box(x - width, top, x - width + 2, bottom), (96, 101, 106))
    fill(canvas, box(left, bottom - 20, right, bottom), (58, 62, 66))
    fill(canvas, box(left, top, right, top + 8), (70, 74, 78))
    for x in (middle - 24, middle + 18):
        fill(canvas, box(x, 270, x + 6, 372), (206, 206, 202))
        darken(canvas, box(x + 6, 272, x + 9, 374), 1, 0.4)
    for x in (left + 30, middle + 30):
        shine = [(x, bottom), (x + 44, bottom), (x + 112, top), (x + 68, top)]
        glow(canvas, shine, 3, (14, 15, 16))


def _daylight(canvas: Canvas) -> None:
    """The door's light on the polished floor: a mirrored, blurred door, and a spill."""
    left, _, right, bottom = DOOR
    depth = HEIGHT - int(bottom)
    mirrored = cv2.flip(canvas[int(bottom) - depth : int(bottom)].copy(), 0)
    mirrored = cv2.GaussianBlur(mirrored, (0, 0), sigmaX=9, sigmaY=16)
    fade = np.linspace(0.42, 0.05, depth, dtype=np.float32)[:, None, None]
    canvas[int(bottom) :] = canvas[int(bottom) :] * (1 - fade) + mirrored * fade
    spill = [(left, bottom), (right, bottom), (right + 330, HEIGHT), (left - 330, HEIGHT)]
    glow(canvas, spill, 26, (34, 34, 32))


def _slats(canvas: Canvas) -> None:
    """A wall of oak slats to the left of the door, the house's name to the right."""
    for number, x in enumerate(np.arange(WALL[0] + 8, DOOR[0] - 40, 13.0)):
        tone = 1 + 0.07 * np.sin(number * 2.3)
        colour = (176 * tone, 134 * tone, 92 * tone)
        fill(canvas, box(x, WALL[1] + 4, x + 9, WALL[3] - 10), colour)
        fill(canvas, box(x + 7, WALL[1] + 4, x + 9, WALL[3] - 10), (120, 88, 58))
    fill(canvas, box(WALL[0], WALL[3] - 10, WALL[2], WALL[3]), (92, 86, 80))
    darken(canvas, box(WALL[0] - 10, WALL[1], WALL[0] + 6, WALL[3]), 18, 0.35)
    darken(canvas, box(WALL[2] - 6, WALL[1], WALL[2] + 10, WALL[3]), 18, 0.35)
    darken(canvas, box(884, 60, 1050, 128), 6, 0.35)
    fill(canvas, box(880, 54, 1044, 120), band((64, 70, 76), (48, 53, 58), 54, 120))
    for text, place, size, colour in (
        ("OSTIARY", (898, 89), 0.86, (236, 214, 160)),
        ("EAST LOBBY", (899, 109), 0.43, (206, 206, 200)),
    ):
        write(canvas, text, place, size, colour)


def _leaf(canvas: Canvas, base: tuple[float, float], tip: tuple[float, float], tone: float) -> None:
    along = np.array(tip) - np.array(base)
    side = np.array([-along[1], along[0]]) * 0.10
    steps = np.linspace(0, 1, 14)
    width = np.sin(steps * np.pi) ** 0.8
    sag = np.array([0, 26.0]) * (steps**2)[:, None]
    spine = np.array(base) + along * steps[:, None] + sag
    places = np.concatenate([spine + side * width[:, None], (spine - side * width[:, None])[::-1]])
    fill(canvas, [tuple(place) for place in places], (58 * tone, 104 * tone, 62 * tone))
    lower = np.concatenate([spine, (spine - side * width[:, None])[::-1]])
    fill(canvas, [tuple(place) for place in lower], (44 * tone, 86 * tone, 52 * tone), 0.8)


def _plant(canvas: Canvas, x: float, y: float, size: float) -> None:
    rng = np.random.default_rng(11)
    darken(canvas, box(x - 50 * size, y - 8, x + 58 * size, y + 12), 11, 0.5)
    rim, top = y - 92 * size, y - 98 * size
    pot = [(x - 40 * size, rim), (x + 40 * size, rim), (x + 30 * size, y), (x - 30 * size, y)]
    fill(canvas, pot, (196, 192, 185))
    for step in range(16):  # a round pot: light from the door on its left
        part = step / 16
        edge = [(x + (part * 80 - 40) * size, rim), (x + (part * 60 - 30) * size, y)]
        tone = 232 - 100 * part**1.4
        fill(canvas, [edge[0], (edge[0][0] + 6 * size, rim), (edge[1][0] + 5 * size, y), edge[1]],
             (tone, tone * 0.985, tone * 0.955))  # fmt: skip
    fill(canvas, box(x - 42 * size, top, x + 42 * size, top + 8 * size), (150, 146, 140))
    for number in range(34):
        angle = rng.normal(0, 0.48)
        length = rng.uniform(120, 235) * size
        tip = (x + np.sin(angle) * length * 0.8, top - np.cos(angle) * length)
        base = (x + rng.uniform(-16, 16) * size, top)
        _leaf(canvas, base, tip, 0.68 + 0.55 * number / 34)


def backdrop() -> NDArray[np.uint8]:
    """Return the empty lobby, (720, 1280, 3) BGR."""
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    _shell(canvas)
    _ceiling_lights(canvas)
    _slats(canvas)
    _door(canvas)
    _daylight(canvas)
    _floor_tiles(canvas)
    _plant(canvas, 935, 482, 0.95)
    canvas *= 1.09
    vignette(canvas, 0.38)
    grain(canvas, 1.2, 5)
    return np.clip(canvas, 0, 255).astype(np.uint8)


def foreground() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return what stands before everybody: colours (H, W, 3) BGR, and how far they cover (H, W).

    Glass gates between steel posts: visitors stop behind them and look at the camera above.
    """
    canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    part = np.zeros((HEIGHT, WIDTH), np.float32)
    glass = cover(box(0, GATE_TOP, WIDTH, HEIGHT))
    lay(canvas, glass, band((196, 210, 210), (150, 164, 166), GATE_TOP, HEIGHT))
    part = np.maximum(part, glass * 0.62)
    rim = cover(box(0, GATE_TOP - 3, WIDTH, GATE_TOP + 2))
    lay(canvas, rim, (226, 238, 236))
    part = np.maximum(part, rim * 0.9)
    for x in (0.0, 640.0, 1280.0):
        post = box(x - 52, GATE_TOP - 26, x + 52, HEIGHT)
        steel = cover(post)
        lay(canvas, steel, band((176, 180, 184), (92, 96, 100), GATE_TOP - 26, HEIGHT))
        part = np.maximum(part, steel)
        fill(canvas, box(x - 52, GATE_TOP - 26, x + 52, GATE_TOP - 16), (220, 223, 226))
        fill(canvas, box(x - 52, GATE_TOP - 26, x - 48, HEIGHT), (206, 209, 212), 0.8)
        fill(canvas, box(x + 46, GATE_TOP - 16, x + 52, HEIGHT), (66, 70, 74), 0.8)
        fill(canvas, box(x - 24, GATE_TOP + 12, x + 24, GATE_TOP + 60), (30, 34, 38))
        fill(canvas, box(x - 18, GATE_TOP + 33, x + 18, GATE_TOP + 38), (90, 226, 150))
        glow(canvas, box(x - 18, GATE_TOP + 33, x + 18, GATE_TOP + 38), 5, (20, 70, 40))
    return np.clip(canvas, 0, 255).astype(np.uint8), part
