"""A detector learns what YuNet says of more pixels and of bare faces, and of faces known alone."""

import signal
import subprocess
import sys
import time
import zipfile

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.boxes import Letterbox, iou_matrix
from ostiary.demo.portraits import load_portraits, read_picture
from training.detection.faces import Crop, Seen
from training.detection.scenes import FINE_PX, Scene, draw, masked
from training.detection.teaching import TOLD, Lesson, School, loss, told, wanted
from training.live import live_detector
from workers.detection import Limits, Raw, anchors, decode
from workers.manifest import load_models, verify
from workers.networks.yunet import YuNet
from workers.runtime.openvino import OpenVinoRuntime

pytestmark = [pytest.mark.unit, pytest.mark.slow, pytest.mark.timeout(600)]

LIMITS = Limits(0.5, 0.3)
YUNET = load_models(None).of("detector", "yunet")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return OpenVinoRuntime(YUNET, tmp_path_factory.mktemp("networks"), 1)


@pytest.fixture(scope="module")
def photo():
    """A public-domain portrait, its face about a third of 512 pixels."""
    picture = read_picture(load_portraits()["obama"].photo)[..., :3]
    side = min(picture.shape[:2])
    square = cv2.resize(picture[:side, :side], (FINE_PX, FINE_PX), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(square)


@pytest.fixture(scope="module")
def crop(photo, tmp_path_factory):
    (found,) = live_detector(tmp_path_factory.mktemp("live")).detect([photo])
    x1, y1, x2, y2 = found.boxes[0].astype(int)
    x1, y1, x2, y2 = max(0, x1 - 40), max(0, y1 - 40), x2 + 40, y2 + 40
    points = found.points[0] - np.float32((x1, y1))
    box = found.boxes[0] - np.float32((x1, y1, x1, y1))
    return Crop(photo[y1:y2, x1:x2], True, box, points)


def network():
    found = YuNet()
    found.load_state_dict(load_file(verify(YUNET)))
    return found


def look(teacher, picture):
    out = teacher.run(picture[None])
    return Raw(out["scores"][0], out["boxes"][0], out["points"][0])


def found(raw, side):
    return decode(raw, anchors(side, side), Letterbox(1.0, side, side), LIMITS)


def of_seen(seen, teacher):
    return School(seen, (), teacher, LIMITS)


def test_of_two_looks_the_surer_is_wanted_and_both_mean_the_same_place(teacher, photo):
    small = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    looks = [look(teacher, photo), look(teacher, small)]
    best = wanted(looks, 256)
    assert (best.scores >= looks[1].scores).all() and (best.scores > looks[1].scores).any()
    fine, both = found(looks[0], 512), found(best, 256)
    assert iou_matrix(both.boxes[:1] * 2, fine.boxes).max() > 0.8
    assert np.abs(both.points[0] * 2 - fine.points[0]).max() < 8
    alone = wanted(looks[1:], 256)
    assert np.array_equal(alone.scores, looks[1].scores)
    assert np.array_equal(alone.points, looks[1].points)


def scene_of(crop, side, place):
    picture = np.full((FINE_PX, FINE_PX, 3), 90, np.uint8)
    boxes = np.array([[place, place, place + side, place + side]], np.float32)
    points = boxes[0, :2] + np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]],
                                     np.float32) * side  # fmt: skip
    none = np.zeros((0, 4), np.float32)
    return Scene(picture, boxes, points[None], none)


@pytest.mark.parametrize("side", [48, 100, 220])
def test_a_face_that_no_look_finds_is_told_where_it_is(teacher, crop, side):
    scene = scene_of(crop, side, 60)
    raw = wanted([look(teacher, scene.picture)], 512)
    assert not len(found(raw, 512))
    counts = told(raw, scene, 1, LIMITS)
    (box,), (points,) = found(raw, 512).boxes, found(raw, 512).points
    assert np.allclose(box, scene.boxes[0], atol=0.01)
    assert np.allclose(points, scene.points[0], atol=0.01)
    chosen = raw.scores == np.float32(TOLD)
    grid = anchors(512, 512)
    upon = ((grid[:, :2] >= 60) & (grid[:, :2] <= 60 + side)).all(axis=1)
    (stride,) = set(grid[chosen, 2])
    others = upon & (grid[:, 2] == stride) & ~chosen
    assert chosen.sum() == 4 and others.any()
    assert not counts[others].any() and counts[~others].all()


