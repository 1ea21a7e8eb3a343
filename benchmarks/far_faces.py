"""Measures how much of people who are far a camera's analysis sees, with and without closer looks.

`python -m benchmarks.far_faces --data DIR`. Films of bare people, made small and set into a still
picture of 1280x720; their faces wear a drawn mask, or none. Eight pictures a second go through what
the worker does: motion, detector, networks, tracks, beliefs. Printed: in what share of the pictures
a face has a track, and a track the right mask state, and what a picture costs.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.films import Frame, bare_frames
from benchmarks.installation import CACHE
from benchmarks.masked_looks import Eye, shrunk
from config.cameras import Camera
from engine.boxes import iou_matrix
from engine.faces import Detections
from engine.gallery import Gallery, GallerySettings
from engine.observations import MaskState, TrackView
from engine.packets import Role
from engine.sampling import SamplingSettings
from ostiary.cli.output import print_table
from streams.bus.packets import StreamKey
from streams.codecs.pool import Picture
from training.draw import MEANS, Template, load_templates
from training.wearing import Mask, wear
from workers.desk import DeskPlan, open_desk
from workers.models import Models
from workers.ownership import Taken
from workers.thinking import Job, think

EVERY: Final = 4  # frames of films of 25 to 30 a second
EVERY_NS: Final = 125_000_000
BEGIN_NS: Final = 1_800_000_000 * 10**9
SETTLED: Final = 8  # pictures of a film before it counts: a track and a belief need some
SIZE: Final = (1280, 720)
WHOLE_PX: Final = np.array([*SIZE, *SIZE], np.float32)
SCALES: Final = (0.45, 0.7, 1.0)
SAME: Final = 0.3  # intersection over union: a track's box lags behind a face of few pixels
BINS: Final = (
    (0, 12, "below 12"),
    (12, 16, "12 to 16"),
    (16, 24, "16 to 24"),
    (24, 32, "24 to 32"),
)
HALF: Final = 0.5  # of the source's pixels, as the usual look at 1280x720 has them
NOT_FOUND: Final = 3

Shot = tuple[NDArray[np.uint8], NDArray[np.float32]]  # a picture, its faces' boxes (N, 4) in pixels


@dataclass(slots=True)
class Tally:
    """Faces of one kind and size: how many, with how many tracks and right states; films."""

    faces: int = 0
    tracked: int = 0
    right: int = 0
    films: set[str] = field(default_factory=set)

    def add(self, box: NDArray[np.float32], tracks: Sequence[TrackView], state: MaskState) -> None:
        """Count one face (4,), in 0..1 of the picture."""
        boxes = [[t.box.x1, t.box.y1, t.box.x2, t.box.y2] for t in tracks]
        shared = iou_matrix(box[None], np.array(boxes, np.float32).reshape(-1, 4))[0]
        mine = [track for track, one in zip(tracks, shared, strict=True) if one >= SAME]
        self.faces += 1
        self.tracked += bool(mine)
        self.right += any(track.mask and track.mask.state is state for track in mine)


@dataclass(slots=True)
class Bench:
    """The networks, and what was counted for each look, kind of mask and size."""

    models: Models
    tallies: dict[tuple[bool, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    cpu_ns: dict[bool, int] = field(default_factory=lambda: defaultdict(int))
    pictures: int = 0

    def watch(self, film: str, kind: str, shots: Sequence[Shot], spare: bool) -> None:
        """Analyse one film (pictures with their faces (N, 4)) as a camera's."""
        camera = Camera(id="bench", url="rtsp://192.0.2.1/bench", mask_required=True)
        plan = DeskPlan(Gallery((), GallerySettings()), {}, SamplingSettings())
        desk = open_desk(Taken(camera, 1, ()), plan, (), BEGIN_NS)
        state = MEANS.get(kind, MaskState.MISSING)
        for step, (pixels, faces) in enumerate(shots):
            now_ns = BEGIN_NS + step * EVERY_NS
            stream = StreamKey("bench", Role.MAIN)
            picture = Picture(stream, "0-0", 1, step, now_ns, pixels, lambda: None)
            begun_ns = time.thread_time_ns()
            (thought,) = think(self.models, [Job(desk, picture, spare)])
            self.cpu_ns[spare] += time.thread_time_ns() - begun_ns
            self.pictures += not spare
            if step >= SETTLED:
                for box in faces:
                    side = float((box[2:] - box[:2]).min()) * HALF
                    tally = self.tallies[spare, kind, size_of(side)]
                    tally.films.add(film)
                    tally.add(box / WHOLE_PX, thought.result.tracks, state)


