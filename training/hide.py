"""Knows how a bare face is hidden by what is no mask: hands, things, scarves, beards, glasses.

Whoever learns masks from drawn masks alone calls every covered mouth masked; this teaches
otherwise, and `ostiary evaluate mask` tells by it whether it was learnt.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Crop = NDArray[np.uint8]  # (H, W, 3) BGR
Points = NDArray[np.float32]  # (5, 2) in the crop's pixels
LONGEST_PX: Final = 160  # of a thing's photograph: a face in a crop is about 60 px wide
HAIR_BGR: Final = ((20, 22, 28), (35, 50, 75), (60, 90, 130), (150, 155, 160))


@dataclass(frozen=True, slots=True)
class Things:
    """Photographed things, (H, W, 4) BGRA: before mouths, and glasses for eyes."""

    low: tuple[NDArray[np.uint8], ...]
    glasses: tuple[NDArray[np.uint8], ...]


def load_things(data: Path, seen: bool) -> Things:
    """Return the things of `occluders/ocfr`: every other one is `seen` in training.

    The others are for evaluation. No thing at all where the folder is not there.
    """
    root = data / "occluders" / "ocfr"

    def read(*folders: str) -> tuple[NDArray[np.uint8], ...]:
        paths = sorted(path for folder in folders for path in (root / folder).glob("*.png"))
        found = [_small(path) for path in paths[0 if seen else 1 :: 2] if "patch" not in path.name]
        return tuple(found)

    return Things(read("lower_face", "vertical"), read("eye"))


def _small(path: Path) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise OSError(f"{path} is no picture")
    if pixels.shape[2] == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA)
    scale = min(1.0, LONGEST_PX / max(pixels.shape[:2]))
    return np.asarray(
        cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where a face lies: (x, y) in 0 at the eyes' middle, eye distances across, 1 at the mouth."""

    eyes: NDArray[np.float32]
    across: NDArray[np.float32]
    down: NDArray[np.float32]

    @classmethod
    def of(cls, points: Points) -> "Place":
        """Return it by the five points."""
        eyes = points[:2].mean(axis=0)
        return cls(eyes, points[1] - points[0], points[3:].mean(axis=0) - eyes)

    def at(self, x: float, y: float) -> NDArray[np.float32]:
        """Return a point in the crop's pixels, (2,)."""
        return np.asarray(self.eyes + x * self.across + y * self.down, np.float32)

    @property
    def unit_px(self) -> float:
        """The eyes' distance."""
        return max(2.0, float(np.linalg.norm(self.across)))


def hide(
    crop: Crop, points: Points, kind: str, random: np.random.Generator, things: Things
) -> Crop:
    """Return a copy of a crop with one of HIDDEN before the bare face at points (5, 2)."""
    return np.asarray(_WAYS[kind](crop, Place.of(points), random, things), np.uint8)


