"""The pace of a stream in a loop without a clock of its own, and the log of what was sent."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from ostiary.demo import station
from ostiary.demo.clip import Clip, Picture
from ostiary.demo.playout import Outgoing
from ostiary.demo.station import Origin, SendLog, Sent, Station

pytestmark = pytest.mark.unit


def clip(count: int, group: int) -> Clip:
    pictures = tuple(
        Picture(
            (b"\x67s", b"\x68p", b"\x65i") if at % group == 0 else (b"\x41p",),
            pts,
            pts,
            not at % group,
        )
        for at, pts in ((at, at * 3600) for at in range(count))
    )
    return Clip(pictures, count * 3600, 3600, 320, 240)


class Listener:
    """Stands where a client would, and keeps what it is given."""

    def __init__(self) -> None:
        self.ended_because: str | None = None
        self.got: list[Outgoing] = []

    def send(self, picture: Outgoing) -> None:
        self.got.append(picture)


def played(made: Station, late_s: float, count: int) -> list[Outgoing]:
    """Play a stream that began late_s ago until `count` pictures were sent."""
    listener = Listener()
    made.clients.add(listener)  # type: ignore[arg-type]

    async def run() -> None:
        began_s = asyncio.get_running_loop().time() - late_s
        task = asyncio.create_task(made.play(Origin(began_s, time.time_ns()), lambda sent: None))
        async with asyncio.timeout(10):
            while len(listener.got) < count:
                await asyncio.sleep(0)
        task.cancel()

    asyncio.run(run())
    return listener.got[:count]


def test_numbers_and_times_go_on_over_the_seam() -> None:
    got = played(Station("a", clip(4, 2), Path("a"), first_rtp_time=7), 0.9, 10)
    assert [each.number for each in got] == list(range(10))
    assert [each.rtp_time for each in got] == [7 + 3600 * number for number in range(10)]


def test_whoever_was_held_up_goes_on_at_a_keyframe_and_on_the_line() -> None:
    made = Station("a", clip(10, 5), Path("a"))
    first = played(made, 5.0, 1)[0]
    assert first.keyframe
    assert first.number % 5 == 0
    assert made.skipped == first.number > 0
    assert first.rtp_time == first.number * 3600
    assert 5.0 - first.number / 25 <= station.LATE_S


def test_the_send_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(station, "SEND_LOG_BYTES", 1000)
    log = SendLog(tmp_path / "sent.jsonl")
    for index in range(40):
        log(Sent("lobby", index, 0, index * 3600, 1, 2, 1))
    kept = [(tmp_path / name).read_text().splitlines() for name in ("sent.jsonl.1", "sent.jsonl")]
    assert all(sum(len(line) + 1 for line in lines) <= 1000 for lines in kept)
    numbers = [json.loads(line)["index"] for lines in kept for line in lines]
    assert numbers == list(range(numbers[0], 40))
    SendLog(tmp_path / "sent.jsonl")(Sent("lobby", 40, 0, 0, 1, 2, 1))
    assert json.loads((tmp_path / "sent.jsonl").read_text().splitlines()[-1])["index"] == 40
