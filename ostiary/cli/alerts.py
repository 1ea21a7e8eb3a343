"""Knows the commands about alerts. Does not know when one is raised."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.output import print_json_line
from ostiary.cli.place import place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Api, Record

app = typer.Typer(help="Watch alerts.", no_args_is_help=True)

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 5.0
PAGE = 500
COLOURS = {"critical": "bold red", "warning": "yellow", "info": "cyan"}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a server-sent stream (WHATWG HTML, 9.2)."""

    kind: str
    data: str


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Cut the lines of an event stream into events; comments and empty events are left out."""
    kind, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield Event(kind, "\n".join(data))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value


@app.command()
def tail(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="CURSOR", help="Begin after this cursor; 0: with the oldest kept."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for more, or end with the newest.")
    ] = True,
) -> None:
    """Show alerts as they come; each has a cursor to go on from."""
    from ostiary.cli.api import api_of

    api = api_of(place_of(context))
    say = print_json_line if as_json else Lines()
    if not follow:
        for alert in _kept(api, since or "0"):
            say(alert)
        return
    signal.signal(signal.SIGINT, _end)
    _follow(api, since, say)


def _end(*_: object) -> None:
    """End a tail: at once, as a KeyboardInterrupt may be lost in a library's clean-up."""
    with contextlib.suppress(RuntimeError, OSError):
        sys.stdout.flush()
    os._exit(ExitCode.DONE)


def _kept(api: "Api", since: str) -> Iterator["Record"]:
    """Every kept revision after the cursor, page by page."""
    while True:
        answer = api.get("/alerts", since=since, limit=str(PAGE))
        yield from answer["alerts"]
        if len(answer["alerts"]) < PAGE:
            return
        since = answer["cursor"]


def _follow(api: "Api", since: str | None, say: Any) -> None:
    """Read the stream for ever; a broken connection goes on after the last cursor."""
    import json

    import httpx

    # Without a cursor of its own, a connection that breaks before the first alert would lose some.
    cursor = since if since is not None else str(api.get("/alerts", limit="1")["cursor"])
    wait_s = FIRST_WAIT_S
    while True:
        try:
            with api.lines("/alerts/stream", {"since": cursor}) as lines:
                wait_s = FIRST_WAIT_S
                for event in events(lines):
                    if event.kind != "alert":
                        continue
                    alert = json.loads(event.data)
                    say(alert)
                    cursor = alert["cursor"]
        except httpx.HTTPError:
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        except Failure as failure:
            if failure.code is not ExitCode.NOT_RUNNING:
                raise
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        time.sleep(wait_s)


class Lines:
    """Prints an alert as one line for people."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, soft_wrap=True)

    def __call__(self, alert: "Record") -> None:
        from rich.markup import escape

        colour = COLOURS.get(str(alert.get("severity")), "white")
        kind = f"[{colour}]{escape(str(alert.get('kind'))):<14}[/]"
        self._console.print(
            f"[dim]{_told(alert)}[/] {kind} {escape(str(alert.get('camera'))):<12} "
            f"{escape(_state(alert)):<9} {escape(_who(alert))} "
            f"[dim]{alert.get('id')} r{alert.get('revision')}[/]"
        )


def _told(alert: "Record") -> str:
    """When the ledger heard of it, which its cursor says: the lines' own order."""
    told_s = int(str(alert["cursor"]).partition("-")[0]) / 1000
    return time.strftime("%H:%M:%S", time.localtime(told_s))


def _state(alert: "Record") -> str:
    state = str(alert.get("state"))
    return "paused" if state == "updated" and not alert.get("active", True) else state


def _who(alert: "Record") -> str:
    subject = alert.get("subject") or {}
    return str(alert.get("name") or subject.get("name") or subject.get("person_id") or "somebody")
