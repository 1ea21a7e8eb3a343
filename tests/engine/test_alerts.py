"""Knows an alert's record as the contract writes it, its states, and when it is revised."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alert_book import AlertBook, Finding, Thresholds
from engine.alerts import (
    TRANSITIONS,
    AlertEvent,
    AlertReason,
    AlertRevision,
    AlertState,
    Evidence,
    alert_id,
    next_state,
)
from engine.observations import Knowledge, MaskState
from engine.rfc3339 import from_rfc3339, to_rfc3339, whole_ms
from engine.rules import RuleKind, Severity, Standing, default_rule

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS
UNMASKED = default_rule(RuleKind.UNMASKED, "lobby")
UNKNOWN = default_rule(RuleKind.UNKNOWN, "lobby")
ADA = default_rule(RuleKind.PERSON, "lobby", "ada")
BARE = Standing(BEGIN_NS, 80.0, MaskState.MISSING, 0.9, 7)
MASKED = replace(BARE, mask=MaskState.WORN)
STRANGER = replace(BARE, knowledge=Knowledge.UNKNOWN, who_score=0.1, who_views=6)
RECOGNISED = replace(BARE, knowledge=Knowledge.KNOWN, person_id="ada", who_score=0.6)


def book():
    return AlertBook({"mask": "mobilenet-v2-mask@3"}, Thresholds(0.6, 0.4, 0.3))


def judge(alerts, standing, at_s, rule=UNMASKED, ripe=True, quality=0.5):
    now_ns = BEGIN_NS + round(at_s * SECOND_NS)
    change = alerts.judge(Finding(rule, "v1", standing, now_ns, ripe, quality), now_ns)
    return None if change is None else change.revision


def test_the_record_is_written_as_the_contract_says():
    revision = AlertRevision(
        id="a7f3", revision=2, kind=RuleKind.MASK_INCORRECT, camera="lobby",
        state=AlertState.UPDATED, active=True, person_id="p-19", severity=Severity.WARNING,
        opened_ns=from_rfc3339("2026-11-22T14:33:20.120Z"),
        seen_ns=from_rfc3339("2026-11-22T14:33:24.480Z"),
        evidence=Evidence(14, 0.97, 0.8, {"mask": "mobilenet-v2-mask@3"}, "e-5c1"),
    )  # fmt: skip
    assert json.loads(revision.to_json()) == {
        "id": "a7f3", "revision": 2, "kind": "mask_incorrect", "camera": "lobby",
        "state": "updated", "active": True, "subject": {"person_id": "p-19"},
        "severity": "warning", "opened_at": "2026-11-22T14:33:20.120Z",
        "seen_at": "2026-11-22T14:33:24.480Z",
        "evidence": {"votes": 14, "score": 0.97, "threshold": 0.8,
                     "models": {"mask": "mobilenet-v2-mask@3"}, "snapshot": "e-5c1"},
    }  # fmt: skip


REVISIONS = st.builds(
    AlertRevision,
    id=st.text("0123456789abcdef", min_size=32, max_size=32),
    revision=st.integers(1, 10_000),
    kind=st.sampled_from(RuleKind),
    camera=st.just("lobby"),
    state=st.sampled_from(AlertState),
    active=st.booleans(),
    person_id=st.none() | st.text(min_size=1, max_size=8),
    severity=st.sampled_from(Severity),
    opened_ns=st.integers(0, 4 * 10**18).map(whole_ms),
    seen_ns=st.integers(0, 4 * 10**18).map(whole_ms),
    evidence=st.builds(
        Evidence,
        votes=st.integers(0, 999),
        score=st.floats(0, 1).map(lambda score: round(score, 4)),
        threshold=st.floats(0, 1),
        models=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
        snapshot=st.none() | st.text(max_size=8),
    ),
    reason=st.none() | st.sampled_from(AlertReason),
)


@pytest.mark.slow
@given(REVISIONS)
def test_what_is_written_is_read_back(revision):
    assert AlertRevision.from_json(revision.to_json()) == revision
    assert AlertRevision.from_json(revision.to_json().encode()) == revision


@pytest.mark.slow
@given(st.integers(0, 4 * 10**18))
def test_moments_are_written_to_the_millisecond(moment_ns):
    assert from_rfc3339(to_rfc3339(moment_ns)) == whole_ms(moment_ns)


def test_a_moment_needs_an_offset():
    assert from_rfc3339("1970-01-01T01:00:00.5+01:00") == SECOND_NS // 2
    with pytest.raises(ValueError, match="offset"):
        from_rfc3339("2026-11-22T14:33:20")


@pytest.mark.parametrize("event", AlertEvent)
@pytest.mark.parametrize("state", [None, *AlertState])
def test_the_state_table_is_total_or_says_no(state, event):
    allowed = {
        None: {AlertEvent.OPEN},
        AlertState.OPENED: {AlertEvent.CHANGE, AlertEvent.CLOSE, AlertEvent.WITHDRAW},
        AlertState.UPDATED: {AlertEvent.CHANGE, AlertEvent.CLOSE, AlertEvent.WITHDRAW},
        AlertState.WITHDRAWN: {AlertEvent.CHANGE},
        AlertState.CLOSED: set(),
    }
    if event in allowed[state]:
        assert next_state(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(ValueError, match="cannot"):
            next_state(state, event)


def test_an_alert_opens_once_ripe_and_flips_under_one_id():
    alerts = book()
    assert judge(alerts, BARE, 0, ripe=False) is None
    found = [
        judge(alerts, BARE, 1), judge(alerts, BARE, 2), judge(alerts, MASKED, 3),
        judge(alerts, MASKED, 4), judge(alerts, BARE, 5, ripe=False), judge(alerts, BARE, 6),
    ]  # fmt: skip
    told = [one for one in found if one is not None]
    assert [(one.revision, one.state, one.active) for one in told] == [
        (1, AlertState.OPENED, True), (2, AlertState.UPDATED, False),
        (3, AlertState.UPDATED, True),
    ]  # fmt: skip
    assert {one.id for one in told} == {alert_id(UNMASKED.id, "v1")}
    assert {one.opened_ns for one in told} == {BEGIN_NS + SECOND_NS}
    assert alerts.close("v1", BEGIN_NS + 7 * SECOND_NS, None).revisions[0].revision == 4
    assert judge(alerts, BARE, 8).revision == 1, "a closed visit is forgotten"


def test_a_subject_that_becomes_known_is_told_at_once():
    alerts = book()
    judge(alerts, BARE, 0)
    told = judge(alerts, RECOGNISED, 0.125)
    assert (told.person_id, told.active, told.revision) == ("ada", True, 2)


def test_a_recognised_stranger_withdraws_the_alert_and_may_become_one_again():
    alerts = book()
    assert judge(alerts, STRANGER, 0, UNKNOWN).state is AlertState.OPENED
    undecided = replace(STRANGER, knowledge=Knowledge.UNDECIDED)
    assert judge(alerts, undecided, 1, UNKNOWN) is None
    told = judge(alerts, RECOGNISED, 2, UNKNOWN)
    assert (told.state, told.active, told.reason, told.person_id) == (
        AlertState.WITHDRAWN, False, AlertReason.RECOGNISED, "ada",
    )  # fmt: skip
    assert judge(alerts, RECOGNISED, 3, UNKNOWN) is None
    again = judge(alerts, STRANGER, 4, UNKNOWN)
    assert (again.state, again.active, again.reason, again.revision) == (
        AlertState.UPDATED, True, None, 3,
    )  # fmt: skip


def test_a_person_who_turns_out_to_be_another_withdraws_the_alert():
    alerts = book()
    assert judge(alerts, RECOGNISED, 0, ADA).person_id == "ada"
    told = judge(alerts, replace(RECOGNISED, person_id="bea"), 1, ADA)
    assert (told.state, told.reason) == (AlertState.WITHDRAWN, AlertReason.MISTAKEN)


def test_better_evidence_is_told_at_most_once_a_second():
    alerts = book()
    judge(alerts, BARE, 0, quality=None)
    told = [
        judge(alerts, BARE, step / 8, quality=min(1.0, 0.1 + step / 20)) for step in range(1, 60)
    ]
    revisions = [one for one in told if one is not None]
    assert [one.evidence.snapshot is None for one in revisions] == [False] * len(revisions)
    assert 2 <= len(revisions) <= 6
    times = [one.seen_ns for one in revisions]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) >= SECOND_NS
    assert len({one.evidence.snapshot for one in revisions}) == len(revisions)


def test_a_score_is_told_again_only_when_it_beats_the_best_that_was_told():
    alerts = book()
    looks = [(0.7, 0.5), (0.8, 0.5), (0.7, 0.9), (0.8, 0.9), (0.84, 0.9), (0.86, 0.9)]
    told = [
        judge(alerts, replace(BARE, mask_probability=score), 2 * step, quality=quality)
        for step, (score, quality) in enumerate(looks)
    ]
    assert [one.evidence.score for one in told if one is not None] == [0.7, 0.8, 0.7, 0.86]


def test_an_erased_person_leaves_every_record():
    alerts = book()
    judge(alerts, RECOGNISED, 0)
    judge(alerts, RECOGNISED, 0, ADA)
    told = alerts.forget("ada", BEGIN_NS + SECOND_NS)
    assert [(one.kind, one.state, one.person_id, one.reason) for one in told] == [
        (RuleKind.UNMASKED, AlertState.UPDATED, None, AlertReason.ERASED),
        (RuleKind.PERSON, AlertState.WITHDRAWN, None, AlertReason.ERASED),
    ]
    assert all(kept.revision.person_id is None for kept in alerts.kept("v1"))


def test_the_next_owner_goes_on_with_ids_and_revisions():
    before, after = book(), book()
    opened = judge(before, BARE, 0)
    after.restore("v1", before.kept("v1"))
    assert judge(after, BARE, 0.5, ripe=False) is None, "dwell is not begun anew"
    told = judge(after, MASKED, 1)
    assert (told.id, told.revision, told.opened_ns) == (opened.id, 2, opened.opened_ns)
    first = judge(after, STRANGER, 2, UNKNOWN)
    assert first.revision == 2, "revision 1 is left to what the other owner hands in"


@pytest.mark.slow
@given(
    st.lists(
        st.tuples(
            st.sampled_from([BARE, MASKED, STRANGER, RECOGNISED]),
            st.sampled_from([UNMASKED, UNKNOWN, ADA]),
            st.booleans(),
            st.none() | st.floats(0, 1),
            st.floats(0.01, 3),
        ),
        max_size=40,
    )
)
def test_revisions_strictly_grow_under_one_id_and_replays_are_equal(story):
    def play():
        alerts, at_s, told = book(), 0.0, []
        for standing, rule, ripe, quality, gap_s in story:
            at_s += gap_s
            told.append(judge(alerts, standing, at_s, rule, ripe, quality))
        closing = alerts.close("v1", BEGIN_NS + round((at_s + 1) * SECOND_NS), None)
        return [one for one in told if one is not None] + list(closing.revisions)

    told = play()
    assert told == play()
    for rule in (UNMASKED, UNKNOWN, ADA):
        mine = [one for one in told if one.id == alert_id(rule.id, "v1")]
        assert [one.revision for one in mine] == list(range(1, len(mine) + 1))
        assert [one.state for one in mine].count(AlertState.OPENED) == (1 if mine else 0)
        assert not mine or (mine[-1].over and not mine[-1].active)
        assert all(one.kind is rule.kind for one in mine)
