"""Knows how observations cross the bus, as JSON. Does not know how they were made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.asyncio import Redis

from engine.boxes import Box
from engine.observations import (
    Expression,
    ExpressionView,
    Knowledge,
    MaskState,
    MaskView,
    Observation,
    TrackState,
    TrackView,
    Who,
)
from engine.packets import Role
from streams.bus import keys

KEEP_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class SeenObservation:
    """An observation with the bus's id, whose age tells how late it was."""

    entry_id: str
    observation: Observation


async def publish(redis: Redis, observation: Observation, now_ms: int) -> str:
    """Append an observation; what is older than a minute goes. now_ms is the bus's clock."""
    key = keys.observations(observation.camera)
    async with redis.pipeline(transaction=False) as pipe:
        pipe.xadd(key, {"o": encode(observation)}, minid=max(0, now_ms - KEEP_MS), approximate=True)
        pipe.pexpire(key, KEEP_MS)
        entry_id, _ = await pipe.execute()
    return str(entry_id.decode())


async def read(
    redis: Redis, cursors: Mapping[str, str], count: int = 64, block_ms: int = 250
) -> list[SeenObservation]:
    """Return the observations after each camera's cursor, waiting up to block_ms."""
    if not cursors:
        return []
    wanted = {keys.observations(camera): cursor for camera, cursor in cursors.items()}
    answer = await redis.xread(wanted, count=count, block=block_ms)
    return [
        SeenObservation(entry_id.decode(), decode(fields[b"o"]))
        for _, entries in answer or []
        for entry_id, fields in entries
    ]


async def newest(redis: Redis, camera: str) -> Observation | None:
    """Return a camera's newest observation, None where there is none."""
    found = await redis.xrevrange(keys.observations(camera), count=1)
    return decode(found[0][1][b"o"]) if found else None


def encode(observation: Observation) -> bytes:
    """Return an observation as compact JSON."""
    document = {
        "camera": observation.camera,
        "stream": observation.role,
        "epoch": observation.epoch_ms,
        "pts": observation.pts,
        "captured_ns": observation.captured_ns,
        "token": observation.token,
        "tracks": [encode_track(track) for track in observation.tracks],
        "models": dict(observation.models),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def encode_track(track: TrackView) -> dict[str, object]:
    """Return one track as the viewer and everybody else reads it."""
    box = track.box
    return {
        "id": track.track_id,
        "box": [round(side, 5) for side in (box.x1, box.y1, box.x2, box.y2)],
        "state": track.state,
        "who": track.who
        and {
            "knowledge": track.who.knowledge,
            "person_id": track.who.person_id,
            "score": round(track.who.score, 4),
        },
        "mask": track.mask
        and {"state": track.mask.state, "probability": round(track.mask.probability, 4)},
        "expression": track.expression
        and {
            "label": track.expression.label,
            "probability": round(track.expression.probability, 4),
        },
        "quality": round(track.quality, 4),
        "unused_because": track.unused_because,
    }


def decode(data: bytes) -> Observation:
    """Build an observation from its JSON; raises KeyError or ValueError where it is none."""
    document = json.loads(data)
    return Observation(
        camera=document["camera"],
        role=Role(document["stream"]),
        epoch_ms=document["epoch"],
        pts=document["pts"],
        captured_ns=document["captured_ns"],
        token=document["token"],
        tracks=tuple(_decode_track(track) for track in document["tracks"]),
        models=document.get("models", {}),
    )


def _decode_track(track: dict[str, Any]) -> TrackView:
    who, mask, expression = track["who"], track["mask"], track["expression"]
    return TrackView(
        track_id=track["id"],
        box=Box(*track["box"]),
        state=TrackState(track["state"]),
        who=who and Who(Knowledge(who["knowledge"]), who["person_id"], who["score"]),
        mask=mask and MaskView(mask["state"] and MaskState(mask["state"]), mask["probability"]),
        expression=expression
        and ExpressionView(
            expression["label"] and Expression(expression["label"]), expression["probability"]
        ),
        quality=track["quality"],
        unused_because=track["unused_because"],
    )
