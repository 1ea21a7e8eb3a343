"""One turn over several cameras: real networks, real faces, and what is spared."""

import cv2
import numpy as np
import pytest
from fakes.worker_scenes import (
    BEGIN_NS,
    SECOND_NS,
    CountingModels,
    background,
    camera_of,
    desk_of,
    enrolled,
    picture_of,
    scene,
)

from engine.observations import Knowledge, MaskState
from engine.purpose import Purpose
from engine.rules import RuleKind
from workers.motion import Motion
from workers.regions import Sight
from workers.thinking import Job, think

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EVERY_NS = SECOND_NS // 5


@pytest.fixture
def counting(models):
    return CountingModels(models)


def seen(models, desk, pixels, step, spare=False):
    """One turn of one camera; its thought."""
    picture = picture_of(desk.camera.id, pixels, BEGIN_NS + step * EVERY_NS)
    (thought,) = think(models, [Job(desk, picture, spare)])
    return thought


def watched(models, desk, pictures, spare=False):
    """What became of each picture, one after another."""
    return [seen(models, desk, pixels, step, spare) for step, pixels in enumerate(pictures)]


def three_desks(gallery):
    return [
        desk_of(camera_of("door", mask_required=True)),
        desk_of(camera_of("hall", Purpose.PEOPLE, alert_unknown=True), gallery),
        desk_of(camera_of("moods", Purpose.EXPRESSION)),
    ]


def walks(step):
    """What three cameras show at one moment: sizes differ, and so does how many are there."""
    return [
        scene(("obama", 60 + 9 * step, 60, 90)),
        scene(("hopper", 30, 40 + 5 * step, 80), ("biden", 360, 50, 90), size=(800, 450)),
        scene(("collins", 100, 20 + 3 * step, 85)),
    ]


def alike(one, other):
    assert [track.track_id for track in one.tracks] == [track.track_id for track in other.tracks]
    for mine, yours in zip(one.tracks, other.tracks, strict=True):
        assert (mine.state, mine.unused_because) == (yours.state, yours.unused_because)
        assert (mine.box.x1, mine.box.y2) == pytest.approx((yours.box.x1, yours.box.y2), abs=1e-3)
        assert mine.quality == pytest.approx(yours.quality, abs=1e-2)
        for said in ("who", "mask", "expression"):
            left, right = getattr(mine, said), getattr(yours, said)
            assert (left is None) == (right is None)
            if left is None:
                continue
            for name in left.__slots__:
                value = getattr(left, name)
                near = isinstance(value, float)
                wanted = getattr(right, name)
                assert value == (pytest.approx(wanted, abs=0.02) if near else wanted)


def test_a_batch_across_cameras_says_what_each_alone_says(models):
    gallery = enrolled(models, "hopper")
    together, alone = three_desks(gallery), three_desks(gallery)
    for step in range(6):
        pictures = walks(step)
        jobs = [
            Job(desk, picture_of(desk.camera.id, pixels, BEGIN_NS + step * EVERY_NS))
            for desk, pixels in zip(together, pictures, strict=True)
        ]
        batch = think(models, jobs)
        for thought, desk, pixels in zip(batch, alone, pictures, strict=True):
            alike(thought.result, seen(models, desk, pixels, step).result)
    hall = batch[1].result.tracks
    assert [len(thought.result.tracks) for thought in batch] == [1, 2, 1]
    left = {track.box.x1 < 0.3: track.who.person_id for track in hall}
    assert left == {True: "hopper", False: None}
    assert {track.who.knowledge for track in hall} >= {Knowledge.KNOWN}
    assert batch[0].result.tracks[0].mask.state is MaskState.MISSING


def test_where_nothing_moves_nothing_is_detected_for_a_second(counting):
    desk = desk_of(camera_of(mask_required=True))
    watched(counting, desk, [background()] * 5)  # 0 to 0.8 s
    assert counting.shown["detector"] == 1
    seen(counting, desk, background(), 5)
    assert counting.shown["detector"] == 2


def test_somebody_who_stands_still_is_detected_in_each_picture(counting):
    desk = desk_of(camera_of(mask_required=True))
    thoughts = watched(counting, desk, [scene(("obama", 100, 60, 90))] * 8)
    assert counting.shown["detector"] == 8
    assert all(len(thought.result.tracks) == 1 for thought in thoughts)


def test_who_comes_into_a_still_scene_is_seen_at_once(counting):
    desk = desk_of(camera_of(mask_required=True))
    watched(counting, desk, [background()] * 3)
    thought = seen(counting, desk, scene(("obama", 100, 60, 40)), 3)
    assert len(thought.result.tracks) == 1


def test_of_a_scene_with_one_person_only_a_part_is_looked_at(counting):
    desk = desk_of(camera_of(mask_required=True))
    watched(counting, desk, [scene(("obama", 100, 60, 60))] * 5)
    whole_px = 640 * 384
    assert counting.looked_px[0] == whole_px
    assert all(0 < one <= whole_px / 2 for one in counting.looked_px[1:])


