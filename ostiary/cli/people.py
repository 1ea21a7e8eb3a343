"""Knows the commands about enrolled people. Does not know how a face is judged."""

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ostiary.cli.failure import ExitCode, Failure, not_found
from ostiary.cli.output import clock, print_json, print_table, progress
from ostiary.cli.place import JsonOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Api, Record

app = typer.Typer(help="Enrol, list, check and remove people.", no_args_is_help=True)

MAX_PHOTO_BYTES = 8 * 1024 * 1024
MAX_PHOTOS = 10
ADVICE = {
    "same_person": "so like {other} that they may be one person: remove one",
    "look_alike": "like {other}: enrol more and clearer photos of both",
    "outlying_photo": "photo {photos} is unlike the others: enrol again without it",
    "one_photo": "one photo only: enrol with two or three",
}


def _api(context: typer.Context) -> "Api":
    from ostiary.cli.api import api_of

    return api_of(place_of(context))


@app.command()
def enrol(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The person's name.")],
    photos: Annotated[list[Path], typer.Argument(help="One to ten photographs of that person.")],
    consent: Annotated[
        str, typer.Option("--consent", help='What was consented to, e.g. "signed 2026-11-22".')
    ],
    as_json: JsonOption = False,
) -> None:
    """Enrol a person from photographs; each gets a verdict."""
    from ostiary.cli.api import Query, Refused

    files = [("photos", _read(photo)) for photo in photos]
    if len(files) > MAX_PHOTOS:
        raise Failure(
            f"At most {MAX_PHOTOS} photographs at once, not {len(files)}.", code=ExitCode.USAGE
        )
    api = _api(context)
    query = Query(data={"name": name, "consent": consent}, files=files, answer_s=120)
    try:
        with progress("A worker looks at the photographs …"):
            answer = api.call("POST", "/people", query)
    except Refused as refused:
        if not (isinstance(refused.detail, dict) and "verdicts" in refused.detail):
            raise
        _say(photos, refused.detail, as_json)
        raise Failure(f"{name} was not enrolled: no photograph can be used.") from refused
    _say(photos, answer, as_json)
    if not as_json:
        print(f"{name} is enrolled as {answer['id']}.")


def _say(photos: list[Path], answer: "Record", as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    rows = [
        (
            photo.name,
            "accepted" if verdict["accepted"] else "refused",
            str(verdict.get("reason") or "-").replace("_", " "),
            verdict.get("detail") or "-",
        )
        for photo, verdict in zip(photos, answer["verdicts"], strict=False)
    ]
    print_table(("photo", "verdict", "reason", "detail"), rows, "No verdict came back.")


def _read(photo: Path) -> tuple[str, bytes, str]:
    try:
        data = photo.expanduser().read_bytes()
    except OSError as error:
        raise Failure(f"{photo} cannot be read: {error.strerror}.", code=ExitCode.USAGE) from error
    if len(data) > MAX_PHOTO_BYTES:
        raise Failure(
            f"{photo} has {len(data) / 2**20:.1f} MiB; a photograph may have 8.",
            "Save it smaller: faces need no more than 1,000 pixels.",
            code=ExitCode.USAGE,
        )
    kind = mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
    return photo.name, data, kind


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the enrolled people."""
    found = _everybody(_api(context))
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "name", "photos", "consent", "enrolled"),
        [
            (
                one["id"],
                one["name"],
                one["photos"],
                one["consent"],
                clock(one["created_at"]),
            )
            for one in found
        ],
        'Nobody is enrolled yet: ostiary person enrol NAME PHOTO… --consent "…"',
    )


@app.command("check")
def check_(context: typer.Context, as_json: JsonOption = False) -> None:
    """Measure how well the enrolled people can be told apart, and advise what to mend.

    Likeness is a cosine: 1 is the same picture. Each is held against the most
    alike photo of anybody else.
    """
    found = _api(context).get("/people/check")
    if as_json:
        print_json(found)
        return
    print_table(
        ("name", "photos", "own likeness", "most like", "likeness", "advice"),
        [
            (
                one["name"] or one["person_id"],
                one["photos"],
                _cosine(one["own"]),
                one["nearest_name"] or one["nearest"],
                _cosine(one["likeness"] if one["nearest"] else None),
                "; ".join(ADVICE[what].format(**_said(one)) for what in one["advice"]) or "good",
            )
            for one in found["people"]
        ],
        "Nobody is enrolled yet.",
    )
    print(
        f"By {found['embedder']}: from {found['accept']:.2f} on a view is somebody, below "
        f"{found['reject']:.2f} nobody."
    )


def _cosine(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _said(one: "Record") -> dict[str, str]:
    return {
        "other": one["nearest_name"] or one["nearest"] or "somebody",
        "photos": ", ".join(str(place + 1) for place in one["outlying"]),
    }


@app.command()
def remove(
    context: typer.Context,
    person: Annotated[str, typer.Argument(metavar="ID|NAME", help="As `person list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Erase a person everywhere: name, photographs, vectors, pictures of alerts."""
    from ostiary.cli.api import Query

    api = _api(context)
    chosen = _only(person, _everybody(api))
    with progress("Erasing everywhere …"):
        answer = api.call("DELETE", f"/people/{quote(chosen, safe='')}", Query(answer_s=120))
    if as_json:
        print_json(answer)
    else:
        print(f"{chosen} was erased.")
        if answer.get("unconfirmed"):
            print(f"These workers did not confirm in time: {', '.join(answer['unconfirmed'])}.")


def _only(text: str, everybody: list["Record"]) -> str:
    """The one person with this id or name. Raises Failure for none and for several."""
    if any(one["id"] == text for one in everybody):
        return text
    named = [str(one["id"]) for one in everybody if one["name"].casefold() == text.casefold()]
    if not named:
        raise not_found("person", text, "ostiary person list")
    if len(named) > 1:
        raise Failure(
            f"{len(named)} people are named {text!r}: name one by id: {', '.join(named)}.",
            code=ExitCode.USAGE,
        )
    return named[0]


def _everybody(api: "Api") -> list["Record"]:
    found: list[Record] = api.get("/people")["people"]
    return found
