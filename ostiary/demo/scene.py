"""Knows how the demo's scenes become files: pictures, truth, streams, cache.

Does not know who serves them. `python -m ostiary.demo.scene lobby DIR` renders one scene.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray

from ostiary.demo import lobby, studio
from ostiary.demo.choreography import GROUP, RATE_HZ, SCENES, Pose, Scene, Walk, pose
from ostiary.demo.figure import draw, face_box, load_figure
from ostiary.demo.paint import HEIGHT, WIDTH
from ostiary.demo.portraits import FOLDER, Portrait, load_portraits
from ostiary.demo.truth import TrueFace, TruePicture, Truth, write_truth

TICKS: Final = 90_000 // RATE_HZ
SUB_SIZE: Final = (640, 360)
PART: Final = ".rendering-"
FORGOTTEN_S: Final = 600.0
_ROOMS: Final = {"lobby": lobby, "studio": studio}
_SOURCES: Final = (
    "choreography.py", "cutout.py", "figure.py", "lobby.py", "mask.py", "paint.py", "scene.py",
    "studio.py", "truth.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """The rendered demo; every video in `folder` bears its stream's name."""

    folder: Path
    lobby_main: Path
    lobby_sub: Path
    lobby_truth: Path
    studio_main: Path
    studio_truth: Path

    def all(self) -> tuple[Path, ...]:
        """Return every file."""
        return (
            self.lobby_main,
            self.lobby_sub,
            self.lobby_truth,
            self.studio_main,
            self.studio_truth,
        )


def demo_files(folder: Path) -> DemoFiles:
    """Return where the files of this version lie, or will lie, below a cache folder."""
    here = folder / version()
    names = ("lobby.mp4", "lobby-sub.mp4", "lobby.truth.jsonl", "studio.mp4", "studio.truth.jsonl")
    return DemoFiles(here, *(here / name for name in names))


def version() -> str:
    """Return a hash of everything that the files depend on."""
    digest = hashlib.sha256()
    sources = [Path(__file__).with_name(name) for name in _SOURCES]
    pictures = [each for each in FOLDER.iterdir() if each.suffix in (".webp", ".toml")]
    for path in (*sources, *sorted(pictures)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def true_face(portrait: Portrait, walk: Walk, where: Pose) -> TrueFace | None:
    """Return what is to be seen of a face, or None where all of it is beyond the border."""
    x1, y1, x2, y2 = face_box(portrait, where)
    left, top, right, bottom = max(0.0, x1), max(0.0, y1), min(WIDTH, x2), min(HEIGHT, y2)
    visible = max(0.0, right - left) * max(0.0, bottom - top) / ((x2 - x1) * (y2 - y1))
    if visible <= 0:
        return None
    nearest = max(mark.face_px for mark in walk.marks)
    near = where.face_px > 0.93 * nearest and abs(where.yaw_deg) < 8
    place = (round(left, 1), round(top, 1), round(right, 1), round(bottom, 1))
    return TrueFace(
        portrait.person, portrait.key, walk.enrolled, walk.mask, place, round(visible, 3), near
    )


def scene_truth(scene: Scene) -> Truth:
    """Return a scene's truth; no picture is drawn."""
    portraits = load_portraits()
    pictures = []
    for index in range(scene.pictures):
        seen = ((walk, pose(scene, walk, index / RATE_HZ)) for walk in scene.walks)
        faces = (true_face(portraits[walk.portrait], walk, where) for walk, where in seen if where)
        kept = tuple(face for face in faces if face is not None)
        pictures.append(TruePicture(index, index * TICKS, kept))
    return Truth(scene.name, WIDTH, HEIGHT, scene.pictures * TICKS, tuple(pictures))


def pictures_of(scene: Scene, indices: range | None = None) -> Iterator[NDArray[np.uint8]]:
    """Draw a scene's pictures, (720, 1280, 3) BGR each, farthest person first."""
    portraits = load_portraits()
    figures = {walk: load_figure(portraits[walk.portrait], walk.mask) for walk in scene.walks}
    behind = _ROOMS[scene.name].backdrop()
    before, part = _ROOMS[scene.name].foreground()
    first = int(np.argmax(part.max(1) > 0))  # rows above it hold nothing of the foreground
    weight = part[first:, :, None]
    veil = before[first:] * weight
    for index in indices or range(scene.pictures):
        picture = behind.copy()
        posed = [(walk, pose(scene, walk, index / RATE_HZ)) for walk in scene.walks]
        there = [(walk, where) for walk, where in posed if where is not None]
        for walk, where in sorted(there, key=lambda each: each[1].face_px):
            draw(picture, figures[walk], where)
        picture[first:] = (picture[first:] * (1 - weight) + veil).astype(np.uint8)
        yield picture


@dataclass(slots=True)
class _Film:
    """One H.264 file on its way: closed groups, no B-frames, decodable picture by picture."""

    container: OutputContainer
    stream: VideoStream

    @classmethod
    def create(cls, path: Path, size: tuple[int, int], bits_per_s: int) -> "_Film":
        container = av.open(
            str(path), "w", format="mp4",
            options={"fflags": "+bitexact", "video_track_timescale": "90000"},
        )  # fmt: skip
        stream = container.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, 90_000)
        stream.codec_context.time_base = Fraction(1, 90_000)
        stream.bit_rate = bits_per_s
        stream.options = {
            "preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "threads": "1",
            "g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0", "bf": "0",
            "maxrate": str(bits_per_s * 5 // 4), "bufsize": str(bits_per_s), "flags": "+cgop",
            "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709",
        }  # fmt: skip
        return cls(container, stream)

    def add(self, pixels: NDArray[np.uint8], pts: int) -> None:
        picture = av.VideoFrame.from_ndarray(pixels, format="bgr24")
        picture.pts, picture.time_base = pts, Fraction(1, 90_000)
        # Browsers take untagged high definition for BT.709: say so, and mean it.
        planes = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        self.container.mux(self.stream.encode(planes))

    def close(self) -> None:
        self.container.mux(self.stream.encode(None))
        self.container.close()


def render(scene: Scene, folder: Path, progress: Callable[[int, int], None]) -> None:
    """Draw and code one scene into a folder: NAME.mp4, NAME-sub.mp4 (lobby), NAME.truth.jsonl."""
    cv2.setNumThreads(1)
    films = [_Film.create(folder / f"{scene.name}.mp4", (WIDTH, HEIGHT), 2_000_000)]
    if scene.name == "lobby":
        films.append(_Film.create(folder / f"{scene.name}-sub.mp4", SUB_SIZE, 600_000))
    for index, pixels in enumerate(pictures_of(scene)):
        films[0].add(pixels, index * TICKS)
        for film in films[1:]:
            film.add(cv2.resize(pixels, SUB_SIZE, interpolation=cv2.INTER_AREA), index * TICKS)
        progress(index + 1, scene.pictures)
    for film in films:
        film.close()
    write_truth(folder / f"{scene.name}.truth.jsonl", scene_truth(scene))


def prepare(folder: Path, progress: Callable[[int, int], None]) -> DemoFiles:
    """Return the demo's files, rendered into a cache folder unless they are there already.

    Both scenes are drawn at once, each in its own process; progress(done, total) counts
    pictures of both and may come from another thread. Raises RuntimeError where drawing fails.
    """
    files = demo_files(folder)
    if all(path.exists() for path in files.all()):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=PART) as text:
        _draw_all(Path(text), progress)
        _sweep(folder)
        try:
            Path(text).replace(files.folder)
        except OSError:  # another process was faster, and its files are the same
            if not all(path.exists() for path in files.all()):
                raise
        else:
            Path(text).mkdir()  # for TemporaryDirectory to remove
    return files


