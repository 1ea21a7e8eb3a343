"""Knows which boxes of successive pictures are one face. Does not know whose face it is.

Theory of operation (ByteTrack, arXiv:2110.06864): first the sure boxes are matched to where the
tracks are predicted to be, then the doubtful ones to the tracks still without a box, so that a
face that blurs for a moment keeps its track and a doubtful box never begins one. Everything is
measured in seconds, so half the pictures per second make the same life of a track.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.assignment import assign
from engine.boxes import Boxes, iou_matrix, no_boxes
from engine.kalman import Motion, begin, coast, correct, predict, to_box
from engine.observations import TrackState

SECOND_NS: Final = 1_000_000_000
CLOCK_STEP_NS: Final = SECOND_NS  # a step back beyond this begins a new time line


class TrackEvent(StrEnum):
    """What a picture can mean to a track."""

    SEEN = "seen"
    SEEN_ENOUGH = "seen_enough"
    MISSED = "missed"
    EXPIRED = "expired"


# A pair that is not here is a defect and raises: nothing happens to an ended track.
TRANSITIONS: Final[Mapping[tuple[TrackState, TrackEvent], TrackState]] = {
    (TrackState.TENTATIVE, TrackEvent.SEEN): TrackState.TENTATIVE,
    (TrackState.TENTATIVE, TrackEvent.SEEN_ENOUGH): TrackState.CONFIRMED,
    (TrackState.TENTATIVE, TrackEvent.MISSED): TrackState.TENTATIVE,
    (TrackState.TENTATIVE, TrackEvent.EXPIRED): TrackState.ENDED,
    (TrackState.CONFIRMED, TrackEvent.SEEN): TrackState.CONFIRMED,
    (TrackState.CONFIRMED, TrackEvent.SEEN_ENOUGH): TrackState.CONFIRMED,
    (TrackState.CONFIRMED, TrackEvent.MISSED): TrackState.LOST,
    (TrackState.CONFIRMED, TrackEvent.EXPIRED): TrackState.ENDED,
    (TrackState.LOST, TrackEvent.SEEN): TrackState.CONFIRMED,
    (TrackState.LOST, TrackEvent.SEEN_ENOUGH): TrackState.CONFIRMED,
    (TrackState.LOST, TrackEvent.MISSED): TrackState.LOST,
    (TrackState.LOST, TrackEvent.EXPIRED): TrackState.ENDED,
}


def next_state(state: TrackState, event: TrackEvent) -> TrackState:
    """Return the state after an event; ValueError for a pair that the table does not hold."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"a track that is {state} cannot be {event}") from None


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """When boxes are one face.

    high_score, low_score: sure boxes, doubtful boxes; below the latter a box is no box.
    new_score: what a box needs to begin a track.
    confirm_s: how long a track must be seen (twice at least) to count.
    lost_s, tentative_lost_s: how long a track, and one not yet confirmed, lives unseen.
    grow: boxes are grown by this share of their sides before they are compared, because at few
    pictures a second a walking face overlaps its last box little.
    iou_sure, iou_doubtful: least overlap of grown boxes, for sure and for doubtful boxes.
    """

    high_score: float = 0.6
    low_score: float = 0.3
    new_score: float = 0.6
    confirm_s: float = 0.25
    lost_s: float = 1.0
    tentative_lost_s: float = 0.6
    grow: float = 0.3
    iou_sure: float = 0.15
    iou_doubtful: float = 0.35

    def __post_init__(self) -> None:
        if not 0 <= self.low_score <= self.high_score <= self.new_score <= 1:
            raise ValueError("scores must rise from low_score over high_score to new_score")


@dataclass(frozen=True, slots=True)
class Track:
    """One face in one picture.

    box: (4,) float32, x1 y1 x2 y2, source pixels; predicted where the face was not found.
    detection: index of its box among this picture's detections, None where it was not found.
    hits: in how many pictures it was found so far.
    """

    number: int
    box: NDArray[np.float32]
    state: TrackState
    detection: int | None
    hits: int


class _Trail:
    """A track's own memory between pictures."""

    def __init__(self, number: int, box: NDArray[np.float32], detection: int, now_ns: int) -> None:
        self.number = number
        self.motion: Motion = begin(box)
        self.state = TrackState.TENTATIVE
        self.detection: int | None = detection
        self.hits = 1
        self.first_ns = now_ns
        self.seen_ns = now_ns

    def see(self, box: NDArray[np.float32], detection: int, now_ns: int, confirm_s: float) -> None:
        self.motion = correct(self.motion, box)
        self.detection = detection
        self.hits += 1
        self.seen_ns = now_ns
        enough = now_ns - self.first_ns >= confirm_s * SECOND_NS
        self.state = next_state(self.state, TrackEvent.SEEN_ENOUGH if enough else TrackEvent.SEEN)

    def view(self) -> Track:
        box = to_box(self.motion.place)
        return Track(self.number, box, self.state, self.detection, self.hits)


