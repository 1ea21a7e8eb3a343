"""With a certificate the page and the API speak HTTPS alone, and the command line trusts it."""

import subprocess
from pathlib import Path

import httpx
import pytest
from fakes.installation import MakeInstallation, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_command_line_finds_a_gateway_with_its_own_certificate(
    make_installation: MakeInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=door.example", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    one = make_installation("--set", f"tls.cert={cert}", "--set", f"tls.key={key}")
    monkeypatch.setattr(type(one), "ready", lambda self: answers(self.port))
    one.start()
    assert eventually(lambda: "Ostiary is running" in one.said())
    assert f"https://127.0.0.1:{one.port}/" in one.said()
    done = one.ostiary("status")
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=door.example", "-keyout", str(tmp_path / "o.pem"), "-out", str(other)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    wrong = one.ostiary("--set", f"tls.cert={other}", "status")
    assert wrong.returncode == 4
    assert "not trusted" in wrong.stderr
    assert one.stop() == 0


def answers(port: int) -> bool:
    try:
        url = f"https://127.0.0.1:{port}/readyz"
        return httpx.get(url, verify=False, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
