"""Knows one turn: pictures through the networks and, where time passes, through the watches.

Does not know where pictures come from or where results go.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.faces import Detections, no_detections
from engine.purpose import Purpose
from engine.quality import Quality, QualityLimits, judge
from engine.track_memory import FaceEvidence, FaceRequest
from engine.watch import WatchResult
from streams.clock import monotonic_ns
from streams.codecs.pool import Picture
from workers.clothes import colours_below
from workers.crops import ALIGNED
from workers.desk import Desk
from workers.manifest import Role
from workers.measure import measure
from workers.models import Models
from workers.motion import Look
from workers.regions import WHOLE, Sight
from workers.snapshots import snapshot

LIMITS = QualityLimits()
LOOKED = Look(moved=True, area=WHOLE)


@dataclass(slots=True)
class Job:
    """One camera's picture in this turn, and what became of it.

    spare: whether there is time for a closer look, which finds smaller faces.
    """

    desk: Desk
    picture: Picture
    spare: bool = False
    look: Look = LOOKED
    faces: Detections = field(default_factory=no_detections)
    requests: tuple[FaceRequest, ...] = ()
    evidence: dict[int, FaceEvidence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thought:
    """What follows for one camera: snapshots are (evidence id, JPEG)."""

    job: Job
    result: WatchResult
    snapshots: tuple[tuple[str, bytes], ...]


@dataclass(slots=True)
class _Face:
    """One face that the networks are asked about."""

    job: Job
    request: FaceRequest
    quality: Quality
    aligned: NDArray[np.uint8]  # (112, 112, 3) BGR
    embedding: NDArray[np.float32] | None = None
    mask: NDArray[np.float32] | None = None
    expression: NDArray[np.float32] | None = None


@contextmanager
def timed(stage: str, jobs: Sequence[Job]) -> Iterator[None]:
    """Charge what a stage took to its jobs' cameras, equally; a job may stand in it twice."""
    begun_ns = monotonic_ns()
    yield
    for job in jobs:
        job.desk.figures.stages_ns[stage] += (monotonic_ns() - begun_ns) // len(jobs)


def think(models: Models, jobs: Sequence[Job]) -> list[Thought]:
    """Analyse one picture of each of several cameras; the only place that runs networks live."""
    _detect(models, jobs)
    for job in jobs:
        height, width = job.picture.pixels.shape[:2]
        with timed("watch", [job]):
            size_px, now_ns = (width, height), job.picture.captured_ns
            job.requests = job.desk.watch.begin(job.faces, size_px, now_ns)
    _ask(models, jobs, all_faces=False)
    return [_conclude(job) for job in jobs]


def glance(models: Models, jobs: Sequence[Job], purpose: Purpose) -> None:
    """Show every face of single photographs to the networks; the evidence goes into the jobs.

    No photograph follows that shows a face better, so that faces unfit for use are shown as well:
    their evidence says why they are unfit, and who asks decides what it is worth.
    """
    found = models.search([job.picture.pixels for job in jobs])
    people, moods = purpose is Purpose.PEOPLE, purpose is Purpose.EXPRESSION
    for job, faces in zip(jobs, found, strict=True):
        job.faces = faces
        job.requests = tuple(
            FaceRequest(index, index, embed=people, mask=True, expression=moods)
            for index in range(len(faces))
        )
    _ask(models, jobs, all_faces=True)


def _ask(models: Models, jobs: Sequence[Job], all_faces: bool) -> None:
    """Show the requested faces to the networks, or those of them that are fit for use."""
    faces = []
    for job in jobs:
        with timed("crops", [job]):
            faces += _faces(models, job)
    shown = [face for face in faces if all_faces or face.quality.unused_because is None]
    _embed(models, shown)
    _classify(models, shown)
    for face in faces:
        face.job.evidence[face.request.detection] = _evidence(face)


def _detect(models: Models, jobs: Sequence[Job]) -> None:
    """Find faces where something moved or faces were; elsewhere there is nobody new."""
    worth = [(job, sight) for job in jobs if (sight := _sight(job)) is not None]
    with timed("detector", [job for job, _ in worth]):
        pixels = [job.picture.pixels for job, _ in worth]
        found = models.detect(pixels, [sight for _, sight in worth])
    for (job, _), faces in zip(worth, found, strict=True):
        job.faces = faces
    for job in jobs:
        job.desk.found = job.faces.boxes


def _sight(job: Job) -> Sight | None:
    """Return what of a picture is looked at, closely where time is left; or nothing."""
    picture, motion = job.picture, job.desk.motion
    job.look = motion.look(picture.pixels, job.desk.faces_at(), picture.captured_ns)
    return None if job.look.area is None else Sight(job.look.area, closely=job.spare)


def _faces(models: Models, job: Job) -> list[_Face]:
    if not job.requests:
        return []
    chosen = [request.detection for request in job.requests]
    faces = Detections(job.faces.boxes[chosen], job.faces.points[chosen], job.faces.scores[chosen])
    aligned = models.crop(job.picture.pixels, faces.points, ALIGNED)
    measured = measure(aligned, faces)
    return [
        _Face(job, request, judge(one, LIMITS), crop)
        for request, one, crop in zip(job.requests, measured, aligned, strict=True)
    ]


def _embed(models: Models, faces: Sequence[_Face]) -> None:
    wanted = [face for face in faces if face.request.embed]
    if wanted:
        with timed("embedder", [face.job for face in wanted]):
            vectors = models.embed(np.stack([face.aligned for face in wanted]))
        for face, vector in zip(wanted, vectors, strict=True):
            face.embedding = vector


def _classify(models: Models, faces: Sequence[_Face]) -> None:
    masks = [face for face in faces if face.request.mask]
    if masks:
        with timed("mask", [face.job for face in masks]):
            crops = np.concatenate([_cut(models, face, "mask") for face in masks])
            rows = models.mask(crops)
        for face, row in zip(masks, rows, strict=True):
            face.mask = row
    expressions = [face for face in faces if face.request.expression]
    if expressions:
        with timed("expression", [face.job for face in expressions]):
            crops = np.concatenate([_cut(models, face, "expression") for face in expressions])
            rows = models.expression(crops)
        for face, row in zip(expressions, rows, strict=True):
            face.expression = row


def _cut(models: Models, face: _Face, role: Role) -> NDArray[np.uint8]:
    points = face.job.faces.points[face.request.detection][None]
    return models.crop(face.job.picture.pixels, points, models.framing(role))


def _evidence(face: _Face) -> FaceEvidence:
    reason = face.quality.unused_because
    box = face.job.faces.boxes[face.request.detection]
    return FaceEvidence(
        quality=face.quality.score,
        unused_because=reason.value if reason else None,
        embedding=face.embedding,
        mask=face.mask,
        expression=face.expression,
        colour=colours_below(face.job.picture.pixels, box),
    )


def _conclude(job: Job) -> Thought:
    with timed("watch", [job]):
        result = job.desk.watch.finish(job.evidence)
    with timed("snapshots", [job]):
        taken = tuple(
            (wish.snapshot_id, snapshot(job.picture.pixels, job.faces.boxes[wish.detection]))
            for wish in result.snapshots_wanted
        )
    return Thought(job, result, taken)
