"""Knows how a picture is made that a detector learns from. Does not know what is learnt from it.

Small crops of faces on a ground, or a part of a film's frame, drawn large. A teacher sees all of
its pixels, the faces bare; a learner half or a quarter of them a side, many of the faces masked.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.faces import Detections
from training.augment import Strength, relight, worsen
from training.detection.faces import Crop, Seen
from training.draw import Template
from training.sets.pictures import Picture
from training.wearing import Mask, wear

FINE_PX: Final = 512  # the side that a teacher sees
MOST: Final = 10  # crops in a scene
WALLS: Final = 0.6  # of the scenes are parts of films and of pictures of anything
VIEWS: Final = 0.5  # of those parts are of pictures of anything
DECOYS: Final = 0.5  # of what lies on the ground is no face
COVERED: Final = 0.4  # at most, of a scene, by crops
MASKED: Final = 0.65  # of the bare faces get a mask
KINDS: Final = ("worn", "worn", "worn", "under_nose", "under_chin")
SMALLEST_PX: Final = 12  # side of a crop as the learner sees it; the face in it is two thirds
STRENGTH: Final = Strength(light=0.3, colour=0.1)
ROUGH: Final = 0.5  # of the scenes lose detail

Random = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture (FINE_PX, FINE_PX, 3) BGR, and what is known of its crops, in its pixels.

    boxes: (K, 4) and points: (K, 5, 2) of faces that were found in their crops alone. taken: (T, 4)
    crops with real masks, which get no other.
    """

    picture: Picture
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
    taken: NDArray[np.float32]


Box = tuple[int, int, int, int]


def draw(seen: Seen, times: int, random: Random) -> Scene:
    """Return a scene. times: by how much a learner sees it smaller, a side."""
    if seen.frames and random.random() < WALLS:
        return _scene(_wall(seen, random), [])
    return _crowd(seen, times, random)


def _wall(seen: Seen, random: Random) -> Picture:
    """Return parts of frames beside each other, one to sixteen: the more, the smaller."""
    rows = int(random.choice([1, 1, 2, 2, 3, 4]))
    edges = np.linspace(0, FINE_PX, rows + 1).round().astype(int)
    out = np.zeros((FINE_PX, FINE_PX, 3), np.uint8)
    for top, below in pairwise(edges):
        for left, right in pairwise(edges):
            part = _part(_whole(seen, random), random)
            out[top:below, left:right] = _sized(part, int(right - left), int(below - top))
    return out


def _whole(seen: Seen, random: Random) -> Picture:
    """Return a frame of a film, or a picture of anything."""
    among = seen.views if seen.views and random.random() < VIEWS else seen.frames
    return among[random.integers(len(among))]


def _part(frame: Picture, random: Random) -> Picture:
    """Return a part of a frame, enlarged by chance."""
    least = FINE_PX / min(frame.shape[:2])
    scale = float(np.exp(random.uniform(np.log(least), np.log(3 * least))))
    side = int(FINE_PX / scale)
    top = int(random.integers(0, frame.shape[0] - side + 1))
    left = int(random.integers(0, frame.shape[1] - side + 1))
    return _turned(_sized(frame[top : top + side, left : left + side], FINE_PX, FINE_PX), random)


def _crowd(seen: Seen, times: int, random: Random) -> Scene:
    """Return crops of about one size, apart from each other, on a ground."""
    out = _ground(seen, random)
    largest = FINE_PX / times * 0.8
    usual = float(np.exp(random.uniform(np.log(SMALLEST_PX), np.log(largest))))
    count = int(np.clip((FINE_PX / times / usual) ** 2 * COVERED, 1, MOST))
    boxes: list[Box] = []
    faces: list[tuple[Box, Crop]] = []
    for _ in range(3 * count):
        crop = None if random.random() < DECOYS else _face(seen, random)
        pixels = _decoy(seen, random) if crop is None else crop.picture
        side = np.clip(usual * np.exp(random.normal(0, 0.3)), SMALLEST_PX, largest) * times
        scale = float(side) / max(pixels.shape[:2])
        high, wide = (max(2, round(scale * length)) for length in pixels.shape[:2])
        top, left = (int(random.integers(0, FINE_PX - length + 1)) for length in (high, wide))
        box = (left, top, left + wide, top + high)
        if any(_meet(box, other) for other in boxes):
            continue
        boxes.append(box)
        if crop is not None:
            faces.append((box, crop))
        _lay(out, pixels, box, random)
        if len(boxes) == count:
            break
    return _scene(out, faces)


def _face(seen: Seen, random: Random) -> Crop:
    crop = seen.crops[random.integers(len(seen.crops))]
    return crop.mirrored() if random.random() < 0.5 else crop


def _decoy(seen: Seen, random: Random) -> Picture:
    """Return what is no face: a part of a crop or of a frame, or a sign.

    Without such things whatever lies on a ground with an edge would be a face.
    """
    kind = random.random()
    if kind < 0.25:
        return _sign(random)
    if kind < 0.6 and seen.frames:
        whole, shares = _whole(seen, random), (0.04, 0.3)
    else:
        whole, shares = _face(seen, random).picture, (0.15, 0.45)
    sides = [max(2, int(min(whole.shape[:2]) * random.uniform(*shares))) for _ in range(2)]
    top, left = (
        int(random.integers(0, length - side + 1))
        for length, side in zip(whole.shape[:2], sides, strict=True)
    )
    return whole[top : top + sides[0], left : left + sides[1]]


