"""Knows what a detector is taught: what it says itself of more pixels and of bare faces.

A network that looks at a picture of twice the side says at its stride 16 what one that looks at the
picture itself could say at its stride 8: the anchors are the same, and so are their units, strides.
So YuNet teaches itself without a label: of each anchor the surest of its looks is the target.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.boxes import Letterbox, iou_matrix
from engine.faces import Detections
from training.detection.faces import Seen
from training.detection.scenes import FINE_PX, Scene, draw, masked, shown, smaller
from training.draw import Template
from training.sets.pictures import Picture
from workers.detection import STRIDES, Limits, Raw, anchors, decode
from workers.networks.yunet import YuNet
from workers.runtime import Runtime

TIMES: Final = (2, 4)  # by how much a learner sees scenes smaller, by turns
FOUND: Final = 0.5  # score from which a face is found
TOLD: Final = 0.85  # the score of a face that is known and was not found
TELL_PX: Final = 14.0  # the least side, as a learner sees it, of a face that it is told of
SAME: Final = 0.4  # intersection over union
SHARE: Final = 0.3  # score from which an anchor's box and points are learnt
FACES: Final = 5.0  # what an anchor on a face counts, those beside faces counting 1
LEAST: Final = 1e-6  # a chance is no less, nor nearer to one
SMOOTH: Final = 0.1  # strides: the Huber loss of boxes and points goes over there

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a learner sees (S, S, 3) BGR, what it should say of each anchor, and which count."""

    picture: Picture
    wanted: Raw
    counts: Floats


@dataclass(frozen=True, slots=True, eq=False)
class School:
    """What lessons are made of. limits: which faces a teacher finds, and so get masks."""

    seen: Seen
    templates: tuple[Template, ...]
    teacher: Runtime
    limits: Limits

    def lesson(self, times: int, seed: tuple[int, int]) -> Lesson:
        """Return one lesson: the same for the same seed."""
        random = np.random.default_rng(seed)
        scene = draw(self.seen, times, random)
        looks = []
        side = FINE_PX
        while side >= FINE_PX // times:
            looks.append(self._look(smaller(scene.picture, side)))
            side //= 2
        faces = self._faces(looks[0])
        worn = masked(scene, faces, self.templates, random)
        least = FINE_PX // times
        best = wanted(looks, least)
        counts = told(best, scene, times, self.limits)
        return Lesson(shown(worn, least, random), best, counts)

    def _look(self, picture: Picture) -> Raw:
        out = self.teacher.run(picture[None])
        return Raw(out["scores"][0], out["boxes"][0], out["points"][0])

    def _faces(self, fine: Raw) -> Detections:
        whole = Letterbox(1.0, FINE_PX, FINE_PX)
        return decode(fine, anchors(FINE_PX, FINE_PX), whole, self.limits)


def wanted(looks: list[Raw], side: int) -> Raw:
    """Return the surest of several looks at one picture, for the anchors of the coarsest.

    looks: of a side that is halved from one to the next, down to `side`.
    """
    levels = [_levels(look, side << (len(looks) - 1 - place)) for place, look in enumerate(looks)]
    out = []
    for place in range(len(STRIDES)):
        own = [
            levels[-1 - finer][place + finer]
            for finer in range(min(len(looks), len(STRIDES) - place))
        ]
        best = np.stack([one.scores for one in own]).argmax(axis=0)
        rows = np.arange(len(best))
        out.append(
            Raw(
                np.stack([one.scores for one in own])[best, rows],
                np.stack([one.boxes for one in own])[best, rows],
                np.stack([one.points for one in own])[best, rows],
            )
        )
    return _joined(out)


