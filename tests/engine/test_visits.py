"""Knows that one person before one camera is one visit: across gaps, switches and owners."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watch_scene import Person, ns, play, wait, watch

from engine.alerts import AlertState
from engine.boxes import Box
from engine.observations import Knowledge, MaskState
from engine.outbox import Outbox
from engine.purpose import Purpose
from engine.reappearance import ReappearanceSettings, Sight, find
from engine.rfc3339 import whole_ms
from engine.rules import RuleKind, Standing
from engine.visits import VisitState, visit_id
from engine.watch import Restored

pytestmark = pytest.mark.unit

STANDINGS = st.builds(
    Standing,
    opened_ns=st.integers(0, 4 * 10**18).map(whole_ms),
    face_px=st.floats(0, 500).map(lambda side: round(side, 1)),
    mask=st.none() | st.sampled_from(MaskState),
    mask_probability=st.floats(0, 1).map(lambda share: round(share, 4)),
    mask_views=st.integers(0, 99),
    knowledge=st.sampled_from(Knowledge),
    person_id=st.none() | st.text(max_size=5),
    who_score=st.floats(0, 1).map(lambda share: round(share, 4)),
    who_views=st.integers(0, 99),
)


@pytest.mark.slow
@given(STANDINGS, st.booleans())
def test_what_is_written_is_read_back(standing, ended):
    state = VisitState("v1", "lobby", 10**15, Box(0.1, 0.2, 0.3, 0.4), standing, (), ended)
    assert VisitState.from_json(state.to_json()) == state


def test_a_state_with_alerts_is_written_and_read_back():
    played = play(watch(), [Person(face=5)], 3)
    _, state = played.visits[-1]
    assert len(state.alerts) == 2
    read = VisitState.from_json(state.to_json().encode())
    assert read.alerts == state.alerts
    assert read.id == visit_id("lobby", 7, 1, state.opened_ns)


@pytest.mark.parametrize("purpose", [Purpose.PEOPLE, Purpose.NONE])
def test_a_gap_longer_than_the_track_is_the_same_visit(purpose):
    person = Person(face=5, go_s=9, speed_px_s=10, hidden=((3, 5),))
    played = play(watch(purpose), [person], 9)
    tracks = {track.track_id for _, tracks in played.tracks for track in tracks}
    assert tracks == {"7-1", "7-2"}
    assert len(played.visit_ids()) == 1
    opened = [one for _, one in played.alerts if one.state is AlertState.OPENED]
    assert len(opened) == len({one.kind for _, one in played.alerts})


def test_whoever_comes_back_elsewhere_is_found_by_face():
    people = [Person(face=5, go_s=3), Person(face=5, come_s=6, go_s=9, left_px=1000)]
    assert len(play(watch(), people, 9).visit_ids()) == 1


def test_another_face_at_the_same_place_is_another_visit():
    people = [Person(face=5, go_s=3, speed_px_s=1), Person(face=6, come_s=4.2, go_s=8)]
    played = play(watch(), people, 8)
    assert len(played.visit_ids()) == 2
    assert len({one.id for _, one in played.of(RuleKind.UNMASKED)}) == 2


@pytest.mark.parametrize(
    "change",
    [{"coat": 9}, {"left_px": 1000.0}, {"come_s": 9.0, "go_s": 12.0}],
    ids=["other clothes", "elsewhere", "later"],
)
def test_without_faces_clothes_place_and_gap_must_all_agree(change):
    first = Person(face=5, go_s=3, speed_px_s=1)
    again = {"face": 5, "come_s": 4.5, "go_s": 8.0, "speed_px_s": 1.0}
    same = play(watch(Purpose.NONE), [first, Person(**again)], 8)
    assert len(same.visit_ids()) == 1
    other = play(watch(Purpose.NONE), [first, Person(**(again | change))], 13)
    assert len({one.id for _, one in other.visits}) == 2


def test_two_people_are_two_visits_also_when_one_takes_the_others_track():
    people = [
        Person(face=5, go_s=8, left_px=200, speed_px_s=100),
        Person(face=0, go_s=8, left_px=900, speed_px_s=-100),
    ]
    played = play(watch(), people, 8)
    assert len(played.visit_ids()) == 2


def test_a_twin_beside_somebody_is_another_visit():
    people = [Person(face=5, go_s=6), Person(face=5, come_s=2, go_s=6, left_px=900)]
    assert len(play(watch(), people, 6).visit_ids()) == 2


def test_whoever_comes_back_waits_for_a_face_that_can_be_compared():
    again = Person(face=5, come_s=6, go_s=9, left_px=1000, blurred=((6, 6.7),))
    assert len(play(watch(), [Person(face=5, go_s=3), again], 9).visit_ids()) == 1


def test_whoever_comes_after_waits_for_clothes_that_can_be_compared():
    after = Person(coat=9, come_s=4.5, go_s=8, speed_px_s=1, blurred=((4, 5.2),))
    played = play(watch(Purpose.NONE), [Person(go_s=3, speed_px_s=1), after], 8)
    assert len(played.visit_ids()) == 2


def test_a_name_passes_to_whoever_has_the_better_claim():
    people = [
        Person(go_s=8, speed_px_s=5, likeness=0.5),
        Person(come_s=3, go_s=8, speed_px_s=5, left_px=900, likeness=0.95),
    ]
    played = play(watch(), people, 8)
    newest = {one.id: one.person_id for _, one in played.visits}
    assert list(newest.values()) == [None, "ada"]
    subjects = {one.id: one.person_id for _, one in played.of(RuleKind.UNMASKED)}
    assert list(subjects.values()) == [None, "ada"]


def hand_over(played):
    """Return what another owner finds: JSON read again, the newest appearance of each visit."""
    newest = {state.id: state for _, state in played.visits}
    looks = {one.visit_id: one for _, one in played.appearances}
    read = [VisitState.from_json(state.to_json()) for state in newest.values()]
    return Restored([state for state in read if not state.ended], list(looks.values()))


@pytest.mark.parametrize("purpose", [Purpose.PEOPLE, Purpose.NONE])
@pytest.mark.parametrize("with_looks", [True, False])
def test_the_next_owner_goes_on_with_the_same_visit_and_alerts(purpose, with_looks):
    person = Person(face=5, go_s=14, speed_px_s=5)
    first = play(watch(purpose), [person], 4)
    left = hand_over(first)
    if not with_looks:
        left = Restored(left.visits)
    camera = watch(purpose, token=8, restored=left)
    second = wait(camera, play(camera, [person], 14, begin_s=8), 14, 30)
    assert first.visit_ids() == second.visit_ids()
    kinds = {one.kind for _, one in first.alerts}
    for kind in kinds:
        before, after = first.of(kind), second.of(kind)
        assert {one.id for _, one in before} == {one.id for _, one in after}
        assert after[0][1] == before[-1][1], "the newest revision is handed in again"
        numbers = [one.revision for _, one in before] + [one.revision for _, one in after[1:]]
        assert numbers == list(range(1, len(numbers) + 1))
        assert after[-1][1].state is AlertState.CLOSED
    assert {one.kind for _, one in second.alerts} == kinds


def test_the_outbox_takes_what_the_next_owner_hands_in_again():
    person = Person(face=5, go_s=14, speed_px_s=5)
    first = play(watch(), [person], 4)
    camera = watch(token=8, restored=hand_over(first))
    second = wait(camera, play(camera, [person], 6, begin_s=5), 6, 20)
    outbox = Outbox()
    outbox.put(one for _, one in second.alerts)
    assert len(outbox) == 2


def test_a_person_erased_between_two_owners_is_not_told_of_again():
    first = play(watch(), [Person(go_s=14)], 4)
    assert {one.person_id for _, one in first.alerts} == {"ada"}
    camera = watch(token=8, restored=hand_over(first))
    told = [*camera.erase_person("ada", ns(5)).alerts]
    told += [one for _, one in play(camera, [], 6, begin_s=5.5).alerts]
    assert [(one.revision, one.person_id) for one in told] == [(2, None)]


def test_a_visit_nobody_comes_back_to_ends_after_its_gap():
    first = play(watch(), [Person(face=5, go_s=4)], 4)
    camera = watch(token=8, restored=hand_over(first))
    played = wait(camera, play(camera, [], 1, begin_s=10), 11, 30)
    ended_s = [at_s for at_s, state in played.visits if state.ended]
    assert len(ended_s) == 1
    assert 16 <= ended_s[0] <= 19
    closed = [one for _, one in played.alerts if one.state is AlertState.CLOSED]
    assert len(closed) == 2


def test_visits_are_saved_on_transitions_and_at_most_once_a_second_otherwise():
    played = play(watch(), [Person(face=5, go_s=10, speed_px_s=20)], 10)
    saved_s = [at_s for at_s, _ in played.visits]
    alerted_s = {at_s for at_s, _ in played.alerts}
    quiet = [b - a for a, b in itertools.pairwise(saved_s) if b not in alerted_s]
    assert min(quiet) >= 1
    assert alerted_s <= set(saved_s), "a revision is saved with its visit, at once"
    assert len(saved_s) <= 10


def test_a_visit_is_saved_before_its_alerts_can_be_lost():
    played = play(watch(), [Person(face=5)], 3)
    for at_s, alert in played.alerts:
        kept = [one.revision for when_s, state in played.visits if when_s == at_s
                for one in state.alerts]  # fmt: skip
        assert alert in kept


HERE = Box(0.4, 0.4, 0.5, 0.6)


def sight(at_s, box=HERE, face=None, colour=None):
    return Sight(box, ns(at_s), face, colour)


def test_the_nearest_of_several_is_found_and_nobody_where_none_fits():
    settings = ReappearanceSettings()
    near, far = Box(0.42, 0.4, 0.52, 0.6), Box(0.52, 0.4, 0.62, 0.6)
    gone = [sight(0, far), sight(0, near), sight(0, Box(0, 0, 0.1, 0.2))]
    assert find(sight(1), gone, False, settings) == 1
    assert find(sight(1), [], False, settings) is None
    assert find(sight(1), gone[2:], False, settings) is None
    assert find(sight(4), gone, False, settings) is None
    grown = sight(1, Box(0.3, 0.1, 0.6, 0.9))
    assert find(grown, gone, False, settings) is None


def test_faces_that_differ_are_never_one_whatever_the_place():
    settings = ReappearanceSettings()
    one, apart = np.eye(128, dtype=np.float32)[:2]
    other = (0.4 * one + 0.9165 * apart).astype(np.float32)
    assert find(sight(1, face=one), [sight(0, face=other)], True, settings) is None
    assert find(sight(1, face=one), [sight(0, face=one)], True, settings) == 0
    assert find(sight(1), [sight(0, face=one)], True, settings) == 0
