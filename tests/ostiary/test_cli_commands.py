"""Every command against a running installation: what it prints, and its exit code."""

import json
import signal
import subprocess
import sys

import pytest
from fakes.installation import Installation, MakeInstallation, eventually, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

NOWHERE = "rtsp://u:hush@127.0.0.1:9/x"


@pytest.fixture(scope="module")
def here(make_installation: MakeInstallation) -> Installation:
    one = make_installation("--set", f"ledger.listen_port={free_port()}")
    one.start()
    return one


def test_a_camera_is_added_shown_changed_and_removed(here: Installation) -> None:
    added = here.told("camera", "add", "front", NOWHERE, "--mask-required")
    assert added["username"] == "u"
    assert "hush" not in json.dumps(added)
    assert here.told("camera", "show", "front")["mask_required"]
    assert not here.told("camera", "set", "front", "--no-mask-required")["mask_required"]
    changed = here.told("camera", "set", "front", "--purpose", "expression", "--because", "a test")
    assert changed["purpose"] == "expression"
    assert here.told("camera", "list")[0]["status"]["state"] in ("connecting", "waiting")
    assert here.told("camera", "remove", "front") == {"removed": "front"}
    assert here.told("camera", "list") == []


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("camera", "show", "nix"), 3, "nix"),
        (("camera", "remove", "nix"), 3, "nix"),
        (("camera", "set", "nix", "--mask-required"), 3, "nix"),
        (("camera", "set", "nix"), 2, "Nothing to change"),
        (("camera", "add", "a", "http://u:hush@h/x"), 2, "scheme 'http' is not allowed"),
        (("camera", "add", "a", "file:///etc/passwd"), 2, "scheme 'file' is not allowed"),
        (("camera", "add", "A", NOWHERE), 2, "1 to 40 of a-z"),
        (("camera", "add", "a", NOWHERE, "--purpose", "expression"), 2, "because"),
        (("camera", "add", "a", NOWHERE, "--alert-unknown"), 2, "people"),
        (("camera", "add", "a", NOWHERE, "--purpose", "both"), 2, "purpose"),
        (("camera", "add", "a", NOWHERE, "--password-env", "NIX"), 2, "NIX"),
        (("camera", "test", NOWHERE), 1, "127.0.0.1:9"),
        (("person", "remove", "nix"), 3, "nix"),
        (("person", "enrol", "A", "/nix.jpg", "--consent", "c"), 2, "/nix.jpg"),
        (("person", "enrol", "A", "x.jpg"), 2, "--consent"),
        (("subscriber", "remove", "nix"), 3, "nix"),
        (("subscriber", "add", "a", "--kinds", "noise"), 2, "unmasked"),
        (("key", "create", "--role", "king"), 2, "viewer, operator, admin"),
        (("key", "create", "--role", "publisher"), 2, "--cameras"),
        (("key", "revoke", "nix"), 3, "nix"),
        (("alerts", "tail", "--since", "yesterday", "--no-follow"), 2, "since"),
        (("camera", "nix"), 2, "nix"),
    ],
)
def test_what_is_wrong_is_said_in_three_lines(here: Installation, words, code, says) -> None:
    done = here.ostiary(*words)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert "hush" not in done.stderr + done.stdout


def test_a_camera_twice_fails(here: Installation) -> None:
    assert here.ostiary("camera", "add", "twice", NOWHERE).returncode == 0
    done = here.ostiary("camera", "add", "twice", NOWHERE)
    assert done.returncode == 1
    assert "twice" in done.stderr
    here.ostiary("camera", "remove", "twice")


