"""Knows how a worker counts: rates, latencies, drops. Does not know what it counted."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

WINDOW_S: Final = 60.0
SECOND_NS: Final = 1_000_000_000


@dataclass(slots=True)
class CameraFigures:
    """One camera's last minute: pictures analysed, their latency, and what was dropped why."""

    begun_ns: int
    _analysed: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=4096))
    drops: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)  # what never reached the ledger
    stages_ns: Counter[str] = field(default_factory=Counter)  # time in each stage of the turns
    mode: str = "live"

    def analysed(self, now_ns: int, latency_ms: float) -> None:
        """Note one analysed picture, with the time from its arrival on the bus."""
        self._analysed.append((now_ns, latency_ms))

    def record(self, now_ns: int) -> dict[str, Any]:
        """Return the figures as the heartbeat carries them."""
        first_ns = now_ns - round(WINDOW_S * SECOND_NS)
        while self._analysed and self._analysed[0][0] < first_ns:
            self._analysed.popleft()
        recent = [one for one in self._analysed if one[0] >= now_ns - 10 * SECOND_NS]
        span_s = min(10.0, max(1.0, (now_ns - self.begun_ns) / SECOND_NS))
        latencies = [latency_ms for _, latency_ms in self._analysed]
        return {
            "analysed_per_s": round(len(recent) / span_s, 2),
            "latency_ms": percentiles(latencies),
            "drops": dict(self.drops),
            "mode": self.mode,
            "stage_percent": self.stage_percent(now_ns),
        }

    def stage_percent(self, now_ns: int) -> dict[str, float]:
        """Return the share of one core that each stage took since the camera was taken, %."""
        elapsed_ns = max(SECOND_NS, now_ns - self.begun_ns)
        return {name: round(spent / elapsed_ns * 100, 2) for name, spent in self.stages_ns.items()}


def percentiles(values: list[float]) -> dict[str, float] | None:
    """Return p50, p95 and p99, None where there is nothing to tell."""
    if not values:
        return None
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1)}
