"""What an inbox entry means, and what a client asks for next: no connection needed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from ostiary.inbox import Alert, Reader, Reading, Seen, parse

pytestmark = pytest.mark.unit

READER = Reader("desk", "me")


def entry(revision: int = 1, **changes: Any) -> dict[bytes, bytes]:
    record = {
        "id": "a7", "revision": revision, "kind": "unknown", "camera": "lobby", "state": "opened",
        "active": True, "subject": {"person_id": "p-19"}, "severity": "warning",
        "opened_at": "2026-11-22T14:33:20.120Z", "seen_at": "2026-11-22T14:33:24.480Z",
        "evidence": {"votes": 3, "snapshot": "e-1"},
    }  # fmt: skip
    return {b"alert": json.dumps(record | changes).encode()}


GAP = {b"gap": b'{"dropped":7,"first":"1-1","last":"8-1"}'}


def test_an_entry_is_read_whole() -> None:
    alert = parse(b"5-1", entry())
    assert alert is not None
    assert (alert.cursor, alert.kind, alert.person_id, alert.name) == (
        "5-1",
        "unknown",
        "p-19",
        None,
    )
    assert alert.evidence["snapshot"] == "e-1"
    nobody = parse(b"5-1", entry(subject=None, kind="a-kind-of-tomorrow", more=1))
    assert nobody is not None
    assert (nobody.person_id, nobody.kind) == (None, "a-kind-of-tomorrow")
    assert parse(b"5-1", GAP) == Alert("5-1", "gap", dropped=7)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([b"alert", b"gap", b"x"]), st.binary(max_size=20)))
def test_whatever_stands_there_it_never_stops_the_reader(fields: dict[bytes, bytes]) -> None:
    assert parse(b"1-1", fields) is None


def test_a_revision_is_delivered_once_and_memory_is_bounded() -> None:
    seen = Seen()
    first = Alert("1-1", "unknown", "a", 1)
    assert not seen.covers(first)
    seen.note(first)
    assert seen.covers(first)
    assert not seen.covers(Alert("2-1", "unknown", "a", 2))
    for number in range(10_000):
        seen.note(Alert("3-1", "unknown", f"b{number}", 1))
    assert not seen.covers(first)
    assert seen.covers(Alert("3-1", "unknown", "b0", 1))


def test_first_the_backlog_then_what_others_left_then_what_is_new() -> None:
    reading = Reading(READER)
    asked = reading.command(0.0)
    assert (asked[0], asked[-1]) == ("XREADGROUP", "0")
    reply = [[b"ostiary:inbox:desk", [(b"4-1", entry())]]]
    assert reading.entries(asked, reply) == [(b"4-1", entry())]
    assert reading.done(b"4-1") == ("XACK", "ostiary:inbox:desk", "desk", "4-1")
    asked = reading.command(0.0)
    assert asked[-1] == "4-1"
    assert reading.entries(asked, []) == []
    asked = reading.command(0.0)
    assert asked[0] == "XAUTOCLAIM"
    assert reading.entries(asked, [b"0-0", [(b"5-1", entry(2))], []]) == [(b"5-1", entry(2))]
    assert reading.command(0.0)[-1] == ">"
    assert reading.command(59.0)[-1] == ">"
    assert reading.command(61.0)[0] == "XAUTOCLAIM"


def test_after_a_lost_connection_the_backlog_comes_first_again() -> None:
    reading = Reading(READER, backlog=None)
    reading.entries(reading.command(0.0), [b"0-0", [], []])
    pauses = [reading.pause_after(RedisConnectionError()) for _ in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.1
    assert pauses[-1] == 5.0
    assert reading.command(1.0)[-1] == "0"


@pytest.mark.parametrize("error", [AuthenticationError("x"), NoPermissionError("x")])
def test_a_wrong_password_is_a_mistake_at_first_and_a_restart_later(error: Exception) -> None:
    reading = Reading(READER)
    with pytest.raises(type(error)):
        reading.pause_after(error)
    reading.entries(reading.command(0.0), [])
    assert reading.pause_after(error) > 0


def test_what_waiting_cannot_mend_is_raised() -> None:
    reading = Reading(READER, connected=True)
    assert reading.pause_after(ResponseError("NOGROUP No such key")) > 0
    with pytest.raises(ResponseError, match="ERR syntax"):
        reading.pause_after(ResponseError("ERR syntax"))


def test_a_replay_goes_on_after_each_entry_and_acknowledges_nothing() -> None:
    reading = Reading(READER, "9-1")
    assert reading.command(0.0)[0] == "XREAD"
    assert reading.command(0.0)[-1] == "9-1"
    assert reading.done(b"10-1") is None
    assert reading.command(0.0)[-1] == "10-1"


def test_a_replay_is_told_only_of_gaps_that_it_has_not_passed() -> None:
    assert Reading(READER, "8-1").wanted(b"12-0", GAP) is None
    assert Reading(READER, "7-3").wanted(b"12-0", GAP) is not None
    assert Reading(READER, "0").wanted(b"12-0", GAP) is not None
    assert Reading(READER).wanted(b"12-0", GAP) is not None
    assert Reading(READER).wanted(b"12-0", None) is None
