"""Counts the CPU and the memory of each part of a running installation."""

import time
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import psutil

SAMPLE_EVERY_S = 10.0
PARTS = ("ingest", "worker", "gateway", "server")


def parts(root_pid: int) -> dict[str, list[psutil.Process]]:
    """Return the processes below a supervisor by what they do."""
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    root = psutil.Process(root_pid)
    for process in root.children(recursive=True):
        try:
            found[part_of(process.cmdline())].append(process)
        except psutil.Error:
            continue
    found["supervisor"].append(root)
    return found


def part_of(command: list[str]) -> str:
    """Name a process by its command line."""
    text = " ".join(command)
    if "streams.codecs" in text:
        return "decoders"
    if "valkey" in text:
        return "bus" if "bus" in text else "ledger"
    for name in PARTS:
        if name in command:
            return name
    return "other"


@dataclass(slots=True)
class Meter:
    """CPU by part between begin and read, in percent of one core."""

    root_pid: int
    extra: dict[str, int] = field(default_factory=dict)  # name → pid, with its children
    _before: dict[int, float] = field(default_factory=dict)
    _begun_s: float = 0.0
    _samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def begin(self) -> None:
        """Note where every process stands."""
        self._begun_s = time.monotonic()
        self._before = {
            process.pid: seconds(process) for group in self._all().values() for process in group
        }

    def read(self) -> dict[str, float]:
        """Return the percent of one core that each part took since begin."""
        elapsed_s = time.monotonic() - self._begun_s
        return {
            name: round(
                sum(seconds(one) - self._before.get(one.pid, 0.0) for one in group)
                / elapsed_s
                * 100,
                1,
            )
            for name, group in self._all().items()
        }

    def sample(self) -> None:
        """Note every part's memory, at most each ten seconds."""
        now_s = time.monotonic()
        if not self._samples or now_s - self._samples[-1][0] >= SAMPLE_EVERY_S:
            self._samples.append((now_s, self.resident_mib()))

    def slopes_mib_per_h(self) -> dict[str, float] | None:
        """Return each part's growth over the second half of the samples; None where too short."""
        half = self._samples[len(self._samples) // 2 :]
        if len(half) < 6:
            return None
        times_h = np.array([at / 3600 for at, _ in half])
        names = set.intersection(*(set(parts) for _, parts in half))
        return {
            name: round(float(np.polyfit(times_h, [parts[name] for _, parts in half], 1)[0]), 1)
            for name in sorted(names)
        }

    def resident_mib(self) -> dict[str, float]:
        """Return the resident memory of each part."""
        found = {}
        for name, group in parts(self.root_pid).items():
            total = 0
            for process in group:
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            found[name] = round(total / 2**20, 1)
        return found

    def _all(self) -> dict[str, list[psutil.Process]]:
        found = dict(parts(self.root_pid))
        for name, pid in self.extra.items():
            process = psutil.Process(pid)
            found[name] = [process, *process.children(recursive=True)]
        return found


def seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of a process, 0 where it is gone."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