def test_a_face_that_is_found_is_not_told_again(teacher, photo):
    raw = wanted([look(teacher, photo)], 512)
    before = raw.scores.copy()
    known = found(raw, 512)
    none = np.zeros((0, 4), np.float32)
    counts = told(raw, Scene(photo, known.boxes, known.points, none), 1, LIMITS)
    assert np.array_equal(raw.scores, before) and counts.all()


def test_a_mirrored_crop_has_its_points_where_they_are_found(teacher, crop, tmp_path):
    mirrored = crop.mirrored()
    (again,) = live_detector(tmp_path).detect([mirrored.picture])
    assert np.abs(again.points[0] - mirrored.points).max() < 6
    assert iou_matrix(mirrored.box[None], again.boxes).max() > 0.8


def test_scenes_say_where_their_faces_are(teacher, crop):
    seen = Seen((crop,), ())
    told_of, right = 0, 0
    for seed in range(12):
        scene = draw(seen, 2, np.random.default_rng(seed))
        finds = found(look(teacher, scene.picture), FINE_PX)
        for box in scene.boxes:
            if (box[2:] - box[:2]).min() >= 32:
                told_of += 1
                right += len(finds) and iou_matrix(box[None], finds.boxes).max() > 0.5
    assert told_of > 10 and right > 0.8 * told_of


def test_real_masks_get_no_other(teacher, crop):
    seen = Seen((Crop(crop.picture, False, crop.box, crop.points),), ())
    shown = 0
    for seed in range(6):
        random = np.random.default_rng(seed)
        scene = draw(seen, 2, random)
        faces = found(look(teacher, scene.picture), FINE_PX)
        assert len(scene.taken) == len(scene.boxes)
        shown += len(scene.taken)
        on_crops = [k for k, box in enumerate(faces.boxes)
                    if iou_matrix(box[None], scene.boxes).max() > 0.5]  # fmt: skip
        only = type(faces)(faces.boxes[on_crops], faces.points[on_crops], faces.scores[on_crops])
        assert np.array_equal(masked(scene, only, (), random), scene.picture)
    assert shown


def test_a_lesson_is_the_same_for_the_same_seed_and_shows_masks(teacher, crop):
    school = of_seen(Seen((crop,), ()), teacher)
    one, same, other = (school.lesson(4, (0, number)) for number in (3, 3, 4))
    assert one.picture.shape == (128, 128, 3) and len(one.counts) == len(anchors(128, 128))
    assert np.array_equal(one.picture, same.picture)
    assert np.array_equal(one.wanted.boxes, same.wanted.boxes)
    assert not np.array_equal(one.picture, other.picture)


def test_whoever_says_what_is_wanted_loses_nothing(teacher, photo):
    small = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA)
    raw = look(teacher, small)
    all_count = np.ones(len(raw.scores), np.float32)
    own = Lesson(small, raw, all_count)
    assert float(loss(network(), [own]).detach()) == pytest.approx(0, abs=0.02)
    raised = Raw(np.clip(raw.scores + 0.3, 0, 0.9), raw.boxes, raw.points)
    assert float(loss(network(), [Lesson(small, raised, all_count)]).detach()) > 1
    moved = Raw(raw.scores, raw.boxes, raw.points + 0.5)
    assert float(loss(network(), [Lesson(small, moved, all_count)]).detach()) > 0.5
    nothing = Lesson(small, moved, np.zeros_like(all_count))
    assert float(loss(network(), [nothing]).detach()) == 0


