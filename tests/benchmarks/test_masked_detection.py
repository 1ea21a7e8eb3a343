"""Masks on whole pictures, and the share of faces that is found again under them."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmarks.masked_detection import bare_of
from benchmarks.masked_looks import Eye, bordered
from benchmarks.recall import Look, best_match, costs, row
from engine.faces import no_detections
from ostiary.demo.portraits import load_portraits, read_picture
from training.looking import STEP_PX
from training.prepare import Enlarge
from training.wearing import Mask, wear

pytestmark = [pytest.mark.unit, pytest.mark.slow]


@pytest.fixture(scope="module")
def eye():
    return Eye(640)


@pytest.fixture(scope="module")
def frame():
    """A picture of 480x270 with a face at its right side."""
    photo = read_picture(load_portraits()["obama"].photo)[..., :3]
    scale = 270 / photo.shape[0]
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((270, 480, 3), 90, np.uint8)
    picture[:, 480 - small.shape[1] :] = small
    return picture


def test_a_mask_covers_the_mouth_and_nothing_else(eye, frame):
    faces = eye.sure(frame)
    assert len(faces) == 1
    worn = wear(frame, faces, Mask("worn", 3))
    x1, y1, x2, y2 = faces.boxes[0].astype(int)
    changed = np.abs(worn.astype(int) - frame).max(axis=2) > 12
    mouth = faces.points[0, 3:].mean(axis=0).astype(int)
    brow = faces.points[0, :2].mean(axis=0).astype(int)
    assert changed[mouth[1], mouth[0]]
    assert not changed[brow[1] - (y2 - y1) // 8, brow[0]]
    ys, xs = np.nonzero(changed)
    side = max(x2 - x1, y2 - y1)
    assert xs.min() > x1 - side / 2
    assert xs.max() < x2 + side / 2
    assert ys.max() < y2 + side / 2


def test_a_mask_under_the_chin_leaves_the_nose_bare(eye, frame):
    faces = eye.sure(frame)
    nose = faces.points[0, 2].astype(int)
    under, over = (wear(frame, faces, Mask(kind, 3)) for kind in ("under_chin", "worn"))
    assert (under[nose[1], nose[0]] == frame[nose[1], nose[0]]).all()
    assert (over[nose[1] + 3, nose[0]] != frame[nose[1] + 3, nose[0]]).any()


def test_the_same_mask_follows_the_face(eye, frame):
    moved = np.roll(frame, -40, axis=1)
    faces = eye.sure(frame)
    aside = type(faces)(faces.boxes - [40, 0, 40, 0], faces.points - [40, 0], faces.scores)
    aside.boxes.flags.writeable = False
    first = wear(frame, faces, Mask("worn", 5)).astype(int)
    second = wear(moved, aside, Mask("worn", 5)).astype(int)
    other = wear(frame, faces, Mask("worn", 6)).astype(int)
    shown = slice(60, 430)
    apart = np.abs(first[:, 60:430] - second[:, 20:390]).mean()
    assert apart < 0.2
    assert np.abs(first[:, shown] - other[:, shown]).mean() > 3 * apart


def test_a_masked_face_is_found_again_where_it_is(eye, frame):
    faces = eye.sure(frame)
    again = eye.all(wear(frame, faces, Mask("worn", 3)))
    assert best_match(faces.boxes[0], again) > 0.5
    aside = faces.boxes[0] - np.float32([200, 0, 200, 0])
    assert best_match(aside, again) == 0
    assert best_match(faces.boxes[0], no_detections()) == 0
    black = frame.copy()
    x1, y1, x2, y2 = faces.boxes[0].astype(int)
    black[y1:y2, x1:x2] = 0
    assert best_match(faces.boxes[0], eye.all(black)) < 0.5


def looks(group: str, *masked: float, way: str = "worn", bare: float = 0.9) -> list[Look]:
    return [Look(group, way, 40, bare, score) for score in masked]


def test_the_loss_is_counted_by_faces_and_drawn_by_groups():
    found = row([*looks("a", 0.9, 0.9, 0.9), *looks("b", 0.4)], 0.5)
    assert (found["faces"], found["groups"], found["loss"]) == (4, 2, 25.0)
    assert found["loss_ci"] == [0.0, 100.0]  # b's only face may be all that is drawn, or not at all
    assert row([*looks("a", 0.9, 0.9, 0.9), *looks("b", 0.4)], 0.3)["loss"] == 0
    assert row(looks("a", 0.2), 0.5)["loss_ci"] is None


def test_a_doubtful_bare_face_is_no_loss():
    assert row(looks("a", 0.5, bare=0.55), 0.6)["loss"] == 0


def test_masked_crops_are_held_to_bare_ones_of_their_set():
    masked = [look for n in range(10) for look in looks(f"m{n}", 0.6, 0.1, way="s with_mask")]
    bare = [look for n in range(10) for look in looks(f"b{n}", 0.6, 0.6, way="s without_mask")]
    (_, live) = (one for one in costs([*masked, *bare], bare_of) if one["size"] == "all")
    assert (live["loss"], live["faces"], live["bare_faces"]) == (50.0, 20, 20)
    assert costs(masked, bare_of) == []
    assert bare_of("as: t incorrect, cut by YuNet") == "as: t without_mask, cut by YuNet"


def test_a_crop_stands_in_black_of_few_sizes():
    crop = np.full((50, 33, 3), 200, np.uint8)
    framed = bordered(crop, Enlarge(2.0, 10))
    assert framed.shape[0] % STEP_PX == framed.shape[1] % STEP_PX == 0
    assert (framed[10:110, 10:76] == 200).all()
    assert framed.sum() == 200 * 100 * 66 * 3


def test_a_folder_that_is_not_there_is_said(tmp_path):
    command = [sys.executable, "-m", "benchmarks.masked_detection", "--data", str(tmp_path / "no")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "no folder" in done.stderr
