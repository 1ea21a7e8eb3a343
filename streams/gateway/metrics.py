"""Knows what the gateway counts and how Prometheus reads it. Does not know who counts."""

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from engine.packets import Role
from streams.viewer.figures import ViewerFigures


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
        self.keys_refused = Counter(
            "ostiary_keys_refused", "Keys that opened nothing", ["reason"], registry=registry
        )
        self.streams = Gauge("ostiary_alert_streams", "Open event streams", registry=registry)
        self.streams_refused = Counter(
            "ostiary_alert_streams_refused", "Event streams beyond the bound", registry=registry
        )
        self.evidence_written = Counter(
            "ostiary_evidence_written", "Snapshots written", registry=registry
        )
        self.evidence_failed = Counter(
            "ostiary_evidence_failed", "Snapshots that the disk refused", registry=registry
        )
        self.evidence_swept = Counter(
            "ostiary_evidence_swept", "Snapshots deleted", ["because"], registry=registry
        )
        self.analyses, self.analyses_refused = _analyses(registry)
        self._viewers = _ViewerGauges(registry)
        self._cameras = _CameraGauges(registry)
        self._workers = _WorkerGauges(registry)
        self._ready = Gauge("ostiary_ready", "1 where a check passes", ["check"], registry=registry)

    def show_system(self, status: Mapping[str, Any]) -> None:
        """Take the figures of /api/v1/status in."""
        self._cameras.show(status["cameras"])
        self._workers.show(status["workers"])

    def show_viewers(self, figures: ViewerFigures) -> None:
        """Take the hub's counters in."""
        self._viewers.show(figures)

    def show_ready(self, checks: Mapping[str, bool]) -> None:
        """Take the checks of /readyz in."""
        for name, passed in checks.items():
            self._ready.labels(name).set(1 if passed else 0)

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self._registry)


def _analyses(registry: CollectorRegistry) -> tuple[Counter, Counter]:
    ended = Counter("ostiary_analyses", "Analyses that ended", ["end"], registry=registry)
    refused = Counter(
        "ostiary_analyses_refused", "What their bounds refused", ["bound"], registry=registry
    )
    return ended, refused


class _CameraGauges:
    """Figures per camera; a camera that is gone leaves no series behind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *more: str) -> Gauge:
            return Gauge(f"ostiary_camera_{name}", text, ["camera", *more], registry=registry)

        self._live = gauge("live", "1 while pictures arrive")
        self._gauges = {
            "age_ms": gauge("picture_age_ms", "Age of the newest packet on the bus"),
            "analysed_per_s": gauge("analysed_per_s", "Pictures analysed a second"),
            "decoder_kills": gauge("decoder_kills", "Decoders that died over its packets"),
        }
        self._p95 = gauge("latency_p95_ms", "Arrival to observation, 95th percentile")
        self._drops = gauge("dropped_pictures", "Not analysed by the owning worker", "reason")
        self._lost = gauge(
            "lost_packets", "Sent by the camera, and not kept on the bus", "stream", "reason"
        )

    def show(self, cameras: Sequence[Mapping[str, Any]]) -> None:
        """Set every camera's gauges from its status."""
        for one in (self._live, self._p95, self._drops, self._lost, *self._gauges.values()):
            one.clear()
        for camera in cameras:
            name = camera["id"]
            self._live.labels(name).set(1 if camera["state"] == "live" else 0)
            for field, gauge in self._gauges.items():
                if camera.get(field) is not None:
                    gauge.labels(name).set(camera[field])
            p95 = (camera.get("latency_ms") or {}).get("p95")
            if p95 is not None:
                self._p95.labels(name).set(p95)
            for reason, count in (camera.get("drops") or {}).items():
                self._drops.labels(name, reason).set(count)
            for role, stream in ((Role.MAIN, camera), (Role.SUB, camera.get("sub") or {})):
                for reason, count in stream.get("packets_lost", {}).items():
                    self._lost.labels(name, role, reason).set(count)


class _WorkerGauges:
    """Figures per worker; one that is gone leaves no series behind."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._workers = Gauge("ostiary_workers", "Live workers", registry=registry)
        self._lost = Gauge(
            "ostiary_worker_lost",
            "What a worker lost since it began: records on the way to the ledger, decoders",
            ["worker", "what"],
            registry=registry,
        )

    def show(self, workers: Sequence[Mapping[str, Any]]) -> None:
        """Set every worker's gauges from its status."""
        self._workers.set(len(workers))
        self._lost.clear()
        for worker in workers:
            for what, count in worker["lost"].items():
                self._lost.labels(worker["id"], what).set(count)


class _ViewerGauges:
    """Figures of this gateway's live pictures."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._viewers = Gauge("ostiary_viewers", "Live WHEP sessions", registry=registry)
        self._encoders = Gauge("ostiary_encoders", "Shared encoders at work", registry=registry)
        self._died = Gauge(
            "ostiary_encoders_died", "Children of shared encoders replaced", registry=registry
        )
        self._dropped = Gauge(
            "ostiary_viewer_dropped",
            "What viewers missed: packets and boxes, once for each; pictures left unencoded",
            ["what", "reason"],
            registry=registry,
        )

    def show(self, figures: ViewerFigures) -> None:
        """Set the gauges from the hub's counters."""
        self._viewers.set(figures.viewers)
        self._encoders.set(figures.encoders)
        self._died.set(figures.lost.encoders)
        self._dropped.clear()
        for what in ("packets", "boxes", "pictures"):
            for reason, count in getattr(figures.lost, what).items():
                self._dropped.labels(what, reason).set(count)
