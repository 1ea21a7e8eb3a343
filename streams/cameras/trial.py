"""Knows how to try a camera's address once and tell what it sends. Does not keep anything."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from config.cameras import parse_address
from engine.packets import PTS_HZ, Packet
from engine.source import Reason
from streams.cameras.errors import SourceError
from streams.cameras.rtsp_auth import Credentials
from streams.cameras.rtsp_source import RtspSource, RtspTarget
from streams.cameras.units import StreamFacts

TRY_FOR_S: Final = 12.0
PICTURES: Final = 25
NS: Final = 1_000_000_000


@dataclass(slots=True)
class _Seen:
    """What came so far; full is set when it suffices."""

    started_ns: int
    facts: StreamFacts | None = None
    heard: bool = False  # pictures came, if perhaps none that can be decoded by itself
    first_picture_ns: int | None = None
    pts: list[int] = field(default_factory=list)
    full: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, packet: Packet | None, facts: StreamFacts, now_ns: int) -> None:
        self.heard = True
        if packet is None:
            return
        if self.first_picture_ns is None:
            self.first_picture_ns = now_ns
        self.facts = facts
        self.pts.append(packet.pts)
        if len(self.pts) >= PICTURES:
            self.full.set()

    def rate_hz(self) -> float:
        span = max(self.pts, default=0) - min(self.pts, default=0)
        return round((len(self.pts) - 1) * PTS_HZ / span, 2) if span > 0 else 0.0


def target_of(url: str, username: str | None, password: str | None) -> RtspTarget:
    """Return where to pull from; credentials beside the URL win over those inside it.

    Raises SourceError for an address that is not allowed.
    """
    try:
        address = parse_address(url)
    except ValueError as error:
        raise SourceError(Reason.FORBIDDEN_ADDRESS, str(error)) from None
    user = username or address.username
    secret = password if password is not None else address.password
    return RtspTarget(address.url, Credentials(user, secret or "") if user else None)


async def try_camera(fields: Mapping[str, bytes], now_ns: Callable[[], int]) -> dict[str, Any]:
    """Answer a "camera-test" request: url, username, password in; what came, or why not, out."""
    given = {name: value.decode("utf-8", "replace") for name, value in fields.items()}
    seen = _Seen(now_ns())
    try:
        target = target_of(
            given.get("url", ""), given.get("username") or None, given.get("password") or None
        )
        await _watch(RtspSource(target, now_ns), seen, now_ns)
    except SourceError as error:
        return {"ok": False, "error": str(error), "reason": error.reason.name.lower()}
    if seen.facts is None or seen.first_picture_ns is None:
        missing = Reason.NO_KEYFRAME if seen.heard else Reason.NO_PICTURE
        late = f"{missing} within {TRY_FOR_S:g} s"
        return {"ok": False, "error": late, "reason": missing.name.lower()}
    size = seen.facts.size
    return {
        "ok": True,
        "error": None,
        "codec": str(seen.facts.codec),
        "width": size.width_px if size else 0,
        "height": size.height_px if size else 0,
        "rate_hz": seen.rate_hz(),
        "first_picture_ms": round((seen.first_picture_ns - seen.started_ns) / 1e6, 1),
    }


async def _watch(source: RtspSource, seen: _Seen, now_ns: Callable[[], int]) -> None:
    """Take pictures until they suffice or time is up; an end after a picture is no failure."""

    async def pull() -> SourceError:
        try:
            await source.run(lambda packet, facts: seen.take(packet, facts, now_ns()), 0)
        except SourceError as error:
            return error

    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(pull())
        enough = group.create_task(seen.full.wait())
        done, _ = await asyncio.wait(
            [attempt, enough], timeout=TRY_FOR_S, return_when=asyncio.FIRST_COMPLETED
        )
        attempt.cancel()
        enough.cancel()
    if attempt in done and seen.facts is None:
        raise attempt.result()
