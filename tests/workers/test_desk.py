"""What is kept for one camera: which pictures are refused, and what its next owner gets."""

import pytest
from fakes.ledger_records import a_visit, an_alert
from fakes.worker_scenes import BEGIN_NS, SECOND_NS, background, camera_of, desk_of, picture_of
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import AlertReason, AlertState
from engine.packets import Role, entry_ms
from engine.purpose import Purpose
from engine.rules import RuleKind
from engine.visits import KeptAlert
from streams.bus.packets import StreamKey

pytestmark = pytest.mark.unit

BUDGET_MS = 500
PIXELS = background()
moments = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), min_size=1, max_size=30)


def picture(epoch_ms, step):
    return picture_of("lobby", PIXELS, BEGIN_NS + step * SECOND_NS, epoch_ms)


def with_open_visit(purpose=Purpose.NONE, alerts=()):
    visit = a_visit(1, seen_ns=BEGIN_NS, alerts=tuple(alerts))
    return desk_of(camera_of("lobby", purpose), visits=[visit])


@given(moments)
def test_pictures_are_analysed_once_and_only_forwards_within_an_epoch(shown):
    desk, before = desk_of(camera_of("lobby")), (0, -1)
    for epoch_ms, step in shown:
        one = picture(epoch_ms, step)
        repeated = epoch_ms == before[0] and step <= before[1]
        refused = desk.refuse(one, entry_ms(one.entry_id), BUDGET_MS)
        assert refused == ("repeated" if repeated else None)
        if not repeated:
            desk.note(one, BEGIN_NS)
            before = (epoch_ms, step)


def test_a_lower_epoch_that_the_intake_admits_is_analysed_and_time_goes_on_from_there():
    """As after a clock that was set back: the intake has let the higher epoch go."""
    desk = desk_of(camera_of("lobby"))
    desk.note(picture(3_700_000, 3600), BEGIN_NS)
    back = [picture(100_000, step) for step in (0, 1)]
    for one in back:
        assert desk.refuse(one, entry_ms(one.entry_id), BUDGET_MS) is None
        desk.note(one, BEGIN_NS)
    assert desk.refuse(back[1], entry_ms(back[1].entry_id), BUDGET_MS) == "repeated"
    assert desk.last_captured_ns == BEGIN_NS + SECOND_NS
    assert desk.tick(BEGIN_NS + 2 * SECOND_NS) is not None


@given(st.integers(0, 5000))
def test_a_picture_is_stale_from_the_budget_on(age_ms):
    desk, one = desk_of(camera_of("lobby")), picture(1, 0)
    reason = desk.refuse(one, entry_ms(one.entry_id) + age_ms, BUDGET_MS)
    assert reason == ("stale" if age_ms > BUDGET_MS else None)


def test_the_stream_that_is_analysed_is_the_sub_stream_where_there_is_one():
    assert desk_of(camera_of("lobby")).stream == StreamKey("lobby", Role.MAIN)
    sub = camera_of("lobby", sub_url="rtsp://192.0.2.1/small")
    assert desk_of(sub).stream == StreamKey("lobby", Role.SUB)


def test_time_passes_only_where_pictures_came_and_then_stopped():
    desk = desk_of(camera_of("lobby"))
    assert desk.tick(BEGIN_NS + 9 * SECOND_NS) is None
    desk.note(picture(1, 0), BEGIN_NS)
    assert desk.tick(BEGIN_NS + SECOND_NS - 1) is None
    assert desk.tick(BEGIN_NS + SECOND_NS) is not None


def test_a_visit_left_open_ends_when_no_picture_comes():
    desk = with_open_visit()
    desk.note(picture(1, 0), BEGIN_NS)
    ended = []
    for second in range(1, 60):
        ended += [one for one in desk.tick(BEGIN_NS + second * SECOND_NS).visits if one.ended]
    assert [one.id for one in ended] == [a_visit(1).id]


def test_a_camera_handed_over_leaves_its_visits_open_for_the_next_owner():
    desk = with_open_visit()
    desk.leave(camera_of("lobby", mask_required=True))
    visit = desk.visits.take(False)
    assert (visit.id, visit.ended) == (a_visit(1).id, False)


@pytest.mark.parametrize("now", [None, camera_of("lobby", Purpose.PEOPLE)])
def test_a_camera_removed_or_used_otherwise_ends_its_visits_and_alerts(now):
    opened = an_alert(5, kind=RuleKind.UNMASKED)
    desk = with_open_visit(alerts=[KeptAlert("lobby.unmasked", opened)])
    desk.leave(now)
    visit = desk.visits.take(False)
    assert (visit.id, visit.ended) == (a_visit(1).id, True)
    closing = desk.outbox.take()
    assert (closing.id, closing.state, closing.active) == (opened.id, AlertState.CLOSED, False)
    assert closing.reason is AlertReason.CAMERA_CHANGED


def test_what_was_left_open_ends_even_if_the_camera_never_sends_again():
    desk = with_open_visit()
    begun_ns = desk.last_seen_ns
    ended = []
    for second in range(1, 60):
        ended += [one for one in desk.tick(begun_ns + second * SECOND_NS).visits if one.ended]
    assert [one.id for one in ended] == [a_visit(1).id]


@pytest.mark.parametrize(
    ("mask_required", "state"), [(True, AlertState.OPENED), (False, AlertState.WITHDRAWN)]
)
def test_a_rule_that_is_taken_away_withdraws_its_alerts_and_keeps_the_visit(mask_required, state):
    opened = an_alert(5, kind=RuleKind.UNMASKED)
    desk = with_open_visit(alerts=[KeptAlert("lobby.unmasked", opened)])
    desk.note(picture(1, 0), BEGIN_NS)
    desk.change(camera_of("lobby", mask_required=mask_required), BEGIN_NS)
    told = desk.outbox.take()
    assert (told.id, told.state) == (opened.id, state)
    assert told.reason is (None if mask_required else AlertReason.RULE_REMOVED)
    assert [one.ended for one in desk.watch.open_visits()] == [False]
