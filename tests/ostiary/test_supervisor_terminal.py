"""What people see: short lines, a panel on a terminal, and no harm once nobody looks."""

import contextlib
import io
import os

import pytest
from rich.console import Console

from ostiary.supervisor.logs import Said
from ostiary.supervisor.terminal import Terminal

pytestmark = pytest.mark.unit


def terminal(interactive: bool) -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=interactive, width=100, highlight=False)
    return Terminal(console), out


def test_what_is_loud_is_shown_and_the_rest_is_left_to_the_logs() -> None:
    one, out = terminal(False)
    one.note("ingest", Said("", "stalled", "warning", {"event": "stalled", "camera": "lobby"}))
    one.note("ingest", Said("", "quiet", "info"))
    one.note("ingest", Said("some text"))
    assert out.getvalue().count("\n") == 1
    assert "stalled camera=lobby" in out.getvalue()


def test_the_same_again_and_again_is_shown_once() -> None:
    one, out = terminal(False)
    for number in range(50):
        one.note("ingest", Said("", "stalled", "warning", {"age_s": number}))
    assert out.getvalue().count("\n") == 1


def test_what_others_wrote_is_no_markup() -> None:
    one, out = terminal(True)
    one.say("x", "[bold red]boo[/]")
    assert "[bold red]boo[/]" in out.getvalue()


def test_the_welcome_is_a_panel_on_a_terminal_alone() -> None:
    for interactive in (True, False):
        one, out = terminal(interactive)
        one.welcome("http://x/#key=k", [("Logs", "/l")])
        assert "http://x/#key=k" in out.getvalue()
        assert "Ostiary is running" in out.getvalue()
        assert ("╭" in out.getvalue()) == interactive


def test_progress_is_a_line_a_quarter_where_there_is_no_terminal() -> None:
    one, out = terminal(False)
    with one.progress("Drawing") as bar:
        for done in range(1001):
            bar(done, 1000)
    lines = out.getvalue().splitlines()
    assert [line.split("Drawing: ")[1] for line in lines] == [
        "0 %",
        "25 %",
        "50 %",
        "75 %",
        "100 %",
    ]


def test_a_reader_that_went_does_no_harm() -> None:
    read, write = os.pipe()
    file = os.fdopen(write, "w", buffering=1)
    one = Terminal()
    one.console.file = file
    os.close(read)
    for number in range(3):
        one.say("x", f"line {number}")
    one.welcome("http://x/", [])
    with contextlib.suppress(BrokenPipeError):
        file.close()


class Gone(io.StringIO):
    """A terminal whose window was closed (EIO)."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_went_does_no_harm() -> None:
    one = Terminal(Console(file=Gone()))
    one.say("x", "line")
    one.welcome("http://x/", [])
