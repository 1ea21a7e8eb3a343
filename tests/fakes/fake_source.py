"""Knows how to be a camera without a network: scripted pictures and ends, in any clock."""

import asyncio
from dataclasses import dataclass, field

from engine.bitstream import split_annex_b
from engine.packets import Codec
from engine.source import Reason
from streams.cameras.depacketise import RawUnit
from streams.cameras.errors import SourceError
from streams.cameras.units import Framing
from tests.fakes.source_clips import ClipPlan, access_units


@dataclass
class Run:
    """What one connection does: pictures in all, then an end (None: silence for ever)."""

    pictures: int = 10**9
    end: BaseException | None = None
    connect_s: float = 0.0
    first: int = 0  # picture to begin with; a keyframe is every tenth
    keyframes: bool = True


@dataclass
class FakeSource:
    """Plays its runs one after another, the last one again and again."""

    runs: list[Run] = field(default_factory=lambda: [Run()])
    interval_s: float = 0.04
    started: int = 0
    retired: bool = False
    lost: asyncio.Event = field(default_factory=asyncio.Event)  # set: the peer goes
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def ready(self):
        await self.is_ready.wait()

    async def retire(self):
        self.retired = True

    async def run(self, deliver, previous_epoch_ms):
        run = self.runs[min(self.started, len(self.runs) - 1)]
        self.started += 1
        units = [tuple(split_annex_b(unit)) for unit in access_units(ClipPlan())]
        framing = Framing(Codec.H264, previous_epoch_ms)
        await asyncio.sleep(run.connect_s)
        loop = asyncio.get_running_loop()
        if not run.keyframes:
            units = [units[1]]
        for number in range(run.first, run.first + run.pictures):
            if self.lost.is_set():
                raise SourceError(Reason.CLOSED)
            unit = RawUnit(number * 3600 % 2**32, units[number % len(units)], False)
            packet = framing.add(unit, round(loop.time() * 1e9) + 1_790_000_000_000_000_000)
            deliver(packet, framing.facts())
            await asyncio.sleep(self.interval_s)
        if run.end is not None:
            raise run.end
        await self.lost.wait()
        raise SourceError(Reason.CLOSED)