def _sweep(folder: Path) -> None:
    """Remove the files of other versions, and what a killed process left."""
    for old in folder.iterdir():
        forgotten = old.name.startswith(PART) and time.time() - old.stat().st_mtime > FORGOTTEN_S
        if old.is_dir() and (forgotten or (len(old.name) == 16 and old.name != version())):
            shutil.rmtree(old, ignore_errors=True)


def _draw_all(target: Path, progress: Callable[[int, int], None]) -> None:
    done = dict.fromkeys(SCENES, 0)
    total = sum(scene.pictures for scene in SCENES.values())
    lock = threading.Lock()

    def follow(name: str, child: "subprocess.Popen[str]") -> None:
        for line in child.stdout or ():
            with lock:
                done[name] = int(json.loads(line)["done"])
                progress(sum(done.values()), total)

    command = [sys.executable, "-m", "ostiary.demo.scene"]
    children = {
        # A session of its own: Ctrl-C reaches only the parent, which ends both quietly.
        name: subprocess.Popen(
            [*command, name, str(target)], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        for name in SCENES
    }
    try:
        threads = [threading.Thread(target=follow, args=each) for each in children.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        failed = [name for name, child in children.items() if child.wait()]
    finally:
        for child in children.values():
            child.terminate()
            child.wait()
    if failed:
        raise RuntimeError(f"drawing the demo's scene {failed[0]} failed; its output is above")


def main() -> None:
    """Render one scene; prints its progress as JSON lines, and ends when nobody reads them."""
    name, folder = sys.argv[1], Path(sys.argv[2])

    def progress(done: int, total: int) -> None:
        if done % 5 == 0 or done == total:
            print(json.dumps({"done": done, "total": total}), flush=True)

    try:
        render(SCENES[name], folder, progress)
    except BrokenPipeError:  # whoever asked for the scene is gone
        os._exit(1)


if __name__ == "__main__":
    main()