def size_of(side_px: float) -> str:
    """Return the name of a face's size."""
    return next((name for low, high, name in BINS if low <= side_px < high), "above")


def shots(frames: Sequence[tuple[NDArray[np.uint8], Detections]], scale: float) -> Iterator[Shot]:
    """Yield each frame small in a still picture, with its faces there (N, 4)."""
    first = shrunk(frames[0][0], scale)
    ground = cv2.GaussianBlur(cv2.resize(first, SIZE), (0, 0), 9)
    left, top = (SIZE[0] - first.shape[1]) // 3, (SIZE[1] - first.shape[0]) // 3
    for frame, faces in frames:
        small, picture = shrunk(frame, scale), ground.copy()
        picture[top : top + small.shape[0], left : left + small.shape[1]] = small
        corner = np.array([left, top, left, top], np.float32)
        yield picture, faces.boxes * np.float32(scale) + corner


def measure(data: Path, templates: tuple[Template, ...]) -> Bench:
    """Watch every film, bare and with each kind of mask, at each scale, by both looks."""
    bench, judge = Bench(Models.load("cpu", CACHE / "networks", threads=1)), Eye(640)
    bench.models.warm(*SIZE)
    films = groupby(bare_frames(data, EVERY), key=lambda frame: frame.film)
    for seed, (film, frames) in enumerate(films):
        seen = [(one.picture, judge.sure(one.picture)) for one in _small(frames)]
        if not seen:
            continue
        print(film, file=sys.stderr, flush=True)
        for kind in ("bare", *MEANS):
            worn = seen if kind == "bare" else [
                (wear(picture, faces, Mask(kind, seed), templates), faces)
                for picture, faces in seen
            ]  # fmt: skip
            for scale in SCALES:
                made = list(shots(worn, scale))
                for spare in (False, True):
                    bench.watch(film, kind, made, spare)
    return bench


def _small(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield the frames of films that fit into the still picture when they are made small."""
    return (one for one in frames if max(one.picture.shape[:2]) <= SIZE[1])


def show(bench: Bench) -> None:
    """Print all rows."""
    names = ("mask", "face, px of 640", "faces", "films", "tracked %", "closer", "right state %",
             "closer")  # fmt: skip
    lines = []
    for kind in ("bare", *MEANS):
        for _, _, size in BINS:
            both = [bench.tallies.get((spare, kind, size)) for spare in (False, True)]
            there = [one for one in both if one is not None]
            if len(there) == len(both):
                shares = [
                    f"{100 * getattr(one, what) / one.faces:.1f}"
                    for what in ("tracked", "right")
                    for one in there
                ]
                lines.append((kind, size, there[0].faces, len(there[0].films), *shares))
    print_table(names, lines, "")
    usual, close = (f"{bench.cpu_ns[spare] / 1e6 / bench.pictures:.1f}" for spare in (False, True))
    print(f"{bench.pictures} pictures: {usual} ms of CPU each, with closer looks {close}")


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="laid out as the README says")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if not (options.data / "clips").is_dir():
        print(f"There are no films in {options.data / 'clips'}.", file=sys.stderr)
        return NOT_FOUND
    there = (options.data / "occluders").is_dir()
    show(measure(options.data, load_templates(options.data) if there else ()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