def _levels(raw: Raw, side: int) -> list[Raw]:
    """Return what a network says, by stride."""
    ends = np.cumsum([(side // stride) ** 2 for stride in STRIDES])[:-1]
    parts = (np.split(part, ends) for part in (raw.scores, raw.boxes, raw.points))
    return [Raw(*level) for level in zip(*parts, strict=True)]


def _joined(levels: list[Raw]) -> Raw:
    return Raw(
        np.concatenate([one.scores for one in levels]),
        np.concatenate([one.boxes for one in levels]),
        np.concatenate([one.points for one in levels]),
    )


def told(raw: Raw, scene: Scene, times: int, limits: Limits) -> Floats:
    """Add the faces that are known and in none of the looks, in place; return what counts (A,).

    Of such a face the four anchors that are nearest to its middle, of the stride that is nearest
    to a quarter of its side, are told; the others of that stride upon it count nothing, nor do
    any upon a face that is too small to tell.
    """
    side = scene.picture.shape[0] // times
    grid = anchors(side, side)
    found = decode(raw, grid, Letterbox(1.0, side, side), limits)
    counts = np.ones(len(grid), np.float32)
    for box, points in zip(scene.boxes / times, scene.points / times, strict=True):
        if len(found) and iou_matrix(box[None], found.boxes).max() >= SAME:
            continue
        upon = _within(grid, box)
        if (box[2:] - box[:2]).min() < TELL_PX:
            counts[upon] = 0
            continue
        middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        apart = np.abs(np.log(np.array(STRIDES) / (float(sides.min()) / 4)))
        stride = STRIDES[int(apart.argmin())]
        counts[upon & (grid[:, 2] == stride)] = 0
        own = np.flatnonzero(grid[:, 2] == stride)
        near = own[np.square(grid[own, :2] - middle).sum(axis=1).argsort()[:4]]
        raw.scores[near], counts[near] = TOLD, 1
        corner = grid[near, :2]
        raw.boxes[near, :2] = (middle - corner) / stride
        raw.boxes[near, 2:] = np.log(sides / stride)
        raw.points[near] = ((points[None] - corner[:, None]) / stride).reshape(-1, 10)
    return counts


def _within(grid: Floats, box: Floats) -> NDArray[np.bool_]:
    inside = (grid[:, :2] >= box[:2]) & (grid[:, :2] <= box[2:])
    return np.asarray(inside.all(axis=1))


def loss(network: YuNet, lessons: list[Lesson]) -> Tensor:
    """Return how far a network is from what it should say, for each face; lessons of one side.

    Scores by the divergence of two chances, boxes and points where faces are by Huber's loss.
    """
    pictures = np.stack([one.picture for one in lessons]).transpose(0, 3, 1, 2)
    seen = torch.from_numpy(pictures.astype(np.float32))
    said = network.rows(seen.contiguous(memory_format=torch.channels_last))
    score = _stacked([one.wanted.scores for one in lessons])
    boxes = _stacked([one.wanted.boxes for one in lessons])
    points = _stacked([one.wanted.points for one in lessons])
    # the score is the root of class times objectness; both in logarithms
    yes = functional.logsigmoid(said[..., :2]).sum(dim=-1).clamp(max=-LEAST)
    chance = score.square().clamp(LEAST, 1 - LEAST)
    apart = chance * (chance.log() - yes)
    apart = apart + (1 - chance) * (torch.log1p(-chance) - torch.log(-torch.expm1(yes)))
    wide = torch.cat([boxes, points], dim=-1)
    away = functional.smooth_l1_loss(said[..., 2:], wide, reduction="none", beta=SMOOTH)
    near = torch.where(score >= SHARE, score, 0)[..., None]
    faces = torch.where(score >= FOUND, score, 0).sum().clamp(min=1)
    counts = _stacked([one.counts for one in lessons])
    apart = apart * (1 + (FACES - 1) * score) * counts
    total: Tensor = apart.sum() + (away * near * counts[..., None]).sum()
    return total / faces


def _stacked(parts: list[Floats]) -> Tensor:
    return torch.from_numpy(np.stack(parts))
