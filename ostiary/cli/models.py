"""Knows the commands about networks: list, show, use, verify. Does not know how one runs."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.output import print_facts, print_json, print_table, progress
from ostiary.cli.place import JsonOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Api, Record
    from workers.manifest import Catalogue, Entry

app = typer.Typer(help="The networks: which there are, and which is in use.", no_args_is_help=True)

CALLED = {"mask": "mask", "expression": "expression", "recognition": "embedder"}  # role by task
SWITCH_WITHIN_S = 180.0
LOOK_EVERY_S = 0.5
SETTLED_AFTER_S = 3.0  # by then every worker's heartbeat is younger than the choice
GONE_AFTER_S = 30.0  # a worker is silent for seconds where the machine converts networks


def _catalogue(context: typer.Context) -> "Catalogue":
    from workers.manifest import WeightsError, load_models

    try:
        return load_models(place_of(context).settings().home.expanduser().absolute())
    except WeightsError as error:
        raise Failure(str(error), "Reinstall Ostiary.") from error


def _running(context: typer.Context) -> "Mapping[str, Record]":
    """Return what the running system says by role; nothing where none answers."""
    from ostiary.cli.api import api_of

    try:
        found: Mapping[str, Record] = api_of(place_of(context)).get("/models")["models"]
    except Failure:
        return {}
    return found


def _use_of(role: str, label: str, running: "Mapping[str, Record]") -> str:
    """Say how a model is used: "in use", by how many workers, "loading", "refused", or nothing."""
    workers = running.get(role, {}).get("workers", [])
    using = [one for one in workers if one["in_use"] == label]
    if using:
        share = "" if len(using) == len(workers) else f" by {len(using)} of {len(workers)} workers"
        return f"in use{share}"
    wanted = [one["state"] for one in workers if one["wanted"] == label]
    return "" if not wanted else wanted[0].replace("_", " ")


def _told(entry: "Entry") -> dict[str, Any]:
    found = {**asdict(entry), "file": str(entry.file), "card": None, "label": entry.label}
    found["card"] = str(entry.card) if entry.card.is_file() else None
    return {**found, "source": "shipped" if entry.shipped else str(entry.file.parent)}


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the networks, which of them are in use, and where each comes from."""
    from workers.manifest import ROLES

    found, running = _catalogue(context), _running(context)
    listed = [
        {**_told(entry), "use": _use_of(entry.role, entry.label, running) or None}
        for entry in sorted(found.entries, key=lambda one: ROLES.index(one.role))
    ]
    broken = [{"folder": str(one.folder), "reason": one.reason} for one in found.broken]
    if as_json:
        print_json({"running": bool(running), "models": listed, "broken": broken})
        return
    columns = ("role", "network", "use", "input", "classes", "research only", "from")
    rows = [
        (
            one["role"],
            one["label"],
            one["use"],
            _size(one["input"]),
            one["classes"] or None,
            one["research_only"],
            one["source"],
        )
        for one in listed
    ]
    print_table(columns, rows, "There is no network.")
    for one in found.broken:
        print(f"Cannot be used: {one.reason}.")
    if not running:
        print("Which are in use is known while Ostiary runs: ostiary up")


def _size(sides: "tuple[int, int]") -> str:
    return "x".join(str(side) for side in sides) if any(sides) else "any"


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="As `models list` shows it; a name or name@version.")],
    as_json: JsonOption = False,
) -> None:
    """Show all that is known of a network: measured figures, thresholds, licence, files."""
    entry = _named(_catalogue(context), name)
    use = _use_of(entry.role, entry.label, _running(context)) or None
    told = {**_told(entry), "use": use}
    if as_json:
        print_json(told)
        return
    print_facts(
        [
            ("network", f"{entry.label} ({entry.network})"),
            ("role", entry.role),
            ("use", use),
            ("from", told["source"]),
            ("input", f"{_size(entry.input)} BGR"),
            ("outputs", entry.outputs),
            ("classes", ", ".join(_classes(entry)) or None),
            ("licence", entry.licence),
            ("research only", entry.research_only),
            ("trained on", entry.training_data),
            ("file", entry.file),
            ("SHA-256", entry.sha256),
            ("card", told["card"]),
            *[(f"threshold {key}", f"{value:g}") for key, value in entry.thresholds.items()],
            *[(f"measured {key}", f"{value:g}") for key, value in entry.measured.items()],
        ]
    )


