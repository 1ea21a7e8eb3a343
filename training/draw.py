"""Knows how a mask is drawn on a bare face by its five points. Does not know who looks at it.

Real pictures of masks worn wrongly are few; this makes more, of many shapes and colours. Figures on
drawn masks are easier than on real ones, and every card says which of the two it rests on.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.observations import MaskState

# Where the mask's upper edge lies, from the eyes (0) to the mouth (1); the nose's tip is near 0.55.
UPPER_EDGE: Final = {
    "worn": (0.18, 0.42),
    "under_nose": (0.66, 0.86),
    "under_chin": (1.25, 1.5),
}
MEANS: Final = {
    "worn": MaskState.WORN,
    "under_nose": MaskState.INCORRECT,
    "under_chin": MaskState.INCORRECT,
}
COLOURS_BGR: Final = ((235, 235, 235), (225, 200, 150), (200, 190, 110), (40, 40, 40),
                      (120, 120, 120), (170, 160, 240), (150, 190, 120))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A photographed mask: pixels (H, W, 4) BGRA, and its upper and lower edge's three points each.

    anchors: (6, 2) x y in its pixels: upper left, middle, right, lower left, middle, right.
    """

    pixels: NDArray[np.uint8]
    anchors: NDArray[np.float32]


def load_templates(data: Path) -> tuple[Template, ...]:
    """Return the templates below a data folder, those of `occluders/`."""
    return templates_of(data / "occluders")


