"""Folders of people made of the demo's portraits, with pictures that differ a little."""

from pathlib import Path

import cv2
import numpy as np
from fakes.labelled import coded

from engine.faces import ALIGNED_PX
from ostiary.demo.portraits import load_portraits, read_picture
from workers.crops import crop_faces

PEOPLE = {"biden": ("biden",), "collins": ("collins",), "hopper": ("hopper",),
          "obama": ("obama", "obama2")}  # fmt: skip
EACH = 4


def photographs(person: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return somebody's photographs, (H, W, 3) BGR, with the face's five points."""
    portraits = load_portraits()
    found = []
    for key in PEOPLE[person]:
        portrait = portraits[key]
        picture = read_picture(portrait.photo)[..., :3]
        found.append((np.ascontiguousarray(picture), np.array(portrait.points, np.float32)))
    return found


def varied(person: str) -> list[np.ndarray]:
    """Return EACH aligned faces of somebody: other light, a little turned, blurred."""
    random, out = np.random.default_rng(sorted(PEOPLE).index(person)), []
    for number in range(EACH):
        shown = photographs(person)
        picture, points = shown[number % len(shown)]
        moved = points + random.normal(0, 0.02, points.shape) * np.ptp(points)
        crop = crop_faces(picture, moved.astype(np.float32)[None])[0]
        lit = np.clip(crop * random.uniform(0.7, 1.2), 0, 255).astype(np.uint8)
        out.append(cv2.GaussianBlur(lit, (0, 0), 0.3 + 0.4 * number))
    return out


def write_aligned(root: Path) -> Path:
    """Write NAME/NAME_0001.jpg and so on, aligned, 112x112."""
    for person in PEOPLE:
        (root / person).mkdir(parents=True)
        for number, crop in enumerate(varied(person), 1):
            assert crop.shape == (ALIGNED_PX, ALIGNED_PX, 3)
            (root / person / f"{person}_{number:04d}.jpg").write_bytes(coded(crop))
    return root


def write_photographs(root: Path) -> Path:
    """Write whole photographs, one or two each, and mirror images of them."""
    for person in PEOPLE:
        (root / person).mkdir(parents=True)
        shown = [picture for picture, _ in photographs(person)]
        for number, picture in enumerate([*shown, *(one[:, ::-1] for one in shown)], 1):
            data = coded(np.ascontiguousarray(picture))
            (root / person / f"{person}_{number:04d}.jpg").write_bytes(data)
    return root


def pair_lines(each: int = EACH) -> list[str]:
    """Return every pair of two pictures, in the format of LFW's pairs.txt, without folds."""
    lines = []
    for person in PEOPLE:
        lines += [f"{person}\t{a}\t{b}" for a in range(1, each) for b in range(a + 1, each + 1)]
    names = list(PEOPLE)
    for place, person in enumerate(names):
        for other in names[place + 1 :]:
            lines += [f"{person}\t{n}\t{other}\t{n}" for n in range(1, each + 1)]
    return lines
