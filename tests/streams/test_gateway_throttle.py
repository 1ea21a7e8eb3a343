"""Guesses at keys: a few at once, then slowly, each address by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.gateway.throttle import Throttle

pytestmark = pytest.mark.unit


def test_after_its_guesses_an_address_waits_and_then_may_again():
    throttle = Throttle(guesses=3, refill_s=10)
    for _ in range(3):
        assert throttle.wait_s("a", 0.0) == 0
        throttle.failed("a", 0.0)
    assert throttle.wait_s("a", 0.0) == pytest.approx(10)
    assert throttle.wait_s("a", 4.0) == pytest.approx(6)
    assert throttle.wait_s("b", 4.0) == 0
    assert throttle.wait_s("a", 10.0) == 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_nobody_guesses_more_often_than_the_bucket_allows(pauses):
    throttle = Throttle(guesses=5, refill_s=6)
    now_s, taken = 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        if throttle.wait_s("a", now_s) == 0:
            throttle.failed("a", now_s)
            taken += 1
    assert taken <= 5 + now_s / 6 + 1e-6


def test_the_longest_unseen_address_is_forgotten_first():
    throttle = Throttle(guesses=1, refill_s=100, addresses=2)
    for address in ("a", "b", "c"):
        throttle.failed(address, 0.0)
    assert throttle.wait_s("a", 0.0) == 0
    assert throttle.wait_s("b", 0.0) > 0
    assert throttle.wait_s("c", 0.0) > 0
