"""Knows when a rule is broken: what it looks for, how long, how near, after which grace."""

from dataclasses import replace

import pytest

from engine.observations import Knowledge, MaskState
from engine.purpose import Purpose
from engine.rules import (
    IDENTITY_KINDS,
    Dwell,
    Rule,
    RuleKind,
    Standing,
    check_purpose,
    default_rule,
    holds,
    refuted,
)

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
BEGIN_NS = 1_800_000_000 * SECOND_NS
NOTHING = Standing(BEGIN_NS, face_px=80)
BARE = replace(NOTHING, mask=MaskState.MISSING)
WRONG = replace(NOTHING, mask=MaskState.INCORRECT)
WORN = replace(NOTHING, mask=MaskState.WORN)
STRANGER = replace(NOTHING, knowledge=Knowledge.UNKNOWN)
ADA = replace(NOTHING, knowledge=Knowledge.KNOWN, person_id="ada")
BEA = replace(ADA, person_id="bea")
STANDINGS = {"nothing": NOTHING, "bare": BARE, "wrong": WRONG, "worn": WORN,
             "stranger": STRANGER, "ada": ADA, "bea": BEA}  # fmt: skip
BROKEN_BY = {
    RuleKind.UNMASKED: {"bare"},
    RuleKind.MASK_INCORRECT: {"wrong"},
    RuleKind.UNKNOWN: {"stranger"},
    RuleKind.PERSON: {"ada"},
    RuleKind.CAMERA_DOWN: set(),
}
REFUTED_BY = {RuleKind.UNKNOWN: {"ada", "bea"}, RuleKind.PERSON: {"stranger", "bea"}}


def rule(kind):
    return default_rule(kind, "lobby", "ada" if kind is RuleKind.PERSON else None)


@pytest.mark.parametrize("kind", RuleKind)
def test_each_kind_is_broken_and_refuted_by_what_it_names_and_nothing_else(kind):
    broken = {name for name, one in STANDINGS.items() if holds(rule(kind), one, BEGIN_NS)}
    wrong = {name for name, one in STANDINGS.items() if refuted(rule(kind), one)}
    assert broken == BROKEN_BY[kind]
    assert wrong == REFUTED_BY.get(kind, set())


def test_a_face_too_far_away_and_a_visit_within_its_grace_break_nothing():
    strict = replace(rule(RuleKind.UNMASKED), grace_s=2.0)
    assert not holds(strict, BARE, BEGIN_NS + SECOND_NS)
    assert holds(strict, BARE, BEGIN_NS + 2 * SECOND_NS)
    assert not holds(strict, replace(BARE, face_px=31.9), BEGIN_NS + 2 * SECOND_NS)


def test_a_rule_is_ripe_once_it_has_held_without_a_break():
    dwell, unmasked = Dwell(), rule(RuleKind.UNMASKED)
    story = [(0.0, True), (0.4, True), (0.45, False), (0.5, True), (0.9, True), (1.0, True)]
    ripe = [dwell.update(unmasked, broken, BEGIN_NS + round(at_s * SECOND_NS))
            for at_s, broken in story]  # fmt: skip
    assert ripe == [False, False, False, False, False, True]


def test_rules_of_one_visit_dwell_each_for_itself():
    dwell = Dwell()
    dwell.update(rule(RuleKind.UNMASKED), True, BEGIN_NS)
    assert not dwell.update(rule(RuleKind.MASK_INCORRECT), True, BEGIN_NS + SECOND_NS)
    assert dwell.update(rule(RuleKind.UNMASKED), True, BEGIN_NS + SECOND_NS)


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("kind", RuleKind)
def test_only_people_cameras_may_ask_who_somebody_is(kind, purpose):
    if kind in IDENTITY_KINDS and purpose is not Purpose.PEOPLE:
        with pytest.raises(ValueError, match=r"lobby\."):
            check_purpose((rule(kind),), purpose)
    else:
        check_purpose((rule(kind),), purpose)


def test_default_rules_have_ids_that_stay():
    assert default_rule(RuleKind.UNKNOWN, "lobby") == default_rule(RuleKind.UNKNOWN, "lobby")
    ids = {rule(kind).id for kind in RuleKind} | {default_rule(RuleKind.PERSON, "lobby", "bea").id}
    assert len(ids) == len(RuleKind) + 1


def test_rules_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="names a person"):
        Rule("r", RuleKind.PERSON, "lobby")
    with pytest.raises(ValueError, match="names a person"):
        Rule("r", RuleKind.UNKNOWN, "lobby", person_id="ada")
    with pytest.raises(ValueError, match="negative"):
        Rule("r", RuleKind.UNMASKED, "lobby", dwell_s=-1)
