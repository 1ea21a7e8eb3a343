"""Knows how faces are followed through a film, as live: tracks and beliefs, by the film's time."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.boxes import iou_matrix
from engine.gallery import Gallery
from engine.observations import TrackState, TrackView
from engine.purpose import Purpose
from ostiary.analysis.looking import EXPRESSIONS, MASKS, desk_for, job_for, shares
from ostiary.analysis.results import ExpressionSaid, Face, MaskSaid, PersonSaid, Pixels
from workers.desk import Desk
from workers.models import Models
from workers.thinking import Job, think

SECOND_NS = 1_000_000_000
BEGIN_NS = SECOND_NS  # so that no time is 0, which some of the engine takes for never
FOUND_IOU = 0.3  # a track and the box that it was seen by overlap at least so much


@dataclass(slots=True)
class Follower:
    """One film's faces. Pictures come in order, with times that rise."""

    models: Models
    purpose: Purpose
    gallery: Gallery
    _desk: Desk = field(init=False)
    _masks: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    _expressions: dict[int, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._desk = desk_for(self.purpose, self.gallery)

    def follow(self, pixels: Pixels, time_s: float) -> tuple[Face, ...]:
        """Return the faces that a picture shows; a track that is out of sight is not shown."""
        time_ns = BEGIN_NS + round(time_s * SECOND_NS)
        (thought,) = think(self.models, [job_for(self._desk, pixels, time_ns)])
        job = thought.job
        for request in job.requests:
            found = job.evidence.get(request.detection)
            if found is not None and found.mask is not None:
                self._masks[request.track] = found.mask
            if found is not None and found.expression is not None:
                self._expressions[request.track] = found.expression
        seen = [(track, self._detection(track, job)) for track in thought.result.tracks]
        for track, _ in seen:
            if track.state is TrackState.ENDED:
                self._masks.pop(_number(track), None)
                self._expressions.pop(_number(track), None)
        return tuple(self._face(track, job, index) for track, index in seen if index is not None)

    def _detection(self, track: TrackView, job: Job) -> int | None:
        """Return which of the picture's detections a track was seen by, None if by none."""
        if track.state in (TrackState.LOST, TrackState.ENDED) or not len(job.faces):
            return None
        height, width = job.picture.pixels.shape[:2]
        box = np.array([[track.box.x1, track.box.y1, track.box.x2, track.box.y2]], np.float32)
        overlap = iou_matrix(box * [width, height, width, height], job.faces.boxes)[0]
        best = int(np.argmax(overlap))
        return best if overlap[best] >= FOUND_IOU else None

    def _face(self, track: TrackView, job: Job, detection: int) -> Face:
        number = _number(track)
        return Face(
            box=track.box,
            score=float(job.faces.scores[detection]),
            quality=track.quality,
            unused_because=track.unused_because,
            track=number,
            tentative=track.state is TrackState.TENTATIVE,
            mask=self._mask(track, number),
            expression=self._expression(track, number),
            person=_person(track),
        )

    def _mask(self, track: TrackView, number: int) -> MaskSaid | None:
        row = self._masks.get(number)
        if track.mask is None or row is None:
            return None
        return MaskSaid(track.mask.state, track.mask.probability, shares(MASKS, row))

    def _expression(self, track: TrackView, number: int) -> ExpressionSaid | None:
        row, said = self._expressions.get(number), track.expression
        if said is None or row is None:
            return None
        return ExpressionSaid(said.label, said.probability, shares(EXPRESSIONS, row))


def _number(track: TrackView) -> int:
    """Return a track's number; its id is "token-number"."""
    return int(track.track_id.rpartition("-")[2])


def _person(track: TrackView) -> PersonSaid | None:
    if track.who is None:
        return None
    return PersonSaid(track.who.knowledge, track.who.person_id, track.who.score)