class Tracker:
    """The tracks of one camera."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._trails: list[_Trail] = []
        self._last_number = 0
        self._now_ns: int | None = None

    @property
    def places(self) -> Boxes:
        """Where the tracks were at the last update (N, 4), source pixels."""
        if not self._trails:
            return no_boxes()
        return np.stack([to_box(trail.motion.place) for trail in self._trails])

    def update(self, boxes: Boxes, scores: NDArray[np.float32], now_ns: int) -> tuple[Track, ...]:
        """Take one picture's boxes (N, 4), source pixels, and scores (N,); return all tracks.

        Tracks come by number; one that ended is returned once more, as ended. `now_ns` is the
        picture's time; where it steps back by more than a second all tracks end.
        """
        ended = self._advance(now_ns)
        unseen = self._match(boxes, scores, now_ns)
        self._begin(boxes, scores, unseen, now_ns)
        found = [trail.view() for trail in (*ended, *self._trails)]
        return tuple(sorted(found, key=lambda track: track.number))

    def _advance(self, now_ns: int) -> list[_Trail]:
        """Move all tracks to now; take out and return those that ended."""
        dt_ns = 0 if self._now_ns is None else now_ns - self._now_ns
        anew = dt_ns < -CLOCK_STEP_NS
        # A small step back is a picture of the same moment; its time is not taken over.
        self._now_ns = now_ns if dt_ns >= 0 or anew or self._now_ns is None else self._now_ns
        dt_s = max(dt_ns, 0) / SECOND_NS
        ended = [trail for trail in self._trails if anew or self._expired(trail, self._now_ns)]
        self._trails = [trail for trail in self._trails if trail not in ended]
        for trail in ended:
            trail.state = next_state(trail.state, TrackEvent.EXPIRED)
            trail.detection = None
        for trail in self._trails:
            trail.motion = predict(trail.motion, dt_s)
            if trail.detection is None:
                trail.motion = coast(trail.motion, dt_s)
        return ended

    def _expired(self, trail: _Trail, now_ns: int) -> bool:
        tentative = trail.state is TrackState.TENTATIVE
        limit_s = self._settings.tentative_lost_s if tentative else self._settings.lost_s
        return now_ns - trail.seen_ns > limit_s * SECOND_NS

    def _match(self, boxes: Boxes, scores: NDArray[np.float32], now_ns: int) -> NDArray[np.intp]:
        """Give the tracks their boxes; return the sure boxes that nobody took."""
        settings = self._settings
        sure = np.flatnonzero(scores >= settings.high_score)
        doubtful = np.flatnonzero((scores >= settings.low_score) & (scores < settings.high_score))
        known = [trail for trail in self._trails if trail.state is not TrackState.TENTATIVE]
        tentative = [trail for trail in self._trails if trail.state is TrackState.TENTATIVE]
        pairs = self._pair(known, boxes, sure, settings.iou_sure)
        rest = [trail for trail in known if trail not in pairs]
        sighted = [trail for trail in rest if trail.state is TrackState.CONFIRMED]
        pairs |= self._pair(sighted, boxes, doubtful, settings.iou_doubtful)
        pairs |= self._pair(tentative, boxes, _left(sure, pairs), settings.iou_sure)
        for trail in self._trails:
            taken = pairs.get(trail)
            if taken is None:
                trail.detection = None
                trail.state = next_state(trail.state, TrackEvent.MISSED)
            else:
                trail.see(boxes[taken], taken, now_ns, settings.confirm_s)
        return _left(sure, pairs)

    def _pair(
        self, trails: Sequence[_Trail], boxes: Boxes, chosen: NDArray[np.intp], least: float
    ) -> dict[_Trail, int]:
        """Return which of the chosen boxes each of the tracks takes, if any."""
        if not trails or not chosen.size:
            return {}
        places = np.stack([to_box(trail.motion.place) for trail in trails])
        grow = self._settings.grow
        overlap = iou_matrix(grown(places, grow), grown(boxes[chosen], grow))
        pairs = assign(1.0 - overlap.astype(np.float64), 1.0 - least)
        return {trails[row]: int(chosen[column]) for row, column in pairs}

    def _begin(
        self, boxes: Boxes, scores: NDArray[np.float32], free: NDArray[np.intp], now_ns: int
    ) -> None:
        for index in free:
            if scores[index] >= self._settings.new_score:
                self._last_number += 1
                self._trails.append(_Trail(self._last_number, boxes[index], int(index), now_ns))


def _left(chosen: NDArray[np.intp], pairs: Mapping[_Trail, int]) -> NDArray[np.intp]:
    """Return the chosen boxes that no track has taken."""
    taken = set(pairs.values())
    return np.array([index for index in chosen.tolist() if index not in taken], dtype=np.intp)


def grown(boxes: Boxes, share: float) -> Boxes:
    """Return boxes (N, 4) grown on each side by a share of their width or height."""
    add = (boxes[:, 2:] - boxes[:, :2]) * np.float32(share)
    return np.concatenate([boxes[:, :2] - add, boxes[:, 2:] + add], axis=1)
