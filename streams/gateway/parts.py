"""Knows what the gateway's routes share. Does not know any route."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from redis.asyncio import Redis

from config.schema import Settings
from streams.bus.clock import BusClock
from streams.gateway.analyst import Analyst
from streams.gateway.cookies import CookieSigner
from streams.gateway.directory import Directory
from streams.gateway.evidence_store import EvidenceStore
from streams.gateway.metrics import Metrics
from streams.gateway.tail import AlertTail
from streams.gateway.throttle import Throttle
from streams.gateway.watchers import Watchers
from streams.ledger.ledger import Ledger
from streams.secrets import SecretBox


@dataclass(slots=True)
class Parts:
    """One gateway: its servers, its own copies, its bounds."""

    settings: Settings
    box: SecretBox
    bus: Redis
    ledger: Ledger
    directory: Directory
    cookies: CookieSigner
    throttle: Throttle
    store: EvidenceStore
    tail: AlertTail
    watchers: Watchers
    metrics: Metrics
    analyst: Analyst
    bus_clock: BusClock = field(default_factory=BusClock)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def secure(self) -> bool:
        """Whether the gateway itself speaks TLS."""
        return self.settings.tls.cert is not None


def parts_of(request: Request) -> Parts:
    """Return the gateway that this request came to."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)
    return parts


Here = Annotated[Parts, Depends(parts_of)]