def test_who_comes_beside_somebody_who_stands_still_is_seen_at_once(counting):
    desk = desk_of(camera_of(mask_required=True))
    still = ("obama", 60, 60, 60)
    watched(counting, desk, [scene(still)] * 3)
    thought = seen(counting, desk, scene(still, ("hopper", 480, 200, 60)), 3)
    assert len(thought.result.tracks) == 2


@pytest.mark.parametrize("left", [20, 150, 380, 470])
@pytest.mark.parametrize("face_px", [24, 60, 110])
def test_a_face_in_a_part_is_where_it_is_in_the_whole(models, left, face_px):
    picture = scene(("obama", 2 * left, 120, 2 * face_px), size=(1280, 720))
    (whole,) = models.detect([picture])
    motion = Motion()
    motion.look(picture, whole.boxes, BEGIN_NS)
    area = motion.look(picture, whole.boxes, BEGIN_NS + 1).area
    (found,) = models.detect([picture], [Sight(area)])
    assert len(found) == len(whole) == 1
    side = (whole.boxes[0, 2:] - whole.boxes[0, :2]).min()
    assert np.abs(found.boxes - whole.boxes).max() < 0.04 * side
    assert np.abs(found.points - whole.points).max() < 0.04 * side
    one, other = (models.embed(models.crop(picture, each.points))[0] for each in (found, whole))
    assert one @ other > 0.95
    assert found.scores[0] == pytest.approx(whole.scores[0], abs=0.05)


def test_who_is_far_is_found_by_a_closer_look_where_time_is_left(counting):
    far = [scene(("hopper", 500 + 12 * n, 300, 26), size=(1280, 720)) for n in range(12)]
    for spare in (False, True):
        counting.looked_px.clear()
        thoughts = watched(counting, desk_of(camera_of(mask_required=True)), far, spare)
        assert bool(thoughts[-1].result.tracks) == spare
        assert max(counting.looked_px) == 640 * 384  # a closer look costs no more than the whole


def test_who_is_near_needs_no_closer_look(counting):
    near = [scene(("hopper", 500 + 12 * n, 200, 150), size=(1280, 720)) for n in range(5)]
    desk = desk_of(camera_of(mask_required=True))
    watched(counting, desk, near, spare=True)
    assert all(looked < 640 * 384 for looked in counting.looked_px[2:])


@pytest.mark.parametrize(
    ("purpose", "asked"),
    [
        (Purpose.NONE, {"mask"}),
        (Purpose.EXPRESSION, {"mask", "expression"}),
        (Purpose.PEOPLE, {"mask", "embedder"}),
    ],
)
def test_only_what_a_camera_is_for_is_asked_of_the_networks(counting, purpose, asked):
    desk = desk_of(camera_of(purpose=purpose))
    thoughts = watched(counting, desk, [scene(("hopper", 100 + 8 * n, 60, 90)) for n in range(4)])
    assert {role for role in counting.shown if role != "detector"} == asked
    views = [track for thought in thoughts for track in thought.result.tracks]
    assert views
    assert all((view.who is not None) == ("embedder" in asked) for view in views)
    assert all((view.expression is not None) == ("expression" in asked) for view in views)
    embeddings = [one.embedding for job in thoughts for one in job.job.evidence.values()]
    assert any(one is not None for one in embeddings) == ("embedder" in asked)


def test_a_face_that_cannot_be_used_is_shown_to_no_network(counting):
    desk = desk_of(camera_of(purpose=Purpose.PEOPLE))
    blurred = cv2.GaussianBlur(scene(("hopper", 100, 60, 90)), (0, 0), 6)
    thoughts = watched(counting, desk, [blurred] * 3)
    assert set(counting.shown) == {"detector"}
    (track,) = thoughts[-1].result.tracks
    assert track.unused_because == "blurred"
    assert track.quality == 0.0


def test_a_snapshot_is_taken_where_an_alert_wants_one(models):
    desk = desk_of(camera_of(mask_required=True))
    pictures = [scene(("obama", 60 + 6 * step, 60, 90)) for step in range(15)]
    thoughts = watched(models, desk, pictures)
    alerts = [alert for thought in thoughts for alert in thought.result.alerts]
    assert alerts[0].kind is RuleKind.UNMASKED
    for thought in thoughts:
        wished = [wish.snapshot_id for wish in thought.result.snapshots_wanted]
        assert [name for name, _ in thought.snapshots] == wished
    taken = dict(shot for thought in thoughts for shot in thought.snapshots)
    assert alerts[0].evidence.snapshot in taken
    shown = cv2.imdecode(np.frombuffer(taken[alerts[0].evidence.snapshot], np.uint8), 1)
    (faces,) = models.detect([shown])
    assert len(faces) == 1