def _named(found: "Catalogue", name: str) -> "Entry":
    from workers.manifest import UnknownModel, WeightsError

    try:
        return found.named(name)
    except UnknownModel as error:
        raise Failure(str(error), code=ExitCode.NOT_FOUND) from error
    except WeightsError as error:
        raise Failure(f"{error}.".replace("..", ".")) from error


def _classes(entry: "Entry") -> list[str]:
    from engine.observations import Expression, MaskState

    if entry.role == "expression":
        return [one.value for one in Expression]
    if entry.role == "mask":
        states = [one.value for one in MaskState]
        return states if entry.classes == len(states) else [states[0], states[-1]]
    return []


@app.command()
def use(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar=" | ".join(CALLED), help="Or TASK=NAME.")],
    name: Annotated[str | None, typer.Argument(help="As `models list` shows it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Let the running system use another network, without a restart; kept for every later start.

    With another network for recognition everybody enrolled is embedded anew, from the kept crops.
    """
    from urllib.parse import quote

    from ostiary.cli.api import Query, api_of

    if name is None:
        task, _, name = task.partition("=")
    if not name or not task:
        raise Failure("Name a task and a model: ostiary models use mask NAME", code=ExitCode.USAGE)
    api = api_of(place_of(context))
    query = Query(json={"name": name})
    with progress("A worker looks at the network …"):
        role = CALLED.get(task, task)
        before = api.get("/models")["models"].get(role, {"workers": []})
        chosen = api.call("PUT", f"/models/{quote(task, safe='')}", query)
    label = chosen["label"]
    with progress(f"The workers go over to {label} …"):
        known = {one["worker"] for one in [*before["workers"], *chosen["workers"]]}
        found = _awaited(api, role, label, known)
    refusing = [one for one in found["workers"] if one["in_use"] != label]
    if as_json:
        print_json({"task": task, "label": label, **found})
    elif not refusing:
        many = len(found["workers"])
        print(f"{task}: {label} is in use by {many} worker{'' if many == 1 else 's'}.")
    if refusing:
        raise Failure(*[_kept(one, label) for one in refusing[:2]], "See: ostiary status")


def _kept(worker: "Record", label: str) -> str:
    reason = worker["reason"] or f"it has not gone over within {SWITCH_WITHIN_S:.0f} s"
    return f"{worker['worker']} keeps {worker['in_use']}, not {label}: {reason}".rstrip(".") + "."


def _awaited(api: "Api", role: str, label: str, known: set[str]) -> "Record":
    """Return what the workers say once each uses the model or has refused it.

    known: who was there before; one that is silent for a moment is waited for.
    """
    begun_s = time.monotonic()
    while True:
        found: Record = api.get("/models")["models"][role]
        elapsed_s = time.monotonic() - begun_s
        states = [one["in_use"] == label or one["state"] for one in found["workers"]]
        done = all(
            one is True or (one == "refused" and elapsed_s > SETTLED_AFTER_S) for one in states
        )
        silent = known - {one["worker"] for one in found["workers"]}
        if silent and elapsed_s < GONE_AFTER_S:
            done = False
        if (done and states) or elapsed_s > SWITCH_WITHIN_S:
            return found
        time.sleep(LOOK_EVERY_S)


@app.command()
def verify(context: typer.Context, as_json: JsonOption = False) -> None:
    """Check every weights file against the SHA-256 of its description."""
    verdicts = list(_verdicts(_catalogue(context)))
    if as_json:
        print_json({name: why or "ok" for _, name, why in verdicts})
    else:
        rows = [(role, name, "damaged" if why else "ok") for role, name, why in verdicts]
        print_table(("role", "network", "verdict"), rows, "There is no network.")
    wrong = [why for _, _, why in verdicts if why]
    if wrong:
        more = [f"So are {len(wrong) - 1} more: ostiary models verify --json"] * (len(wrong) > 1)
        raise Failure(*wrong[0].splitlines()[: 3 - len(more)], *more)


def _verdicts(found: "Catalogue") -> Iterator[tuple[str, str, str | None]]:
    """Yield each model's role, its name, and what is wrong with it, None where nothing is."""
    from workers.manifest import WeightsError
    from workers.manifest import verify as check

    for entry in found.entries:
        try:
            check(entry)
            yield entry.role, entry.label, None
        except WeightsError as error:
            yield entry.role, entry.label, str(error)
    for broken in found.broken:
        remedy = "Correct it, train the model again, or remove its folder."
        yield "-", broken.folder.name, f"{broken.reason}.\n{remedy}"
