"""Knows that no alert is lost between a watch and a ledger that comes and goes."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import AlertReason, AlertRevision, AlertState, Evidence
from engine.boxes import Box
from engine.outbox import Outbox, VisitBox
from engine.rules import RuleKind, Severity, Standing
from engine.visits import VisitState

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
DAY_S = 24 * 3600


def revision(name, number, state, at_s=0):
    return AlertRevision(
        id=name, revision=number, kind=RuleKind.UNMASKED, camera="lobby", state=state,
        active=state in (AlertState.OPENED, AlertState.UPDATED), person_id=None,
        severity=Severity.WARNING, opened_ns=0, seen_ns=at_s * SECOND_NS,
        evidence=Evidence(5, 0.9, 0.6),
    )  # fmt: skip


def opened(name):
    return revision(name, 1, AlertState.OPENED)


def updated(name, number):
    return revision(name, number, AlertState.UPDATED)


def closed(name, number):
    return revision(name, number, AlertState.CLOSED)


def flush(outbox):
    told = []
    while (waiting := outbox.take()) is not None:
        told.append(waiting)
        outbox.confirm(waiting)
    return told


class Ledger:
    """What the ledger keeps of alerts: the newest revision, and every entry in order."""

    def __init__(self):
        self.entries = []
        self.newest = {}

    def write(self, one):
        stored = self.newest.get(one.id)
        if stored is None or one.revision > stored.revision:
            self.newest[one.id] = one
            self.entries.append(one)


def test_revisions_leave_in_the_order_in_which_their_alerts_came():
    outbox = Outbox()
    outbox.put([opened("a"), opened("b"), updated("a", 2)])
    assert [(one.id, one.revision) for one in flush(outbox)] == [("a", 2), ("b", 1)]
    assert len(outbox) == 0


def test_what_nobody_has_seen_merges_into_one_record():
    outbox = Outbox()
    outbox.put([opened("a"), updated("a", 2), updated("a", 3)])
    assert outbox.take() == replace(updated("a", 3), state=AlertState.OPENED)
    outbox = Outbox()
    outbox.put([opened("a"), updated("a", 2), closed("a", 3)])
    assert flush(outbox) == [closed("a", 3)]
    assert len(outbox) == 0


def test_what_was_handed_out_stays_as_it_is_until_confirmed():
    outbox = Outbox()
    outbox.put([opened("a")])
    assert outbox.take() == opened("a")
    outbox.put([updated("a", 2), updated("a", 3)])
    assert outbox.take() == opened("a")
    outbox.confirm(opened("a"))
    assert flush(outbox) == [updated("a", 3)]


def test_a_newer_confirmation_clears_what_is_older():
    outbox = Outbox()
    outbox.put([opened("a")])
    outbox.take()
    outbox.put([updated("a", 2)])
    outbox.confirm(updated("a", 2))
    assert len(outbox) == 0


def test_a_revision_that_does_not_grow_is_a_defect():
    outbox = Outbox()
    outbox.put([opened("a"), updated("a", 2)])
    with pytest.raises(ValueError, match="does not grow"):
        outbox.put([updated("a", 2)])


def test_when_full_whole_closed_alerts_go_first_and_are_counted():
    outbox = Outbox(capacity=3)
    outbox.put([closed("known", 5), opened("a"), opened("gone"), closed("gone", 2)])
    assert outbox.dropped == 0
    outbox.put([opened("b"), opened("c")])
    assert outbox.dropped == 2
    assert [one.id for one in flush(outbox)] == ["a", "b", "c"]


def test_when_full_the_end_of_a_known_alert_outlives_an_alert_nobody_knows():
    outbox = Outbox(capacity=3)
    outbox.put([closed("known", 5), opened("a"), opened("gone"), closed("gone", 2), opened("b")])
    assert [one.id for one in flush(outbox)] == ["known", "a", "b"]


STEPS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ucxtf")), max_size=80)


@pytest.mark.slow
@given(STEPS, st.integers(1, 6))
def test_an_open_alert_is_never_lost_and_the_rest_is_bounded(steps, capacity):
    """u: open or update, c: close, x: take and lose, t: take and confirm, f: lose the answer."""
    outbox, ledger, newest = Outbox(capacity), Ledger(), {}
    for index, verb in steps:
        name = f"alert-{index}"
        last = newest.get(name)
        if verb == "u" and (last is None or not last.over):
            newest[name] = opened(name) if last is None else updated(name, last.revision + 1)
            outbox.put([newest[name]])
        elif verb == "c" and last is not None and not last.over:
            newest[name] = closed(name, last.revision + 1)
            outbox.put([newest[name]])
        elif verb in "xtf" and (waiting := outbox.take()) is not None:
            if verb != "x":
                ledger.write(waiting)
            if verb == "t":
                outbox.confirm(waiting)
        still_open = sum(not one.over for one in newest.values())
        assert len(outbox) <= max(capacity, 2 * still_open + 1)
    for waiting in flush(outbox):
        ledger.write(waiting)
    for name, last in newest.items():
        if not last.over:
            stored = ledger.newest[name]
            assert replace(stored, state=last.state) == last
    revisions = {}
    for entry in ledger.entries:
        assert entry.revision > revisions.get(entry.id, 0)
        revisions[entry.id] = entry.revision


@pytest.mark.slow
def test_a_day_of_outages_loses_nothing_that_matters():
    chance = random.Random(8)
    outbox, ledger = Outbox(), Ledger()
    open_alerts, all_alerts, longest, away = {}, {}, 0, False
    for second in range(DAY_S):
        if chance.random() < 1 / 900:
            away = not away
        if chance.random() < 1 / 20:
            open_alerts[f"a{second}"] = 1
            outbox.put([opened(f"a{second}")])
        for name in list(open_alerts):
            open_alerts[name] += 1
            ends = chance.random() < 1 / 30
            if ends or chance.random() < 1 / 5:
                outbox.put([closed(name, open_alerts[name]) if ends
                            else updated(name, open_alerts[name])])  # fmt: skip
            else:
                open_alerts[name] -= 1
            if ends:
                all_alerts[name] = open_alerts.pop(name)
        longest = max(longest, len(outbox))
        if not away:
            for waiting in flush(outbox):
                ledger.write(waiting)
    for waiting in flush(outbox):
        ledger.write(waiting)
    assert 100 < longest <= 1000
    assert len(all_alerts) > 4000
    lost = [name for name, last in all_alerts.items()
            if name not in ledger.newest or ledger.newest[name].revision != last]  # fmt: skip
    assert len(lost) == outbox.dropped == 0
    assert all(ledger.newest[name].state is AlertState.CLOSED for name in all_alerts)


def test_a_fenced_out_worker_hands_in_only_what_nobody_else_knows():
    outbox = Outbox()
    outbox.put([opened("new"), updated("new", 2), updated("known", 7), opened("short")])
    outbox.put([closed("short", 2), closed("ended", 9)])
    for _ in range(2):  # the ledger went away in between
        outbox.hand_over()
        assert len(outbox) == 2
    handed = [outbox.take()]
    outbox.confirm(handed[0])
    outbox.hand_over()
    handed.append(outbox.take())
    assert [one.id for one in handed] == ["new", "short"]
    for one in handed:
        assert (one.revision, one.state, one.active) == (1, AlertState.CLOSED, False)
        assert one.reason is AlertReason.HANDED_OVER
    outbox.confirm(handed[1])
    assert len(outbox) == 0


def visit(name, at_s=0, ended=False):
    standing = Standing(opened_ns=0)
    return VisitState(name, "lobby", at_s * SECOND_NS, Box(0, 0, 1, 1), standing, (), ended)


def test_of_each_visit_the_newest_state_waits():
    box = VisitBox()
    box.put([visit("a"), visit("b"), visit("a", 1)])
    assert box.take(False) == visit("a", 1)
    box.confirm(visit("a", 0))
    assert box.take(False) == visit("a", 1), "an older answer confirms nothing newer"
    box.confirm(visit("a", 1))
    assert box.take(False) == visit("b")


def test_waiting_visits_are_bounded_and_the_ended_go_first():
    box = VisitBox(capacity=2)
    box.put([visit("a"), visit("b", ended=True), visit("c")])
    assert (len(box), box.dropped) == (2, 1)
    assert box.take(False) == visit("a")


def test_an_ended_visit_goes_on_until_its_closing_alerts_are_written():
    box = VisitBox()
    box.put([visit("a", 1, ended=True), visit("b")])
    assert box.take(True) == visit("a", 1)
    box.confirm(visit("a", 1))
    assert box.take(True) == visit("b")
    box.confirm(visit("b"))
    assert box.take(True) is None
    assert len(box) == 1
    assert box.take(False) == visit("a", 1, ended=True)
    box.confirm(visit("a", 1, ended=True))
    assert len(box) == 0
    box.put([visit("a", 2, ended=True)])
    assert box.take(True) == visit("a", 2), "a newer end is told anew"
