"""Knows every setting, its type and its default. Does not know where a value came from."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from config.cameras import Camera, CameraId

MIB = 1024 * 1024


class Section(BaseModel):
    """A part of the tree: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BusSettings(Section):
    """The volatile server: packets, observations, leases."""

    url: SecretStr | None = None  # None: embedded
    memory_bytes: Annotated[int, Field(ge=64 * MIB)] = 1024 * MIB


class LedgerSettings(Section):
    """The durable server: cameras, people, alerts, inboxes."""

    url: SecretStr | None = None  # None: embedded
    listen_port: Annotated[int, Field(ge=1, le=65535)] | None = None  # loopback, for subscribers


class GatewaySettings(Section):
    """Where the page and the API listen."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8470


class TlsSettings(Section):
    """Certificate and key of the gateway; without them it speaks plain HTTP."""

    cert: Path | None = None
    key: Path | None = None


class MediaSettings(Section):
    """Addresses that WebRTC offers, for viewers and lent cameras."""

    addresses: tuple[str, ...] = ("127.0.0.1",)
    viewers: Annotated[int, Field(ge=1, le=500)] = 32


class WorkerSettings(Section):
    """How a worker uses its machine."""

    count: Annotated[int, Field(ge=0, le=16)] = 1
    device: Literal["cpu", "cuda"] = "cpu"
    decoders: Annotated[int, Field(ge=1, le=32)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 2
    capacity: Annotated[int, Field(ge=1, le=1000)] = 32
    decoder_memory_bytes: Annotated[int, Field(ge=256 * MIB)] = 1024 * MIB


class AnalysisSettings(Section):
    """How often and how finely pictures are analysed."""

    pictures_per_s: Annotated[float, Field(gt=0, le=60)] = 8.0
    idle_pictures_per_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    staleness_budget_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    detect_size_px: Annotated[int, Field(ge=160, le=1920, multiple_of=32)] = 640


class AnalysesSettings(Section):
    """Bounds of the page "Analyze": what is sent there, and how long it stays."""

    upload_bytes: Annotated[int, Field(ge=1024)] = 500_000_000  # of one analysis; its results too
    total_bytes: Annotated[int, Field(ge=1024)] = 2_000_000_000  # of all of them
    files: Annotated[int, Field(ge=1, le=500)] = 100  # of one analysis
    waiting: Annotated[int, Field(ge=1, le=32)] = 8
    keep_s: Annotated[float, Field(ge=1, le=86_400)] = 3600.0
    time_limit_s: Annotated[float, Field(ge=1, le=86_400)] = 1800.0
    memory_bytes: Annotated[int, Field(ge=2048 * MIB)] = 4096 * MIB  # address space of its process
    niceness: Annotated[int, Field(ge=0, le=19)] = 19  # 19: only what nobody else needs


class EvidenceSettings(Section):
    """How long snapshots and alerts are kept."""

    keep_days: Annotated[int, Field(ge=1, le=365)] = 30


class SecretSettings(Section):
    """Where the key that seals every stored secret is."""

    key_file: Path | None = None  # None: secret.key in the home


class LogSettings(Section):
    """How much is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(Section):
    """The whole tree. Cameras here are managed by the file: the API may not change them.

    A url of None means the embedded server; `streams.servers` knows where that one listens.
    """

    home: Path = Path("~/.ostiary")
    bus: BusSettings = BusSettings()
    ledger: LedgerSettings = LedgerSettings()
    gateway: GatewaySettings = GatewaySettings()
    tls: TlsSettings = TlsSettings()
    media: MediaSettings = MediaSettings()
    worker: WorkerSettings = WorkerSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    analyses: AnalysesSettings = AnalysesSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    secrets: SecretSettings = SecretSettings()
    log: LogSettings = LogSettings()
    cameras: dict[CameraId, Camera] = {}
