"""The services of compose.yaml as processes of this machine: each alone, meeting on sockets."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from fakes.installation import eventually, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ostiary-c-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def environment(name: str, folder: Path, port: int) -> dict[str, str]:
    """The service's own, with its places moved into the test's folder."""
    own = {
        key: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value))
        for key, value in SERVICES[name]["environment"].items()
    }
    own["OSTIARY_HOME"] = str(folder / "home")
    own["OSTIARY__SECRETS__KEY_FILE"] = str(folder / "ostiary_key")
    if name == "gateway":
        own["OSTIARY__GATEWAY__PORT"] = str(port)
    outer = {key: value for key, value in os.environ.items() if "OSTIARY" not in key}
    return {**outer, **own}


def start(name: str, folder: Path, port: int) -> "subprocess.Popen[str]":
    program, *words = SERVICES[name]["command"]
    assert program == "ostiary"
    return subprocess.Popen(
        [sys.executable, "-m", "ostiary.cli", *words],
        env=environment(name, folder, port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_the_services_find_each_other_and_end_when_told(folder: Path) -> None:
    port = free_port()
    first = ("bus", "ledger", "prepare")
    running = {name: start(name, folder, port) for name in first}
    try:
        assert running["prepare"].wait(90) == 0, running["prepare"].communicate()[0]
        key = (folder / "home" / "admin.key").read_text().strip()
        running |= {name: start(name, folder, port) for name in ("ingest", "gateway")}
        assert eventually(lambda: ready(port), 90)
        headers = {"Authorization": f"Bearer {key}"}
        me = httpx.get(f"http://127.0.0.1:{port}/api/v1/me", headers=headers, timeout=5)
        assert me.json()["role"] == "admin"
        again = start("prepare", folder, port)
        assert again.wait(90) == 0
        assert "before" in again.communicate()[0]
        for name in ("gateway", "ingest", "bus", "ledger"):
            running[name].send_signal(signal.SIGTERM)
            assert running[name].wait(20) == 0, name
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
            process.communicate()
