"""The sender's clock: monotone, slewed, and set anew only when it was set."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import (
    LIMITS,
    NS,
    EpochTime,
    SenderClock,
    SenderReport,
    next_epoch_ms,
    ntp_to_utc_ns,
    rtp_distance,
    unwrap,
)

pytestmark = pytest.mark.unit

START_NS = 1_790_000_000 * NS
STEP = 3600  # 25/s
STEP_NS = 40_000_000
uint32 = st.integers(0, 2**32 - 1)


def feed(clock, ahead_ns, pictures, first=0, late_ns=lambda index: 0):
    """Feed pictures at 25/s from a sender that is ahead_ns ahead; return clocks and arrivals."""
    clocks, arrivals = [], []
    for index in range(first, first + pictures):
        taken_ns = START_NS + index * STEP_NS
        if index % 25 == 0:
            clock = clock.reported(SenderReport(index * STEP % 2**32, taken_ns + ahead_ns))
        arrival_ns = taken_ns + late_ns(index)
        clock = clock.observe(index * STEP % 2**32, arrival_ns)
        clocks.append(clock)
        arrivals.append(arrival_ns)
    return clocks, arrivals


def test_ntp_epoch():
    assert ntp_to_utc_ns(2_208_988_800, 0) == 0
    assert ntp_to_utc_ns(2_208_988_801, 1 << 31) == 1_500_000_000


@given(uint32, st.integers(-(2**31), 2**31 - 1))
def test_distance_and_unwrap_are_inverse(start, distance):
    assert rtp_distance((start + distance) % 2**32, start) == distance
    assert unwrap(start + 2**40, (start + distance) % 2**32) == start + 2**40 + distance


@given(st.lists(st.integers(0, 90_000 * 5), max_size=50), uint32)
def test_pts_grow_through_every_wrap(steps, first):
    time = EpochTime.start(1, first, 0)
    total = 0
    for step in steps:
        total += step
        time = time.advanced((first + total) % 2**32, 0)
        assert time.pts == total


@given(st.lists(st.integers(-(10**10), 10**10), max_size=50))
def test_captured_time_is_strictly_monotone_within_an_epoch(captures):
    time = EpochTime.start(1, 0, 0)
    for captured_ns in captures:
        following = time.advanced(0, captured_ns)
        assert following.captured_ns > time.captured_ns
        time = following


@given(st.lists(st.integers(0, 2 * 10**9), min_size=1), st.integers(0, 10**6))
def test_epochs_grow_even_when_the_clock_goes_back(nows, previous):
    for now_ns in nows:
        following = next_epoch_ms(previous, now_ns)
        assert following > previous and following >= now_ns // 10**6
        previous = following


def test_without_reports_nothing_is_assumed():
    clock = SenderClock().observe(5, START_NS).observe(9, START_NS + NS)
    assert (clock.offset_ns, clock.learnt, clock.error_ns) == (0, False, 0)


def test_the_first_measure_is_taken_whole():
    clocks, _ = feed(SenderClock(), 300_000_000, 2)
    assert clocks[0].offset_ns == 300_000_000


@given(st.lists(st.integers(0, 900_000_000), min_size=5, max_size=120))
def test_the_offset_never_moves_faster_than_the_slew(delays):
    delays = sorted(delays)  # arrivals stay in order
    clocks, arrivals = feed(SenderClock(), 0, len(delays), late_ns=lambda index: delays[index])
    for index in range(1, len(clocks)):
        moved_ns = abs(clocks[index].offset_ns - clocks[index - 1].offset_ns)
        passed_ns = arrivals[index] - arrivals[index - 1]
        assert moved_ns <= passed_ns * LIMITS.slew_ns_per_s // NS + 1


def test_a_drifting_sender_is_followed():
    clock = SenderClock()
    for index in range(2500):
        drift_ns = index * STEP_NS // 1000  # 1 ms/s, far more than any quartz
        clock = clock.reported(
            SenderReport(index * STEP, START_NS + index * STEP_NS + drift_ns)
        ).observe(index * STEP, START_NS + index * STEP_NS)
    assert abs(clock.offset_ns - drift_ns) < 1_000_000


def test_one_late_burst_is_no_jump():
    clocks, _ = feed(SenderClock(), 0, 50)
    held_until_ns = START_NS + 50 * STEP_NS + 1_800_000_000

    def late_ns(index):
        return max(0, held_until_ns - (START_NS + index * STEP_NS))

    later, times = feed(clocks[-1], 0, 100, first=50, late_ns=late_ns)
    assert not any(clock.jumped(arrival_ns) for clock, arrival_ns in zip(later, times, strict=True))
    assert abs(later[-1].offset_ns) < 20_000_000


@pytest.mark.parametrize("ahead_s", [-3600, -5, 5, 3600])
def test_a_set_clock_is_a_jump_and_then_the_new_truth(ahead_s):
    before, _ = feed(SenderClock(), 0, 50)
    after, arrivals = feed(before[-1], ahead_s * NS, 100, first=50)
    found = [clock.jumped(at) for clock, at in zip(after, arrivals, strict=True)]
    assert not found[10] and found[-1]
    begun = after[-1].begun()
    assert abs(begun.offset_ns - ahead_s * NS) < 1_000_000
    assert not begun.jumped(arrivals[-1])


def test_a_clock_that_counts_from_its_start_is_not_believed():
    clocks, arrivals = feed(SenderClock(), -START_NS, 100)
    assert clocks[-1].offset_ns == 0 and not clocks[-1].learnt
    assert not clocks[-1].jumped(arrivals[-1])
    assert clocks[-1].begun().offset_ns == 0
    assert clocks[-1].error_ns == -START_NS  # but shown


def test_a_broken_time_line_keeps_the_offset_until_the_next_report():
    clocks, _ = feed(SenderClock(), 300_000_000, 30)
    broken = clocks[-1].interrupted().observe(12345, START_NS + 60 * NS).begun()
    assert broken.offset_ns == clocks[-1].offset_ns


def test_time_that_cannot_follow_is_told():
    time = EpochTime.start(1, 2**32 - 100, 0)
    assert time.continues(500)
    assert time.continues(2**32 - 3700)  # reordering
    assert not time.continues(2**32 - 100 - 5 * 90_000)
    assert not time.continues(20 * 90_000)