def templates_of(folder: Path) -> tuple[Template, ...]:
    """Return the frontal templates of MaskTheFace (MIT) but the gas mask: `masks.csv` names them.

    Raises OSError.
    """
    if not (folder / "masks.csv").is_file() and (folder.parent / "masks.csv").is_file():
        folder = folder.parent
    with (folder / "masks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = []
    for row in rows:
        if row["name"].startswith("gas") or row["name"].endswith(("_left", "_right")):
            continue
        pixels = cv2.imread(str(folder / row["file"]), cv2.IMREAD_UNCHANGED)
        anchors = [(float(row[f"{key}_x"]), float(row[f"{key}_y"])) for key in "abcdef"]
        # 360 px wide as they come, a mask in a crop is about 60: shrunk once, or they would alias
        small = cv2.resize(pixels, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        quarter = (np.array(anchors) / 4).astype(np.float32)
        found.append(Template(np.asarray(small, np.uint8), quarter))
    return tuple(found)


def paste_template(
    crop: NDArray[np.uint8],
    template: Template,
    outline: NDArray[np.float32],
    random: np.random.Generator,
) -> NDArray[np.uint8]:
    """Return a copy of a crop (S, S, 3) with a template stretched to a mask's outline (10, 2)."""
    corners = outline[[0, 2, 4, 9, 7, 5]]
    matrix, _ = cv2.findHomography(template.anchors, corners)
    side = crop.shape[0]
    warped = cv2.warpPerspective(template.pixels, matrix, (side, side), flags=cv2.INTER_LINEAR)
    tint = random.uniform(0.75, 1.2) * np.clip(crop.mean() / 120, 0.6, 1.15)
    tints = tint * random.uniform(0.85, 1.15, 3) if random.random() < 0.5 else tint
    cover = warped[..., 3:].astype(np.float32) / 255
    mixed = crop * (1 - cover) + warped[..., :3] * tints * cover
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def dress(
    crop: NDArray[np.uint8], points: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a copy of a crop with a collar, a scarf or a suit below the chin.

    White collars under bare chins were taken for masks pulled down; this is what teaches otherwise.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down, across = mouth - eyes, points[1] - points[0]

    def place(x: float, y: float) -> NDArray[np.float32]:
        return np.asarray(eyes + x * across + y * down, np.float32)

    side = random.uniform(1.75, 2.1)
    middle = random.uniform(2.05, 2.6)
    width = random.uniform(0.9, 1.3)
    edge = [place(-3, side + 0.3), place(-width, side), place(0, middle), place(width, side)]
    cloth = np.array([*edge, place(3, side + 0.3), place(3, 5), place(-3, 5)])
    out = crop.copy()
    white = random.random() < 0.5
    colour = random.uniform(190, 250, 3) if white else random.uniform(10, 250, 3)
    _fill(out, cloth, colour, random)
    if random.random() < 0.6:
        dark = random.uniform(10, 110, 3)
        for way in (-1, 1):
            inner = place(way * random.uniform(0.35, 0.8), random.uniform(2.5, 3.2))
            lapel = [place(way * width * 1.1, side + 0.05), inner, place(way * 1.5, 5)]
            _fill(out, np.array([*lapel, place(way * 4, 5), place(way * 4, side)]), dark, random)
    if random.random() < 0.4:
        tie = [place(-0.15, middle), place(0.15, middle), place(0.25, 4), place(-0.25, 4)]
        _fill(out, np.array(tie), random.uniform(10, 200, 3), random)
    return out


def _fill(
    crop: NDArray[np.uint8],
    shape: NDArray[np.float32],
    colour: NDArray[np.float64],
    random: np.random.Generator,
) -> None:
    """Fill a polygon (K, 2) with a colour that varies a little, in place."""
    cover = np.zeros(crop.shape[:2], np.float32)
    cv2.fillPoly(cover, [np.round(shape * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.4, 1.2))[..., None]
    rough = cv2.GaussianBlur(random.normal(0, 40, crop.shape[:2]), (0, 0), 4)[..., None] * 3
    crop[:] = np.clip(crop * (1 - cover) + (colour + rough) * cover, 0, 255).astype(np.uint8)


def draw_mask(
    crop: NDArray[np.uint8],
    points: NDArray[np.float32],
    kind: str,
    random: np.random.Generator,
    templates: tuple[Template, ...] = (),
) -> NDArray[np.uint8]:
    """Return a copy of a crop (S, S, 3) with a mask of one kind over the face at points (5, 2).

    With templates, half of the masks are photographed ones; the others are drawn.
    """
    outline = outline_of(points, kind, random)
    if templates and random.random() < 0.5:
        template = templates[random.integers(len(templates))]
        return paste_template(crop, template, outline, random)
    cover = np.zeros(crop.shape[:2], np.float32)
    cv2.fillPoly(cover, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    cover = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.4, 1.0))[..., None]
    mixed = crop * (1 - cover) + _cloth(crop, points, random) * cover
    out = np.clip(mixed, 0, 255).astype(np.uint8)
    if random.random() < 0.7:
        _straps(out, outline, points, random)
    return np.asarray(out, np.uint8)


def outline_of(
    points: NDArray[np.float32], kind: str, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return the mask's outline (10, 2), clockwise from the upper left."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    down, across = mouth - eyes, points[1] - points[0]
    top = random.uniform(*UPPER_EDGE[kind])
    chin = random.uniform(1.72, 2.05) if kind != "under_chin" else top + random.uniform(0.5, 0.8)
    rise = random.uniform(0.0, 0.22) if kind == "worn" else random.uniform(0.0, 0.08)
    broad = random.uniform(0.85, 1.1)
    profile = [(-broad, top + rise + 0.1), (-0.45, top + rise * 0.5), (0.0, top),
               (0.45, top + rise * 0.5), (broad, top + rise + 0.1),
               (broad * 0.93, top + 0.62 * (chin - top)), (0.42, chin - 0.08), (0.0, chin),
               (-0.42, chin - 0.08), (-broad * 0.93, top + 0.62 * (chin - top))]  # fmt: skip
    shift = (points[2] - (eyes + 0.55 * down)) * random.uniform(0.3, 0.8)  # follow a turned head
    shape = [eyes + x * across + y * down for x, y in profile]
    jitter = random.normal(0, 0.02, (len(shape), 2)) * np.linalg.norm(across)
    return np.asarray(np.array(shape) + shift + jitter, np.float32)


def _cloth(
    crop: NDArray[np.uint8], points: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Return cloth for the whole crop: a colour, shaded across, with folds and grain."""
    side = crop.shape[0]
    choice = COLOURS_BGR[random.integers(len(COLOURS_BGR))]
    base = np.array(choice if random.random() < 0.75 else random.uniform(20, 245, 3), np.float32)
    base = np.clip(base + random.normal(0, 12, 3), 5, 250).astype(np.float32)
    exposure = np.clip(crop.mean() / 120, 0.5, 1.25)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    middle = points[2]
    light = 1 - random.uniform(0.1, 0.4) * ((x - middle[0]) / side * 2) ** 2
    light += random.uniform(-0.2, 0.2) * (x - middle[0]) / side
    if random.random() < 0.6:
        light -= 0.07 * (np.sin((y - middle[1]) * random.uniform(0.5, 1.1)) > 0.75)
    grain = random.normal(0, random.uniform(0, 5), (side, side)).astype(np.float32)
    return np.asarray(base * exposure * light[..., None] + grain[..., None], np.float32)


def _straps(
    crop: NDArray[np.uint8],
    outline: NDArray[np.float32],
    points: NDArray[np.float32],
    random: np.random.Generator,
) -> None:
    """Draw the straps from the mask's upper corners towards the ears, in place."""
    across = points[1] - points[0]
    up = (points[:2].mean(axis=0) - points[3:].mean(axis=0)) * random.uniform(0.1, 0.5)
    colour = [int(value) for value in random.uniform(150, 245, 3)]
    for corner, way in ((outline[0], -0.25), (outline[4], 0.25)):
        end = corner + way * across + up
        start, stop = (tuple(int(v) for v in np.round(p)) for p in (corner, end))
        cv2.line(crop, start, stop, colour, 1, cv2.LINE_AA)
