"""Knows what an installation needs of its machine, checks it and says what to do.

Does not know how anything is repaired: it changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from config.schema import Settings
from ostiary.doctor import machine, servers
from ostiary.doctor.finding import Finding, Verdict

Check = Callable[[Settings], Awaitable[list[Finding]]]


class Area(StrEnum):
    """What a check is about, in the order in which a newcomer meets it."""

    PYTHON = "python"
    HOME = "home"
    VALKEY = "valkey"
    LEDGER = "ledger"
    WEIGHTS = "weights"
    DEVICE = "device"
    CODECS = "codecs"
    SHARED_MEMORY = "shared memory"
    SANDBOX = "sandbox"
    PORTS = "ports"
    WEBRTC = "webrtc"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Report:
    """One check's findings."""

    area: Area
    findings: tuple[Finding, ...]


CHECKS: dict[Area, Check] = {
    Area.PYTHON: machine.python,
    Area.HOME: machine.home,
    Area.VALKEY: servers.valkey,
    Area.LEDGER: servers.ledger,
    Area.WEIGHTS: machine.weights,
    Area.DEVICE: machine.device,
    Area.CODECS: machine.codecs,
    Area.SHARED_MEMORY: machine.shared_memory,
    Area.SANDBOX: machine.sandbox,
    Area.PORTS: servers.ports,
    Area.WEBRTC: servers.webrtc,
    Area.TLS: servers.tls,
}
LONGEST_S = 60.0


async def examine(settings: Settings, said: Callable[[Report], None]) -> bool:
    """Run every check, tell each report as it comes; return whether nothing failed."""
    healthy = True
    for area, check in CHECKS.items():
        report = Report(area, tuple(await _bounded(check, settings)))
        said(report)
        healthy &= all(finding.verdict is not Verdict.FAILED for finding in report.findings)
    return healthy


async def _bounded(check: Check, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await check(settings)
    except TimeoutError:
        return [Finding(Verdict.FAILED, f"no answer within {LONGEST_S:.0f} s", "Try again.")]
