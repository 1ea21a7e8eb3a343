"""Measures that live cameras keep their rate while an uploaded film is analysed beside them.

`python -m benchmarks.beside [--cameras 2] [--seconds 30]` prints one JSON object: each camera's
pictures a second and the latencies, alone and beside it, and how far the analysis came meanwhile.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import httpx

from benchmarks.cameras import DEMO, settled, spread
from benchmarks.installation import Generator, Installation, generator, installation
from benchmarks.timeline import SendTimes, Timeline
from ostiary.demo.scene import prepare

ANALYSES = "/api/v1/analyses"


async def rates(
    system: Installation, source: Generator, ids: list[str], seconds: float
) -> dict[str, Any]:
    """Return what observations show of a stretch of time."""
    timeline = Timeline(system.bus, SendTimes(source.send_times), dict.fromkeys(ids, "$"))
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < seconds:
        await timeline.collect()
    seen = Counter(one.observation.camera for one in timeline.seen)
    latencies = [one for each in timeline.latencies_ms().values() for one in each]
    return {
        "analysed_per_s": {one: round(seen[one] / seconds, 2) for one in ids},
        "sent_to_observation_ms": spread(latencies),
    }


async def begin(client: httpx.AsyncClient, film: bytes) -> str:
    """Send a film eight times and start its analysis; return its id once it runs."""
    job = str((await client.post(ANALYSES, json={})).json()["id"])
    for number in range(8):
        url = f"{ANALYSES}/{job}/files/{number}"
        sent = await client.put(url, params={"name": f"{number}.mp4"}, content=film)
        sent.raise_for_status()
    (await client.post(f"{ANALYSES}/{job}/start")).raise_for_status()
    async with asyncio.timeout(60):
        while True:
            if (await client.get(f"{ANALYSES}/{job}")).json()["state"] == "running":
                return job
            await asyncio.sleep(0.2)


async def measure(cameras: int, seconds: float) -> dict[str, Any]:
    """Run the cameras alone, then beside an analysis."""
    files = prepare(DEMO, lambda done, total: None)
    served = {"lobby": files.lobby_main, "lobby-sub": files.lobby_sub}
    film = files.lobby_main.read_bytes()
    ids = [f"cam{number}" for number in range(cameras)]
    async with generator(served) as source, installation() as system:
        for one in ids:
            await system.ledger.cameras.put(source.camera(one, "lobby", "lobby-sub"))
        await settled(system, ids)
        alone = await rates(system, source, ids, seconds)
        headers = {"authorization": f"Bearer {system.key}"}
        url = f"http://127.0.0.1:{system.port}"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            job = await begin(client, film)
            beside = await rates(system, source, ids, seconds)
            found = (await client.get(f"{ANALYSES}/{job}")).json()
            await client.delete(f"{ANALYSES}/{job}")
    analysis = {"state": found["state"], "share": found["share"], "at": found["at"]}
    return {"cameras": cameras, "alone": alone, "beside": beside, "analysis": analysis}


def main() -> None:
    """Read the flags, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    found = asyncio.run(measure(options.cameras, options.seconds))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
