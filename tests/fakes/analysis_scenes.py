"""Knows how pictures and films with known people, bare or masked, are made for the analysis."""

import cv2
import numpy as np
from fakes.whole_system import CACHE
from fakes.worker_scenes import PORTRAITS, background, scene

from ostiary.analysis import Setup
from ostiary.demo.mask import draw_mask
from ostiary.demo.portraits import read_picture


def setup_in(folder):
    """A home of its own whose networks are those that other tests converted."""
    home = folder / "home"
    (home / "cache").mkdir(parents=True, exist_ok=True)
    networks = home / "cache" / "networks"
    if not networks.exists():
        (CACHE / "networks").mkdir(parents=True, exist_ok=True)
        networks.symlink_to(CACHE / "networks", target_is_directory=True)
    return Setup(home=home)


def masked_head(key, face_px):
    """A portrait with the demo's drawn mask, on grey, scaled so that the face is so wide."""
    portrait = PORTRAITS[key]
    drawn = draw_mask(read_picture(portrait.cutout), portrait.mask)
    alpha = drawn[..., 3:].astype(np.float32) / 255
    flat = (drawn[..., :3] * alpha + 110 * (1 - alpha)).astype(np.uint8)
    x1, y1, x2, y2 = portrait.face
    aside, above = 0.5 * (x2 - x1), 0.35 * (y2 - y1)
    head = flat[
        int(max(0, y1 - above)) : int(y2 + above), int(max(0, x1 - aside)) : int(x2 + aside)
    ]
    scale = face_px / (x2 - x1)
    return cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def masked_scene(key, left=150, top=60, face_px=110, size=(640, 360)):
    """A picture with one masked head in it."""
    picture = background(size)
    head = masked_head(key, face_px)
    height, width = min(head.shape[0], size[1] - top), min(head.shape[1], size[0] - left)
    picture[top : top + height, left : left + width] = head[:height, :width]
    return picture


def walk(key, count, masked=False, step_px=3, size=(480, 320)):
    """Pictures of a head that goes to the right."""
    places = [30 + step_px * index for index in range(count)]
    if masked:
        return [masked_scene(key, left, 40, 100, size) for left in places]
    return [scene((key, left, 40, 100), size=size) for left in places]


def written(path, picture):
    """Write a BGR picture; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, picture)
    assert done
    path.write_bytes(data.tobytes())
    return path
