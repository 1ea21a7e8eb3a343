"""Knows the commands that look at an installation: status, settings, health.

Does not change anything.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from ostiary.cli.failure import ExitCode
from ostiary.cli.output import print_json, print_table
from ostiary.cli.place import ConfigOption, HomeOption, JsonOption, SetOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Record
    from ostiary.doctor.checks import Report

config_app = typer.Typer(help="The settings and where they come from.", no_args_is_help=True)

MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "failed": "[bold red]failed[/]"}


def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show cameras, the age of their pictures, how fast they are analysed, and workers."""
    from ostiary.cli.api import api_of

    found = api_of(place_of(context)).get("/status")
    if as_json:
        print_json(found)
        return
    print_table(
        ("camera", "state", "age ms", "analysed/s", "p50 ms", "p95 ms", "drops", "lost", "worker"),
        [_camera_row(one) for one in found.get("cameras", [])],
        "No camera yet. Add one: ostiary camera add lobby rtsp://user@host/path",
    )
    print_table(
        ("worker", "device", "capacity", "cameras", "lost", "networks"),
        [
            (
                one["id"],
                one.get("device"),
                one.get("capacity"),
                one.get("cameras"),
                _counts(one.get("lost")),
                _networks(one.get("models") or {}),
            )
            for one in found.get("workers", [])
        ],
        "No worker runs: nothing is analysed.",
    )
    for worker in found.get("workers", []):
        for role, model in (worker.get("models") or {}).items():
            if model["state"] == "refused":
                reason = model["reason"] or "its log says why"
                kept = f"{worker['id']} keeps {model['in_use']}"
                print(f"{role}: {kept}, not {model['wanted']}: {reason}")


def _networks(models: "Record") -> str:
    """What judges masks and expressions, and what is being loaded instead."""
    found = []
    for role in ("mask", "expression"):
        if role in models:
            model = models[role]
            coming = f" (loading {model['wanted']})" if model["state"] == "loading" else ""
            found.append(f"{model['in_use']}{coming}")
    return ", ".join(found) or "-"


def _camera_row(camera: "Record") -> tuple[object, ...]:
    latency = camera.get("latency_ms") or {}
    state = str(camera["state"])
    reason = camera.get("reason") or camera.get("reduced") or camera.get("analysis")
    # The analysed stream's age and losses are what counts for alerts.
    age_ms = (camera.get("sub") or camera).get("age_ms")
    return (
        camera["id"],
        f"{state} ({reason})" if reason else state,
        age_ms,
        camera.get("analysed_per_s"),
        latency.get("p50"),
        latency.get("p95"),
        _counts(camera.get("drops")),
        _counts((camera.get("sub") or camera).get("packets_lost")),
        camera.get("worker"),
    )


def _counts(by_reason: Any) -> object:
    if not isinstance(by_reason, dict):
        return by_reason
    return ", ".join(f"{name} {count}" for name, count in by_reason.items() if count) or 0


@config_app.command("show")
def show(
    context: typer.Context,
    as_json: JsonOption = False,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Print each setting with its value and where it comes from; secrets are masked."""
    lines = place_of(context).with_flags(home, config, assignments).loaded().shown()
    if as_json:
        print_json({line.key: {"value": line.value, "source": line.source} for line in lines})
        return
    print_table(
        ("setting", "value", "source"),
        [(line.key, _empty(line.value), line.source) for line in lines],
        "",
    )


def _empty(value: object) -> object:
    return "-" if value == {} else value


def doctor(
    context: typer.Context,
    as_json: JsonOption = False,
    home: HomeOption = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Check this machine and say what to do about what is wrong."""
    settings = place_of(context).with_flags(home, config, assignments).settings()
    import asyncio

    from ostiary.doctor.checks import Report, examine

    reports: list[Report] = []
    healthy = asyncio.run(examine(settings, reports.append if as_json else _Spoken()))
    if as_json:
        checks = [
            {"check": report.area.value, **asdict(finding)}
            for report in reports
            for finding in report.findings
        ]
        print_json({"healthy": healthy, "checks": checks})
    if not healthy:
        raise typer.Exit(ExitCode.FAILED)


class _Spoken:
    """Prints a report for people as it comes."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, soft_wrap=True)

    def __call__(self, report: "Report") -> None:
        from rich.markup import escape

        for finding in report.findings:
            mark = MARKS[finding.verdict.value]
            padding = " " * (9 - len(finding.verdict.value))
            what = escape(finding.what)
            self._console.print(f"{mark}{padding}[bold]{report.area.value:<14}[/] {what}")
            if finding.remedy:
                self._console.print(f"{'':<24}[dim]→[/] {escape(finding.remedy)}")
