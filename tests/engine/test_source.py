"""The table of a source's states, its deadlines and its back-off, in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.source import (
    LIMITS,
    NS,
    PATIENCE,
    TABLE,
    Patience,
    Reason,
    SourceEvent,
    SourceState,
    Supervision,
    WrongStep,
    backoff_s,
)

pytestmark = pytest.mark.unit

SOON = [reason for reason in Reason if reason not in PATIENCE]
jitters = st.floats(0, 1, exclude_max=True)


def live(now_ns=0):
    return Supervision.begin(now_ns).pictured(now_ns)


def test_every_state_but_the_last_can_be_left_and_reached():
    left = {state for state, _ in TABLE}
    reached = set(TABLE.values()) | {SourceState.CONNECTING}
    assert left == set(SourceState) - {SourceState.STOPPED}
    assert reached == set(SourceState)
    assert {event for _, event in TABLE} == set(SourceEvent)


@given(st.sampled_from(SourceState), st.sampled_from(SourceEvent))
def test_the_table_is_total_or_refuses(state, event):
    source = Supervision(state, 0)
    if (state, event) in TABLE:
        assert source._moved(event, 1).state is TABLE[state, event]
    else:
        with pytest.raises(WrongStep):
            source._moved(event, 1)


def test_silence_stalls_then_gives_up():
    source = live().pictured(3 * NS)
    assert source.deadline_ns() == 8 * NS
    stalled = source.silent(8 * NS, 0.5)
    assert (stalled.state, stalled.reason) == (SourceState.STALLED, Reason.NO_PICTURE)
    assert stalled.deadline_ns() == 18 * NS
    gone = stalled.silent(18 * NS, 0.5)
    assert gone.state is SourceState.WAITING and gone.next_try_ns is not None


@given(st.lists(st.floats(0.1, 9), max_size=60))
def test_pictures_without_their_keyframe_lengthen_the_wait_within_bounds(steps):
    source, now_ns = Supervision.begin(0), 0
    for step_s in steps:
        now_ns += round(step_s * NS)
        if now_ns >= source.deadline_ns():
            break
        source = source.heard(now_ns)
        assert source.reason is Reason.NO_KEYFRAME
        assert source.deadline_ns() == min(now_ns + 10 * NS, 90 * NS)
    assert source.deadline_ns() <= 90 * NS
    assert source.pictured(now_ns).reason is Reason.NONE


def test_a_stall_that_waits_for_a_keyframe_says_so():
    stalled = live().heard(4 * NS).silent(5 * NS, 0.5)
    assert (stalled.state, stalled.reason) == (SourceState.STALLED, Reason.NO_KEYFRAME)
    assert stalled.heard(14 * NS).deadline_ns() == 29 * NS
    assert stalled.deadline_ns() == 19 * NS


def test_a_picture_ends_a_stall():
    source = live().silent(5 * NS, 0.5).pictured(6 * NS)
    assert (source.state, source.reason) == (SourceState.LIVE, Reason.NONE)


def test_a_camera_that_connects_but_sends_nothing_is_given_up():
    source = Supervision.begin(0)
    assert source.deadline_ns() == 10 * NS
    assert source.silent(10 * NS, 0.0).state is SourceState.WAITING


def test_the_reason_stays_visible_while_it_is_tried_again():
    waiting = Supervision.begin(0).failed(Reason.REFUSED, NS, 0.9)
    again = waiting.retried(waiting.next_try_ns)
    assert again.state is SourceState.CONNECTING and again.reason is Reason.REFUSED
    assert again.pictured(again.since_ns).reason is Reason.NONE


@given(st.sampled_from(SOON), st.integers(0, 10_000), jitters)
def test_back_off_stays_within_its_bounds(reason, failures, jitter):
    wait_s = backoff_s(reason, failures, jitter)
    assert LIMITS.backoff_least_s <= wait_s <= LIMITS.backoff_cap_s


@given(st.integers(0, 20), jitters)
def test_jitter_is_full(failures, jitter):
    bound_s = min(LIMITS.backoff_cap_s, 2**failures)
    assert backoff_s(Reason.REFUSED, failures, jitter) == max(0.25, bound_s * jitter)


@given(st.integers(0, 20), jitters)
def test_what_a_person_must_mend_is_not_tried_often(failures, jitter):
    wait_s = backoff_s(Reason.WRONG_PASSWORD, failures, jitter)
    assert LIMITS.later_base_s / 2 <= wait_s <= LIMITS.later_cap_s


def failed_times(times):
    source, now_ns = Supervision.begin(0), 0
    for _ in range(times):
        source = source.failed(Reason.REFUSED, now_ns, 0.999)
        now_ns = source.next_try_ns
        source = source.retried(now_ns)
    return source, now_ns


def test_failures_count_until_it_was_steady():
    source, now_ns = failed_times(4)
    brief = source.pictured(now_ns).failed(Reason.RESET, now_ns + NS, 0.999)
    assert brief.failures == 5
    steady = source.pictured(now_ns).pictured(now_ns + 11 * NS)
    first = steady.failed(Reason.RESET, now_ns + 11 * NS, 0.999)
    assert first.failures == 1
    assert first.next_try_ns - (now_ns + 11 * NS) < 1.01 * NS


def test_steady_counts_through_a_stall():
    source, now_ns = failed_times(4)
    source = source.pictured(now_ns).pictured(now_ns + 11 * NS)
    stalled = source.silent(now_ns + 16 * NS, 0.5)
    assert stalled.silent(now_ns + 26 * NS, 0.5).failures == 1


def test_an_hour_of_refusals_makes_few_tries():
    source, now_ns, tries = Supervision.begin(0), 0, 0
    while now_ns < 3600 * NS:
        source = source.failed(Reason.REFUSED, now_ns, 0.5)
        now_ns = source.next_try_ns
        source = source.retried(now_ns)
        tries += 1
    assert 200 <= tries <= 260  # every 15 s on average


def test_some_reasons_wait_for_the_other_side_and_some_for_ever():
    lent = Supervision.begin(0).failed(Reason.NO_PUBLISHER, 0, 0.5)
    assert lent.state is SourceState.WAITING and lent.deadline_ns() is None
    assert lent.retried(NS).state is SourceState.CONNECTING
    forbidden = Supervision.begin(0).failed(Reason.FORBIDDEN_ADDRESS, 0, 0.5, "scheme http")
    assert forbidden.state is SourceState.STOPPED and forbidden.detail == "scheme http"
    assert forbidden.deadline_ns() is None


@given(st.lists(st.tuples(st.sampled_from(["picture", "silent", "failed"]), jitters), max_size=40))
def test_whatever_happens_there_is_a_next_step(events):
    source, now_ns = Supervision.begin(0), 0
    for kind, jitter in events:
        now_ns += NS
        if source.state is SourceState.WAITING:
            assert source.next_try_ns is not None
            source = source.retried(now_ns)
        if kind == "picture":
            source = source.pictured(now_ns)
        elif kind == "silent":
            source = source.silent(now_ns, jitter)
        else:
            source = source.failed(Reason.RESET, now_ns, jitter)
        assert source.deadline_ns() is not None


def test_stopping_twice_is_one_stop():
    stopped = live().stopped(Reason.REMOVED, NS)
    assert stopped.stopped(Reason.REMOVED, 2 * NS) is stopped


def test_patience_is_stated_for_people_problems():
    assert PATIENCE[Reason.WRONG_PASSWORD] is Patience.LATER
