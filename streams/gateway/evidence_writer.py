"""Knows how snapshots get from the bus into the store, and out of it in time.

Does not know how the store keeps them. One gateway at a time writes, by its lease; another takes
over within the lease's three seconds, and whatever was not confirmed comes to it again.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams.bus import evidence, keys
from streams.bus.connection import AWAY
from streams.bus.evidence import Snapshot
from streams.bus.leases import Lease
from streams.clock import monotonic_ns, now_ns
from streams.gateway.evidence_store import EvidenceStore
from streams.gateway.metrics import Metrics
from streams.gateway.tail import AlertTail

BLOCK_MS: Final = 500
RENEW_S: Final = 1.0
AGAIN_AFTER_S: Final = 1.0
SWEEP_EVERY_S: Final = 60.0
ORPHAN_S: Final = 600.0
DAY_S: Final = 86_400.0

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long snapshots are kept, and one that no alert names."""

    keep_s: float
    orphan_s: float = ORPHAN_S


@dataclass(slots=True)
class EvidenceWriter:
    """The one writer of snapshots, while it holds the lease."""

    bus: Redis
    store: EvidenceStore
    tail: AlertTail
    metrics: Metrics
    retention: Retention
    name: str = field(default_factory=lambda: f"gateway-{secrets.token_hex(4)}")

    async def run(self) -> None:
        """Write for ever, whenever the lease is ours."""
        lease = Lease(self.bus, keys.LEASE_EVIDENCE, self.name)
        try:
            while True:
                try:
                    if await lease.acquire():
                        await self._hold(lease)
                except (*AWAY, ResponseError) as error:
                    # Away or full: what is unconfirmed is still there, or will be sent again.
                    log.warning("evidence_waits", reason=type(error).__name__)
                await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            await _released(lease)

    async def _hold(self, lease: Lease) -> None:
        log.info("evidence_lease_taken", owner=self.name)
        renewed_ns = swept_ns = monotonic_ns()
        while True:
            await self._write_some()
            if monotonic_ns() - renewed_ns > RENEW_S * 1e9:
                if not await lease.renew():
                    return
                renewed_ns = monotonic_ns()
            if monotonic_ns() - swept_ns > SWEEP_EVERY_S * 1e9:
                await self.sweep(now_ns())
                swept_ns = monotonic_ns()

    async def _write_some(self) -> None:
        for entry_id, snapshot in await evidence.take(self.bus, self.name, BLOCK_MS):
            if await self._write(snapshot):
                await evidence.confirm(self.bus, entry_id, snapshot.evidence_id)

    async def _write(self, snapshot: Snapshot) -> bool:
        try:
            await self.store.put(snapshot.evidence_id, snapshot.sealed)
        except OSError as error:
            self.metrics.evidence_failed.inc()
            log.error("evidence_not_written", evidence=snapshot.evidence_id, reason=error.strerror)
            return False
        self.metrics.evidence_written.inc()
        return True

    async def sweep(self, at_ns: int) -> None:
        """Delete what is too old, and what no alert names after its ten minutes."""
        for kept in await self.store.stored():
            age_s = (at_ns - kept.written_ns) / 1e9
            orphan = self.tail.caught_up and self.tail.snapshot(kept.evidence_id) is None
            because = None
            if age_s > self.retention.keep_s:
                because = "retention"
            elif orphan and age_s > self.retention.orphan_s:
                because = "orphan"
            if because is not None:
                await self.store.remove([kept.evidence_id])
                self.metrics.evidence_swept.labels(because).inc()


async def _released(lease: Lease) -> None:
    """Give the lease back so that the next gateway need not wait; it expires anyway."""
    if not lease.value:
        return
    try:
        async with asyncio.timeout(0.3):
            await lease.release()
    except (*AWAY, ResponseError, TimeoutError):
        log.info("evidence_lease_left_to_expire")
