"""Knows what the page's chart is drawn from: each face's probabilities. Draws no chart.

A photograph has its faces; a film its confirmed tracks, with the mean of what the networks said of
them and the view of best quality.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np

from engine.boxes import Box
from ostiary.analysis import Face, Picture
from ostiary.analysis.reporting import record_of
from ostiary.analysis.results import Pixels
from ostiary.analysis.words import Language, read, words_in

SHOWN: Final = 60  # faces of one file; the others are counted
VIEWS: Final = 300  # small pictures of faces in all, so that the whole stays small
VIEW_PX: Final = 96
MARGIN: Final = 0.25  # of the box, on each side


@dataclass(slots=True)
class Chart:
    """One face, or one track of a film."""

    best: float = -1.0
    looks: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    sums: dict[str, float] = field(default_factory=dict)
    times_s: list[float] = field(default_factory=list)
    view: str | None = None

    def add(self, picture: Picture, face: Face, language: Language) -> bool:
        """Take one look in; return whether it is the best view so far."""
        self.looks += 1
        self.times_s = [*self.times_s[:1], picture.time_s or 0.0]
        self.record = record_of(picture, face)
        self.words = read(face, language).lines or self.words
        for kind, said in (("mask", face.mask), ("expression", face.expression)):
            if said is not None:
                self.sums[f"{kind}#"] = self.sums.get(f"{kind}#", 0) + 1
                for name, share in said.probabilities.items():
                    key = f"{kind}.{name.value}"
                    self.sums[key] = self.sums.get(key, 0.0) + share
        better = face.quality > self.best
        self.best = max(self.best, face.quality)
        return better

    def shares(self, kind: str) -> dict[str, float]:
        """Return the mean probability of each label of a kind, empty where nothing was said."""
        said = self.sums.get(f"{kind}#", 0)
        prefix = f"{kind}."
        return {
            key.removeprefix(prefix): round(total / said, 4)
            for key, total in self.sums.items()
            if key.startswith(prefix)
        }

    def as_json(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        record = self.record
        return {
            "words": list(self.words),
            "track": record["track"],
            "box": [record["x1"], record["y1"], record["x2"], record["y2"]],
            "state": record["mask"],
            "person": record["person"],
            "unused_because": record["unused_because"],
            "first_s": round(self.times_s[0], 2),
            "last_s": round(self.times_s[-1], 2),
            "looks": self.looks,
            "mask": self.shares("mask"),
            "expression": self.shares("expression"),
            "view": self.view,
        }


@dataclass(slots=True)
class File:
    """What became of one file."""

    number: int
    name: str
    kind: str
    size_px: tuple[int, int]
    saved: str = ""
    pictures: int = 0
    seconds: float = 0.0
    charts: dict[int, Chart] = field(default_factory=dict)
    more: set[int] = field(default_factory=set)  # faces beyond SHOWN

    def as_json(self) -> dict[str, Any]:
        """Return what the page shows of it."""
        width, height = self.size_px
        return {
            "number": self.number,
            "name": self.name,
            "kind": self.kind,
            "width": width,
            "height": height,
            "pictures": self.pictures,
            "seconds": round(self.seconds, 2),
            "saved": self.saved,
            "more": len(self.more),
            "faces": [chart.as_json() for chart in self.charts.values()],
        }


@dataclass(slots=True)
class Faces:
    """Every file of an analysis, in order."""

    language: Language
    files: dict[int, File] = field(default_factory=dict)
    _views: int = 0

    def add(self, number: int, name: str, picture: Picture) -> File:
        """Take one picture in; return its file."""
        file = self.files.get(number)
        if file is None:
            kind = picture.kind.value
            file = self.files[number] = File(number, name, kind, picture.size_px)
        file.pictures, file.seconds = file.pictures + 1, picture.time_s or 0.0
        for index, face in enumerate(picture.faces):
            if not face.tentative:
                self._face(file, index if face.track is None else face.track, picture, face)
        return file

    def _face(self, file: File, key: int, picture: Picture, face: Face) -> None:
        chart = file.charts.get(key)
        if chart is None:
            if len(file.charts) >= SHOWN:
                file.more.add(key)
                return
            chart = file.charts[key] = Chart()
        if chart.add(picture, face, self.language) and (chart.view or self._views < VIEWS):
            self._views += chart.view is None
            chart.view = view_of(picture.pixels, face.box)

    def as_json(self) -> dict[str, Any]:
        """Return everything, with the words of the labels in the chosen language."""
        return {
            "words": words_in(self.language),
            "files": [file.as_json() for file in self.files.values()],
        }


def view_of(pixels: Pixels, box: Box) -> str:
    """Return a face with a margin as a square JPEG, base64. box: 0..1 of the picture."""
    height, width = pixels.shape[:2]
    side = max((box.x2 - box.x1) * width, (box.y2 - box.y1) * height) * (1 + 2 * MARGIN)
    left = (box.x1 + box.x2) / 2 * width - side / 2
    top = (box.y1 + box.y2) / 2 * height - side / 2
    scale = VIEW_PX / max(1.0, side)
    move = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.warpAffine(
        pixels, move, (VIEW_PX, VIEW_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    return base64.b64encode(data.tobytes()).decode()
