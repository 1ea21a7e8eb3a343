"""Knows how a crop is varied while training. Does not know what it shows, but where the face lies.

Everything is modest and of the kind that cameras do: shift, turn, size, flip, light, blur, few
pixels, compression.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.light import lit

DARKEST: Final = 0.08  # of the light
NOISE: Final = 5.0  # grey levels, standard deviation

Crop = NDArray[np.uint8]  # (S, S, 3) BGR


@dataclass(frozen=True, slots=True)
class Strength:
    """How much a crop is varied: degrees, and shares of the side or of the value."""

    turn_degrees: float = 10.0
    shift: float = 0.06
    size: float = 0.12
    light: float = 0.3
    colour: float = 0.08
    worsen: float = 0.5  # chance of each crop to be blurred, shrunk or compressed
    grey: float = 0.08  # chance of each crop to lose its colours
    erase: float = 0.0  # chance of each crop to have a rectangle in one colour


def vary(
    crop: Crop,
    size_px: int,
    strength: Strength,
    random: np.random.Generator,
    scale: float | None = None,
) -> Crop:
    """Return a variation, (size_px, size_px, 3), of a crop's middle.

    scale: from the crop to its variation; unless said, that of a crop which is MARGIN wider.
    """
    side = crop.shape[0]
    scale = live_scale(side, size_px) if scale is None else scale
    zoom = 1 + random.uniform(-strength.size, strength.size)
    matrix = cv2.getRotationMatrix2D(
        ((side - 1) / 2, (side - 1) / 2),
        random.uniform(-strength.turn_degrees, strength.turn_degrees),
        zoom * scale,
    )
    matrix[:, 2] += (size_px - side) / 2
    matrix[:, 2] += random.uniform(-strength.shift, strength.shift, 2) * size_px
    if random.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += size_px - 1
    out = cv2.warpAffine(crop, matrix, (size_px, size_px), borderMode=cv2.BORDER_REPLICATE)
    if random.random() < strength.worsen:
        out = worsen(out, random)
    out = relight(out, strength, random)
    return erase(out, random) if random.random() < strength.erase else out


@dataclass(frozen=True, slots=True)
class Affine:
    """How a whole picture is moved, as libraries do it: degrees, and shares of the side.

    zoom: of width and height apart. replicate: whether the border is repeated; black otherwise.
    """

    turn_degrees: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    shear_degrees: float = 0.0
    flip: bool = False
    replicate: bool = False


def move(
    picture: Crop, size_px: int, moves: Affine, random: np.random.Generator | None = None
) -> Crop:
    """Return a whole picture (H, W, 3) as a square of size_px, moved at random, or not at all."""
    high, wide = picture.shape[:2]
    matrix = np.diag([size_px / wide, size_px / high, 1.0])
    matrix[:2, 2] = [(size_px / wide - 1) / 2, (size_px / high - 1) / 2]  # pixels' centres
    if random is not None:
        matrix = _moved(size_px, moves, random) @ matrix
    out = cv2.warpAffine(
        picture,
        matrix[:2],
        (size_px, size_px),
        borderMode=cv2.BORDER_REPLICATE if moves.replicate else cv2.BORDER_CONSTANT,
    )
    return np.asarray(out, np.uint8)


def _moved(size_px: int, moves: Affine, random: np.random.Generator) -> NDArray[np.float64]:
    """Return a matrix (3, 3) about the middle of a square, drawn at random."""
    turn, shear = np.deg2rad(
        [
            random.uniform(-moves.turn_degrees, moves.turn_degrees),
            random.uniform(-moves.shear_degrees, moves.shear_degrees),
        ]
    )
    across, down = random.uniform(1 - moves.zoom, 1 + moves.zoom, 2)
    if moves.flip and random.random() < 0.5:
        across = -across
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    sheared = np.array([[1.0, -np.sin(shear)], [0.0, np.cos(shear)]])
    out = np.eye(3)
    out[:2, :2] = rotation @ sheared @ np.diag([across, down])
    middle = np.full(2, (size_px - 1) / 2)
    out[:2, 2] = middle - out[:2, :2] @ middle
    out[:2, 2] += random.uniform(-moves.shift, moves.shift, 2) * size_px
    return out


def live_scale(side: int, size_px: int) -> float:
    """Return the scale from a wide crop to the live one; 1 at the resolution it was cut for."""
    from training.prepare import MARGIN

    return size_px * MARGIN / side


def middle(crop: Crop, size_px: int) -> Crop:
    """Return the live crop, (size_px, size_px, 3), out of a wide one, unvaried."""
    side = crop.shape[0]
    scale = live_scale(side, size_px)
    offset = (size_px - 1) / 2 - scale * (side - 1) / 2
    matrix = np.array([[scale, 0, offset], [0, scale, offset]])
    out = cv2.warpAffine(crop, matrix, (size_px, size_px), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def narrow(crop: Crop, random: np.random.Generator) -> Crop:
    """Repeat a border drawn at random outwards, so that missing surroundings mean nothing.

    Some sets are cropped so tightly that their borders repeat; without this, that tells the class.
    """
    side = crop.shape[0]
    left, top, right, bottom = (int(v) for v in random.uniform(0.0, 0.26, 4) * side)
    inner = crop[top : side - bottom, left : side - right]
    out = cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(out, np.uint8)


def shrink(crop: Crop, random: np.random.Generator) -> Crop:
    """Take pixels away, as a face far off has few: down to 0.22 of the side, 16 px of a face."""
    side = crop.shape[0]
    small = max(8, round(float(np.exp(random.uniform(np.log(0.22), 0.0))) * side))
    few = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
    way = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[random.integers(3)]
    return np.asarray(cv2.resize(few, (side, side), interpolation=way), np.uint8)


def worsen(crop: Crop, random: np.random.Generator) -> Crop:
    """Take away detail: by shrinking, by a Gaussian, along a line, or by JPEG; one of them."""
    side = crop.shape[0]
    match random.integers(4):
        case 0:
            small = int(random.uniform(0.25, 0.7) * side)
            few = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
            out = cv2.resize(few, (side, side), interpolation=cv2.INTER_LINEAR)
        case 1:
            out = cv2.GaussianBlur(crop, (0, 0), random.uniform(0.4, 1.8))
        case 2:
            length = int(random.integers(3, 8))
            line = np.zeros((length, length), np.float32)
            line[length // 2] = 1 / length
            turn = cv2.getRotationMatrix2D((length / 2 - 0.5,) * 2, random.uniform(0, 180), 1)
            line = cv2.warpAffine(line, turn, (length, length))
            out = cv2.filter2D(crop, -1, line / max(float(line.sum()), 1e-3))
        case _:
            quality = int(random.integers(20, 80))
            _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
            out = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.asarray(out, np.uint8)


def darken(crop: Crop, random: np.random.Generator) -> Crop:
    """Take light away and add a sensor's noise; then make it brighter, as the live system does."""
    light = float(np.exp(random.uniform(np.log(DARKEST), np.log(0.5))))
    noise = random.normal(0, random.uniform(0.5, NOISE), crop.shape)
    return lit(np.asarray(np.clip(crop * light + noise, 0, 255), np.uint8))


def erase(crop: Crop, random: np.random.Generator) -> Crop:
    """Hide a part: a rectangle of 12 to 40 % of the side, of one colour (arXiv:1708.04896)."""
    side = crop.shape[0]
    high, wide = (random.uniform(0.12, 0.4, 2) * side).astype(int)
    top, left = int(random.integers(0, side - high)), int(random.integers(0, side - wide))
    out = crop.copy()
    out[top : top + high, left : left + wide] = random.integers(0, 256, 3)
    return out


def relight(crop: Crop, strength: Strength, random: np.random.Generator) -> Crop:
    """Change contrast, brightness, gamma and the colours' balance; at times to grey."""
    out = crop.astype(np.float32) / 255
    out **= np.float32(np.exp(random.uniform(-strength.light, strength.light)))
    contrast = 1 + random.uniform(-strength.light, strength.light)
    out = (out - out.mean()) * contrast + out.mean() * (1 + random.uniform(-0.15, 0.15))
    out *= 1 + random.uniform(-strength.colour, strength.colour, 3).astype(np.float32)
    if random.random() < strength.grey:
        out = np.repeat(out.mean(axis=2, keepdims=True), 3, axis=2)
    return np.asarray(np.clip(out * 255, 0, 255), np.uint8)
