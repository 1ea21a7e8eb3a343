"""Knows how one stream is kept alive: tried, watched, given up, tried again.

Does not know what kind of source it is, nor the bus. What comes next is decided by engine.source;
this is the shell that waits, connects and cancels.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from engine.packets import Packet
from engine.source import LIMITS, Reason, SourceLimits, SourceState, Supervision
from streams.cameras.errors import SourceError
from streams.cameras.source import Source
from streams.cameras.units import StreamFacts, UnitCounters

NS = 1_000_000_000
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StreamShell:
    """What a supervised stream takes from outside: a name, a clock, chance, and its outlets."""

    name: str  # "camera:role", for the log
    now_ns: Callable[[], int]
    jitter: Callable[[], float]  # [0, 1)
    offer: Callable[[Packet], None]
    changed: Callable[[], None]  # its state is another
    limits: SourceLimits = field(default=LIMITS)


class SupervisedStream:
    """One stream of one camera, for as long as it is wanted; run() ends only when cancelled."""

    def __init__(self, source: Source, shell: StreamShell, previous_epoch_ms: int) -> None:
        self._source = source
        self._shell = shell
        self._generation = 0
        self.highest_epoch_ms = previous_epoch_ms
        self.supervision = Supervision.begin(shell.now_ns())
        self.facts: StreamFacts | None = None
        self._left_out = UnitCounters()  # by the connections before
        self._left_out_now = UnitCounters()  # by this one
        self.pictures = 0
        self.tries = 0

    @property
    def left_out(self) -> UnitCounters:
        """What came from the camera and was not published, of all connections."""
        return self._left_out.plus(self._left_out_now)

    async def run(self) -> None:
        """Keep the stream alive; returns when trying again is pointless."""
        while True:
            match self.supervision.state:
                case SourceState.STOPPED:
                    return
                case SourceState.WAITING:
                    await self._wait()
                case _:
                    await self._try()

    async def _wait(self) -> None:
        next_try_ns = self.supervision.next_try_ns
        if next_try_ns is None:
            await self._source.ready()
        else:
            await asyncio.sleep(max(0, next_try_ns - self._shell.now_ns()) / NS)
        self._become(self.supervision.retried(self._shell.now_ns()))

    async def _try(self) -> None:
        """Connect once, and see it through to its end."""
        self.tries += 1
        self._generation += 1
        async with asyncio.TaskGroup() as group:
            attempt = group.create_task(self._attempt(self._generation))
            while (error := await self._outcome(attempt)) is None:
                now_ns = self._shell.now_ns()
                deadline_ns = self.supervision.deadline_ns(self._shell.limits)
                if deadline_ns is not None and now_ns < deadline_ns:
                    continue
                jitter, limits = self._shell.jitter(), self._shell.limits
                self._become(self.supervision.silent(now_ns, jitter, limits))
                if self.supervision.state is SourceState.WAITING:
                    self._generation += 1
                    attempt.cancel()
                    return
        self._failed(error)

    async def _outcome(self, attempt: "asyncio.Task[SourceError]") -> SourceError | None:
        """Return why the attempt ended; None when it is time to look at the deadline.

        A first picture brings the deadline nearer, to stall_after_s from then: no wait is longer.
        """
        limits = self._shell.limits
        deadline_ns = self.supervision.deadline_ns(limits) or 0
        left_s = max(0.0, (deadline_ns - self._shell.now_ns()) / NS)
        done, _ = await asyncio.wait([attempt], timeout=min(left_s, limits.stall_after_s))
        return attempt.result() if done else None

    async def _attempt(self, generation: int) -> SourceError:
        self._left_out, self._left_out_now = self.left_out, UnitCounters()

        def deliver(packet: Packet | None, facts: StreamFacts) -> None:
            if generation != self._generation:
                return
            self.facts, self._left_out_now = facts, facts.left_out
            if packet is None:
                self._become(self.supervision.heard(self._shell.now_ns()))
            else:
                self._delivered(packet)

        try:
            await self._source.run(deliver, self.highest_epoch_ms)
        except SourceError as error:
            return error
        except (
            Exception
        ):  # one camera's oddity must not end the others: it is that camera's failure
            log.exception("source_defect", stream=self._shell.name)
            return SourceError(Reason.PROTOCOL, "what it sent could not be understood")

    def _delivered(self, packet: Packet) -> None:
        self.highest_epoch_ms = max(self.highest_epoch_ms, packet.epoch_ms)
        self.pictures += 1
        self._become(self.supervision.pictured(self._shell.now_ns()))
        self._shell.offer(packet)

    def _failed(self, error: SourceError) -> None:
        now_ns, jitter = self._shell.now_ns(), self._shell.jitter()
        limits = self._shell.limits
        self._become(self.supervision.failed(error.reason, now_ns, jitter, error.detail, limits))

    def _become(self, following: Supervision) -> None:
        before, self.supervision = self.supervision, following
        if before.state is following.state:
            return
        self._shell.changed()
        log.info(
            "source_state",
            stream=self._shell.name,
            state=str(following.state),
            reason=str(following.reason),
            detail=following.detail,
        )
