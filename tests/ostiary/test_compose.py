"""compose.yaml and the Dockerfile, as far as they can be checked without an engine."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from config.load import Request, load
from ostiary.cli.app import build

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instructions(word: str) -> list[str]:
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    return [line[len(word) :].strip() for line in joined.splitlines() if line.startswith(word)]


def test_there_is_one_service_a_process() -> None:
    assert set(SERVICES) == {
        "bus", "ledger", "prepare", "ingest", "gateway", "worker", "worker-cuda", "analysis"
    }  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_runs_a_command_that_exists(name: str) -> None:
    program, *words = SERVICES[name]["command"]
    assert program == "ostiary"
    assert parses(words)


def parses(words: list[str]) -> bool:
    """Whether the command line takes these words, all of them; nothing is run."""
    group = typer.main.get_command(build())
    context = group.make_context("ostiary", [*words], resilient_parsing=False)
    name, command, rest = group.resolve_command(context, words)
    assert command is not None, name
    command.make_context(name, rest, parent=context)
    return True


def test_a_command_that_does_not_exist_would_be_found() -> None:
    with pytest.raises(typer.TyperException):
        parses(["engine"])
    with pytest.raises(typer.TyperException):
        parses(["worker", "--gpu"])


def test_the_gateways_health_is_asked_by_a_command_that_exists() -> None:
    _, program, *words = SERVICES["gateway"]["healthcheck"]["test"]
    assert program == "ostiary"
    assert parses(words)


@pytest.mark.parametrize("name", SERVICES)
def test_each_services_environment_is_valid_settings(name: str, tmp_path: Path) -> None:
    environ = {
        key: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", str(value))
        for key, value in SERVICES[name]["environment"].items()
    }
    settings = load(Request(environ=environ)).settings
    assert settings.home == Path("/var/lib/ostiary")
    assert settings.secrets.key_file == Path("/run/secrets/ostiary_key")


def test_media_has_the_hosts_network_and_thinking_has_none() -> None:
    assert SERVICES["gateway"]["network_mode"] == SERVICES["ingest"]["network_mode"] == "host"
    assert SERVICES["worker"]["network_mode"] == SERVICES["worker-cuda"]["network_mode"] == "none"


def test_workers_are_chosen_by_profile_and_never_fall_back() -> None:
    assert SERVICES["worker"]["profiles"] == ["cpu"]
    assert SERVICES["worker"]["environment"]["OSTIARY__WORKER__DEVICE"] == "cpu"
    assert SERVICES["worker-cuda"]["profiles"] == ["cuda"]
    assert SERVICES["worker-cuda"]["environment"]["OSTIARY__WORKER__DEVICE"] == "cuda"
    devices = SERVICES["worker-cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]


def test_the_key_is_a_secret_file_and_no_password_stands_in_the_file() -> None:
    assert COMPOSE["secrets"]["ostiary_key"]["file"].endswith("secret.key}")
    assert all(service["secrets"] == ["ostiary_key"] for service in SERVICES.values())
    assert not re.search(r"(?i)password\s*:", (ROOT / "compose.yaml").read_text())


def test_the_key_command_of_the_first_lines_makes_a_key(tmp_path: Path) -> None:
    from streams.secrets import SecretBox

    line = next(one for one in (ROOT / "compose.yaml").read_text().splitlines() if "openssl" in one)
    subprocess.run(["bash", "-c", line.strip("# ")], cwd=tmp_path, check=True, timeout=20)
    box = SecretBox.open(tmp_path / "secret.key", create=False)
    assert box.unseal(box.seal(b"x")) == b"x"


def test_every_step_of_the_image_is_a_script() -> None:
    for step in instructions("RUN"):
        checked = subprocess.run(
            ["bash", "-n", "-c", step], check=False, capture_output=True, timeout=20
        )
        assert checked.returncode == 0, (step, checked.stderr)


def test_what_is_copied_exists_and_every_room_is() -> None:
    copied = [name for step in instructions("COPY") for name in step.split()[:-1]]
    assert not [name for name in copied if not (ROOT / name).exists()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= set(copied)


def test_pip_is_asked_for_extras_and_versions_that_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    steps = [step for step in instructions("RUN") if "pip install" in step]
    torch, ours = (shlex.split(step) for step in steps)
    assert [one for one in project["optional-dependencies"]["worker"] if one == torch[-1]]
    extras = re.search(r"\[(.*)\]", ours[-1])
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
    assert (ROOT / ours[ours.index("-c") + 1]).exists()


def test_the_images_own_checks_are_commands() -> None:
    checks = [step for step in instructions("RUN") if step.startswith("ostiary ")]
    assert checks
    for check in checks:
        for command in check.split("&&"):
            words = shlex.split(command.split(">")[0])[1:]
            assert words == ["--help"] or parses(words)
