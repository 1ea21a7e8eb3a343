"""Measures the whole path: rates, latencies, CPU, capacity, overload; prints Markdown tables.

`python -m benchmarks.cameras` runs the two-camera row; `--capacity` adds how many cameras two cores
hold, beside the plain loop in the same run; `--still` the same with people before each camera a
fifth of the time; `--clips DIR` repeats the rows on files of a folder.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alert_times import AlertTime, alert_times
from benchmarks.browser import viewer
from benchmarks.installation import (
    CACHE,
    PASSWORD,
    Generator,
    Installation,
    generator,
    installation,
)
from benchmarks.processes import Meter
from benchmarks.still import still_clip
from benchmarks.timeline import SendTimes, Timeline
from ostiary.demo.scene import DemoFiles, prepare
from streams.bus.heartbeats import live_workers

DEMO = CACHE / "demo"
SETTLE_S = 8.0
FULL_RATE = "analysis.idle_pictures_per_s=8"  # as if there were people all the time


@dataclass(frozen=True, slots=True)
class Plan:
    """One row: its cameras as (main stream, sub-stream or None), how long it is measured."""

    name: str
    files: Mapping[str, Path]
    cameras: tuple[tuple[str, str | None], ...]
    seconds: float
    truths: Mapping[str, Path]
    watched: bool = False


def spread(values: list[float]) -> dict[str, float] | None:
    """Return p50, p95 and p99."""
    if not values:
        return None
    found = np.percentile(values, [50, 95, 99])
    return {name: round(float(one)) for name, one in zip(("p50", "p95", "p99"), found, strict=True)}


async def measure(plan: Plan, system: Installation, source: Generator) -> dict[str, Any]:
    """Add a row's cameras, let them settle, measure, and take them away again."""
    ids = [f"cam{number}" for number in range(len(plan.cameras))]
    for camera_id, (main, sub) in zip(ids, plan.cameras, strict=True):
        await system.ledger.cameras.put(source.camera(camera_id, main, sub))
    await settled(system, ids)
    async with contextlib.AsyncExitStack() as stack:
        extra, first = {"generator": source.pid}, None
        if plan.watched:
            seen = await stack.enter_async_context(viewer(system, len(ids)))
            extra["browser"], first = seen.pid, seen.first_picture_ms
        since = await system.ledger.alerts.newest()
        newest = dict.fromkeys(ids, "$")
        timeline = Timeline(system.bus, SendTimes(source.send_times), newest)
        meter = Meter(system.pid, extra)
        meter.begin()
        until = time.monotonic() + plan.seconds
        while time.monotonic() < until:
            await timeline.collect()
            meter.sample()
        used = meter.read()
    row = await _row(plan, system, timeline, since)
    for camera_id in ids:
        await system.ledger.cameras.remove(camera_id)
    return {
        **row,
        "first_picture_ms": first,
        "cpu_percent": used,
        "resident_mib": meter.resident_mib(),
        "slope_mib_per_h": meter.slopes_mib_per_h(),
    }


async def settled(system: Installation, ids: list[str]) -> None:
    async with asyncio.timeout(120):
        while True:
            workers = await live_workers(system.bus)
            figures = {key: one for worker in workers for key, one in worker.figures.items()}
            if all(figures.get(one, {}).get("analysed_per_s", 0) > 0 for one in ids):
                break
            await asyncio.sleep(0.5)
    await asyncio.sleep(SETTLE_S)


async def _row(plan: Plan, system: Installation, timeline: Timeline, since: str) -> dict[str, Any]:
    seen = Counter(one.observation.camera for one in timeline.seen)
    rates = {camera: round(seen[camera] / plan.seconds, 2) for camera in timeline.cursors}
    latencies = [one for each in timeline.latencies_ms().values() for one in each]
    entries = await system.ledger.alerts.read(since, 10_000)
    times = alert_times(entries, timeline, dict(plan.truths))
    workers = await live_workers(system.bus)
    drops = {key: one["drops"] for worker in workers for key, one in worker.figures.items()}
    return {
        "row": plan.name,
        "cameras": len(plan.cameras),
        "analysed_per_s": rates,
        "sent_to_observation_ms": spread(latencies),
        "sent_to_alert_ms": spread(_known(times, "after_picture_ms")),
        "first_view_to_alert_ms": spread(_known(times, "after_first_view_ms")),
        "alerts": len(times),
        "drops": drops,
        "stage_percent": {
            key: one["stage_percent"] for worker in workers for key, one in worker.figures.items()
        },
        "modes": {key: one["mode"] for worker in workers for key, one in worker.figures.items()},
    }


def _known(times: list[AlertTime], name: str) -> list[float]:
    return [value for one in times if (value := getattr(one, name)) is not None]


async def plain_loop(urls: list[str], seconds: float) -> dict[str, Any]:
    """Run the plain loop on the same streams, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.plain_loop", "--seconds", str(seconds), *urls,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of camera: its files, and how much later each is than the one before."""

    name: str
    main: Path
    sub: Path | None = None
    stagger_ms: int = -7_300  # people come and go before each camera at another time
    idle_hz: float = 8.0  # as if there were people all the time


