"""Knows what the networks say of photographs, several at once. Knows no time, so follows nobody.

A photograph is one view: its mask and expression are the likeliest, with their probability, and a
name needs what a name needs live: similarity, a lead over the second person, a face fit for use.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from config.cameras import Camera
from engine.boxes import Box
from engine.gallery import Gallery, GallerySettings, assign_once
from engine.observations import Expression, Knowledge, MaskState, Who
from engine.packets import Role
from engine.purpose import Purpose
from engine.sampling import SamplingSettings
from engine.track_memory import FaceEvidence
from ostiary.analysis.results import ExpressionSaid, Face, MaskSaid, PersonSaid, Pixels
from streams.bus.packets import StreamKey
from streams.codecs.pool import Picture as Analysed
from workers.desk import Desk, DeskPlan, open_desk
from workers.models import Models
from workers.ownership import Taken
from workers.thinking import Job, glance

K = TypeVar("K")
CAMERA = "analysis"
MASKS = tuple(MaskState)
EXPRESSIONS = tuple(Expression)


def desk_for(purpose: Purpose, gallery: Gallery) -> Desk:
    """Return what the live system keeps for a camera, for one film or one photograph."""
    because = "asked for on the command line" if purpose is Purpose.EXPRESSION else None
    camera = Camera(id=CAMERA, kind="whip", purpose=purpose, because=because)
    return open_desk(Taken(camera, 1, ()), DeskPlan(gallery, {}, SamplingSettings()), (), now_ns=0)


def job_for(desk: Desk, pixels: Pixels, time_ns: int = 0) -> Job:
    """Return a picture as the live system takes it."""
    stream = StreamKey(CAMERA, Role.MAIN)
    picture = Analysed(stream, "0-0", 0, 0, time_ns, pixels, lambda: None)
    return Job(desk, picture, spare=True)  # far faces count for more than time


def look(
    models: Models, pictures: Sequence[Pixels], purpose: Purpose, gallery: Gallery
) -> list[tuple[Face, ...]]:
    """Return the faces of each photograph, from left to right."""
    jobs = [job_for(desk_for(purpose, gallery), pixels) for pixels in pictures]
    glance(models, jobs, purpose)
    return [_faces(job, purpose, gallery) for job in jobs]


def _faces(job: Job, purpose: Purpose, gallery: Gallery) -> tuple[Face, ...]:
    people = _people(job, gallery) if purpose is Purpose.PEOPLE else {}
    height, width = job.picture.pixels.shape[:2]
    sides = np.array([width, height, width, height], np.float32)
    faces = []
    for index in np.argsort(job.faces.boxes[:, 0], kind="stable").tolist():
        found = job.evidence[index]
        faces.append(
            Face(
                box=Box(*(job.faces.boxes[index] / sides).clip(0, 1).tolist()),
                score=float(job.faces.scores[index]),
                quality=found.quality,
                unused_because=found.unused_because,
                mask=_mask(found.mask),
                expression=_expression(found.expression),
                person=people.get(index),
            )
        )
    return tuple(faces)


def _mask(row: NDArray[np.float32] | None) -> MaskSaid | None:
    if row is None:
        return None
    best = int(np.argmax(row))
    return MaskSaid(MASKS[best], float(row[best]), shares(MASKS, row))


def _expression(row: NDArray[np.float32] | None) -> ExpressionSaid | None:
    if row is None:
        return None
    best = int(np.argmax(row))
    return ExpressionSaid(EXPRESSIONS[best], float(row[best]), shares(EXPRESSIONS, row))


def shares(labels: Sequence[K], row: NDArray[np.float32]) -> dict[K, float]:
    """Return a network's probabilities by label."""
    return dict(zip(labels, map(float, row), strict=True))


def _people(job: Job, gallery: Gallery) -> dict[int, PersonSaid]:
    """Return who each face is; each person at most once in a picture."""
    claims = {index: _who(found, gallery) for index, found in job.evidence.items()}
    return {
        index: PersonSaid(who.knowledge, who.person_id, who.score)
        for index, who in assign_once(claims).items()
    }


def _who(found: FaceEvidence, gallery: Gallery) -> Who:
    """Return who one view shows, by the limits that the mean of a film's views is held against."""
    if found.embedding is None or found.mask is None:
        return Who(Knowledge.UNDECIDED, None, 0.0)
    settings: GallerySettings = gallery.settings
    masked = MASKS[int(np.argmax(found.mask))] is not MaskState.MISSING
    accept = settings.accept_masked if masked else settings.accept_bare
    reject = settings.reject_masked if masked else settings.reject_bare
    cosines = gallery.compare(found.embedding[None])[0]
    best = int(np.argmax(cosines))
    cosine = float(cosines[best])
    lead = cosine - float(np.delete(cosines, best).max(initial=-1.0))
    score = min(1.0, max(0.0, cosine))
    if found.unused_because is not None:
        return Who(Knowledge.UNDECIDED, None, score)
    if cosine >= accept and lead >= settings.margin:
        return Who(Knowledge.KNOWN, gallery.person_ids[best], score)
    return Who(Knowledge.UNKNOWN if cosine < reject else Knowledge.UNDECIDED, None, score)
