"""Knows how a test gets a worker's parts: real networks, real faces, desks, pictures in hand."""

import time
from collections import Counter

import cv2
import numpy as np
from fakes.whole_system import CACHE

from config.cameras import Camera
from engine.gallery import Enrolled, Gallery, GallerySettings
from engine.packets import Role
from engine.purpose import Purpose
from engine.sampling import SamplingSettings
from ostiary.demo.portraits import load_portraits, read_picture
from streams.bus.packets import StreamKey
from streams.codecs.pool import Picture
from workers.crops import ALIGNED
from workers.desk import DeskPlan, open_desk
from workers.models import Models
from workers.ownership import Taken
from workers.preprocess import batches
from workers.regions import Sight

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS
PORTRAITS = load_portraits()


class CountingModels(Models):
    """The real networks, with how many pictures or faces each was shown."""

    def __init__(self, models):
        super().__init__(models._parts)
        self.shown = Counter()
        self.looked_px = []  # of the detector's input, for each picture

    def detect(self, pictures, sights=None):
        self.shown["detector"] += len(pictures)
        fitted = batches(pictures, 640, sights or [Sight()] * len(pictures))
        self.looked_px += [one.pixels[0].size // 3 for one in fitted for _ in one.indices]
        return super().detect(pictures, sights)

    def _run(self, role, crops, columns):
        self.shown[role] += len(crops)
        return super()._run(role, crops, columns)


def load_models():
    """The four networks on the CPU; converted ones are kept for the next run."""
    return Models.load("cpu", CACHE / "networks", threads=1)


def background(size=(640, 360), seed=3):
    """A picture (H, W, 3) BGR of soft grey texture, without a face."""
    width, height = size
    small = np.random.default_rng(seed).integers(90, 130, (height // 20, width // 20), np.uint8)
    return cv2.cvtColor(cv2.resize(small, size), cv2.COLOR_GRAY2BGR)


def scene(*heads, size=(640, 360), seed=3):
    """A picture with heads in it; each is (portrait, left, top, width of the face), pixels."""
    picture = background(size, seed)
    for key, left, top, face_px in heads:
        head = head_of(key, face_px)
        height, width = head.shape[:2]
        height, width = min(height, size[1] - top), min(width, size[0] - left)
        picture[top : top + height, left : left + width] = head[:height, :width]
    return picture


def head_of(key, face_px):
    """A portrait's head with its shoulders, scaled so that the face is so wide."""
    portrait = PORTRAITS[key]
    photo = read_picture(portrait.photo)[..., :3]
    x1, y1, x2, y2 = portrait.face
    aside, above = 0.5 * (x2 - x1), 0.35 * (y2 - y1)
    top, left = int(max(0, y1 - above)), int(max(0, x1 - aside))
    head = photo[top : int(y2 + 0.5 * (y2 - y1)), left : int(x2 + aside)]
    scale = face_px / (x2 - x1)
    return cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def enrolled(models, *keys):
    """A gallery of these portraits, each under its key."""
    people = []
    for key in keys:
        photo = np.ascontiguousarray(read_picture(PORTRAITS[key].photo)[..., :3])
        (faces,) = models.detect([photo])
        people.append(Enrolled(key, models.embed(models.crop(photo, faces.points[:1], ALIGNED))))
    return Gallery(people, GallerySettings())


def camera_of(name="lobby", purpose=Purpose.NONE, **switches):
    because = "a study of moods" if purpose is Purpose.EXPRESSION else None
    url = f"rtsp://192.0.2.1/{name}"
    return Camera(id=name, url=url, purpose=purpose, because=because, **switches)


def desk_of(camera, gallery=None, token=7, now_ns=0, visits=()):
    known = Gallery((), GallerySettings()) if gallery is None else gallery
    plan = DeskPlan(known, {"mask": "mask@1"}, SamplingSettings())
    return open_desk(Taken(camera, token, tuple(visits)), plan, (), now_ns)


def picture_of(camera, pixels, captured_ns=BEGIN_NS, epoch_ms=1, behind_ms=0):
    """A decoded picture of a camera that came to the bus so long ago."""
    entry_id = f"{time.time_ns() // 1_000_000 - behind_ms}-0"
    stream = StreamKey(camera, Role.MAIN)
    pts = captured_ns * 9 // 100_000
    return Picture(stream, entry_id, epoch_ms, pts, captured_ns, pixels, lambda: None)