def test_a_password_may_come_from_four_other_places(here: Installation, tmp_path) -> None:
    (tmp_path / "pw").write_text("from a file\n")
    bare = "rtsp://u@127.0.0.1:9/x"
    ways = {
        "file": (("--password-file", str(tmp_path / "pw")), {}, None),
        "variable": (("--password-env", "CAMERA"), {"CAMERA": "of a variable"}, None),
        "stdin": (("--password-stdin",), {}, "from stdin\n"),
    }
    for name, (flags, environ, stdin) in ways.items():
        done = subprocess.run(
            [sys.executable, "-m", "ostiary.cli", "camera", "add", name, bare, *flags, "--json"],
            env={**here.environ, **environ},
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["has_password"]
        here.ostiary("camera", "remove", name)


def test_a_whip_camera_gets_a_token_once(here: Installation) -> None:
    done = here.ostiary("camera", "add", "phone", "whip")
    assert done.returncode == 0
    assert "shown once" in done.stdout
    assert f"{here.url}/lend?camera=phone#token=ost_" in done.stdout
    token = done.stdout.split("shown once): ")[1].split()[0]
    assert token not in here.ostiary("camera", "show", "phone").stdout
    here.ostiary("camera", "remove", "phone")


def test_a_subscriber_is_told_how_to_connect(here: Installation) -> None:
    done = here.ostiary("subscriber", "add", "desk", "--cameras", "a,b", "--kinds", "unknown")
    assert done.returncode == 0, done.stderr
    assert "redis-cli" in done.stdout
    assert "ostiary:inbox:desk" in done.stdout
    (found,) = here.told("subscriber", "list")
    assert (found["cameras"], found["kinds"]) == (["a", "b"], ["unknown"])
    assert here.told("subscriber", "remove", "desk") == {"removed": "desk"}


def test_a_key_is_made_used_and_revoked(here: Installation) -> None:
    made = here.told("key", "create", "--role", "viewer", "--label", "me")
    assert here.ostiary("status", OSTIARY_KEY=made["key"]).returncode == 0
    refused = here.ostiary("key", "list", OSTIARY_KEY=made["key"])
    assert refused.returncode == 1
    assert made["key"] not in here.ostiary("key", "list").stdout
    assert here.ostiary("key", "revoke", made["id"]).returncode == 0
    gone = here.ostiary("status", OSTIARY_KEY=made["key"])
    assert gone.returncode == 1
    assert "not accepted" in gone.stderr


def test_a_key_can_be_made_where_none_is_left(here: Installation) -> None:
    kept = (here.home / "cli.key").read_text()
    (here.home / "cli.key").unlink()
    try:
        assert here.ostiary("status").returncode == 4
        made = here.told("key", "create", "--role", "admin")
        assert here.ostiary("status", OSTIARY_KEY=made["key"]).returncode == 0
    finally:
        (here.home / "cli.key").write_text(kept)


def test_status_and_people_and_alerts_may_be_empty(here: Installation) -> None:
    assert here.told("status")["workers"] == []
    assert here.told("person", "list") == []
    assert "No worker runs" in here.ostiary("status").stdout
    tail = here.ostiary("alerts", "tail", "--no-follow", "--json")
    assert (tail.returncode, tail.stdout) == (0, "")


def test_following_alerts_ends_by_an_interrupt(here: Installation) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ostiary.cli", "alerts", "tail", "--json"],
        env=here.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as tail:
        try:
            assert eventually(lambda: connected(tail.pid))
            tail.send_signal(signal.SIGINT)
            out, err = tail.communicate(timeout=20)
        finally:
            tail.kill()
    assert tail.returncode == 0, err
    assert (out, err) == ("", "")


def connected(pid: int) -> bool:
    import psutil

    return bool(psutil.Process(pid).net_connections("tcp"))


def test_the_doctor_knows_that_it_runs(here: Installation) -> None:
    done = here.ostiary("doctor", "--json", "--set", f"gateway.port={here.port}")
    checks = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert checks["ports"]["verdict"] == "ok"
    assert "running" in checks["ports"]["what"]
    assert checks["ledger"]["what"].startswith("runs")


def test_where_nothing_runs_the_exit_code_is_four(tmp_path) -> None:
    for words in (("status",), ("camera", "list"), ("alerts", "tail"), ("key", "create")):
        done = subprocess.run(
            [sys.executable, "-m", "ostiary.cli", "--home", str(tmp_path), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 4, (words, done.stderr)
        assert "ostiary up" in done.stderr or "Start" in done.stderr


def test_a_gateway_that_went_is_exit_code_four(here: Installation) -> None:
    done = here.ostiary("status", OSTIARY_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "127.0.0.1:9" in done.stderr