def test_the_loss_is_what_its_definition_says(photo):
    small = cv2.resize(photo, (64, 64), interpolation=cv2.INTER_AREA)
    random = np.random.default_rng(0)
    count = len(anchors(64, 64))
    raw = Raw(random.uniform(0.01, 0.99, count).astype(np.float32),
              random.normal(size=(count, 4)).astype(np.float32),
              random.normal(size=(count, 10)).astype(np.float32))  # fmt: skip
    said = network()(torch.from_numpy(small.transpose(2, 0, 1)[None].astype(np.float32)))
    total = faces = 0.0
    for k, score in enumerate(raw.scores.tolist()):
        own, should = float(said.scores[0, k]) ** 2, score**2
        apart = should * np.log(should / own) + (1 - should) * np.log((1 - should) / (1 - own))
        total += apart * (1 + 4 * score)
        if score >= 0.3:
            theirs = np.concatenate([raw.boxes[k], raw.points[k]])
            ours = torch.cat([said.boxes[0, k], said.points[0, k]]).detach().numpy()
            away = np.abs(theirs - ours)
            total += score * np.where(away < 0.1, away**2 / 0.2, away - 0.05).sum()
        faces += score if score >= 0.5 else 0
    lesson = Lesson(small, raw, np.ones(count, np.float32))
    assert float(loss(network(), [lesson]).detach()) == pytest.approx(total / faces, rel=1e-3)


@pytest.fixture
def data(tmp_path, photo, crop):
    """What the command reads, with one portrait: crops, a film, and a template of a mask."""
    folder = tmp_path / "data"
    (folder / "clips").mkdir(parents=True)
    (folder / "occluders").mkdir()
    with zipfile.ZipFile(folder / "masks_crops.zip", "w") as archive:
        for kind in ("with_mask", "without_mask"):
            for number in range(3):
                small = cv2.resize(crop.picture, (100 + number, 120), interpolation=cv2.INTER_AREA)
                jpeg = cv2.imencode(".jpg", small)[1].tobytes()
                archive.writestr(f"{kind}/{number}.jpg", jpeg)
    film = cv2.VideoWriter(
        str(folder / "clips" / "classroom.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (512, 512)
    )
    for _ in range(8):
        film.write(photo)
    film.release()
    cloth = np.full((40, 60, 4), 255, np.uint8)
    cv2.imwrite(str(folder / "occluders" / "cloth.png"), cloth)
    places = "0,0,30,0,59,0,0,39,30,39,59,39"
    columns = ",".join(f"{key}_{axis}" for key in "abcdef" for axis in "xy")
    (folder / "occluders" / "masks.csv").write_text(
        f"name,file,{columns}\ncloth,cloth.png,{places}\n"
    )
    return folder


def command(data, out, *more):
    return [sys.executable, "-m", "training.detection", "--data", str(data), "--out", str(out),
            "--steps", "20", "--batch", "2", "--threads", "1", *more]  # fmt: skip


def ended(data, out, *more):
    asked = command(data, out, *more)
    return subprocess.run(asked, check=False, capture_output=True, text=True)


def test_the_command_goes_on_after_a_kill_to_the_same_weights(data, tmp_path):
    whole = ended(data, tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert "6 crops, 2 frames of films, 0 other pictures; 20 steps of 2" in whole.stdout
    run = [sys.executable, "-c",
           "import sys, training.detection.course as c; c.KEEP_S = 0.0\n"
           "from training.detection.__main__ import main; main(sys.argv[1:])",
           *command(data, tmp_path / "killed")[3:]]  # fmt: skip
    killed = subprocess.Popen(run, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "state.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    again = ended(data, tmp_path / "killed")
    assert again.returncode == 0, again.stderr
    one, other = (load_file(tmp_path / name / "yunet-masked.safetensors")
                  for name in ("whole", "killed"))  # fmt: skip
    assert all(torch.equal(one[name], other[name]) for name in one)
    before = load_file(verify(YUNET))
    assert not torch.equal(one["stem.conv.weight"], before["stem.conv.weight"])


def test_other_steps_are_refused_and_missing_data_named(data, tmp_path):
    first = ended(data, tmp_path / "out")
    assert first.returncode == 0, first.stderr
    other = ended(data, tmp_path / "out", "--seed", "1")
    assert other.returncode == 1 and "another seed" in other.stderr
    gone = ended(tmp_path, tmp_path / "o")
    assert gone.returncode == 1 and "masks_crops.zip" in gone.stderr
    assert "Traceback" not in gone.stderr
