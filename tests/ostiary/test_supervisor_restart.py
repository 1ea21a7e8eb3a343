"""When a process that ended starts again: soon at first, ever later, afresh after a good life."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.supervisor.restart import (
    FIRST_DELAY_S,
    HEALTHY_AFTER_S,
    LONGEST_DELAY_S,
    SECOND_NS,
    Lives,
    after_end,
)

pytestmark = pytest.mark.unit


def delays(lives_s: list[float]) -> list[float]:
    lives, found, now_ns = Lives(), [], 0
    for life_s in lives_s:
        ended_ns = now_ns + int(life_s * SECOND_NS)
        step = after_end(lives, now_ns, ended_ns)
        lives, now_ns = step.lives, ended_ns + int(step.delay_s * SECOND_NS)
        found.append(step.delay_s)
    return found


def test_early_ends_wait_twice_as_long_each_time_up_to_the_bound() -> None:
    found = delays([0.1] * 10)
    assert found[0] == FIRST_DELAY_S
    assert found == sorted(found)
    assert found[1] == 2 * FIRST_DELAY_S
    assert found[-1] == LONGEST_DELAY_S


def test_a_good_life_clears_what_went_before() -> None:
    assert delays([0.1, 0.1, 0.1, HEALTHY_AFTER_S, 0.1])[3] == FIRST_DELAY_S


def test_one_crash_costs_less_than_half_a_second() -> None:
    assert delays([3600.0])[0] < 0.5


@given(st.lists(st.floats(0, 1000), max_size=300))
def test_every_delay_is_between_the_bounds(lives_s: list[float]) -> None:
    assert all(FIRST_DELAY_S <= delay_s <= LONGEST_DELAY_S for delay_s in delays(lives_s))
