"""Knows that a statement depends on evidence and time, never on how many pictures brought it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.belief import Belief, BeliefSettings, Fading, faded_s, weight_of

pytestmark = pytest.mark.unit

WORN = np.array([0.93, 0.04, 0.03])
MISSING = WORN[::-1]
UNCLEAR = np.array([0.45, 0.1, 0.45])
BEGIN_NS = 1_800_000_000_000_000_000


def ns(t_s):
    return BEGIN_NS + round(t_s * 1e9)


def decided_after(hz, views, weight=0.8, seconds=6.0):
    """Return when each label first stood, for views(t_s) at so many pictures a second."""
    belief = Belief(3, BeliefSettings())
    when = {}
    for step in range(int(seconds * hz)):
        t_s = step / hz
        belief.add(views(t_s), weight, ns(t_s))
        when.setdefault(belief.statement(ns(t_s)).label, t_s)
    return when


@pytest.mark.slow
@settings(max_examples=40)
@given(st.sampled_from([4, 8, 16]), st.floats(0.4, 1.0))
def test_half_the_pictures_decide_in_the_same_time(hz, weight):
    def views(t_s):
        return WORN if t_s < 3 else MISSING

    finest, found = decided_after(48, views, weight), decided_after(hz, views, weight)
    assert found[0] == pytest.approx(finest[0], abs=1 / hz)
    assert found[2] == pytest.approx(finest[2], abs=1 / hz + 1 / 48)


@pytest.mark.slow
@given(st.lists(st.floats(0.01, 0.29), min_size=1, max_size=40))
def test_the_evidence_does_not_depend_on_how_time_was_cut(gaps_s):
    fading = Fading(1, half_life_s=0.8, view_cap_s=0.3)
    one = np.ones(1)
    fading.add(one, BEGIN_NS)
    now_ns = BEGIN_NS
    for gap_s in gaps_s:
        now_ns += round(gap_s * 1e9)
        fading.add(one, now_ns)
    expected = faded_s((now_ns - BEGIN_NS) / 1e9, 0.8)
    assert fading.at(now_ns)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("hz", [4, 8, 16, 25])
def test_a_clear_view_decides_within_a_second_and_a_switch_within_one_and_a_half(hz):
    when = decided_after(hz, lambda t_s: WORN if t_s < 3 else MISSING)
    assert 0.3 <= when[0] <= 0.8
    assert 1.0 <= when[2] - 3 <= 1.5


def test_more_is_needed_to_switch_than_to_begin():
    begin = decided_after(8, lambda _: MISSING)[2]
    switch = decided_after(8, lambda t_s: WORN if t_s < 3 else MISSING)[2] - 3
    assert switch > begin


@given(st.floats(0, 1), st.integers(0, 2))
def test_one_view_never_decides_however_good(weight, label):
    belief = Belief(3, BeliefSettings())
    belief.add(np.eye(3)[label], weight, ns(0))
    belief.add(np.eye(3)[label], weight, ns(60))
    assert belief.statement(ns(60)).label is None


def test_poor_views_stay_undecided():
    assert set(decided_after(8, lambda _: WORN, weight=0.2)) == {None}


def test_a_view_weighs_more_the_better_it_is():
    weights = [weight_of(quality / 100) for quality in range(101)]
    assert weights == sorted(weights)
    assert (weights[0], weights[25], weights[100]) == (0, 0.5, 1)
    assert (weight_of(-1), weight_of(2)) == (0, 1)


def test_evidence_that_speaks_for_two_stays_undecided():
    assert set(decided_after(8, lambda _: UNCLEAR, weight=1.0)) == {None}


def test_a_label_needs_its_share_and_a_switch_a_greater_lead():
    scattered = np.array([0.54, 0.23, 0.23])
    assert set(decided_after(8, lambda _: scattered, weight=1.0)) == {None}
    narrow = np.array([0.34, 0.02, 0.64])
    assert 2 in decided_after(8, lambda _: narrow, weight=1.0)
    assert 2 not in decided_after(8, lambda t_s: WORN if t_s < 3 else narrow, 1.0, seconds=12)
    clear = np.array([0.28, 0.02, 0.70])
    assert 2 in decided_after(8, lambda t_s: WORN if t_s < 3 else clear, 1.0, seconds=12)


def test_a_short_doubt_changes_nothing():
    when = decided_after(8, lambda t_s: MISSING if 3 <= t_s < 3.5 else WORN)
    assert 2 not in when


def test_what_stands_stays_without_views_while_its_votes_fade():
    belief = Belief(3, BeliefSettings())
    for step in range(16):
        belief.add(WORN, 1.0, ns(step / 8))
    now, later = belief.statement(ns(2)), belief.statement(ns(20))
    assert (now.label, later.label) == (0, 0)
    assert later.votes < 0.01 < now.votes
    assert later.probability == pytest.approx(now.probability)
    assert now.count == 16


def test_disagreement_asks_for_a_closer_look():
    belief = Belief(3, BeliefSettings())
    assert belief.disagrees(WORN)
    for step in range(16):
        belief.add(WORN, 1.0, ns(step / 8))
    assert not belief.disagrees(WORN)
    assert belief.disagrees(MISSING)


def test_time_that_steps_back_adds_nothing():
    belief = Belief(3, BeliefSettings())
    for step in range(40):
        belief.add(WORN, 1.0, ns(-step / 8))
    assert belief.statement(ns(0)).label is None


@pytest.mark.parametrize(
    ("probabilities", "weight"),
    [(np.ones(2) / 2, 1.0), (WORN, -0.1), (WORN, 1.1), (np.array([np.nan, 0, 1]), 1.0)],
)
def test_what_is_no_view_is_refused(probabilities, weight):
    with pytest.raises(ValueError):
        Belief(3, BeliefSettings()).add(probabilities, weight, ns(0))


def test_settings_that_let_one_view_decide_are_refused():
    with pytest.raises(ValueError, match="one view"):
        BeliefSettings(votes_needed=0.2, view_cap_s=0.3)
