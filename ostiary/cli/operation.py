"""Knows the commands that look at an installation: status, settings, health, networks.

Does not change anything.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.output import print_json, print_table
from ostiary.cli.place import ConfigOption, HomeOption, JsonOption, SetOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Record
    from ostiary.doctor.checks import Report

config_app = typer.Typer(help="The settings and where they come from.", no_args_is_help=True)
models_app = typer.Typer(help="The networks and their weights.", no_args_is_help=True)

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
        ("worker", "device", "capacity", "cameras", "lost"),
        [
            (
                one["id"],
                one.get("device"),
                one.get("capacity"),
                one.get("cameras"),
                _counts(one.get("lost")),
            )
            for one in found.get("workers", [])
        ],
        "No worker runs: nothing is analysed.",
    )


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


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """List the networks with their licences."""
    from workers.manifest import load_manifest

    entries = load_manifest()
    if as_json:
        print_json(
            {
                role: {**asdict(entry), "file": str(entry.file), "label": entry.label}
                for role, entry in entries.items()
            }
        )
        return
    print_table(
        ("role", "network", "licence", "trained on", "research only"),
        [
            (role, entry.label, entry.licence, entry.training_data, entry.research_only)
            for role, entry in entries.items()
        ],
        "The manifest is empty.",
    )


@models_app.command("verify")
def models_verify(as_json: JsonOption = False) -> None:
    """Check every weights file against the manifest's SHA-256."""
    from workers.manifest import WeightsError, load_manifest, verify

    verdicts: dict[str, str] = {}
    for role, entry in load_manifest().items():
        try:
            verify(entry)
            verdicts[role] = "ok"
        except WeightsError as error:
            verdicts[role] = str(error)
    if as_json:
        print_json(verdicts)
    else:
        print_table(("role", "verdict"), list(verdicts.items()), "The manifest is empty.")
    wrong = [role for role, verdict in verdicts.items() if verdict != "ok"]
    if wrong:
        raise Failure(f"These weights are not what the manifest names: {', '.join(wrong)}.")
