"""The command line's parts alone: refusals, events, passwords, tables, start-up, logs."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.cli.__main__ import run
from ostiary.cli.alerts import events
from ostiary.cli.api import refusal
from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.logs import cut_credentials
from ostiary.cli.output import print_table, shown
from ostiary.cli.passwords import PasswordSource
from ostiary.cli.subscribers import listed

pytestmark = pytest.mark.unit

HEAVY = ("torch", "pydantic", "httpx", "redis", "numpy", "yaml", "asyncio", "av", "cv2")


@pytest.mark.slow
def test_help_starts_without_anything_heavy() -> None:
    code = (
        "import sys; from ostiary.cli.__main__ import run; code = run(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    for word in ("up", "ingest", "worker", "gateway", "camera", "person", "alerts", "subscriber"):
        assert f" {word} " in text
    assert "Exit codes" in text


@pytest.mark.parametrize(
    ("words", "code"),
    [([], 2), (["nix"], 2), (["--nix"], 2), (["camera"], 2), (["camera", "add"], 2),
     (["server", "nix"], 2), (["models", "list", "--json"], 0)],
)  # fmt: skip
def test_exit_codes_of_usage(words: list[str], code: int, capsys) -> None:
    assert run(words) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said


def test_wrong_settings_are_usage_and_all_are_named(tmp_path: Path, capsys) -> None:
    (tmp_path / "ostiary.yaml").write_text("gateway: {prot: 1}\nworker: {count: x}\n")
    assert run(["--home", str(tmp_path), "config", "show"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "gateway.prot" in said
    assert "worker.count" in said


def test_config_show_masks_secrets(tmp_path: Path, capsys) -> None:
    (tmp_path / "ostiary.yaml").write_text(
        "bus: {url: 'redis://u:hush@h'}\ncameras: {a: {url: 'rtsp://u:hush@h/1'}}\n"
    )
    assert run(["--home", str(tmp_path), "config", "show"]) == 0
    assert run(["--home", str(tmp_path), "config", "show", "--json"]) == 0
    text = capsys.readouterr().out
    assert "hush" not in text
    assert "********" in text
    found = json.loads(text[text.index("\n{") :])
    assert found["bus.url"]["source"] == f"{tmp_path}/ostiary.yaml:1"


def answer(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (401, 1), (403, 1), (404, 3), (409, 1), (422, 2), (500, 1),
                         (502, 4), (503, 4)],
)  # fmt: skip
def test_refusals_have_their_exit_codes(status: int, code: int) -> None:
    assert refusal(answer(status, {"error": "no", "detail": None})).code == code


def test_a_refusal_names_the_fields() -> None:
    detail = [{"field": "id", "reason": "too long"}, {"field": "url", "reason": "no host"}]
    failure = refusal(answer(422, {"error": "the request is not valid", "detail": detail}))
    assert failure.lines == ("The request is not valid.", "id: too long; url: no host")


@given(st.sampled_from([400, 401, 404, 422, 500, 503]), st.one_of(
    st.none(), st.text(), st.integers(), st.lists(st.integers()), st.dictionaries(st.text(),
    st.one_of(st.none(), st.text(), st.lists(st.dictionaries(st.text(), st.text()))))))  # fmt: skip
def test_whatever_is_answered_becomes_at_most_three_lines(status: int, body: object) -> None:
    failure = refusal(answer(status, body))
    assert 1 <= len(failure.lines) <= 3
    assert not any("\n" in line for line in failure.lines)
    assert all(failure.lines)


def test_an_answer_that_is_no_json_is_still_a_refusal() -> None:
    assert refusal(httpx.Response(502, text="<html>")).code == 4


def test_events_are_cut_out_of_a_stream() -> None:
    lines = ["retry: 1", ": hello", "", "id: 1-0", "event: alert", "data: {", "data: }", "",
             "data:x", "", "event: lost", ""]  # fmt: skip
    found = [(event.kind, event.data) for event in events(iter(lines))]
    assert found == [("alert", "{\n}"), ("message", "x")]


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n"), min_size=1)))
def test_events_come_out_as_they_went_in(texts: list[str]) -> None:
    lines = [line for text in texts for line in (f"data: {text}", "")]
    assert [event.data for event in events(iter(lines))] == texts


def test_a_password_has_one_place(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret\r\nsecond line\n")
    assert PasswordSource().read({}) is None
    assert PasswordSource(file=tmp_path / "pw").read({}) == "secret"
    assert PasswordSource(variable="PW").read({"PW": "s"}) == "s"
    wrong = [
        PasswordSource(variable="PW", stdin=True),
        PasswordSource(variable="PW"),
        PasswordSource(file=tmp_path / "nix"),
    ]
    for source in wrong:
        with pytest.raises(Failure) as caught:
            source.read({})
        assert caught.value.code is ExitCode.USAGE


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(Failure):
        PasswordSource(variable="PW").read({"PW": ""})


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (True, "yes"), (False, "no"), (1.25, "1.2"), ([], "-"), (["a", 1], "a, 1")],
)
def test_values_are_shown_to_people(value: object, text: str) -> None:
    assert shown(value) == text


def test_tables_escape_what_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name",), [("[bold]x[/bold]",)], "")
    assert "[bold]x[/bold]" in capsys.readouterr().out


def test_names_with_commas_between_them() -> None:
    assert listed("a, b,,") == ["a", "b"]
    assert listed(",") is None
    assert listed(None) is None


def test_credentials_never_reach_a_log() -> None:
    event = {"event": "failed rtsp://u:hush@h/1", "url": "redis://:hush@h", "age_s": 1}
    cut = cut_credentials(None, "info", event)
    assert "hush" not in repr(cut)
    assert cut["event"] == "failed rtsp://h/1"
