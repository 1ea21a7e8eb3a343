"""A watched camera whose clock is set back by an hour: who stands there then is seen as before."""

import pytest
from watch_scene import Person, ns, play, wait, watch

from engine.alerts import AlertState
from engine.observations import MaskState
from engine.purpose import Purpose

pytestmark = pytest.mark.unit

HOUR_S = 3600


@pytest.mark.parametrize("purpose", [Purpose.NONE, Purpose.PEOPLE])
def test_after_a_clock_was_set_back_visits_end_and_new_people_raise_alerts(purpose):
    camera = watch(purpose)
    before = play(camera, [Person(face=5, go_s=4.0)], 4.0)
    masks = ((-HOUR_S, MaskState.MISSING),)
    then = Person(face=6, coat=3, masks=masks, come_s=-HOUR_S, go_s=4.0 - HOUR_S)
    after = play(camera, [then], 4.0 - HOUR_S, begin_s=-HOUR_S)
    wait(camera, after, 5 - HOUR_S, 120 - HOUR_S)
    opened = {one.id: one for _, one in before.alerts + after.alerts if one.revision == 1}
    (first,) = {one.id for _, one in before.alerts if one.kind == "unmasked"}
    (second,) = {one.id for _, one in after.alerts if one.kind == "unmasked"} - {first}
    assert opened[second].opened_ns < ns(10 - HOUR_S)
    last = {one.id: one.state for _, one in before.alerts + after.alerts}
    assert last[first] is last[second] is AlertState.CLOSED
    ended = {one.id for _, one in after.visits if one.ended}
    assert ended == before.visit_ids() | after.visit_ids()
