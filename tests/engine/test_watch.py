"""Knows what must come out of a watch over one camera, from the first view to the last alert."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watch_scene import Person, basis, gallery, ns, play, wait, watch

from engine.alerts import AlertState
from engine.gallery import Gallery, GallerySettings
from engine.observations import Expression, Knowledge, MaskState, TrackState
from engine.purpose import Purpose
from engine.rules import RuleKind, default_rule
from engine.watch import CameraWatchSettings, FaceEvidence

pytestmark = pytest.mark.unit

STRANGER = Person(face=5)
MASKED_ADA = Person(masks=((0.0, MaskState.WORN),))


def ended(played):
    return [one for _, one in played.visits if one.ended]


@pytest.mark.parametrize("hz", [4, 8, 16])
def test_a_bare_stranger_is_told_of_in_time_at_any_picture_rate(hz):
    played = play(watch(), [STRANGER], 3, hz)
    (unmasked_s, unmasked), *_ = played.of(RuleKind.UNMASKED)
    (unknown_s, unknown), *_ = played.of(RuleKind.UNKNOWN)
    assert 0.8 <= unmasked_s <= 1.3
    assert 1.2 <= unknown_s <= 1.8
    for one in (unmasked, unknown):
        assert (one.state, one.active, one.revision) == (AlertState.OPENED, True, 1)
        assert one.evidence.votes >= 3
        assert one.person_id is None
    assert unmasked.evidence.score > unmasked.evidence.threshold


def test_alerts_close_with_their_visit_and_each_has_one_id():
    camera = watch()
    played = wait(camera, play(camera, [STRANGER], 4), 4, 20)
    for kind in (RuleKind.UNMASKED, RuleKind.UNKNOWN):
        told = [one for _, one in played.of(kind)]
        assert [one.revision for one in told] == list(range(1, len(told) + 1))
        assert len({one.id for one in told}) == 1
        assert (told[-1].state, told[-1].active) == (AlertState.CLOSED, False)
    (visit,) = ended(played)
    assert {kept.revision.state for kept in visit.alerts} == {AlertState.CLOSED}
    assert not camera.tracked


def test_an_enrolled_person_with_a_mask_raises_no_alert():
    played = play(watch(), [MASKED_ADA], 3)
    assert played.alerts == []
    _, (track,) = played.tracks[-1]
    assert (track.who.knowledge, track.who.person_id) == (Knowledge.KNOWN, "ada")
    assert track.mask.state is MaskState.WORN
    assert track.expression is None


def test_a_mask_taken_off_and_put_on_flips_one_alert():
    masks = ((0.0, MaskState.WORN), (3.0, MaskState.MISSING), (7.0, MaskState.WORN),
             (11.0, MaskState.MISSING))  # fmt: skip
    played = play(watch(), [Person(go_s=15, masks=masks, speed_px_s=20)], 15)
    told = played.of(RuleKind.UNMASKED)
    flips = [told[0], *(b for a, b in itertools.pairwise(told)
                        if a[1].active != b[1].active)]  # fmt: skip
    assert [one.active for _, one in flips] == [True, False, True]
    assert [at_s for at_s, _ in flips] == pytest.approx([4.9, 8.5, 12.9], abs=0.5)
    assert {one.person_id for _, one in told} == {"ada"}
    assert len({one.id for _, one in told}) == 1


def test_a_mask_under_the_nose_is_another_alert():
    played = play(watch(), [Person(masks=((0.0, MaskState.INCORRECT),))], 3)
    assert [one.kind for _, one in played.alerts] == [RuleKind.MASK_INCORRECT]


def test_the_opening_wants_its_picture_under_the_id_that_it_names():
    played = play(watch(), [STRANGER], 3)
    openings = {one.id: one for _, one in played.alerts if one.revision == 1}
    for _, wish in played.wishes[:2]:
        assert openings[wish.alert_id].evidence.snapshot == wish.snapshot_id
        assert wish.detection == 0
    assert len(played.wishes) == len(openings) == 2


def test_a_face_too_small_or_unusable_raises_nothing():
    assert play(watch(), [Person(face=5, size_px=18)], 4).requests == []
    assert play(watch(), [Person(face=5, size_px=26)], 4).alerts == []
    camera = watch()
    for step in range(32):
        requests = camera.begin(*picture([[200, 100, 280, 200]]), ns(step / 8))
        unusable = FaceEvidence(0.1, "blurred", basis(5), np.eye(3, dtype=np.float32)[2])
        result = camera.finish({one.detection: unusable for one in requests})
        assert result.alerts == ()
    (track,) = result.tracks
    assert track.unused_because == "blurred"
    assert (track.who.knowledge, track.mask.state) == (Knowledge.UNDECIDED, None)


def test_only_a_usable_face_counts_as_near():
    camera, told = watch(), []
    for step in range(48):
        side = 26 + max(0, step - 24) * 4
        requests = camera.begin(*picture([[200, 100, 200 + side, 100 + side]]), ns(step / 8))
        blurred = "blurred" if step > 24 else None
        mask = np.eye(3, dtype=np.float32)[2]
        found = FaceEvidence(0.8, blurred, basis(5), mask)
        told += camera.finish({one.detection: found for one in requests}).alerts
    assert told == []


def test_a_glimpse_is_no_visit():
    assert play(watch(), [Person(go_s=0.2)], 2).visits == []


def test_a_masked_face_needs_less_likeness():
    faint = {"likeness": 0.271, "go_s": 6.0, "speed_px_s": 5.0}  # a cosine of 0.38
    bare = play(watch(), [Person(**faint)], 5).tracks[-1][1][0]
    masked = play(watch(), [Person(**faint, masks=((0.0, MaskState.WORN),))], 5).tracks[-1][1][0]
    assert (bare.who.person_id, masked.who.person_id) == (None, "ada")


def picture(boxes):
    from engine.faces import Detections

    boxes = np.array(boxes, np.float32)
    points = np.zeros((len(boxes), 5, 2), np.float32)
    return Detections(boxes, points, np.full(len(boxes), 0.9, np.float32)), (1280, 720)


def test_a_person_stands_once_in_a_picture():
    twins = [Person(go_s=6, speed_px_s=5), Person(go_s=6, left_px=800, speed_px_s=5)]
    played = play(watch(), twins, 5)
    for _, tracks in played.tracks:
        names = [track.who.person_id for track in tracks if track.who.person_id]
        assert len(names) <= 1
    assert any(track.who.person_id == "ada" for track in played.tracks[-1][1])


def test_who_was_unknown_stays_so_behind_a_pillar():
    people = [Person(face=5, go_s=3.5, speed_px_s=5), Person(face=6, come_s=3, go_s=6, left_px=900)]
    _, tracks = play(watch(), people, 3.8).tracks[-1]
    assert [track.state for track in tracks] == [TrackState.LOST, TrackState.CONFIRMED]
    assert tracks[0].who.knowledge is Knowledge.UNKNOWN


def test_an_expression_camera_asks_for_no_embedding_and_says_no_name():
    played = play(watch(Purpose.EXPRESSION), [STRANGER], 4)
    assert not any(one.embed for _, one in played.requests)
    assert any(one.expression for _, one in played.requests)
    _, (track,) = played.tracks[-1]
    assert (track.who, track.expression.label) == (None, Expression.HAPPINESS)
    assert {one.kind for _, one in played.alerts} == {RuleKind.UNMASKED}
    assert all(one.person_id is None for _, one in played.alerts)
    assert {one.kind for _, one in played.appearances} == {"colour"}


def test_an_embedding_where_none_may_be_is_a_defect():
    camera = watch(Purpose.EXPRESSION)
    camera.begin(*picture([[200, 100, 280, 200]]), ns(0))
    with pytest.raises(ValueError, match="may not compute"):
        camera.finish({0: FaceEvidence(0.8, embedding=basis(0))})


@pytest.mark.parametrize("purpose", [Purpose.NONE, Purpose.EXPRESSION])
def test_a_rule_that_needs_names_is_refused_where_there_are_none(purpose):
    with pytest.raises(ValueError, match="purpose people"):
        CameraWatchSettings("lobby", purpose, (default_rule(RuleKind.UNKNOWN, "lobby"),))


def test_finish_needs_a_begin():
    with pytest.raises(RuntimeError, match="begin"):
        watch().finish({})


def test_sure_faces_are_shown_to_the_networks_less_often():
    played = play(watch(), [Person(go_s=10, speed_px_s=20)], 10)
    early = [one for at_s, one in played.requests if at_s < 0.8]
    late = [one for at_s, one in played.requests if at_s >= 5]
    assert sum(one.embed for one in early) >= 4
    assert sum(one.mask for one in early) >= 5
    assert sum(one.embed for one in late) <= 6
    assert 18 <= sum(one.mask for one in late) <= 22


def test_who_stays_undecided_is_looked_at_less_often():
    played = play(watch(), [Person(likeness=0.245, go_s=12, speed_px_s=20)], 12)
    assert played.tracks[-1][1][0].who.knowledge is Knowledge.UNDECIDED
    assert 8 <= sum(one.embed for at_s, one in played.requests if at_s >= 8) <= 14


def test_a_new_gallery_recognises_who_was_unknown_and_withdraws():
    camera = watch()
    first = play(camera, [Person(face=5, go_s=9, speed_px_s=20)], 4)
    assert len(first.of(RuleKind.UNKNOWN)) >= 1
    from engine.gallery import Enrolled

    camera.replace_gallery(Gallery([Enrolled("eve", basis(5)[None])], GallerySettings()))
    later = play(camera, [Person(face=5, go_s=9, speed_px_s=20)], 8, begin_s=4)
    assert any(one.embed for at_s, one in first.requests if at_s >= 3.2), "not due again so soon"
    assert later.requests[0][1].embed
    _, last = later.of(RuleKind.UNKNOWN)[-1]
    assert (last.state, last.person_id) == (AlertState.WITHDRAWN, "eve")


def test_an_erased_person_is_forgotten_at_once():
    camera = watch()
    play(camera, [Person(go_s=6)], 3)
    result = camera.erase_person("ada", ns(3))
    assert [(one.person_id, one.reason) for one in result.alerts] == [(None, "erased")]
    assert [one.person_id for one in result.visits] == [None]
    assert "ada" not in result.visits[0].to_json()
    later = play(camera, [Person(go_s=6)], 6, begin_s=3.125)
    for _, tracks in later.tracks:
        assert all(track.who.person_id is None for track in tracks)
    assert all("ada" not in one.to_json() for _, one in later.alerts + later.visits)


def test_an_erased_face_is_not_handed_on():
    camera = watch()
    play(camera, [Person(go_s=6)], 3)
    camera.erase_person("ada", ns(3))
    later = play(camera, [Person(go_s=6, blurred=((3, 6),))], 6, begin_s=3.125)
    assert later.appearances == []


def test_a_removed_rule_withdraws_its_alerts():
    camera = watch()
    play(camera, [STRANGER], 2.5)
    result = camera.replace_rules((default_rule(RuleKind.UNMASKED, "lobby"),), ns(2.5))
    assert [(one.kind, one.state) for one in result.alerts] == [
        (RuleKind.UNKNOWN, AlertState.WITHDRAWN)
    ]
    assert len(result.visits) == 1


def test_the_end_of_a_watch_ends_every_visit():
    camera = watch()
    play(camera, [STRANGER], 2.5)
    result = camera.end()
    assert {one.state for one in result.alerts} == {AlertState.CLOSED}
    assert [one.ended for one in result.visits] == [True]


def test_time_alone_never_goes_back():
    camera = watch()
    play(camera, [STRANGER], 2.5)
    assert camera.tick(ns(1)).tracks == ()
    lost = camera.tick(ns(3)).tracks
    assert [track.state for track in lost] == [TrackState.LOST]
    assert 0 < lost[0].box.x1 < lost[0].box.x2 < 1


def test_replays_are_equal():
    people = [STRANGER, Person(come_s=1, go_s=5, left_px=700)]
    one, other = play(watch(), people, 8), play(watch(), people, 8)
    assert one.alerts == other.alerts
    assert one.visits == other.visits
    assert one.wishes == other.wishes
    assert gallery().person_ids == ("ada",)


PEOPLE = st.builds(
    Person,
    face=st.sampled_from([0, 5, 6]),
    come_s=st.floats(0, 4),
    go_s=st.floats(2, 9),
    left_px=st.sampled_from([100.0, 250.0, 700.0, 1100.0]),
    speed_px_s=st.sampled_from([-80.0, 0.0, 60.0]),
    masks=st.sampled_from(
        [
            ((0.0, MaskState.MISSING),),
            ((0.0, MaskState.WORN), (4.0, MaskState.MISSING)),
            ((0.0, MaskState.INCORRECT),),
        ]
    ),
    quality=st.sampled_from([0.1, 0.5, 1.0]),
    hidden=st.sampled_from([(), ((3.0, 4.5),)]),
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.lists(PEOPLE, min_size=1, max_size=3), st.sampled_from([3, 8, 12]))
def test_whatever_happens_each_alert_is_one_story_with_an_end(people, hz):
    camera = watch()
    played = wait(camera, play(camera, people, 9, hz), 10, 24)
    stories = {}
    for _, one in played.alerts:
        stories.setdefault(one.id, []).append(one)
    for told in stories.values():
        assert [one.revision for one in told] == list(range(1, len(told) + 1))
        assert [one.state is AlertState.OPENED for one in told] == [True] + [False] * (
            len(told) - 1
        )
        assert told[-1].over
        assert not told[-1].active
        seen = [one.seen_ns for one in told]
        assert seen == sorted(seen)
    kept = {(one.id, rule.rule_id): rule.revision.id for _, one in played.visits
            for rule in one.alerts}  # fmt: skip
    assert len(set(kept.values())) == len(kept), "one alert per rule and visit"
    assert {one.id for _, one in played.visits if one.ended} == played.visit_ids()
