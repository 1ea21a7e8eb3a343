"""How a worker counts: rates over ten seconds, latencies over a minute, drops for good."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.figures import CameraFigures, percentiles

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS


def at(seconds):
    return BEGIN_NS + round(seconds * SECOND_NS)


def eight_a_second(until_s):
    figures = CameraFigures(BEGIN_NS)
    for step in range(round(until_s * 8)):
        figures.analysed(at(step / 8), 40.0)
    return figures


@pytest.mark.parametrize("until_s", [2, 10, 90])
def test_a_steady_camera_shows_its_rate_soon_and_keeps_it(until_s):
    shown = eight_a_second(until_s).record(at(until_s))["analysed_per_s"]
    assert shown == pytest.approx(8.0, abs=0.5)


def test_a_camera_that_stopped_falls_to_nothing_and_forgets_its_latency():
    figures = eight_a_second(20)
    assert figures.record(at(25))["analysed_per_s"] == pytest.approx(4.0, abs=0.5)
    assert figures.record(at(31))["analysed_per_s"] == 0
    assert figures.record(at(31))["latency_ms"]["p50"] == 40
    assert figures.record(at(81))["latency_ms"] is None


def test_drops_are_told_by_reason():
    figures = CameraFigures(BEGIN_NS)
    figures.drops["stale"] += 2
    told = figures.record(at(1))["drops"]
    told["stale"] = 0
    assert figures.record(at(1))["drops"] == {"stale": 2}


@given(st.lists(st.floats(0, 10_000), min_size=1))
def test_percentiles_rise_and_stay_within_what_was_seen(values):
    found = percentiles(values)
    rising = [found["p50"], found["p95"], found["p99"]]
    assert rising == sorted(rising)
    assert min(values) - 0.1 <= rising[0]
    assert rising[-1] <= max(values) + 0.1


def test_stages_are_told_as_shares_of_a_core() -> None:
    figures = CameraFigures(at(0))
    figures.stages_ns["detector"] = 500_000_000
    assert figures.record(at(2))["stage_percent"] == {"detector": 25.0}
