"""Knows what a viewer's time line, queue and negotiation promise. Opens no connection."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.packets import Codec, Packet
from streams.bus.packets import BusPacket
from streams.viewer.feed import reordered
from streams.viewer.negotiation import OfferRefused, cleaned, preferences
from streams.viewer.outbound import (
    BEFORE_KEYFRAME,
    MOST_PACKETS,
    PACE_BYTES_PER_S,
    SLOW,
    Ended,
    Outbound,
)
from streams.viewer.timeline import Timeline
from tests.fakes.codec_clips import DOOR, TICKS
from tests.fakes.source_time import run_virtual

pytestmark = pytest.mark.unit


def seen(
    index: int, epoch_ms: int = 1, keyframe: bool = False, behind_ms: int = 0, size: int = 100
) -> BusPacket:
    arrived_ms = 1_000_000 + index * 40 + behind_ms
    packet = Packet(epoch_ms, index * TICKS, index * 40_000_000, keyframe, bytes(size))
    return BusPacket(DOOR, f"{arrived_ms}-0", packet)


def test_live_pictures_keep_their_own_distances() -> None:
    timeline = Timeline()
    assert [timeline.live(seen(i)) for i in range(3, 6)] == [0, TICKS, 2 * TICKS]


def test_a_group_lies_where_it_is_sent_and_what_follows_at_its_own_place() -> None:
    timeline = Timeline()
    group = [seen(i) for i in range(50)]
    timeline.begin_group(group[-1], 7.0)
    ticks = [timeline.late(one, 7.0 + 0.002 * at) for at, one in enumerate(group)]
    assert [b - a for a, b in pairwise(ticks)] == [180] * 49
    assert timeline.late(seen(50), 7.1) == ticks[0] + 9000  # behind the group, and late as well
    assert timeline.live(seen(51)) == ticks[0] + 9001  # due 80 ms after the group's newest
    assert timeline.live(seen(52)) == ticks[0] + 3 * TICKS


def test_a_repeated_group_goes_on_from_the_last_picture() -> None:
    timeline = Timeline()
    group = [seen(i) for i in range(50)]
    last = [timeline.live(one) for one in group][-1]
    timeline.begin_group(group[-1], 0.0)
    again = [timeline.late(one, 0.001 * at) for at, one in enumerate(group)]
    assert again[0] == last + 1
    assert timeline.same(1, 7 * TICKS) == again[7]
    assert timeline.live(seen(50)) == last + 1 + max(TICKS, 49 * 90 + 1)


def test_a_camera_whose_times_step_back_goes_on_at_its_own_distances() -> None:
    timeline = Timeline()
    last = [timeline.live(seen(i)) for i in range(900, 910)][-1]
    assert [timeline.live(seen(i)) - last for i in (5, 6, 7)] == [1, 1 + TICKS, 1 + 2 * TICKS]


def test_a_new_epoch_goes_on_after_the_time_that_passed() -> None:
    timeline = Timeline()
    last = [timeline.live(seen(i)) for i in range(10)][-1]
    first = timeline.live(seen(0, epoch_ms=2, behind_ms=9 * 40 + 700))
    assert first - last == 700 * 90
    assert timeline.same(1, 9 * TICKS) == last
    assert timeline.same(2, 0) == first


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-3, 3), st.integers(-5000, 5000), st.booleans()),
    max_size=40,
)


@pytest.mark.slow
@given(STEPS)
def test_times_always_grow_whatever_a_camera_does(steps: list[tuple[int, int, int, bool]]) -> None:
    timeline, ticks, index = Timeline(), [], 0
    for epoch, jump, late_ms, burst in steps:
        index += jump
        one = seen(index, epoch, behind_ms=late_ms)
        if burst:
            timeline.begin_group(one, late_ms / 1000)
        ticks.append(timeline.late(one, index / 25) if burst else timeline.live(one))
    assert all(a < b for a, b in pairwise(ticks))


@pytest.mark.slow
@given(st.lists(st.integers(0, 200), min_size=1, max_size=40), st.integers(0, 200))
def test_the_nearest_picture_is_the_nearest(indices: list[int], wanted: int) -> None:
    timeline = Timeline()
    places = {timeline.live(seen(i)): i for i in sorted(indices)}
    found = timeline.nearest(wanted * 40_000_000)
    best = min(abs(i - wanted) for i in indices)
    if best * 40 > 500:
        assert found is None
    else:
        assert found is not None
        assert abs(places[found] - wanted) == best


def drained(outbound: Outbound) -> int:
    async def run() -> int:
        outbound_end_at, count = len(outbound._queue), 0
        while count < outbound_end_at:
            await outbound.get()
            count += 1
        return count

    return asyncio.run(run())


def test_a_queue_starts_at_a_keyframe() -> None:
    outbound = Outbound()
    outbound.put(seen(0))
    outbound.put(seen(1, keyframe=True))
    outbound.put(seen(2))
    assert drained(outbound) == 2
    assert outbound.dropped == {BEFORE_KEYFRAME: 1, SLOW: 0}


def test_a_full_queue_drops_to_the_next_keyframe_and_counts() -> None:
    outbound = Outbound()
    outbound.put(seen(0, keyframe=True))
    for index in range(1, MOST_PACKETS + 5):
        outbound.put(seen(index))
    assert outbound.dropped == {BEFORE_KEYFRAME: 0, SLOW: MOST_PACKETS + 5}
    outbound.put(seen(MOST_PACKETS + 5, keyframe=True))
    assert drained(outbound) == 1


def sent(outbound: Outbound, count: int, put: Sequence[BusPacket] = ()) -> list[tuple[int, int]]:
    """Take packets as fast as they are let out, in virtual time: (ms since the first, ticks).

    put: what the camera sends meanwhile, every 40 ms.
    """

    async def camera() -> None:
        for one in put:
            await asyncio.sleep(0.04)
            outbound.put(one)

    async def run() -> list[tuple[int, int]]:
        loop = asyncio.get_running_loop()
        begun_s, found = loop.time(), []
        async with asyncio.TaskGroup() as group:
            group.create_task(camera())
            for _ in range(count):
                outgoing = await outbound.get()
                found.append((round((loop.time() - begun_s) * 1000), outgoing.ticks))
        return found

    return run_virtual(run())


def test_a_group_goes_out_at_the_pace_that_its_times_tell() -> None:
    """Else a browser takes the difference for the network's delay, and holds the picture back."""
    outbound = Outbound()
    group = [seen(0, keyframe=True, size=100_000), *(seen(i, size=10_000) for i in range(1, 400))]
    outbound.burst(group)
    found = sent(outbound, 400 + 50, [seen(i) for i in range(400, 450)])
    first_ticks = found[0][1]
    assert max(abs(ms - (ticks - first_ticks) / 90) for ms, ticks in found) <= 2
    assert all(b - a >= 1 for a, b in pairwise(ms for ms, _ in found[:420]))  # also what follows
    bytes_before_last = sum(len(one.packet.data) for one in group[:-1])
    assert found[399][0] == pytest.approx(bytes_before_last / PACE_BYTES_PER_S * 1000, abs=2)
    assert [b - a for a, b in pairwise(at for _, at in found[-10:])] == [TICKS] * 9  # live again
    assert found[-1][0] == 50 * 40


