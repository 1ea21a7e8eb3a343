"""Knows how labelled pictures go through detector and network, one by one. Draws no conclusion.

Everything runs as the worker runs it on the CPU: the same detector, framing, runtime and
temperature, on one thread. Of a picture only what the network says of it is kept, so that any
number of photographs may come.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from training.judge import softmax
from training.live import LONGEST_PX, live_runtime
from training.looking import FINE_PX, Eyes
from training.sets.classes import Task
from training.sets.files import Unreadable
from training.sets.pictures import Picture
from training.sets.samples import Sample
from workers.crops import crop_faces
from workers.detector import Detector
from workers.manifest import Entry, load_manifest
from workers.models import three_states
from workers.runtime.openvino import OpenVinoRuntime

Report = Callable[[int, int], None]  # how many of how many pictures are done
FEWEST_FOUND: Final = 10  # faces of a set from which it is known where the others lie


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a network said, as parallel arrays over the pictures that could be read.

    samples: (N,). chances: (N, C). found: (N,) whether the detector found the face. side_px: (N,)
    the shorter side of its box, or of the picture. unreadable: the others, each with its reason.
    network_ms, crop_ms: (N,) on one thread.
    """

    samples: tuple[Sample, ...]
    chances: NDArray[np.float32]
    found: NDArray[np.bool_]
    side_px: NDArray[np.float32]
    unreadable: tuple[str, ...]
    network_ms: NDArray[np.float64]
    crop_ms: NDArray[np.float64]

    @property
    def truth(self) -> NDArray[np.intp]:
        """The network's class of each picture, (N,)."""
        return np.array([sample.truth for sample in self.samples], np.intp)

    @property
    def groups(self) -> NDArray[np.intp]:
        """The number of each picture's group, (N,); who has none is a group of its own."""
        names = [sample.group or place for place, sample in enumerate(self.samples)]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return np.array([numbers[name] for name in names], np.intp)


@dataclass(frozen=True, slots=True)
class Networks:
    """The detector and one classifier, as the worker runs them on the CPU."""

    eyes: Eyes
    classifier: OpenVinoRuntime
    entry: Entry
    task: Task

    @classmethod
    def load(cls, task: Task, entry: Entry, cache: Path) -> "Networks":
        """Load both; converted networks are kept in the cache. Raises WeightsError."""
        detector = load_manifest()["detector"]
        runtime = live_runtime(detector, cache)
        eyes = Eyes(Detector(runtime, detector, LONGEST_PX), Detector(runtime, detector, FINE_PX))
        classifier = live_runtime(entry, cache)
        classifier.run(np.zeros((1, *entry.input, 3), np.uint8))  # no face is timed cold
        return cls(eyes, classifier, entry, task)


@dataclass(slots=True)
class _Row:
    """One picture's answer while it comes about; points are 0..1 of the picture."""

    sample: Sample
    points: NDArray[np.float32] | None
    side_px: float
    logits: NDArray[np.float32]
    crop_ms: float = 0.0
    network_ms: float = 0.0


def ask(networks: Networks, samples: Sequence[Sample], report: Report) -> Answers:
    """Show every sample to the networks. What cannot be read is named and left out."""
    cv2.setNumThreads(1)
    asking = _Asking(networks, [], [], {})
    for done, sample in enumerate(samples, start=1):
        asking.show(sample)
        report(done, len(samples))
    for row in asking.rows:
        if row.points is None:
            asking.fall_back(row)
    logits = np.array([row.logits for row in asking.rows], np.float32)
    entry, task = networks.entry, networks.task
    chances = softmax(logits.reshape(-1, entry.classes), entry.thresholds["temperature"])
    return Answers(
        tuple(row.sample for row in asking.rows),
        three_states(chances) if task.name == "mask" else chances,
        np.array([row.points is not None for row in asking.rows], np.bool_),
        np.array([row.side_px for row in asking.rows], np.float32),
        tuple(asking.unreadable),
        np.array([row.network_ms for row in asking.rows]),
        np.array([row.crop_ms for row in asking.rows]),
    )


def joined(parts: Sequence[Answers]) -> Answers:
    """Return the answers of several networks of one task, one after another."""
    return Answers(
        tuple(sample for part in parts for sample in part.samples),
        np.concatenate([part.chances for part in parts]),
        np.concatenate([part.found for part in parts]),
        np.concatenate([part.side_px for part in parts]),
        tuple(name for part in parts for name in part.unreadable),
        np.concatenate([part.network_ms for part in parts]),
        np.concatenate([part.crop_ms for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    networks: Networks
    rows: list[_Row]
    unreadable: list[str]
    usual: dict[str, NDArray[np.float32]]

    def show(self, sample: Sample) -> None:
        """Ask about one picture if its face is found; else leave it to the fall-back."""
        try:
            picture = sample.read()
        except Unreadable as error:
            self.unreadable.append(str(error))
            return
        face = self.networks.eyes.face(picture)
        if face is None:
            none = np.zeros(0, np.float32)
            self.rows.append(_Row(sample, None, float(min(picture.shape[:2])), none))
            return
        size = np.array(picture.shape[1::-1], np.float32)
        row = _Row(sample, face.points / size, face.side_px, np.zeros(0, np.float32))
        self._classify(row, picture, face.points)
        self.rows.append(row)

    def fall_back(self, row: _Row) -> None:
        """Cut a face that was not found where those of its set usually lie."""
        picture = row.sample.read()
        size = np.array(picture.shape[1::-1], np.float32)
        source = row.sample.source
        if source not in self.usual:
            self.usual[source] = self._usual(source)
        self._classify(row, picture, self.usual[source] * size)

    def _usual(self, source: str) -> NDArray[np.float32]:
        """Return where a set's faces lie, (5, 2) in 0..1: their median, or as a crop has them."""
        found = [r.points for r in self.rows if r.points is not None and r.sample.source == source]
        framing = self.networks.task.framing
        if len(found) < FEWEST_FOUND:
            return framing.template / np.float32(framing.size_px)
        return np.asarray(np.median(np.stack(found), axis=0), np.float32)

    def _classify(self, row: _Row, picture: Picture, points: NDArray[np.float32]) -> None:
        begun = time.perf_counter()
        crop = crop_faces(picture, points[None], self.networks.task.framing)
        cut = time.perf_counter()
        (out,) = self.networks.classifier.run(crop).values()
        row.crop_ms, row.network_ms = 1e3 * (cut - begun), 1e3 * (time.perf_counter() - cut)
        row.logits = out[0]