def _sign(random: Random) -> Picture:
    """Return letters, rings, spots and lines of any colours on a plain ground."""
    out = np.full((64, int(random.integers(40, 90)), 3), random.integers(0, 256, 3), np.uint8)
    for _ in range(int(random.integers(1, 7))):
        colour = random.integers(0, 256, 3).tolist()
        x, y, u, v = (int(place) for place in random.integers(0, 64, 4))
        thick = int(random.integers(-1, 8)) or 1
        match random.integers(4):
            case 0:
                cv2.circle(out, (x, y), 3 + u // 3, colour, thick)
            case 1:
                cv2.ellipse(out, (x, y), (3 + u // 3, 3 + v // 3), u, 0, 360, colour, thick)
            case 2:
                cv2.line(out, (x, y), (u, v), colour, abs(thick))
            case _:
                letter = chr(int(random.integers(48, 91)))
                cv2.putText(out, letter, (x // 3, 60 - y // 3), u % 5, 1 + v / 40, colour, 3)
    return out


def _scene(picture: Picture, faces: list[tuple[Box, Crop]]) -> Scene:
    boxes, points = [np.zeros((0, 4), np.float32)], [np.zeros((0, 5, 2), np.float32)]
    taken = [np.zeros(4, np.float32)]
    for place, crop in faces:
        where = np.array(place, np.float32)
        if not crop.bare:
            taken.append(where)
        high, wide = crop.picture.shape[:2]
        scale = np.asarray((where[2:] - where[:2]) / (wide, high), np.float32)
        boxes.append(_placed(crop.box, scale, where[:2]).reshape(1, 4))
        points.append(_placed(crop.points, scale, where[:2])[None])
    return Scene(picture, np.concatenate(boxes), np.concatenate(points),
                 np.stack(taken)[1:])  # fmt: skip


def _placed(
    of_crop: NDArray[np.float32], scale: NDArray[np.float32], corner: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return places (..., x y or x y x y) of a crop in the picture, as (K, 2)."""
    return np.asarray(of_crop.reshape(-1, 2) * scale + corner, np.float32)


def _lay(out: Picture, crop: Picture, box: Box, random: Random) -> None:
    """Lay a crop into a box of the picture, in place; its edge is sharp or fades."""
    left, top, right, below = box
    pixels = _sized(crop, right - left, below - top)
    edge = min(pixels.shape[:2]) * random.uniform(0, 0.12)
    under = out[top:below, left:right]
    if edge < 1.5:
        under[:] = pixels
        return
    share = np.zeros(pixels.shape[:2], np.float32)
    inner = int(edge)
    share[inner:-inner, inner:-inner] = 1
    share = cv2.blur(share, (inner, inner))[..., None]
    under[:] = under * (1 - share) + pixels * share


def _ground(seen: Seen, random: Random) -> Picture:
    """Return what lies behind crops: a colour, a soft pattern, or pictures, faces and all."""
    kind = random.random()
    if kind < 0.2:
        return np.full((FINE_PX, FINE_PX, 3), random.integers(0, 256, 3), np.uint8)
    if kind < 0.4:
        few = int(random.integers(2, 12))
        pattern = random.integers(0, 256, (few, few, 3)).astype(np.uint8)
        return _sized(pattern, FINE_PX, FINE_PX)
    if kind < 0.6 and seen.frames:
        return _part(_whole(seen, random), random)
    crop = seen.crops[random.integers(len(seen.crops))].picture
    side = int(min(crop.shape[:2]) * random.uniform(0.4, 1))
    top, left = (int(random.integers(0, length - side + 1)) for length in crop.shape[:2])
    return _sized(crop[top : top + side, left : left + side], FINE_PX, FINE_PX)


def masked(
    scene: Scene, faces: Detections, templates: tuple[Template, ...], random: Random
) -> Picture:
    """Return the scene's picture with masks before most of the faces that wear none."""
    out = scene.picture
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    for place, (x, y) in enumerate(centres.tolist()):
        low, high = scene.taken[:, :2], scene.taken[:, 2:]
        real = ((low <= (x, y)) & (high >= (x, y))).all(axis=1).any()
        if real or random.random() >= MASKED:
            continue
        one = Detections(*(part[place : place + 1] for part in
                           (faces.boxes, faces.points, faces.scores)))  # fmt: skip
        kind = KINDS[random.integers(len(KINDS))]
        out = wear(out, one, Mask(kind, int(random.integers(1 << 31))), templates)
    return out


def shown(picture: Picture, side: int, random: Random) -> Picture:
    """Return a scene as a learner's camera has it: of so many pixels a side, and worse."""
    small = relight(smaller(picture, side), STRENGTH, random)
    return worsen(small, random) if random.random() < ROUGH else small


def smaller(picture: Picture, side: int) -> Picture:
    """Return a square picture with fewer pixels a side."""
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _sized(picture: Picture, wide: int, high: int) -> Picture:
    way = cv2.INTER_AREA if wide < picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (wide, high), interpolation=way), np.uint8)


def _turned(picture: Picture, random: Random) -> Picture:
    return np.ascontiguousarray(picture[:, ::-1]) if random.random() < 0.5 else picture


def _meet(one: Box, other: Box) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
