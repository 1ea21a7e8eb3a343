"""Which epoch a reader follows: the highest, while it is seen and a minute longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.epochs import FORGET_AFTER_S, EpochGate
from engine.packets import Packet

pytestmark = pytest.mark.unit

MINUTE_NS = round(FORGET_AFTER_S * 1e9)
KEY, DELTA = True, False


def packet(epoch_ms: int, keyframe: bool = KEY) -> Packet:
    return Packet(epoch_ms, 0, 0, keyframe, b"")


def seen(*steps: tuple[int, int, bool]) -> list[bool]:
    """What is admitted of packets, each (seconds, epoch, keyframe)."""
    gate = EpochGate()
    return [gate.admits(packet(epoch, key), s * 10**9) for s, epoch, key in steps]


def test_a_replaced_ingest_that_still_writes_is_not_followed_and_counted() -> None:
    gate = EpochGate()
    found = [gate.admits(packet(epoch), now) for now, epoch in enumerate((5, 7, 5, 5, 7, 9, 7))]
    assert found == [True, True, False, False, True, True, False]
    assert (gate.epoch_ms, gate.dropped) == (9, 3)


def test_a_lower_epoch_is_followed_once_the_higher_was_not_seen_for_a_minute() -> None:
    assert seen((0, 9, KEY), (1, 3, KEY), (60, 3, KEY), (61, 3, KEY), (62, 3, DELTA)) == [
        True, False, False, True, True,
    ]  # fmt: skip


def test_a_higher_epoch_that_is_still_written_stands() -> None:
    steps = [(second, 9 if second % 50 == 0 else 3, KEY) for second in range(300)]
    assert [second for second, admitted in enumerate(seen(*steps)) if admitted] == [
        0, 50, 100, 150, 200, 250,
    ]  # fmt: skip


def test_another_epoch_is_entered_at_a_keyframe() -> None:
    assert seen((0, 3, DELTA), (1, 5, DELTA), (2, 3, DELTA), (3, 5, KEY), (4, 5, DELTA)) == [
        True, False, True, True, True,
    ]  # fmt: skip
    assert seen((0, 9, KEY), (70, 3, DELTA), (71, 3, KEY)) == [True, False, True]


def test_after_the_bus_lost_everything_a_lower_epoch_is_followed_at_once() -> None:
    gate = EpochGate()
    assert gate.admits(packet(9), 0)
    gate.begin_anew()
    assert gate.admits(packet(3), 1)
    assert not gate.admits(packet(2), 2)


moments = st.lists(
    st.tuples(st.integers(0, 90 * 10**9), st.integers(1, 4), st.booleans()), max_size=50
)


@given(moments)
def test_nothing_below_what_was_followed_in_the_last_minute_is_admitted(
    steps: list[tuple[int, int, bool]],
) -> None:
    gate, now_ns, followed = EpochGate(), 0, []
    for pause_ns, epoch_ms, keyframe in steps:
        now_ns += pause_ns
        recent = [epoch for at_ns, epoch in followed[-1:] if now_ns - at_ns <= MINUTE_NS]
        admitted = gate.admits(packet(epoch_ms, keyframe), now_ns)
        if admitted:
            assert epoch_ms >= max(recent, default=0)
            followed.append((now_ns, epoch_ms))
        elif keyframe:
            assert epoch_ms < max(recent)  # never dark without a reason
    assert gate.dropped == len(steps) - len(followed)
