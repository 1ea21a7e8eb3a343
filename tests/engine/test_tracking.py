"""Knows what a tracker must keep whatever the picture rate, the scale and the place."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.assignment import assign
from engine.observations import TrackState
from engine.tracking import TRANSITIONS, Tracker, TrackerSettings, TrackEvent, next_state

pytestmark = pytest.mark.unit

BEGIN_NS = 1_800_000_000_000_000_000
WALKS = ((100.0, 120.0), (900.0, -120.0), (400.0, 10.0))  # left edge, px/s


def walk(t_s, scale=1.0, shift=0.0):
    boxes = [(x + v * t_s, 100 + 200 * row, x + v * t_s + 60, 170 + 200 * row)
             for row, (x, v) in enumerate(WALKS)]  # fmt: skip
    return (np.array(boxes, np.float32) * scale + shift).astype(np.float32)


def ns(t_s):
    return BEGIN_NS + round(t_s * 1e9)


def run(hz, seconds=3.0, scale=1.0, shift=0.0, score=0.9):
    tracker = Tracker(TrackerSettings())
    found = []
    for step in range(int(seconds * hz)):
        boxes = walk(step / hz, scale, shift)
        scores = np.full(len(boxes), score, np.float32)
        found.append(tracker.update(boxes, scores, ns(step / hz)))
    return found


@pytest.mark.slow
@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.lists(
            st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=rows, max_size=rows
        )
    )
)
def test_an_assignment_is_the_cheapest_of_all(costs):
    cost = np.array(costs, np.float64)
    pairs = assign(cost, 100.0)
    count = min(cost.shape)
    best = min(
        sum(cost[row, column] for row, column in zip(rows, columns, strict=True))
        for rows in itertools.permutations(range(cost.shape[0]), count)
        for columns in itertools.combinations(range(cost.shape[1]), count)
    )
    assert len(pairs) == count
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == count
    assert sum(cost[pair] for pair in pairs) == pytest.approx(best)


def test_a_pair_beyond_the_limit_is_never_made():
    cost = np.array([[0.1, 0.9], [0.2, 0.95]])
    assert assign(cost, 0.5) == [(0, 0)]
    assert assign(np.zeros((0, 3)), 1.0) == []


@pytest.mark.parametrize("hz", [2, 4, 8, 16, 25])
def test_walking_faces_keep_their_numbers_at_any_picture_rate(hz):
    for tracks in run(hz):
        assert [track.number for track in tracks] == [1, 2, 3]
        assert [track.detection for track in tracks] == [0, 1, 2]


@pytest.mark.parametrize("hz", [4, 8, 16, 24])
def test_a_track_is_confirmed_after_a_time_not_after_a_number_of_pictures(hz):
    states = [tracks[0].state for tracks in run(hz)]
    first = states.index(TrackState.CONFIRMED)
    assert 0.25 <= first / hz < 0.25 + 1 / hz
    assert set(states[:first]) == {TrackState.TENTATIVE}


@pytest.mark.parametrize("hz", [4, 8, 16])
def test_a_lost_track_ends_after_a_time_not_after_a_number_of_pictures(hz):
    tracker = Tracker(TrackerSettings(lost_s=1.0))
    seen_s = ended_s = None
    none, no_score = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
    for step in range(4 * hz):
        t_s = step / hz
        here = t_s < 2
        boxes = walk(t_s)[:1] if here else none
        tracks = tracker.update(boxes, np.full(1, 0.9, np.float32) if here else no_score, ns(t_s))
        if here:
            seen_s = t_s
        elif tracks:
            assert tracks[0].state in (TrackState.LOST, TrackState.ENDED)
            assert tracks[0].detection is None
            if tracks[0].state is TrackState.ENDED:
                assert ended_s is None, "an ended track is told of once"
                ended_s = t_s
    assert 1.0 < ended_s - seen_s <= 1.0 + 1 / hz


def test_a_track_returns_from_behind_a_pillar_with_its_number():
    tracker = Tracker(TrackerSettings())
    for step in range(24):
        hidden = 12 <= step < 17
        boxes = walk(step / 8)[:1][: 0 if hidden else 1]
        tracks = tracker.update(boxes, np.full(len(boxes), 0.9, np.float32), ns(step / 8))
        assert [track.number for track in tracks] == [1]
        assert (tracks[0].state is TrackState.LOST) == hidden


def test_a_doubtful_box_keeps_a_track_but_never_begins_one():
    tracker = Tracker(TrackerSettings())
    doubtful = np.full(1, 0.4, np.float32)
    assert tracker.update(walk(0)[:1], doubtful, ns(0)) == ()
    for step in range(8):
        tracker.update(walk(step / 8)[:1], np.full(1, 0.9, np.float32), ns(1 + step / 8))
    (track,) = tracker.update(walk(1)[:1], doubtful, ns(2))
    assert (track.state, track.detection) == (TrackState.CONFIRMED, 0)


@pytest.mark.slow
@settings(max_examples=25)
@given(st.floats(0.25, 4), st.floats(-500, 2000))
def test_scaling_or_shifting_the_picture_scales_and_shifts_the_tracks(scale, shift):
    for plain, moved in zip(run(8), run(8, scale=scale, shift=shift), strict=True):
        for before, after in zip(plain, moved, strict=True):
            assert (before.number, before.state) == (after.number, after.state)
            expected = before.box.astype(np.float64) * scale + shift
            assert after.box == pytest.approx(expected, abs=0.02 * scale + 0.02)


def test_the_order_of_the_boxes_does_not_matter():
    straight, turned = Tracker(TrackerSettings()), Tracker(TrackerSettings())
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    straight.update(walk(0), scores, ns(0))
    turned.update(walk(0), scores, ns(0))
    for step in range(1, 16):
        boxes = walk(step / 8)
        one = straight.update(boxes, scores, ns(step / 8))
        other = turned.update(boxes[::-1], scores[::-1], ns(step / 8))
        assert [track.detection for track in one] == [2 - track.detection for track in other]


def test_a_clock_that_steps_back_ends_every_track_and_begins_anew():
    tracker = Tracker(TrackerSettings())
    scores = np.full(3, 0.9, np.float32)
    for step in range(8):
        tracker.update(walk(step / 8), scores, ns(10 + step / 8))
    tracks = tracker.update(walk(1), scores, ns(0))
    assert [track.state for track in tracks[:3]] == [TrackState.ENDED] * 3
    assert [(track.number, track.state) for track in tracks[3:]] == [
        (number, TrackState.TENTATIVE) for number in (4, 5, 6)
    ]


def test_a_small_step_back_is_the_same_moment():
    tracker = Tracker(TrackerSettings())
    scores = np.full(3, 0.9, np.float32)
    tracker.update(walk(0), scores, ns(1))
    tracks = tracker.update(walk(0), scores, ns(0.9))
    assert [track.number for track in tracks] == [1, 2, 3]
    assert tracks[0].box == pytest.approx(walk(0)[0], abs=0.01)


@pytest.mark.parametrize("event", TrackEvent)
@pytest.mark.parametrize("state", TrackState)
def test_the_state_table_is_total_or_says_no(state, event):
    if state is TrackState.ENDED:
        with pytest.raises(ValueError, match="cannot be"):
            next_state(state, event)
    else:
        assert next_state(state, event) is TRANSITIONS[state, event]


def test_every_state_is_reached_and_only_the_end_is_final():
    assert {TrackState.TENTATIVE, *TRANSITIONS.values()} == set(TrackState)
    assert {state for state, _ in TRANSITIONS} == set(TrackState) - {TrackState.ENDED}


def test_scores_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="rise"):
        TrackerSettings(low_score=0.7, high_score=0.6)
