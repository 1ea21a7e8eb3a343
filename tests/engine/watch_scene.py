"""Knows how to play people walking before a watched camera, without pictures or networks."""

from dataclasses import dataclass, field

import numpy as np

from engine.faces import Detections
from engine.gallery import Enrolled, Gallery, GallerySettings, unit
from engine.observations import MaskState
from engine.purpose import Purpose
from engine.rules import RuleKind, default_rule
from engine.watch import CameraWatch, CameraWatchSettings, FaceEvidence, Restored

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS
SIZE_PX = (1280, 720)
CLEAR = 0.93
PEOPLE_RULES = (RuleKind.UNMASKED, RuleKind.MASK_INCORRECT, RuleKind.UNKNOWN)
MASK_RULES = (RuleKind.UNMASKED, RuleKind.MASK_INCORRECT)


def ns(at_s):
    return BEGIN_NS + round(at_s * SECOND_NS)


def basis(index):
    return np.eye(128, dtype=np.float32)[index]


def within(spans, at_s):
    return any(begin <= at_s < end for begin, end in spans)


@dataclass(frozen=True)
class Person:
    """Somebody who walks before the camera from `come_s` to `go_s`, at a speed in px/s."""

    face: int = 0  # index of the face's direction; 0 is the enrolled person
    come_s: float = 0.0
    go_s: float = 3.0
    left_px: float = 200.0
    speed_px_s: float = 60.0
    masks: tuple = ((0.0, MaskState.MISSING),)  # from when on which
    quality: float = 0.8
    size_px: float = 80.0
    coat: int = 0
    hidden: tuple = ()  # from, to
    blurred: tuple = ()  # from, to
    likeness: float = 0.75  # how much of the face is in its embeddings, against noise

    def seen(self, at_s):
        return self.come_s <= at_s < self.go_s and not within(self.hidden, at_s)

    def box(self, at_s):
        x = self.left_px + self.speed_px_s * (at_s - self.come_s)
        return [x, 100, x + self.size_px, 100 + 1.25 * self.size_px]

    def mask(self, at_s):
        state = [state for begin_s, state in self.masks if begin_s <= at_s][-1]
        return np.where([one is state for one in MaskState], CLEAR, (1 - CLEAR) / 2)


STRANGER = Person(face=5)


@dataclass
class Played:
    """What came out: each with its moment in seconds."""

    alerts: list = field(default_factory=list)
    visits: list = field(default_factory=list)
    wishes: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    appearances: list = field(default_factory=list)
    tracks: list = field(default_factory=list)

    def take(self, at_s, result):
        self.alerts += [(at_s, one) for one in result.alerts]
        self.visits += [(at_s, one) for one in result.visits]
        self.wishes += [(at_s, one) for one in result.snapshots_wanted]
        self.appearances += [(at_s, one) for one in result.appearances]
        self.tracks.append((at_s, result.tracks))

    def of(self, kind):
        return [(at_s, one) for at_s, one in self.alerts if one.kind is kind]

    def visit_ids(self):
        return {one.id for _, one in self.visits}


def gallery():
    return Gallery([Enrolled("ada", basis(0)[None])], GallerySettings())


def watch(purpose=Purpose.PEOPLE, kinds=None, token=7, restored=None):
    if kinds is None:
        kinds = PEOPLE_RULES if purpose is Purpose.PEOPLE else MASK_RULES
    rules = tuple(default_rule(kind, "lobby") for kind in kinds)
    settings = CameraWatchSettings("lobby", purpose, rules)
    models = {"mask": "m@1"}
    return CameraWatch(settings, token, gallery(), models, restored or Restored())


def picture(boxes):
    """What the detector found, and the picture's size, as `CameraWatch.begin` wants them."""
    boxes = np.array(boxes, np.float32)
    points = np.zeros((len(boxes), 5, 2), np.float32)
    return Detections(boxes, points, np.full(len(boxes), 0.9, np.float32)), SIZE_PX


def play(camera, people, until_s, hz=8, begin_s=0.0):
    """Show the people to the watch at so many pictures a second; return all that came out."""
    played = Played()
    for step in range(round((until_s - begin_s) * hz)):
        at_s = begin_s + step / hz
        seen = [person for person in people if person.seen(at_s)]
        boxes = np.array([person.box(at_s) for person in seen], np.float32).reshape(-1, 4)
        points = np.zeros((len(seen), 5, 2), np.float32)
        scores = np.full(len(seen), 0.9, np.float32)
        requests = camera.begin(Detections(boxes, points, scores), SIZE_PX, ns(at_s))
        played.requests += [(at_s, one) for one in requests]
        found = {one.detection: answer(seen[one.detection], one, at_s) for one in requests}
        played.take(at_s, camera.finish(found))
    return played


def answer(person, request, at_s):
    """Return what the networks say of a person: a face like itself, with a noise of the moment."""
    if within(person.blurred, at_s):
        return FaceEvidence(0.0, "blurred")
    noise = basis(64 + round(at_s * 100) % 64)
    embedding = unit((person.likeness * basis(person.face) + 0.66 * noise)[None])[0]
    coat = np.full(16, 0.01, np.float32)
    coat[person.coat] = 0.85
    return FaceEvidence(
        quality=person.quality,
        embedding=embedding if request.embed else None,
        mask=person.mask(at_s).astype(np.float32) if request.mask else None,
        expression=np.eye(7, dtype=np.float32)[3] if request.expression else None,
        colour=coat,
    )


def wait(camera, played, from_s, until_s):
    """Let time pass without pictures."""
    for second in range(int(from_s), int(until_s)):
        played.take(float(second), camera.tick(ns(second)))
    return played
