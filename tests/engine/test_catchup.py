"""Knows what catching up promises: fresh pictures or none. Does not decode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catchup import CatchUp, CatchUpSettings, Mode, Plan, Waiting, newest_keyframe

pytestmark = pytest.mark.unit


def row(*ages: int, keys: tuple[int, ...] = (), now: int = 100_000) -> list[Waiting]:
    return [Waiting(now - age, index in keys, True) for index, age in enumerate(ages)]


def test_a_fresh_packet_is_decoded_and_converted() -> None:
    assert CatchUp(CatchUpSettings()).plan(row(20), 100_000) == Plan(0, decode=True, convert=True)


def test_an_unwanted_picture_is_a_reference_only() -> None:
    waiting = [Waiting(99_990, keyframe=False, wanted=False)]
    assert not CatchUp(CatchUpSettings()).plan(waiting, 100_000).convert


def test_a_stale_packet_is_decoded_as_reference_only() -> None:
    catch_up = CatchUp(CatchUpSettings())
    assert catch_up.plan(row(600, 560), 100_000) == Plan(0, decode=True)
    assert catch_up.mode is Mode.CATCHING_UP
    assert catch_up.plan(row(40), 100_000).convert
    assert catch_up.mode is Mode.LIVE


def test_it_jumps_to_the_newest_keyframe_ahead() -> None:
    waiting = row(3000, 2000, 1000, 100, 60, keys=(0, 2, 3))
    assert CatchUp(CatchUpSettings()).plan(waiting, 100_000) == Plan(3, decode=True, convert=True)


def behind_since(catch_up: CatchUp, now: int) -> None:
    catch_up.plan([Waiting(now - 900, keyframe=False, wanted=True)], now)


def test_not_live_within_two_seconds_means_keyframes_only_then_a_trial() -> None:
    catch_up = CatchUp(CatchUpSettings())
    behind_since(catch_up, 10_000)
    behind_since(catch_up, 11_900)
    assert catch_up.mode is Mode.CATCHING_UP
    behind_since(catch_up, 12_000)
    assert catch_up.mode is Mode.REDUCED
    assert catch_up.plan([Waiting(12_100, False, True)], 12_100) == Plan(1, decode=False)
    alone = catch_up.plan([Waiting(13_000, True, False)], 13_050)
    assert alone == Plan(0, decode=True, convert=True, alone=True)
    trial = catch_up.plan([Waiting(17_000, True, False)], 17_050)
    assert trial == Plan(0, decode=True, convert=True, alone=False)
    assert catch_up.mode is Mode.LIVE


def time_reduced(catch_up: CatchUp, now: int) -> int:
    """Overload the camera from now; return the rest until its next trial."""
    while catch_up.mode is not Mode.REDUCED:
        behind_since(catch_up, now)
        now += 40
    since = now
    while catch_up.mode is Mode.REDUCED:
        now += 1000
        catch_up.plan([Waiting(now, True, True)], now)
    return now - since


def test_each_failed_trial_doubles_the_rest_up_to_a_bound() -> None:
    catch_up = CatchUp(CatchUpSettings())
    now, rests = 10_000, []
    for _ in range(6):
        rests.append(time_reduced(catch_up, now))
        now += 2_040 + rests[-1]
    assert rests == [5000, 10_000, 20_000, 40_000, 60_000, 60_000]


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), min_size=1, max_size=60),
    st.integers(0, 3000),
)
def test_no_stale_picture_is_ever_converted(
    steps: list[tuple[int, bool, bool]], slow_ms: int
) -> None:
    """Whatever arrives and however slow decoding is; and the backlog is always worked off."""
    catch_up, settings = CatchUp(CatchUpSettings()), CatchUpSettings()
    waiting: list[Waiting] = []
    arrived, now = 1_000_000, 1_000_000
    for gap, keyframe, wanted in steps:
        arrived += gap
        now = max(now, arrived)
        waiting.append(Waiting(arrived, keyframe, wanted))
        plan = catch_up.plan(waiting, now)
        assert 0 <= plan.skip <= len(waiting)
        del waiting[: plan.skip]
        if plan.decode:
            head = waiting.pop(0)
            assert not plan.convert or now - head.arrived_ms <= settings.budget_ms
            assert catch_up.mode is not Mode.REDUCED or head.keyframe
            now += slow_ms
        elif not plan.skip:
            waiting.pop(0)


@pytest.mark.slow
@given(st.lists(st.booleans(), max_size=30))
def test_the_newest_keyframe_is_the_last_one(keys: list[bool]) -> None:
    waiting = [Waiting(0, key, False) for key in keys]
    expected = max((i for i, key in enumerate(keys) if key), default=None)
    assert newest_keyframe(waiting) == expected
