"""`ostiary up` on real servers and processes: one command starts, keeps and stops them all."""

import json
import os
import pty
import signal
import stat
import subprocess
import time

import httpx
import psutil
import pytest
from fakes.installation import Installation, MakeInstallation, eventually

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def running(make_installation: MakeInstallation) -> Installation:
    one = make_installation()
    one.start()
    assert eventually(lambda: "Ostiary is running" in one.said())
    return one


def whoami(installation: Installation, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.get(installation.url + "/api/v1/me", headers=headers, timeout=5)


def test_without_a_terminal_the_admin_key_goes_to_a_private_file(running: Installation) -> None:
    key = (running.home / "admin.key").read_text().strip()
    assert whoami(running, key).json()["role"] == "admin"
    assert key not in running.said()
    assert str(running.home / "admin.key") in running.said()
    assert running.url in running.said()


def test_secrets_are_for_their_owner_alone(running: Installation) -> None:
    for name in ("secret.key", "cli.key", "admin.key"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600
    for folder in ("bus", "ledger", "run", "logs"):
        assert stat.S_IMODE((running.home / folder).stat().st_mode) & 0o077 == 0
    secret = (running.home / "secret.key").read_text().strip()
    for one in running.children():
        assert secret not in " ".join((*one.cmdline(), *one.environ().values()))


def test_a_second_run_on_the_same_home_is_refused(running: Installation) -> None:
    done = running.attempt()
    assert done.returncode == 1
    assert running.process is not None
    assert f"process {running.process.pid}" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert running.ready()


def test_a_taken_port_is_said_and_nothing_is_left(
    running: Installation, make_installation: MakeInstallation
) -> None:
    other = make_installation()
    other.port = running.port
    done = other.attempt()
    assert done.returncode == 1
    assert str(running.port) in done.stderr
    assert len(done.stderr.splitlines()) <= 3


@pytest.mark.parametrize("word", ["gateway", "ingest", "bus", "ledger"])
def test_whatever_is_killed_comes_back(running: Installation, word: str) -> None:
    before = running.child(word)
    before.kill()
    assert eventually(lambda: not before.is_running() and comes_back(running, word))
    assert eventually(running.ready, 60)
    assert running.told("key", "list")


def comes_back(installation: Installation, word: str) -> bool:
    try:
        return installation.child(word).is_running()
    except (LookupError, psutil.NoSuchProcess):
        return False


def test_stopping_leaves_nothing_and_starting_again_remembers(
    make_installation: MakeInstallation,
) -> None:
    one = make_installation()
    one.start()
    assert eventually((one.home / "admin.key").exists)
    key = (one.home / "admin.key").read_text().strip()
    assert one.ostiary("camera", "add", "door", "rtsp://u:hush@127.0.0.1:9/x").returncode == 0
    added = one.told("subscriber", "add", "desk")
    began = time.monotonic()
    assert one.stop() == 0
    assert time.monotonic() - began < 15  # 5 s on an idle machine; figures belong to benchmarks
    assert one.survivors() == []
    (one.home / "admin.key").unlink()
    one.start()
    assert whoami(one, key).status_code == 200
    assert not (one.home / "admin.key").exists()
    assert [camera["id"] for camera in one.told("camera", "list")] == ["door"]
    assert one.told("subscriber", "list")[0]["name"] == "desk"
    assert whoami(one, added["key"]).json()["role"] == "viewer"
    assert "hush" not in one.said() + "".join(
        path.read_text(errors="replace") for path in (one.home / "logs").iterdir()
    )
    assert one.stop(signal.SIGTERM) == 0
    assert one.survivors() == []


def test_a_killed_supervisor_takes_everything_along(make_installation: MakeInstallation) -> None:
    one = make_installation()
    one.start()
    assert one.stop(signal.SIGKILL) == -signal.SIGKILL
    assert len(one.family) >= 4
    assert eventually(lambda: not one.survivors(), 20)
    one.start()  # neither lock nor socket hinders the next start
    assert one.stop() == 0


def test_on_a_terminal_the_key_is_shown_and_closing_it_stops_everything(
    make_installation: MakeInstallation,
) -> None:
    one = make_installation()
    ours, theirs = pty.openpty()
    one.process = subprocess.Popen(
        one.command(),
        env={**one.environ, "COLUMNS": "200", "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: make_controlling(theirs),  # noqa: PLW1509  # one thread here
        text=True,
    )
    os.close(theirs)
    shown = read_until(ours, "Stop")
    key = shown.partition("#key=")[2].split()[0].split("\x1b")[0]
    assert whoami(one, key).json()["role"] == "admin"
    assert not (one.home / "admin.key").exists()
    one.family = one.children()
    os.close(ours)  # the terminal goes, as when its window is closed
    assert one.process.wait(30) == 0
    assert one.survivors() == []


def make_controlling(terminal: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def read_until(terminal: int, word: str, deadline_s: float = 120.0) -> str:
    import select

    text, until = "", time.monotonic() + deadline_s
    while word not in text and time.monotonic() < until:
        readable, _, _ = select.select([terminal], [], [], 1.0)
        if readable:
            text += os.read(terminal, 65_536).decode(errors="replace")
    assert word in text, text
    return text


def test_another_homes_key_is_refused(make_installation: MakeInstallation) -> None:
    one = make_installation()
    one.start()
    one.stop()
    (one.home / "secret.key").unlink()
    done = one.attempt()
    assert done.returncode == 1
    assert "key" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert "Traceback" not in done.stderr


def test_file_cameras_are_entered_changed_and_taken_out(
    make_installation: MakeInstallation,
) -> None:
    one = make_installation()
    one.home.mkdir(mode=0o700)
    settings = one.home / "ostiary.yaml"
    settings.write_text(
        "cameras:\n"
        "  yard: {url: 'rtsp://u:hush@127.0.0.1:9/x', mask_required: true}\n"
        "  gate: {url: 'rtsp://127.0.0.1:9/y'}\n"
    )
    one.start()
    found = {camera["id"]: camera for camera in one.told("camera", "list")}
    assert found["yard"]["managed_by"] == "file"
    assert found["yard"]["has_password"]
    for words in (("set", "yard", "--no-mask-required"), ("remove", "yard")):
        done = one.ostiary("camera", *words)
        assert done.returncode == 1
        assert "ostiary.yaml" in done.stderr
    one.stop()
    settings.write_text("cameras:\n  yard: {url: 'rtsp://127.0.0.1:9/z'}\n")
    one.start()
    found = {camera["id"]: camera for camera in one.told("camera", "list")}
    assert set(found) == {"yard"}
    assert found["yard"]["url"].endswith("/z")
    assert not found["yard"]["mask_required"]
    one.stop()


def test_a_wrong_setting_starts_nothing(make_installation: MakeInstallation) -> None:
    one = make_installation("--set", "gateway.prot=1")
    done = one.attempt()
    assert done.returncode == 2
    assert "did you mean port?" in done.stderr
    assert not one.home.exists()


def test_logs_are_json_lines(running: Installation) -> None:
    lines = (running.home / "logs" / "gateway.log").read_text().splitlines()
    assert json.loads(lines[0])["event"]
