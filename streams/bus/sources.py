"""Knows how a source's live state stands on the bus. Does not know how it came to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from redis.asyncio import Redis

from engine.packets import Codec
from streams.bus import keys
from streams.bus.packets import StreamKey

EXPIRE_MS = 10_000


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source as its ingest sees it; renewed each second, gone ten seconds after it."""

    state: str
    reason: str = ""
    next_try_ns: int | None = None
    codec: Codec | None = None
    width: int = 0  # pixels; 0 while unknown
    height: int = 0
    rate_hz: float = 0.0
    epoch_ms: int = 0
    newest_keyframe: str | None = None  # written with the packets, only read here
    clock_error_ns: int = 0
    since_ns: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)  # reason → packets


async def write_status(redis: Redis, stream: StreamKey, status: SourceStatus) -> None:
    """Renew a source's state; the newest keyframe's id is left as the packets set it."""
    key = keys.source(stream.camera, stream.role)
    fields = {
        "state": status.state,
        "reason": status.reason,
        "next_try_ns": status.next_try_ns or 0,
        "codec": status.codec or "",
        "width": status.width,
        "height": status.height,
        "rate_hz": round(status.rate_hz, 3),
        "epoch_ms": status.epoch_ms,
        "clock_error_ns": status.clock_error_ns,
        "since_ns": status.since_ns,
        "lost": json.dumps(dict(status.lost)),
    }
    async with redis.pipeline(transaction=True) as pipe:
        pipe.hset(key, mapping=fields)
        pipe.pexpire(key, EXPIRE_MS)
        await pipe.execute()


async def read_status(redis: Redis, stream: StreamKey) -> SourceStatus | None:
    """Return a source's state, or None where no ingest renews it."""
    raw = await redis.hgetall(keys.source(stream.camera, stream.role))
    fields = {name.decode(): value.decode() for name, value in raw.items()}
    if "state" not in fields:
        return None
    return SourceStatus(
        state=fields["state"],
        reason=fields["reason"],
        next_try_ns=int(fields["next_try_ns"]) or None,
        codec=Codec(fields["codec"]) if fields["codec"] else None,
        width=int(fields["width"]),
        height=int(fields["height"]),
        rate_hz=float(fields["rate_hz"]),
        epoch_ms=int(fields["epoch_ms"]),
        newest_keyframe=fields.get("newest_keyframe"),
        clock_error_ns=int(fields["clock_error_ns"]),
        since_ns=int(fields["since_ns"]),
        lost=json.loads(fields["lost"]),
    )
