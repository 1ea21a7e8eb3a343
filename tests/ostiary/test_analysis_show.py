"""`ostiary analyze --show`: the page alone, who it lets in, how it ends, what it leaves."""

import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fakes.analysis_scenes import setup_in, written
from fakes.installation import eventually
from fakes.worker_scenes import scene

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

API = "/api/v1/analyses"


@pytest.fixture
def home(tmp_path):
    return setup_in(tmp_path).home


def command(home, *words):
    return [sys.executable, "-m", "ostiary.cli", "--home", str(home), "analyze", *words]


@contextmanager
def showing(home, tmp_path, *words):
    """Run it on a terminal; yield its process, its address with the key, the terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    environment.pop("DISPLAY", None)
    (tmp_path / "tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        command(home, "--show", *words),
        stdin=theirs,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    os.close(theirs)
    try:
        assert process.stdout is not None
        yield process, re.search(r"http://\S+", process.stdout.readline())[0], ours
    finally:
        process.kill()
        process.wait(20)
        os.close(ours)


@contextmanager
def signed_in(url):
    base, _, key = url.partition("/#key=")
    with httpx.Client(base_url=base, timeout=20) as client:
        assert client.post("/api/v1/session", json={"key": key}).status_code == 200
        yield client


def test_only_its_key_opens_it_and_no_other_sites_page(home, tmp_path):
    with showing(home, tmp_path) as (_, url, _):
        base = url.partition("/#")[0]
        assert base.startswith("http://127.0.0.1:")
        assert httpx.get(base).status_code == 200  # the page itself holds nothing
        assert httpx.get(base + API).status_code == 401
        assert httpx.post(base + "/api/v1/session", json={"key": "guess"}).status_code == 401
        with signed_in(url) as client:
            assert client.get(API).json() == {"analyses": []}
            answer = client.post(API, json={}, headers={"origin": "http://127.0.0.1:1"})
            assert answer.status_code == 403
            policy = client.get("/").headers["content-security-policy"]
            assert "default-src 'none'" in policy


def test_q_ends_it_and_nothing_is_left(home, tmp_path):
    picture = written(tmp_path / "a.png", scene(("obama", 60, 60, 100)))
    with showing(home, tmp_path, str(picture)) as (process, url, terminal):
        with signed_in(url) as client:
            assert len(client.get(API).json()["analyses"]) == 1
        assert list((tmp_path / "tmp").iterdir())
        os.write(terminal, b"q")
        assert process.wait(20) == 0
        assert list((tmp_path / "tmp").iterdir()) == []
        assert picture.exists()


def test_sigterm_ends_it_too(home, tmp_path):
    with showing(home, tmp_path) as (process, _, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_names_are_for_whom_it_was_told(home, tmp_path):
    folder = tmp_path / "staff"
    written(folder / "Jo.jpg", scene(("biden", 150, 40, 150)))
    picture = written(tmp_path / "a.png", scene(("biden", 60, 60, 110)))
    words = ("--people-from", str(folder), "--lang", "zh", str(picture))
    with showing(home, tmp_path, *words) as (_, url, _), signed_in(url) as client:
        options = client.get(f"{API}/options").json()
        assert options["purposes"] == ["none", "expression", "people"]
        assert options["first"] == {"purpose": "people", "language": "zh", "models": {}}

        def ended():
            (job,) = client.get(API).json()["analyses"]
            return job if job["state"] in ("done", "failed") else None

        assert eventually(ended, 200)
        job = ended()
        assert (job["state"], job["reason"]) == ("done", None)
        found = client.get(f"{API}/{job['id']}/results/faces.json").json()
        assert found["files"][0]["faces"][0]["person"] == "Jo"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--show", "none.jpg"], 3, "there is no such file"),
        (["--show", "--save", "out"], 2, "save from the page"),
        (["--show", "--model", "mask"], 2, "is no TASK=NAME"),
        ([], 2, "Name a photograph"),
    ],
)
def test_what_cannot_be_shown_is_told(home, tmp_path, words, code, said):
    done = subprocess.run(
        command(home, *words),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_waiting_process_holds_no_network():
    heavy = "{'torch', 'openvino', 'av', 'cv2'}"
    code = f"import sys, ostiary.jobs.waiting; sys.exit(bool({heavy} & set(sys.modules)))"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
