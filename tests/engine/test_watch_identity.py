"""Knows whom a watch over one camera may name, whom it asks the networks about, and how often."""

import pytest
from watch_scene import STRANGER, Person, basis, ns, picture, play, watch

from engine.alerts import AlertState
from engine.gallery import Enrolled, Gallery, GallerySettings
from engine.observations import Expression, Knowledge, MaskState, TrackState
from engine.purpose import Purpose
from engine.rules import RuleKind, default_rule
from engine.watch import CameraWatchSettings, FaceEvidence

pytestmark = pytest.mark.unit


def test_a_masked_face_needs_less_likeness():
    faint = {"likeness": 0.271, "go_s": 6.0, "speed_px_s": 5.0}  # a cosine of 0.38
    bare = play(watch(), [Person(**faint)], 5).tracks[-1][1][0]
    masked = play(watch(), [Person(**faint, masks=((0.0, MaskState.WORN),))], 5).tracks[-1][1][0]
    assert (bare.who.person_id, masked.who.person_id) == (None, "ada")


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


def test_sure_faces_are_shown_to_the_networks_less_often():
    played = play(watch(), [Person(go_s=10, speed_px_s=20)], 10)
    early = [one for at_s, one in played.requests if at_s < 0.8]
    late = [one for at_s, one in played.requests if at_s >= 5]
    assert sum(one.embed for one in early) >= 3
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


def test_of_a_crowd_two_faces_a_picture_are_embedded_and_everybody_soon():
    crowd = [Person(face=n, left_px=50 + 115.0 * n, speed_px_s=0) for n in range(5)]
    played = play(watch(), crowd, 3)
    asked = [(at_s, one.track) for at_s, one in played.requests if one.embed]
    times = [at_s for at_s, _ in asked]
    assert max(times.count(at_s) for at_s in times) == 2
    first = {}
    for at_s, track in asked:
        first.setdefault(track, at_s)
    assert len(first) == 5 and max(first.values()) < 1.0
    counts = [sum(track == one for _, track in asked) for one in first]
    assert max(counts) - min(counts) <= 2
