"""Knows the states of one analysis that somebody asked for with files of their own. Knows no file.

Theory of operation. An analysis receives its files, waits for its turn, runs in a process of its
own, and ends in one of three ways. Only one runs at a time. What has ended never begins again: who
wants it anew sends the files anew, for they are erased at its end.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class AnalysisState(StrEnum):
    """Where an analysis stands."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AnalysisEvent(StrEnum):
    """What can happen to an analysis."""

    START = "start"  # all files are there
    CLAIM = "claim"  # a process has taken it
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"


ENDED: Final = frozenset({AnalysisState.DONE, AnalysisState.FAILED, AnalysisState.CANCELLED})

# A pair that is not here is a defect and raises.
TRANSITIONS: Final[Mapping[tuple[AnalysisState, AnalysisEvent], AnalysisState]] = {
    (AnalysisState.RECEIVING, AnalysisEvent.START): AnalysisState.QUEUED,
    (AnalysisState.RECEIVING, AnalysisEvent.CANCEL): AnalysisState.CANCELLED,
    (AnalysisState.QUEUED, AnalysisEvent.CLAIM): AnalysisState.RUNNING,
    (AnalysisState.QUEUED, AnalysisEvent.FAIL): AnalysisState.FAILED,
    (AnalysisState.QUEUED, AnalysisEvent.CANCEL): AnalysisState.CANCELLED,
    (AnalysisState.RUNNING, AnalysisEvent.FINISH): AnalysisState.DONE,
    (AnalysisState.RUNNING, AnalysisEvent.FAIL): AnalysisState.FAILED,
    (AnalysisState.RUNNING, AnalysisEvent.CANCEL): AnalysisState.CANCELLED,
}


def next_state(state: AnalysisState, event: AnalysisEvent) -> AnalysisState:
    """Return the state after an event; ValueError for a pair that the table does not hold."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"an analysis that is {state} cannot {event}") from None
