"""Knows what an installation needs of its machine, checks it and says what to do.

Does not know how anything is repaired: it changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from config.schema import Settings
from ostiary import doctor_machine, doctor_servers
from ostiary.doctor_finding import Finding, Verdict

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
    Area.PYTHON: doctor_machine.python,
    Area.HOME: doctor_machine.home,
    Area.VALKEY: doctor_servers.valkey,
    Area.LEDGER: doctor_servers.ledger,
    Area.WEIGHTS: doctor_machine.weights,
    Area.DEVICE: doctor_machine.device,
    Area.CODECS: doctor_machine.codecs,
    Area.SHARED_MEMORY: doctor_machine.shared_memory,
    Area.SANDBOX: doctor_machine.sandbox,
    Area.PORTS: doctor_servers.ports,
    Area.WEBRTC: doctor_servers.webrtc,
    Area.TLS: doctor_servers.tls,
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
