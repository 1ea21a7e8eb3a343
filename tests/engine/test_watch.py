"""Knows what must come out of a watch over one camera, from the first view to the last alert."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watch_scene import STRANGER, Person, basis, gallery, ns, picture, play, wait, watch

from engine.alerts import AlertState
from engine.observations import Knowledge, MaskState, TrackState
from engine.rules import RuleKind, default_rule
from engine.watch import FaceEvidence

pytestmark = pytest.mark.unit
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


def test_finish_needs_a_begin():
    with pytest.raises(RuntimeError, match="begin"):
        watch().finish({})


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
@settings(max_examples=30)
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
