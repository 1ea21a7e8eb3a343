"""Knows what a worker states about one analysed picture. Does not know how it is carried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.boxes import Box
from engine.packets import Role


class TrackState(StrEnum):
    """A track's life: seen once, seen enough, out of sight, over."""

    TENTATIVE = "tentative"
    CONFIRMED = "confirmed"
    LOST = "lost"
    ENDED = "ended"


class MaskState(StrEnum):
    """How a face mask is worn; the order is that of the network's outputs."""

    WORN = "worn"
    INCORRECT = "incorrect"
    MISSING = "missing"


class Expression(StrEnum):
    """The seven expressions of FER2013, in its own order."""

    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPINESS = "happiness"
    SADNESS = "sadness"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


class Knowledge(StrEnum):
    """Whether the person of a track is enrolled; undecided is a real answer."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Who:
    """The standing statement on identity; person_id only when known."""

    knowledge: Knowledge
    person_id: str | None
    score: float


@dataclass(frozen=True, slots=True)
class MaskView:
    """The standing statement on the mask; None while undecided."""

    state: MaskState | None
    probability: float


@dataclass(frozen=True, slots=True)
class ExpressionView:
    """The standing statement on the expression; None while undecided."""

    label: Expression | None
    probability: float


@dataclass(frozen=True, slots=True)
class TrackView:
    """One track in one picture. who and expression are None where the camera does not ask."""

    track_id: str  # "token-n"
    box: Box  # 0..1 of the picture
    state: TrackState
    who: Who | None
    mask: MaskView | None
    expression: ExpressionView | None
    quality: float  # 0..1
    unused_because: str | None  # why this picture's face was not used, or None


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything a worker states about one picture of one camera.

    models: the labels of the networks that judged its faces, by role: mask, and expression where
    the camera asks for it.
    """

    camera: str
    role: Role
    epoch_ms: int
    pts: int
    captured_ns: int
    token: int
    tracks: tuple[TrackView, ...]
    models: Mapping[str, str] = field(default_factory=dict)