def test_a_group_may_be_longer_than_the_bound_and_what_follows_may_not() -> None:
    outbound = Outbound()
    outbound.burst([seen(i, keyframe=not i) for i in range(2 * MOST_PACKETS)])
    for index in range(MOST_PACKETS):
        outbound.put(seen(2 * MOST_PACKETS + index))
    assert outbound.dropped[SLOW] == 0
    outbound.put(seen(3 * MOST_PACKETS))
    assert outbound.dropped[SLOW] == 3 * MOST_PACKETS + 1
    assert not outbound.waits  # it lost what it had: the page need not be told why


def test_a_viewer_without_a_group_waits_for_a_keyframe() -> None:
    outbound = Outbound()
    outbound.burst([])
    assert outbound.waits
    outbound.put(seen(1, keyframe=True))
    assert not outbound.waits


def test_an_ended_queue_says_so_to_whoever_waits() -> None:
    async def run() -> None:
        outbound = Outbound()
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            waiting = group.create_task(ended(outbound))
            outbound.end()
            assert await waiting

    asyncio.run(run())


async def ended(outbound: Outbound) -> bool:
    try:
        await outbound.get()
    except Ended:
        return True
    return False


def test_b_frames_are_seen_by_their_order_within_an_epoch() -> None:
    assert not reordered([seen(i) for i in range(5)])
    assert reordered([seen(i) for i in (0, 3, 1, 2)])
    assert not reordered([seen(5, 1), seen(0, 2)])


OFFER = (
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\n"
    "a=rtpmap:96 VP8/90000\r\n"
    "a=candidate:1 1 udp 2113937151 3c9e.local 54321 typ host generation 0\r\n"
    "a=candidate:2 1 udp 2113937151 127.0.0.1 54322 typ host generation 0\r\n"
)


def test_hidden_addresses_are_cut_from_an_offer() -> None:
    text = cleaned(OFFER)
    assert ".local" not in text
    assert "127.0.0.1 54322" in text
    assert text.count("\r\n") == OFFER.count("\r\n") - 1


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "v=0",
        "rubbish",
        OFFER.replace("m=video", "m=audio"),
        OFFER + OFFER[OFFER.index("m=") :],
        OFFER + "a=" + "x" * 70_000,
        OFFER.replace("9 UDP", "nine UDP"),
    ],
)
def test_what_is_no_offer_for_one_picture_is_refused(offer: str) -> None:
    with pytest.raises(OfferRefused) as refused:
        cleaned(offer)
    assert refused.value.status == 400


@pytest.mark.slow
@given(st.text(max_size=200))
def test_no_text_breaks_the_check(text: str) -> None:
    with pytest.raises(OfferRefused):
        cleaned(OFFER[:60] + text.replace("m=video", ""))


def test_vp8_stays_vp8_and_all_else_is_h264_with_baseline_first() -> None:
    assert {c.mimeType for c in preferences(Codec.VP8)} == {"video/VP8"}
    profiles = [c.parameters["profile-level-id"] for c in preferences(Codec.H265)]
    assert profiles == ["42e01f", "42001f"]
