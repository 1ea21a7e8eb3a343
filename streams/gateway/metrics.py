"""Knows what the gateway counts and how Prometheus reads it. Does not know who counts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from streams.viewer.hub import ViewerFigures

# A field of ViewerFigures, its series, what it means.
VIEWERS: Final = (
    ("viewers", "viewers", "Live WHEP sessions"),
    ("encoders", "encoders", "Shared encoders at work"),
    ("packets_dropped", "viewer_packets_dropped", "Packets that slow viewers missed"),
    ("boxes_dropped", "viewer_boxes_dropped", "Box messages that slow viewers missed"),
)


class Metrics:
    """Every figure of one gateway, on a registry of its own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        self.requests = Counter(
            "ostiary_http_requests", "Requests answered", ["method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "ostiary_http_request_seconds",
            "Time to an answer, without streams of events",
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
            registry=registry,
        )
        self.wrong_keys = Counter("ostiary_wrong_keys", "Keys refused", registry=registry)
        self.streams = Gauge("ostiary_alert_streams", "Open event streams", registry=registry)
        self.streams_refused = Counter(
            "ostiary_alert_streams_refused", "Event streams beyond the bound", registry=registry
        )
        self._viewers = {
            name: Gauge(f"ostiary_{title}", text, registry=registry)
            for name, title, text in VIEWERS
        }
        self.evidence_written = Counter(
            "ostiary_evidence_written", "Snapshots written", registry=registry
        )
        self.evidence_failed = Counter(
            "ostiary_evidence_failed", "Snapshots that the disk refused", registry=registry
        )
        self.evidence_swept = Counter(
            "ostiary_evidence_swept", "Snapshots deleted", ["because"], registry=registry
        )
        self._cameras = _CameraGauges(registry)
        self._workers = Gauge("ostiary_workers", "Live workers", registry=registry)
        self._ready = Gauge("ostiary_ready", "1 where a check passes", ["check"], registry=registry)

    def show_system(self, cameras: Sequence[Mapping[str, Any]], workers: int) -> None:
        """Take the figures of /api/v1/status in."""
        self._cameras.show(cameras)
        self._workers.set(workers)

    def show_viewers(self, figures: ViewerFigures) -> None:
        """Take the hub's counters in."""
        for name, gauge in self._viewers.items():
            gauge.set(getattr(figures, name))

    def show_ready(self, checks: Mapping[str, bool]) -> None:
        """Take the checks of /readyz in."""
        for name, passed in checks.items():
            self._ready.labels(name).set(1 if passed else 0)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


class _CameraGauges:
    """Figures per camera; a camera that is gone leaves no series behind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"ostiary_camera_{name}", text, ["camera"], registry=registry)

        self._live = gauge("live", "1 while pictures arrive")
        self._gauges = {
            "age_ms": gauge("picture_age_ms", "Age of the newest packet on the bus"),
            "analysed_per_s": gauge("analysed_per_s", "Pictures analysed a second"),
            "drops": gauge("dropped_pictures", "Pictures that the owning worker dropped"),
        }
        self._p95 = gauge("latency_p95_ms", "Arrival to observation, 95th percentile")
        self._shown: set[str] = set()

    def show(self, cameras: Sequence[Mapping[str, Any]]) -> None:
        """Set every camera's gauges from its status."""
        for camera in cameras:
            name = camera["id"]
            self._live.labels(name).set(1 if camera["state"] == "live" else 0)
            for field, gauge in self._gauges.items():
                if camera.get(field) is not None:
                    gauge.labels(name).set(_number(camera[field]))
            p95 = (camera.get("latency_ms") or {}).get("p95")
            if p95 is not None:
                self._p95.labels(name).set(p95)
        now = {camera["id"] for camera in cameras}
        for gone in self._shown - now:
            for gauge in (self._live, self._p95, *self._gauges.values()):
                if (gone,) in gauge._metrics:
                    gauge.remove(gone)
        self._shown = now


def _number(figure: float | Mapping[str, float]) -> float:
    """Return a figure, or the sum of one that is told by reason."""
    return sum(figure.values()) if isinstance(figure, Mapping) else figure
