"""Measures what analysing a picture costs the networks' thread, stage by stage, without servers.

`python -m benchmarks.turns [--file FILE] [--people]` decodes a file (the demo's lobby), takes eight
pictures a second as a worker does, and prints CPU milliseconds and networks' calls per picture.
Low in noise, as nothing else runs: what a change of a stage gains shows here first.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.installation import CACHE
from config.cameras import Camera
from engine.gallery import Enrolled, Gallery, GallerySettings
from engine.packets import Role
from engine.purpose import Purpose
from engine.sampling import Sampler, SamplingSettings
from ostiary.demo.portraits import load_portraits, read_picture
from ostiary.demo.scene import prepare
from streams.bus.packets import StreamKey
from streams.codecs.pool import Picture
from workers import manifest
from workers.desk import Desk, DeskPlan, open_desk
from workers.models import Models
from workers.ownership import Taken
from workers.regions import Sight
from workers.thinking import Job, think

RATE_HZ = 8.0
BEGIN_NS = 1_800_000_000 * 10**9
ENROLLED = ("obama", "hopper", "biden")


class Counting(Models):
    """The networks, with how many faces or pictures each was shown."""

    def __init__(self, models: Models) -> None:
        super().__init__(models._parts)
        self.shown = Counter[str]()

    def detect(
        self, pictures: Sequence[NDArray[np.uint8]], sights: Sequence[Sight] | None = None
    ) -> list[Any]:
        """Count, then detect."""
        self.shown["detector"] += len(pictures)
        return super().detect(pictures, sights)

    def _run(
        self, role: manifest.Role, crops: NDArray[np.uint8], columns: int
    ) -> NDArray[np.float32]:
        self.shown[role] += len(crops)
        return super()._run(role, crops, columns)


def desk(models: Models, people: bool) -> Desk:
    """Return the desk of a camera with all rules on, with the demo's people or with nobody."""
    camera = Camera(id="bench", url="rtsp://192.0.2.1/bench", mask_required=True,
                    alert_unknown=True, purpose=Purpose.PEOPLE)  # fmt: skip
    known = gallery(models) if people else Gallery((), GallerySettings())
    plan = DeskPlan(
        known,
        {str(role): label for role, label in models.versions.items()},
        SamplingSettings(full_hz=RATE_HZ),
    )
    return open_desk(Taken(camera, 1, ()), plan, (), BEGIN_NS)


def gallery(models: Models) -> Gallery:
    """Return the demo's enrolled people, from one portrait each."""
    portraits, people = load_portraits(), []
    for key in ENROLLED:
        photo = np.ascontiguousarray(read_picture(portraits[key].photo)[..., :3])
        (faces,) = models.detect([photo])
        vectors = models.embed(models.crop(photo, faces.points[:1]))
        people.append(Enrolled(key, vectors))
    return Gallery(people, GallerySettings())


def pictures(path: Path) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield the pictures that a worker would take, BGR, with their times in nanoseconds."""
    sampler = Sampler(RATE_HZ)
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            now_ns = BEGIN_NS + round((frame.time or 0.0) * 1e9)
            if sampler.due(now_ns):
                yield frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False), now_ns


def run(models: Counting, path: Path, people: bool) -> dict[str, Any]:
    """Think through a file once; return milliseconds and calls per picture."""
    one, stream = desk(models, people), StreamKey("bench", Role.MAIN)
    models.shown = Counter()
    walls, count, cpu_ns = [], 0, 0
    for pixels, now_ns in pictures(path):
        picture = Picture(stream, "0-0", 1, now_ns // 11_111, now_ns, pixels, lambda: None)
        wall_ns, thread_ns = time.monotonic_ns(), time.thread_time_ns()
        for thought in think(models, [Job(one, picture)]):
            one.keep(thought.result)
        walls.append((time.monotonic_ns() - wall_ns) / 1e6)
        cpu_ns += time.thread_time_ns() - thread_ns
        count += 1
    stages = {name: round(ns / 1e6 / count, 2) for name, ns in one.figures.stages_ns.items()}
    return {
        "pictures": count,
        "cpu_ms": round(cpu_ns / 1e6 / count, 2),
        "wall_ms": {p: round(float(np.percentile(walls, p)), 1) for p in (50, 95, 100)},
        "stages_ms": stages,
        "calls": {name: round(shown / count, 2) for name, shown in models.shown.items()},
    }


def main() -> None:
    """Print one line for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, action="append")
    parser.add_argument("--people", action="store_true", help="with the demo's people enrolled")
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models = Counting(Models.load("cpu", CACHE / "networks", threads=1))
    models.warm(1280, 720)
    files = options.file
    if not files:
        demo = prepare(CACHE / "demo", lambda done, total: None)
        files = [demo.lobby_main, demo.lobby_sub]
    for path in [path for path in files for _ in range(options.repeat)]:
        run_of = run(models, path, options.people)
        print(path.name, run_of)


if __name__ == "__main__":
    main()
