"""Knows who walks where and when in the demo's scenes. Does not know pictures."""

import bisect
import math
from dataclasses import dataclass
from typing import Final

from engine.observations import MaskState

RATE_HZ: Final = 25
GROUP: Final = 50  # pictures between keyframes


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a person is at one instant.

    x_px: middle of the face. face_px: height of the face, hence how near. yaw_deg: positive
    turns the face to the picture's right.
    """

    at_s: float
    x_px: float
    face_px: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Walk:
    """One person's way through the scene; between marks the motion eases in and out."""

    portrait: str
    mask: MaskState
    enrolled: bool
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """One camera's half minute. eye_px, rise: a face's middle lies at eye_px + rise * face_px."""

    name: str
    length_s: int
    eye_px: float
    rise: float
    walks: tuple[Walk, ...]

    @property
    def pictures(self) -> int:
        """Return how many pictures one loop has: whole groups, so that it repeats seamlessly."""
        count = self.length_s * RATE_HZ
        if count % GROUP:
            raise ValueError(f"{self.name}: {self.length_s} s are no whole groups of pictures")
        return count


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a person is in one picture."""

    x_px: float
    y_px: float
    face_px: float
    yaw_deg: float
    roll_deg: float


def _visit(start_s: float, from_left: bool, near_px: float, stand: Mark) -> tuple[Mark, ...]:
    """Come in from a side, walk up to the door, stand until stand.at_s, turn, leave.

    Inlined figures: 2.6 s to walk up, 2.4 s to leave; the side lies 260 px beyond the border.
    """
    side = -260.0 if from_left else 1540.0
    turn = 16.0 if from_left else -16.0
    far, arrive = near_px * 0.56, start_s + 2.6
    leave = stand.at_s
    return (
        Mark(start_s, side * 0.9 + 64, far, turn),
        Mark(start_s + 1.1, stand.x_px + (side - stand.x_px) * 0.42, far * 1.2, turn * 0.7),
        Mark(arrive, stand.x_px, near_px, 0),
        Mark(arrive + (leave - arrive) * 0.35, stand.x_px + 7, near_px * 1.02, 5),
        Mark(arrive + (leave - arrive) * 0.7, stand.x_px - 5, near_px * 1.01, -5),
        Mark(leave, stand.x_px, near_px, 0),
        Mark(leave + 0.8, stand.x_px + (side - stand.x_px) * 0.12, near_px * 0.96, -turn * 1.6),
        Mark(leave + 2.4, side, near_px * 0.86, -turn * 2.4),
    )


LOBBY: Final = Scene(
    "lobby",
    36,
    192.0,
    0.60,
    (
        Walk(
            "obama",
            MaskState.MISSING,
            True,
            _visit(0.4, True, 200, Mark(9.4, 400, 200, 0)),
        ),
        Walk(
            "biden",
            MaskState.WORN,
            True,
            _visit(6.4, False, 205, Mark(15.4, 880, 205, 0)),
        ),
        Walk(
            "hopper",
            MaskState.INCORRECT,
            True,
            _visit(14.6, True, 196, Mark(23.8, 410, 196, 0)),
        ),
        Walk(
            "collins",
            MaskState.MISSING,
            False,
            _visit(20.6, False, 172, Mark(30.4, 860, 172, 0)),
        ),
    ),
)
STUDIO: Final = Scene(
    "studio",
    32,
    222.0,
    0.42,
    (
        Walk(
            "collins",
            MaskState.MISSING,
            False,
            _visit(0.4, True, 176, Mark(11.6, 420, 176, 0)),
        ),
        Walk(
            "obama2",
            MaskState.MISSING,
            False,
            _visit(7.0, False, 190, Mark(19.0, 870, 190, 0)),
        ),
        Walk(
            "hopper",
            MaskState.MISSING,
            False,
            _visit(16.6, True, 190, Mark(28.4, 430, 190, 0)),
        ),
    ),
)
SCENES: Final = {scene.name: scene for scene in (LOBBY, STUDIO)}


def _ease(part: float) -> float:
    return part * part * (3 - 2 * part)


def pose(scene: Scene, walk: Walk, at_s: float) -> Pose | None:
    """Return where a person is, or None while out of sight."""
    marks = walk.marks
    if not marks[0].at_s <= at_s <= marks[-1].at_s:
        return None
    after = min(bisect.bisect_right([mark.at_s for mark in marks], at_s), len(marks) - 1)
    a, b = marks[after - 1], marks[after]
    part = _ease((at_s - a.at_s) / (b.at_s - a.at_s))
    face = a.face_px + (b.face_px - a.face_px) * part
    speed = abs(b.x_px - a.x_px) / (b.at_s - a.at_s) / 250
    step = min(1.0, speed) * math.sin((at_s - marks[0].at_s) * 2 * math.pi * 1.9)
    breath = math.sin(at_s * 2 * math.pi * 0.27)
    return Pose(
        a.x_px + (b.x_px - a.x_px) * part,
        scene.eye_px + scene.rise * face + face * (0.028 * abs(step) + 0.006 * breath),
        face,
        a.yaw_deg + (b.yaw_deg - a.yaw_deg) * part + 1.2 * math.sin(at_s * 1.7),
        1.1 * step + 0.5 * math.sin(at_s * 0.9),
    )