def _thing(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    if not things.low:
        return _hand(crop, place, random, things)
    wide = place.unit_px * random.uniform(1.0, 2.2)
    middle = place.at(random.uniform(-0.5, 0.5), random.uniform(0.8, 1.5))
    pixels = things.low[random.integers(len(things.low))]
    return _paste(crop, pixels, _onto(pixels, middle, wide, random.uniform(-25, 25)), random)


def _glasses(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    if things.glasses:
        pixels = things.glasses[random.integers(len(things.glasses))]
        turn = float(-np.degrees(np.arctan2(place.across[1], place.across[0])))
        wide = place.unit_px * random.uniform(2.0, 2.5)
        return _paste(crop, pixels, _onto(pixels, place.at(0, 0.08), wide, turn), random)
    cover = _nothing(crop)
    for x in (-0.5, 0.5):
        middle = tuple(int(v) for v in place.at(x, 0.05))
        cv2.circle(cover, middle, int(place.unit_px * 0.42), 1.0, -1, cv2.LINE_AA)
    return _mixed(crop, cover, np.full(3, random.uniform(5, 45)), random)


def _hand(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    """Cover mouth and nose with a palm or with fingers, in the colour of the face's own cheeks."""
    cheeks = np.concatenate([_around(crop, place.at(x, 0.55)) for x in (-0.45, 0.45)])
    skin = np.median(cheeks, axis=0) * random.uniform(0.8, 1.15)
    unit = place.unit_px
    way = random.choice((-1.0, 1.0))
    turn = way * random.uniform(0.2, 1.4)  # of the fingers: 0 is upright
    along = np.array([np.sin(turn), -np.cos(turn)])
    beside = np.array([np.cos(turn), np.sin(turn)])
    palm = place.at(way * random.uniform(-0.4, 0.1), random.uniform(0.95, 1.35))
    cover, lines = _nothing(crop), _nothing(crop)
    thick = unit * random.uniform(0.24, 0.34)
    for number in range(4):
        root = palm + beside * (number - 1.5) * thick * 0.95
        tip = root + along * unit * random.uniform(0.55, 0.85)
        tail = root - along * unit * random.uniform(0.3, 0.9)
        ends = [tuple(int(v) for v in np.round(p)) for p in (tail, tip)]
        cv2.line(cover, ends[0], ends[1], 1.0, max(1, int(thick)), cv2.LINE_AA)
        edge = [tuple(int(v) for v in np.round(p + beside * thick / 2)) for p in (root, tip)]
        cv2.line(lines, edge[0], edge[1], 1.0, max(1, int(unit / 24)), cv2.LINE_AA)
    out = _mixed(crop, cover, skin, random)
    return _mixed(out, lines * cover * 0.5, skin * 0.55, random)


def _scarf(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    """Wrap a scarf, a collar or a roll-neck about chin, at times mouth, wide as the crop."""
    top, sag = random.uniform(0.75, 1.7), random.uniform(-0.1, 0.25)
    edge = [place.at(x, top + sag * (1 - x * x / 4)) for x in (-3.0, -1.0, 0.0, 1.0, 3.0)]
    shape = np.array([*edge, place.at(3, 6), place.at(-3, 6)])
    cover = _nothing(crop)
    cv2.fillPoly(cover, [np.round(shape * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    y, x = np.mgrid[0 : crop.shape[0], 0 : crop.shape[1]].astype(np.float32)
    slant, often = random.uniform(-1.5, 1.5), random.uniform(0.3, 1.2)
    stripes = np.sin((y + slant * x) * often * 24 / place.unit_px)[..., None]
    one, two = random.uniform(15, 245, 3), random.uniform(15, 245, 3)
    share = random.choice((0.05, 0.15, 0.5))
    cloth = one + (two - one) * share * (stripes > random.uniform(-0.5, 0.7))
    return _mixed(crop, cover, cloth, random)


def _beard(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    """Let a beard grow: cheeks and chin in hair's colour and grain, the mouth mostly free."""
    low = random.uniform(1.75, 2.4)
    outline = [(-1.0, 0.5), (-0.62, 0.85), (-0.3, 0.82), (0.0, 0.76), (0.3, 0.82), (0.62, 0.85),
               (1.0, 0.5), (0.9, 1.4), (0.45, low), (-0.45, low), (-0.9, 1.4)]  # fmt: skip
    shape = np.array([place.at(x, y) for x, y in outline])
    cover = _nothing(crop)
    cv2.fillPoly(cover, [np.round(shape * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    lips = tuple(int(v) for v in place.at(0, 1.02))
    size = (int(place.unit_px * 0.3), int(place.unit_px * random.uniform(0.06, 0.14)))
    cv2.ellipse(cover, lips, size, 0, 0, 360, 0.0, -1, cv2.LINE_AA)
    cover = cv2.GaussianBlur(cover, (0, 0), place.unit_px * random.uniform(0.05, 0.1))
    grain = cv2.GaussianBlur(random.normal(0, 1, crop.shape[:2]), (0, 0), sigmaX=0.5, sigmaY=1.2)
    hair = np.array(HAIR_BGR[random.integers(len(HAIR_BGR))]) * random.uniform(0.7, 1.3)
    strands = hair + grain[..., None] * random.uniform(10, 35)
    return _mixed(crop, cover * random.uniform(0.75, 1.0), strands, random)


def _microphone(crop: Crop, place: Place, random: np.random.Generator, things: Things) -> Crop:
    cover = _nothing(crop)
    head = place.at(random.uniform(-0.4, 0.4), random.uniform(1.05, 1.5))
    foot = head + place.unit_px * np.array([random.uniform(-1.5, 1.5), random.uniform(1.5, 3.0)])
    ends = [tuple(int(v) for v in np.round(p)) for p in (head, foot)]
    cv2.line(cover, ends[0], ends[1], 1.0, max(1, int(place.unit_px * 0.2)), cv2.LINE_AA)
    cv2.circle(cover, ends[0], int(place.unit_px * random.uniform(0.2, 0.4)), 1.0, -1, cv2.LINE_AA)
    return _mixed(crop, cover, np.full(3, random.uniform(5, 120)), random)


_WAYS: Final[Mapping[str, Callable[[Crop, Place, np.random.Generator, Things], Crop]]] = {
    "hand": _hand,
    "thing": _thing,
    "scarf": _scarf,
    "beard": _beard,
    "dark glasses": _glasses,
    "microphone": _microphone,
}
HIDDEN: Final = tuple(_WAYS)


def _around(crop: Crop, point: NDArray[np.float32], reach: int = 3) -> NDArray[np.uint8]:
    """Return the pixels about a point, (K, 3)."""
    x, y = (int(np.clip(v, 0, s - 1)) for v, s in zip(point, crop.shape[1::-1], strict=True))
    patch = crop[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
    return patch.reshape(-1, 3)


def _nothing(crop: Crop) -> NDArray[np.float32]:
    """Return a cover, (H, W), that covers nothing yet."""
    return np.zeros((crop.shape[0], crop.shape[1]), np.float32)


def _mixed(
    crop: Crop,
    cover: NDArray[np.float32],
    colour: NDArray[np.floating],
    random: np.random.Generator,
) -> Crop:
    """Return a crop with a colour (3,) or pixels (H, W, 3), uneven in light, where cover is 1."""
    soft = cv2.GaussianBlur(cover, (0, 0), random.uniform(0.4, 1.0))[..., None]
    rough = cv2.GaussianBlur(random.normal(0, 30, crop.shape[:2]), (0, 0), 4)[..., None] * 3
    return np.asarray(np.clip(crop * (1 - soft) + (colour + rough) * soft, 0, 255), np.uint8)


def _onto(
    pixels: NDArray[np.uint8], middle: NDArray[np.float32], wide_px: float, turn_degrees: float
) -> NDArray[np.float64]:
    """Return the map (2, 3) that lays a thing's photograph with its middle at a place, so wide."""
    high, wide = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), turn_degrees, wide_px / wide)
    matrix[:, 2] += middle - np.array([wide / 2, high / 2])
    return np.asarray(matrix, np.float64)


def _paste(
    crop: Crop,
    pixels: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    random: np.random.Generator,
) -> Crop:
    """Return a crop with a photographed thing."""
    shape = crop.shape[1::-1]
    warped = cv2.warpAffine(pixels, matrix, shape, flags=cv2.INTER_AREA).astype(np.float32)
    cover = warped[..., 3:] / 255
    light = random.uniform(0.7, 1.2) * np.clip(crop.mean() / 120, 0.6, 1.15)
    mixed = crop * (1 - cover) + warped[..., :3] * light * cover
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)