async def capacity(kind: Kind, counts: list[int], seconds: float) -> list[dict[str, Any]]:
    """Measure more and more cameras, and the plain loop beside them on the same streams."""
    rows = []
    for count in counts:
        served = {f"m{n}": kind.main for n in range(count)}
        if kind.sub is not None:
            served |= {f"s{n}": kind.sub for n in range(count)}
        async with generator(served, kind.stagger_ms) as source:
            async with installation(f"analysis.idle_pictures_per_s={kind.idle_hz}") as system:
                cameras = tuple((f"m{n}", f"s{n}" if kind.sub else None) for n in range(count))
                plan = Plan(f"{count} x {kind.name}", served, cameras, seconds, {})
                row = await measure(plan, system, source)
            stream = "s" if kind.sub else "m"
            urls = [f"rtsp://demo:{PASSWORD}@127.0.0.1:{source.port}/{stream}{n}"
                    for n in range(count)]  # fmt: skip
            row["plain_loop"] = await plain_loop(urls, seconds)
        rows.append(row)
        report(row)
    return rows


def report(row: dict[str, Any]) -> None:
    """Print a row as it comes."""
    rates = list(row["analysed_per_s"].values())
    print(f"\n## {row['row']}\n")
    print(f"- analysed per second and camera: {min(rates)} to {max(rates)}")
    for name in ("sent_to_observation_ms", "sent_to_alert_ms", "first_view_to_alert_ms"):
        print(f"- {name.replace('_', ' ')}: {row[name]}")
    print(f"- alerts opened: {row['alerts']}")
    print(f"- CPU, percent of one core: {row['cpu_percent']}")
    print(f"- by stage and camera, percent of one core: {row['stage_percent']}")
    print(f"- resident MiB: {row['resident_mib']}; slope MiB/h: {row['slope_mib_per_h']}")
    if row["first_picture_ms"]:
        print(f"- first picture in the browser, ms after its offer: {row['first_picture_ms']}")
    print(f"- modes: {row['modes']}; drops: {row['drops']}")
    if "plain_loop" in row:
        print(f"- plain loop, same streams: {row['plain_loop']}")
    sys.stdout.flush()


async def demo_rows(demo: DemoFiles, seconds: float) -> list[dict[str, Any]]:
    """Measure the demo's two cameras, alone and then with a browser that watches them."""
    files = {"lobby": demo.lobby_main, "lobby-sub": demo.lobby_sub, "studio": demo.studio_main}
    truths = {"lobby": demo.lobby_truth, "studio": demo.studio_truth}
    cameras = (("lobby", "lobby-sub"), ("studio", None))
    alone = Plan("demo, 2 cameras", files, cameras, seconds, truths)
    watched = replace(alone, name="demo, 2 cameras, 1 viewer", seconds=min(60, seconds),
                      watched=True)  # fmt: skip
    rows = []
    async with generator(files) as source, installation(FULL_RATE) as system:
        for plan in (alone, watched):
            rows.append(await measure(plan, system, source))
            report(rows[-1])
    return rows


async def clip_rows(clips: list[Path], seconds: float) -> list[dict[str, Any]]:
    """Measure two files as cameras: the first and the last by name."""
    chosen = {path.stem.replace("_", "-"): path for path in (clips[0], clips[-1])}
    cameras = tuple((one, None) for one in chosen)
    plan = Plan(f"clips {', '.join(chosen)}", chosen, cameras, seconds, {})
    async with generator(chosen) as source, installation(FULL_RATE) as system:
        row = await measure(plan, system, source)
    report(row)
    return [row]


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="0: no demo rows")
    parser.add_argument("--capacity", action="store_true")
    parser.add_argument("--still", action="store_true")
    parser.add_argument("--counts", default="4,5,6,8,10")
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


async def main(options: argparse.Namespace, clips: list[Path]) -> list[dict[str, Any]]:
    """Run what was asked for."""
    demo = prepare(DEMO, lambda done, total: None)
    rows = await demo_rows(demo, options.seconds) if options.seconds > 0 else []
    if clips:
        rows += await clip_rows(clips, options.seconds or 60)
    counts = [int(one) for one in options.counts.split(",")]
    if options.capacity:
        for kind in (
            Kind("1280x720", demo.lobby_main),
            Kind("1280x720, sub 640x360", demo.lobby_main, demo.lobby_sub),
        ):
            rows += await capacity(kind, counts, 20)
    if options.still:
        rest = still_clip(demo.lobby_main, CACHE)
        # A scene of 36 s and 144 s of rest, each camera a scene ahead of the one before it: people
        # are before one of five at a time.
        rows += await capacity(
            Kind("1280x720, four fifths still", rest, None, -36_000, 3.0), counts, 90
        )
    return rows


if __name__ == "__main__":
    asked = arguments()
    found = sorted(asked.clips.glob("*.m*")) if asked.clips else []
    measured = asyncio.run(main(asked, found))
    if asked.json:
        asked.json.write_text(json.dumps(measured, indent=1))
