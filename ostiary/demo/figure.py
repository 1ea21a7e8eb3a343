"""Knows how one cut-out person is put into a picture. Does not know the scene's course."""

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.observations import MaskState
from ostiary.demo.choreography import Pose
from ostiary.demo.mask import draw_mask
from ostiary.demo.portraits import Portrait, read_picture

_LEVELS: Final = 3  # halvings of a cut-out: the nearest larger one is warped, so nothing flickers
_EYE_DISTANCE: Final = 5.0  # of the camera that turns a cut-out, in heights of the face
_BELOW: Final = 3.2  # heights of the face that are painted on below the photograph
_SHADOW_STEP: Final = 8  # px: the shadow is blurred on a coarse grid


@dataclass(frozen=True, slots=True)
class Level:
    """One size of a cut-out: premultiplied BGRA, and its scale to the photograph."""

    pixels: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A person ready to be drawn."""

    portrait: Portrait
    levels: tuple[Level, ...]


def _with_body(cutout: NDArray[np.uint8], face_px: float) -> NDArray[np.uint8]:
    """Continue the clothes below the photograph's lower border, darker towards the floor."""
    count = round(_BELOW * face_px)
    last = cutout[-4:].astype(np.float32).mean(0, keepdims=True)
    width = max(3, round(face_px * 0.28)) | 1
    # A median across the last row: a button or a cuff there must not become a stripe.
    row = cv2.medianBlur(np.clip(last, 0, 255).astype(np.uint8), min(width, 255))
    row = cv2.blur(row, (9, 1))
    row[..., 3] = np.where(cutout[-1:, :, 3] > 127, cutout[-1:, :, 3], 0)
    fade = np.linspace(1, 0.55, count, dtype=np.float32)[:, None, None]
    below = np.repeat(row.astype(np.float32), count, axis=0)
    below[..., :3] *= fade
    return np.vstack([cutout, below.astype(np.uint8)])


def load_figure(portrait: Portrait, mask: MaskState) -> Figure:
    """Read a cut-out and dress it; raises ValueError where the portrait has no mask to wear."""
    cutout = read_picture(portrait.cutout)
    if mask is not MaskState.MISSING:
        if portrait.mask is None:
            raise ValueError(f"{portrait.key} has no mask outline")
        cutout = draw_mask(cutout, portrait.mask)
    whole = _with_body(cutout, portrait.face[3] - portrait.face[1])
    whole = cv2.copyMakeBorder(whole, 4, 0, 4, 4, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    alpha = whole[..., 3:].astype(np.float32) / 255
    premultiplied = np.dstack([whole[..., :3] * alpha, whole[..., 3]]).round().astype(np.uint8)
    levels = [Level(premultiplied, 1.0)]
    for number in range(1, _LEVELS):
        scale = 0.5**number
        small = cv2.resize(premultiplied, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        levels.append(Level(small, scale))
    return Figure(portrait, tuple(levels))


def placement(portrait: Portrait, pose: Pose) -> NDArray[np.float64]:
    """Return the homography (3, 3) from the photograph's pixels to the picture's.

    The flat cut-out is turned about the vertical line through its face, and seen in perspective.
    """
    x1, y1, x2, y2 = portrait.face
    face = y2 - y1
    yaw, roll = math.radians(pose.yaw_deg), math.radians(pose.roll_deg)
    to_face = np.array([[1 / face, 0, -(x1 + x2) / 2 / face], [0, 1 / face, -(y1 + y2) / 2 / face],
                        [0, 0, 1]])  # fmt: skip
    turned = np.array([[math.cos(yaw), 0, 0], [0, 1, 0], [math.sin(yaw) / _EYE_DISTANCE, 0, 1]])
    c, s = math.cos(roll) * pose.face_px, math.sin(roll) * pose.face_px
    to_picture = np.array([[c, -s, pose.x_px], [s, c, pose.y_px], [0, 0, 1]])
    return np.asarray(to_picture @ turned @ to_face)


def mapped(matrix: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places (N, 2) under a homography."""
    lifted = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    return np.asarray(lifted[:, :2] / lifted[:, 2:])


def face_box(portrait: Portrait, pose: Pose) -> tuple[float, float, float, float]:
    """Return where the face is: x1 y1 x2 y2, pixels of the picture, perhaps beyond its border."""
    x1, y1, x2, y2 = portrait.face
    corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)])
    sides = mapped(placement(portrait, pose), corners)
    left, top = (sides[0] + sides[3])[0] / 2, (sides[0] + sides[1])[1] / 2
    right, bottom = (sides[1] + sides[2])[0] / 2, (sides[2] + sides[3])[1] / 2
    return (float(left), float(top), float(right), float(bottom))


def draw(picture: NDArray[np.uint8], figure: Figure, pose: Pose) -> None:
    """Put a person and a soft shadow into a picture (H, W, 3) BGR, in place."""
    matrix = placement(figure.portrait, pose)
    scale = pose.face_px / (figure.portrait.face[3] - figure.portrait.face[1])
    level = next(each for each in reversed(figure.levels) if each.scale >= min(scale, 1.0))
    from_level = np.diag([1 / level.scale, 1 / level.scale, 1.0])
    from_level[:2, 2] = -4  # the transparent border of load_figure
    size = np.array(level.pixels.shape[1::-1], np.float64)
    corners = np.array([(0, 0), (size[0], 0), (size[0], size[1]), (0, size[1])])
    ends = mapped(matrix @ from_level, corners)
    height, width = picture.shape[:2]
    left, top = np.clip(np.floor(ends.min(0)).astype(int) - 2, 0, (width, height))
    right, bottom = np.clip(np.ceil(ends.max(0)).astype(int) + 2, 0, (width, height))
    if right - left < _SHADOW_STEP or bottom - top < _SHADOW_STEP:
        return
    shift = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]])
    area = (int(right - left), int(bottom - top))
    drawn = cv2.warpPerspective(level.pixels, shift @ matrix @ from_level, area)
    _cast_shadow(picture, drawn[..., 3], (int(left), int(top)), pose.face_px)
    window = picture[top:bottom, left:right]
    rest = cv2.merge([255 - drawn[..., 3]] * 3)
    window[:] = cv2.add(cv2.multiply(window, rest, scale=1 / 255), drawn[..., :3])


def _cast_shadow(
    picture: NDArray[np.uint8], alpha: NDArray[np.uint8], corner: tuple[int, int], face_px: float
) -> None:
    """Darken what is behind a person, a little to the right and below."""
    height, width = picture.shape[:2]
    step = _SHADOW_STEP
    coarse = np.zeros((height // step, width // step), np.float32)
    small = cv2.resize(alpha, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    x = corner[0] // step + round(face_px * 0.16 / step)
    y = corner[1] // step + round(face_px * 0.12 / step)
    rows, columns = (
        min(small.shape[0], coarse.shape[0] - y),
        min(small.shape[1], coarse.shape[1] - x),
    )
    if rows <= 0 or columns <= 0:
        return
    coarse[y : y + rows, x : x + columns] = small[:rows, :columns].astype(np.float32) / 255
    soft = cv2.GaussianBlur(coarse, (0, 0), max(1.0, face_px * 0.16 / step))
    shade = np.round(255 * (1 - 0.30 * soft)).astype(np.uint8)
    shade = cv2.resize(shade, (width, height), interpolation=cv2.INTER_LINEAR)
    picture[:] = cv2.multiply(picture, cv2.merge([shade] * 3), scale=1 / 255)
