"""The doctor: each check finds what is wrong, and says what to do."""

import asyncio
import socket
from pathlib import Path

import pytest

from config.load import Request, load
from config.schema import Settings
from ostiary.doctor import machine, servers
from ostiary.doctor.checks import CHECKS, Area, Report, examine
from ostiary.doctor.finding import Finding, Verdict
from streams.secrets import SecretBox

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def settings(home: Path, *assignments: str) -> Settings:
    return load(Request(home=home, assignments=assignments, environ={})).settings


def found(check, chosen: Settings) -> Finding:
    findings = asyncio.run(check(chosen))
    return max(findings, key=lambda one: list(Verdict).index(one.verdict))


def test_every_area_has_its_check_and_reports(tmp_path: Path) -> None:
    assert set(CHECKS) == set(Area)
    reports: list[Report] = []
    asyncio.run(examine(settings(tmp_path, f"gateway.port={free_port()}"), reports.append))
    assert [report.area for report in reports] == list(Area)
    assert all(report.findings for report in reports)


def test_whatever_is_not_fine_has_a_remedy(tmp_path: Path) -> None:
    reports: list[Report] = []
    bad = settings(
        tmp_path,
        "gateway.host=192.0.2.77",
        "media.addresses=192.0.2.78",
        "tls.cert=/nix",
        "worker.device=cuda",
        "worker.decoders=32",
        "bus.url=redis://127.0.0.1:9",
    )
    assert not asyncio.run(examine(bad, reports.append))
    for report in reports:
        for one in report.findings:
            assert (one.verdict is Verdict.FINE) == (not one.remedy)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def test_a_taken_port_is_found(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        one = found(servers.ports, settings(tmp_path, f"gateway.port={port}"))
    assert one.verdict is Verdict.FAILED
    assert str(port) in one.what
    assert "gateway.port" in one.remedy


def test_an_address_of_another_machine_is_found(tmp_path: Path) -> None:
    one = found(servers.webrtc, settings(tmp_path, "media.addresses=192.0.2.78"))
    assert one.verdict is Verdict.FAILED
    assert "192.0.2.78" in one.what
    assert found(servers.webrtc, settings(tmp_path)).verdict is Verdict.FINE


def test_a_page_for_all_with_pictures_for_none_is_found(tmp_path: Path) -> None:
    one = found(servers.webrtc, settings(tmp_path, "gateway.host=0.0.0.0"))
    assert one.verdict is Verdict.WORTH_KNOWING
    assert "media.addresses" in one.remedy


def test_half_a_certificate_is_found(tmp_path: Path) -> None:
    one = found(servers.tls, settings(tmp_path, "tls.cert=/nix"))
    assert one.verdict is Verdict.FAILED
    both = settings(tmp_path, "tls.cert=/nix", "tls.key=/nix")
    assert found(servers.tls, both).verdict is Verdict.FAILED
    open_to_all = settings(tmp_path, "gateway.host=0.0.0.0")
    assert found(servers.tls, open_to_all).verdict is Verdict.WORTH_KNOWING


def test_a_key_that_others_can_read_is_found(tmp_path: Path) -> None:
    SecretBox.open(tmp_path / "secret.key", create=True)
    assert found(machine.home, settings(tmp_path)).verdict is Verdict.FINE
    (tmp_path / "secret.key").chmod(0o644)
    one = found(machine.home, settings(tmp_path))
    assert one.verdict is Verdict.FAILED
    assert "chmod 600" in one.remedy


def test_changed_weights_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers import manifest

    entries = manifest.load_manifest()
    assert found(machine.weights, settings(tmp_path)).verdict is Verdict.FINE
    role, entry = next(iter(entries.items()))
    (tmp_path / "changed").write_bytes(entry.file.read_bytes() + b"x")
    changed = type(entry)(
        **{name: getattr(entry, name) for name in entry.__slots__ if name != "file"},
        file=tmp_path / "changed",
    )
    monkeypatch.setattr(manifest, "load_manifest", lambda: {role: changed})
    one = found(machine.weights, settings(tmp_path))
    assert one.verdict is Verdict.FAILED
    assert "changed" in one.what


def test_a_missing_cuda_device_is_never_replaced_by_the_cpu(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    one = found(machine.device, settings(tmp_path, "worker.device=cuda"))
    assert (one.verdict is Verdict.FINE) == torch.cuda.is_available()
    assert "cpu" not in one.what


def test_a_foreign_server_that_is_away_is_found(tmp_path: Path) -> None:
    one = found(servers.valkey, settings(tmp_path, "bus.url=redis://u:hush@127.0.0.1:9"))
    assert one.verdict is Verdict.FAILED
    assert "bus" in one.what
    assert "hush" not in one.what


def test_a_running_foreign_server_is_found(tmp_path: Path, make_server) -> None:
    server = make_server("bus")
    url = server.url.replace("unix://", f"unix://ostiary:{server.password}@")
    one = found(servers.valkey, settings(tmp_path, f"bus.url={url}"))
    assert one.verdict is Verdict.FINE
    assert server.password not in one.what


def test_codecs_memory_and_sandbox_are_looked_at(tmp_path: Path) -> None:
    assert found(machine.codecs, settings(tmp_path)).verdict is Verdict.FINE
    assert "/dev/shm" in found(machine.shared_memory, settings(tmp_path)).what
    sandbox = found(machine.sandbox, settings(tmp_path))
    assert sandbox.verdict in (Verdict.FINE, Verdict.WORTH_KNOWING)
