"""Knows that pictures are chosen by time: the mean rate holds, nothing is caught up."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sampling import Activity, Sampler, SamplingSettings, rate_for_load

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS


def chosen(camera_hz, wanted_hz, seconds=20):
    sampler = Sampler(wanted_hz)
    times = [BEGIN_NS + round(step / camera_hz * SECOND_NS) for step in range(camera_hz * seconds)]
    return [now for now in times if sampler.due(now)]


@given(st.integers(5, 60), st.floats(1, 12))
def test_the_mean_rate_is_the_wanted_one_or_the_cameras(camera_hz, wanted_hz):
    rate_hz = len(chosen(camera_hz, wanted_hz)) / 20
    assert rate_hz == pytest.approx(min(camera_hz, wanted_hz), rel=0.06)


def test_twenty_five_a_second_give_eight_evenly():
    times = chosen(25, 8)
    gaps_ms = {(after - before) // 1_000_000 for before, after in itertools.pairwise(times)}
    assert gaps_ms <= {119, 120, 159, 160}
    assert len(times) / 20 == pytest.approx(8, abs=0.1)


def test_a_gap_is_not_caught_up_and_a_step_back_begins_anew():
    sampler = Sampler(8)
    assert sampler.due(BEGIN_NS)
    assert sampler.due(BEGIN_NS + 60 * SECOND_NS)
    assert not sampler.due(BEGIN_NS + 60 * SECOND_NS + SECOND_NS // 25)
    assert sampler.due(BEGIN_NS)
    assert not sampler.due(BEGIN_NS + SECOND_NS // 25)


def test_a_faster_rate_counts_from_the_last_chosen_picture():
    sampler = Sampler(1)
    assert sampler.due(BEGIN_NS)
    sampler.set_rate(8)
    assert not sampler.due(BEGIN_NS + SECOND_NS // 10)
    assert sampler.due(BEGIN_NS + SECOND_NS // 8)


def test_an_empty_still_scene_falls_to_the_idle_rate_and_wakes_at_once():
    settings = SamplingSettings()
    activity = Activity(settings)
    rates = [activity.wanted_hz(second < 3, False, BEGIN_NS + second * SECOND_NS)
             for second in range(10)]  # fmt: skip
    assert rates == [settings.full_hz] * 5 + [settings.idle_hz] * 5
    assert activity.wanted_hz(True, False, BEGIN_NS + 10 * SECOND_NS) == settings.full_hz
    assert activity.wanted_hz(False, True, BEGIN_NS + 30 * SECOND_NS) == settings.full_hz


def test_load_lowers_the_rate_to_a_floor_and_rest_brings_it_back():
    settings = SamplingSettings()
    rate_hz = settings.full_hz
    for _ in range(60):
        lower = rate_for_load(rate_hz, 1.0, 1.0, settings)
        assert settings.least_hz <= lower <= rate_hz
        rate_hz = lower
    assert rate_hz == settings.least_hz
    assert rate_for_load(rate_hz, 0.95, 1.0, settings) == rate_hz
    for _ in range(60):
        rate_hz = rate_for_load(rate_hz, 0.5, 1.0, settings)
    assert rate_hz == settings.full_hz


def test_rates_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="above 0"):
        Sampler(0)
    with pytest.raises(ValueError, match="above 0"):
        SamplingSettings(least_hz=9)
