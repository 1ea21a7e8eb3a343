"""Knows which picture boxes belong to and how lateness is measured. Draws nothing."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.boxes import Box
from engine.observations import (
    Knowledge,
    MaskState,
    MaskView,
    Observation,
    TrackState,
    TrackView,
    Who,
)
from engine.packets import Packet, Role
from streams.bus.observations import SeenObservation
from streams.bus.packets import BusPacket
from streams.viewer.overlay import Lateness, message, message_tail, percentile, ticks_of
from streams.viewer.timeline import Timeline
from tests.fakes.codec_clips import DOOR, TICKS

pytestmark = pytest.mark.unit
TRACK = TrackView(
    "3-1", Box(0.1, 0.2, 0.3, 0.4), TrackState.CONFIRMED, Who(Knowledge.KNOWN, "p-1", 0.9),
    MaskView(MaskState.WORN, 0.95), None, 0.8, None,
)  # fmt: skip


def packet(index: int, delay_ms: int = 0) -> BusPacket:
    entry_id = f"{5_000_000 + index * 40 + delay_ms}-0"
    return BusPacket(DOOR, entry_id, Packet(1, index * TICKS, index * 40_000_000, False, b""))


def observation(index: int, role: Role = Role.MAIN) -> Observation:
    return Observation("door", role, 1, index * TICKS, index * 40_000_000, 3, (TRACK,))


def observed(index: int, delay_ms: int, role: Role = Role.MAIN) -> SeenObservation:
    return SeenObservation(f"{5_000_000 + index * 40 + delay_ms}-0", observation(index, role))


def test_the_same_stream_is_found_by_pts_alone() -> None:
    timeline = Timeline()
    for index in range(5):
        timeline.live(packet(index))
    spoilt = replace(observation(2), captured_ns=0)
    assert ticks_of(spoilt, Role.MAIN, timeline) == 2 * TICKS
    assert ticks_of(replace(spoilt, epoch_ms=2), Role.MAIN, timeline) is None


def test_another_stream_is_found_by_the_capture_time_alone() -> None:
    timeline = Timeline()
    for index in range(5):
        timeline.live(packet(index))
    sub = Observation("door", Role.SUB, 99, 4, 3 * 40_000_000 + 11_000_000, 3, ())
    assert ticks_of(sub, Role.MAIN, timeline) == 3 * TICKS
    assert ticks_of(replace(sub, captured_ns=10**12), Role.MAIN, timeline) is None


@pytest.mark.parametrize("role", list(Role))
def test_lateness_is_what_ninety_five_of_a_hundred_keep(role: Role) -> None:
    lateness = Lateness()
    for index in range(200):
        lateness.arrived(packet(index))
        if index % 2 == 0:
            slow = index % 20 == 0
            lateness.observed(observed(index, 900 if slow else 60, role), Role.MAIN)
    assert lateness.p95_ms == 900
    assert lateness.interval_ms == 80
    for index in range(200, 600, 2):
        lateness.arrived(packet(index))
        lateness.observed(observed(index, 50, role), Role.MAIN)
    assert lateness.p95_ms == 50


def test_before_anything_was_observed_lateness_is_a_guess() -> None:
    assert (Lateness().p95_ms, Lateness().interval_ms) == (250, 125)


def test_an_observation_of_an_unknown_picture_does_not_spoil_lateness() -> None:
    lateness = Lateness()
    lateness.observed(observed(3, 8_000), Role.MAIN)
    assert lateness.p95_ms == 250


def test_a_message_says_when_and_what() -> None:
    tail = message_tail(observation(1), Lateness())
    document = json.loads(message(4_294_967_295, tail))
    assert document["rtp"] == 4_294_967_295
    assert set(document) == {"rtp", "delay_ms", "interval_ms", "tracks"}
    (track,) = document["tracks"]
    assert track["box"] == [0.1, 0.2, 0.3, 0.4]
    assert track["who"] == {"knowledge": "known", "person_id": "p-1", "score": 0.9}
    assert track["mask"]["state"] == "worn"
    assert track["expression"] is None


@pytest.mark.slow
@given(st.lists(st.integers(0, 1000), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_grows(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert percentile(values, 0) <= found <= percentile(values, 1)
