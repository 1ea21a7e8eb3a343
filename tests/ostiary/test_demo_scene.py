"""The demo's scenes keep what they promise: who is seen, how near, for how long, and the truth."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.observations import MaskState
from ostiary.demo.choreography import GROUP, LOBBY, RATE_HZ, SCENES, Pose, Scene
from ostiary.demo.clip import load_clip
from ostiary.demo.figure import face_box
from ostiary.demo.plan import ENROLLED, PLAN
from ostiary.demo.portraits import FOLDER, load_portraits, read_picture
from ostiary.demo.rtp import NAL_IDR, nal_type
from ostiary.demo.scene import demo_files, pictures_of, prepare, render, scene_truth, version
from ostiary.demo.truth import TrueFace, Truth, read_truth, write_truth

pytestmark = pytest.mark.unit

PORTRAITS = load_portraits()
BOTH = pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES.keys())


def faces_of(truth: Truth, person: str) -> list[TrueFace]:
    faces = itertools.chain.from_iterable(picture.faces for picture in truth.pictures)
    return [face for face in faces if face.person == person]


@BOTH
def test_everybody_stands_near_and_frontal_for_at_least_four_seconds(scene: Scene) -> None:
    truth = scene_truth(scene)
    for walk in scene.walks:
        faces = faces_of(truth, PORTRAITS[walk.portrait].person)
        near = [face for face in faces if face.near]
        assert len(near) >= 4 * RATE_HZ
        heights = [face.box[3] - face.box[1] for face in near]
        assert min(heights) >= 155
        assert max(heights) <= 220
        assert all(face.visible == 1 for face in near)


@BOTH
def test_people_come_from_far_and_are_gone_at_the_seam(scene: Scene) -> None:
    truth = scene_truth(scene)
    assert truth.pictures[0].faces == ()
    assert truth.pictures[-1].faces == ()
    for walk in scene.walks:
        heights = [walk.marks[0].face_px, max(mark.face_px for mark in walk.marks)]
        assert heights[0] < 0.6 * heights[1]


@BOTH
def test_a_loop_is_half_a_minute_of_whole_groups(scene: Scene) -> None:
    assert 30 <= scene.length_s <= 40
    assert scene.pictures % GROUP == 0
    with pytest.raises(ValueError, match="whole groups"):
        _ = replace(scene, length_s=33).pictures


def test_the_lobby_shows_the_four_cases_and_two_people_at_once() -> None:
    cases = {(walk.enrolled, walk.mask) for walk in LOBBY.walks}
    assert cases == {
        (True, MaskState.MISSING),
        (True, MaskState.WORN),
        (True, MaskState.INCORRECT),
        (False, MaskState.MISSING),
    }
    assert max(len(picture.faces) for picture in scene_truth(LOBBY).pictures) == 2


@pytest.mark.slow
@BOTH
def test_faces_of_two_people_never_overlap(scene: Scene) -> None:
    for picture in scene_truth(scene).pictures:
        for a, b in itertools.combinations(picture.faces, 2):
            assert a.box[2] <= b.box[0] or b.box[2] <= a.box[0]


def test_who_is_enrolled_is_so_from_another_photograph_where_there_is_one() -> None:
    for walk in LOBBY.walks:
        person = PORTRAITS[walk.portrait].person
        assert walk.enrolled == (person in ENROLLED)
    assert FOLDER / "obama.jpg" not in ENROLLED["Barack Obama"]
    assert all(photo.exists() for photos in ENROLLED.values() for photo in photos)


def test_the_plan_names_streams_that_are_rendered() -> None:
    names = {path.stem for path in demo_files(Path("x")).all() if path.suffix == ".mp4"}
    asked = {camera.stream for camera in PLAN.cameras} | {
        camera.sub_stream for camera in PLAN.cameras if camera.sub_stream
    }
    assert asked == names


def test_every_portrait_is_credited() -> None:
    credits = (FOLDER / "CREDITS.md").read_text()
    for path in FOLDER.glob("*.jpg"):
        assert f"`{path.name}`" in credits
        assert path.stem in PORTRAITS


@pytest.mark.parametrize("key", [walk.portrait for walk in LOBBY.walks])
def test_a_cut_out_has_its_whole_face_and_no_background(key: str) -> None:
    portrait = PORTRAITS[key]
    alpha = read_picture(portrait.cutout)[..., 3]
    (x1, y1), (x2, y2) = (
        np.min(portrait.points, 0).astype(int),
        np.max(portrait.points, 0).astype(int),
    )
    assert (alpha[y1:y2, x1:x2] == 255).all()
    assert (alpha[:8, :8] == 0).all()
    assert 0.2 < (alpha > 127).mean() < 0.8


@pytest.mark.slow
@given(
    st.floats(0, 1280), st.floats(0, 720), st.floats(60, 220), st.sampled_from(sorted(PORTRAITS))
)
def test_a_frontal_face_lies_where_its_pose_says(x: float, y: float, size: float, key: str) -> None:
    box = face_box(PORTRAITS[key], Pose(x, y, size, 0, 0))
    assert np.allclose([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2], [x, y], atol=1e-6)
    assert box[3] - box[1] == pytest.approx(size)


def test_a_turned_face_is_narrower() -> None:
    portrait = PORTRAITS["obama"]
    frontal, turned = (face_box(portrait, Pose(640, 300, 200, yaw, 0)) for yaw in (0, 30))
    assert turned[2] - turned[0] < 0.9 * (frontal[2] - frontal[0])


@pytest.mark.slow
def test_the_truth_file_gives_back_the_truth(tmp_path: Path) -> None:
    truth = scene_truth(LOBBY)
    write_truth(tmp_path / "truth.jsonl", truth)
    assert read_truth(tmp_path / "truth.jsonl") == truth
    line = json.loads((tmp_path / "truth.jsonl").read_text().splitlines()[101])
    assert (line["index"], line["pts"]) == (100, 360_000)


@pytest.mark.slow
def test_a_person_is_drawn_where_the_truth_says() -> None:
    index = 6 * RATE_HZ
    empty, there = (next(pictures_of(LOBBY, range(at, at + 1))) for at in (0, index))
    changed = np.abs(there.astype(int) - empty.astype(int)).sum(2) > 30
    x1, y1, x2, y2 = (round(side) for side in scene_truth(LOBBY).pictures[index].faces[0].box)
    assert changed[y1 + 30 : y2 - 30, x1 + 20 : x2 - 20].mean() > 0.9
    assert changed[:, 900:].mean() < 0.01


@pytest.mark.slow
def test_a_scene_is_coded_the_same_each_time_in_closed_groups(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    for length_s in (4, 2):
        (tmp_path / str(length_s)).mkdir()
        scene = replace(LOBBY, length_s=length_s)
        render(scene, tmp_path / str(length_s), lambda done, total: seen.append((done, total)))
    assert seen[99] == (100, 100)
    for name, size in (("lobby.mp4", (1280, 720)), ("lobby-sub.mp4", (640, 360))):
        clip = load_clip(tmp_path / "4" / name)
        assert clip.pictures[:50] == load_clip(tmp_path / "2" / name).pictures
        assert (clip.width_px, clip.height_px) == size
        assert [at for at, each in enumerate(clip.pictures) if each.keyframe] == [0, 50]
        assert [each.pts for each in clip.pictures] == [3600 * at for at in range(100)]
        assert all(each.pts == each.dts for each in clip.pictures)
        assert nal_type(clip.pictures[50].nals[-1]) == NAL_IDR
        with av.open(str(tmp_path / "4" / name)) as container:
            assert container.streams.video[0].codec_context.profile.endswith("Baseline")


def test_a_rendered_demo_is_not_rendered_again(tmp_path: Path) -> None:
    files = demo_files(tmp_path)
    files.folder.mkdir()
    for path in files.all():
        path.touch()
    calls: list[int] = []
    assert prepare(tmp_path, lambda done, total: calls.append(done)) == files
    assert calls == []
    assert files.folder.name == version()
