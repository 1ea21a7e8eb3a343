"""Settings from defaults, file, environment and flags: checked whole, each with its source."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.load import Request, load, masked
from config.schema import Settings
from config.sources import ConfigError

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "config" / "ostiary.example.yaml"


def problems(file: Path | None = None, environ: dict[str, str] | None = None, flags=()) -> str:
    with pytest.raises(ConfigError) as caught:
        load(Request(file=file, environ=environ or {}, assignments=tuple(flags)))
    return str(caught.value)


def written(folder: Path, text: str) -> Path:
    file = folder / "ostiary.yaml"
    file.write_text(text)
    return file


def sources(request: Request) -> dict[str, tuple[object, str]]:
    return {line.key: (line.value, line.source) for line in load(request).shown()}


def plain(node: object) -> object:
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    return masked(node)


def test_the_example_names_every_setting_with_its_default() -> None:
    assert yaml.safe_load(EXAMPLE.read_text()) == plain(Settings().model_dump())


def test_the_example_can_be_loaded() -> None:
    loaded = load(Request(file=EXAMPLE, environ={})).settings
    assert loaded == Settings().model_copy(update={"home": loaded.home})


def test_the_commented_camera_of_the_example_is_right(tmp_path: Path) -> None:
    _, _, camera = EXAMPLE.read_text().partition("cameras: {}\n")
    lines = "".join(line.removeprefix("#") + "\n" for line in camera.splitlines())
    (tmp_path / "lobby.password").write_text("s3cret\n")
    loaded = load(Request(file=written(tmp_path, "cameras:\n" + lines), environ={}))
    lobby = loaded.settings.cameras["lobby"]
    assert lobby.username == "viewer"
    assert lobby.password is not None
    assert lobby.password.get_secret_value() == "s3cret"
    assert lobby.managed_by == "file"


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, "gateway:\n  port: 1\n  host: a\nworker:\n  count: 3\n")
    environ = {"OSTIARY__GATEWAY__PORT": "2", "OSTIARY__GATEWAY__HOST": "b"}
    request = Request(file=file, environ=environ, assignments=("gateway.port=3",))
    shown = sources(request)
    assert shown["gateway.port"] == (3, "flag --set gateway.port")
    assert shown["gateway.host"] == ("b", "environment OSTIARY__GATEWAY__HOST")
    assert shown["worker.count"] == (3, f"{file}:5")
    assert shown["worker.device"] == ("cpu", "default")


def test_the_file_of_the_home_is_found(tmp_path: Path) -> None:
    file = written(tmp_path, "worker:\n  count: 2\n")
    shown = sources(Request(home=tmp_path, environ={}))
    assert shown["worker.count"] == (2, f"{file}:2")
    assert shown["home"] == (str(tmp_path), "flag --home")
    assert sources(Request(environ={"OSTIARY_HOME": str(tmp_path)}))["worker.count"][0] == 2


def test_all_errors_come_at_once_with_their_places(tmp_path: Path) -> None:
    file = written(tmp_path, "gateway:\n  prot: 1\nworker:\n  count: many\nworkers: {}\n")
    environ = {"OSTIARY__ANALYSIS__DETECT_SIZE_PX": "641", "OSTIARY__NOTHING__HERE": "1"}
    text = problems(file, environ, ["bus.memory_bytes=5", "noequals"])
    lines = text.splitlines()
    assert f"{file}:2: gateway.prot: unknown key; did you mean port?" in lines
    assert any(line.startswith(f"{file}:4: worker.count: ") and "'many'" in line for line in lines)
    assert any("environment OSTIARY__ANALYSIS__DETECT_SIZE_PX: " in line for line in lines)
    assert any("environment OSTIARY__NOTHING__HERE: nothing: unknown key" in line for line in lines)
    assert any("flag --set bus.memory_bytes: bus.memory_bytes: " in line for line in lines)
    assert any("flag --set: noequals: must be section.key=value" in line for line in lines)


def test_an_empty_section_of_the_file_unknown_to_the_tree_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "gatway:\nlog:\n")
    assert problems(file) == f"{file}:1: gatway: unknown key; did you mean gateway?"


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "gateway:\n  port: 1\n  port: 2\n")
    assert problems(file) == f"{file}:3: gateway.port: stands twice; keep one"


@pytest.mark.parametrize("text", ["gateway: [", "- a\n- b\n", "just text"])
def test_a_file_that_is_no_tree_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    assert problems(file).startswith(str(file))


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path / "absent.yaml")


def test_a_value_where_a_section_belongs_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "gateway: 8080\n")
    text = problems(file, {"OSTIARY__GATEWAY__PORT": "81"})
    assert text.startswith(f"{file}:1: gateway: ")


def test_lists_and_paths_from_the_environment(tmp_path: Path) -> None:
    environ = {
        "OSTIARY__MEDIA__ADDRESSES": "127.0.0.1, 192.0.2.4",
        "OSTIARY__TLS__CERT": "/c.pem",
        "OSTIARY__BUS__URL": "",
        "OSTIARY__LEDGER__LISTEN_PORT": "null",
    }
    settings = load(Request(home=tmp_path, environ=environ)).settings
    assert settings.media.addresses == ("127.0.0.1", "192.0.2.4")
    assert settings.tls.cert == Path("/c.pem")
    assert settings.bus.url is None
    assert settings.ledger.listen_port is None


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    file = written(tmp_path, "tls:\n  cert: tls/c.pem\n")
    assert load(Request(file=file, environ={})).settings.tls.cert == tmp_path / "tls" / "c.pem"


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    file = written(tmp_path, "cameras:\n  lobby:\n    url: rtsp://u:hush@h/1\n    speed: 1\n")
    environ = {"OSTIARY__BUS__URL": "redis://x:hush@h", "OSTIARY__LEDGER__URL": "[1,2]"}
    assert "hush" not in problems(file, environ)
    shown = sources(
        Request(
            file=written(tmp_path, "cameras:\n  lobby:\n    url: rtsp://u:hush@h/1\n"),
            environ={"OSTIARY__BUS__URL": "redis://x:hush@h"},
        )
    )
    assert "hush" not in repr(shown)
    assert shown["bus.url"][0] == "********"
    assert shown["cameras.lobby.password"][0] == "********"
    assert shown["cameras.lobby.url"][0] == "rtsp://h/1"


def test_camera_passwords_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("from-file\n")
    file = written(
        tmp_path,
        "cameras:\n"
        "  a: {url: 'rtsp://u@h/1', password_file: pw}\n"
        "  b: {url: 'rtsp://u@h/1', password_env: CAM_B}\n"
        "  c: {url: 'rtsp://u@h/1', password_env: CAM_C}\n",
    )
    text = problems(file, {"CAM_B": "from-environment"})
    assert text == f"{file}:4: cameras.c.password_env: there is no password at 'CAM_C'"
    environ = {"CAM_B": "b", "CAM_C": "c"}
    cameras = load(Request(file=file, environ=environ)).settings.cameras
    passwords = {name: one.password.get_secret_value() for name, one in cameras.items()}
    assert passwords == {"a": "from-file", "b": "b", "c": "c"}


@pytest.mark.parametrize(
    ("entry", "what"),
    [
        ("{url: 'ftp://h/1'}", "scheme 'ftp' is not allowed"),
        ("{url: 'rtsp://h/1', purpose: both}", "purpose"),
        ("{url: 'rtsp://h/1', alert_unknown: true}", "alert_unknown needs purpose people"),
        ("{url: 'rtsp://h/1', managed_by: api}", "is set by the file itself"),
        ("{kind: whip, url: 'rtsp://h/1'}", "a whip camera has no url"),
        ("{}", "url"),
    ],
)
def test_wrong_cameras_are_refused(tmp_path: Path, entry: str, what: str) -> None:
    text = problems(written(tmp_path, f"cameras:\n  lobby: {entry}\n"))
    assert "cameras.lobby" in text
    assert what in text


def test_a_camera_needs_a_plain_name(tmp_path: Path) -> None:
    assert "cameras.Lobby Door" in problems(
        written(tmp_path, "cameras:\n  Lobby Door: {url: 'rtsp://h/1'}\n")
    )


@given(st.integers())
def test_a_port_is_taken_exactly_if_it_is_one(port: int) -> None:
    request = Request(environ={}, assignments=(f"gateway.port={port}",), home=Path("/nowhere"))
    if 1 <= port <= 65535:
        assert load(request).settings.gateway.port == port
    else:
        with pytest.raises(ConfigError):
            load(request)
