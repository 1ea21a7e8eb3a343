"""An analysis' states: one way in, three ways out, and no way back."""

import pytest

from engine.analyses import ENDED, TRANSITIONS, AnalysisEvent, AnalysisState, next_state

pytestmark = pytest.mark.unit


def test_every_pair_is_in_the_table_or_raises():
    for state in AnalysisState:
        for event in AnalysisEvent:
            if (state, event) in TRANSITIONS:
                assert next_state(state, event) is TRANSITIONS[state, event]
            else:
                with pytest.raises(ValueError, match=f"{state} cannot {event}"):
                    next_state(state, event)


def test_what_has_ended_stays_ended_and_all_else_can_be_cancelled():
    assert not [pair for pair in TRANSITIONS if pair[0] in ENDED]
    for state in set(AnalysisState) - ENDED:
        assert next_state(state, AnalysisEvent.CANCEL) is AnalysisState.CANCELLED


def test_only_a_waiting_analysis_is_claimed_so_a_second_claim_cannot_be():
    claimed = [state for state, event in TRANSITIONS if event is AnalysisEvent.CLAIM]
    assert claimed == [AnalysisState.QUEUED]
