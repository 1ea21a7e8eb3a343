"""Knows the commands about subscribers. Does not know how alerts get into inboxes."""

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ostiary.cli.camera_options import plain_name
from ostiary.cli.output import print_facts, print_json, print_table
from ostiary.cli.place import JsonOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Api, Record

app = typer.Typer(help="Who receives alerts, each in an inbox of its own.", no_args_is_help=True)

NameArgument = Annotated[
    str, typer.Argument(help="The subscriber's name: a-z, 0-9 and -.", callback=plain_name)
]


def _api(context: typer.Context) -> "Api":
    from ostiary.cli.api import api_of

    return api_of(place_of(context))


def listed(text: str | None) -> list[str] | None:
    """Names with commas between them; None for none, which means all."""
    names = [part.strip() for part in (text or "").split(",") if part.strip()]
    return names or None


@app.command()
def add(
    context: typer.Context,
    name: NameArgument,
    cameras: Annotated[
        str | None, typer.Option("--cameras", metavar="A,B", help="Only these; else all.")
    ] = None,
    kinds: Annotated[
        str | None,
        typer.Option("--kinds", metavar="unmasked,unknown", help="Only these kinds; else all."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an inbox with its own user and password, and say how to connect."""
    from ostiary.cli.api import Query

    body = {"name": name, "cameras": listed(cameras), "kinds": listed(kinds)}
    added = _api(context).call("POST", "/subscribers", Query(json=body))
    if as_json:
        print_json(added)
        return
    _say_how(added)


def _say_how(added: "Record") -> None:
    reached = added["connect"]
    print(f"Subscriber {added['name']} was added. What follows is shown once:")
    print_facts(
        [
            ("user", reached["user"]),
            ("password", added["password"]),
            ("viewer key", added["key"]),
            ("inbox", reached["inbox"]),
        ]
    )
    if reached["url"]:
        address = reached["url"].replace("://", f"://{reached['user']}@")
        print(
            f"Connect: redis-cli --askpass -u {address} XREAD BLOCK 0 STREAMS {reached['inbox']} $"
        )
    else:
        print(f"How to reach it: {reached['setting']}.")


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the subscribers."""
    found = _api(context).get("/subscribers")["subscribers"]
    if as_json:
        print_json(found)
        return
    print_table(
        ("subscriber", "cameras", "kinds"),
        [(one["name"], one.get("cameras") or "all", one.get("kinds") or "all") for one in found],
        "No subscriber yet: ostiary subscriber add NAME",
    )


@app.command()
def remove(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Remove a subscriber with its inbox, user and key."""
    _api(context).call("DELETE", f"/subscribers/{quote(name, safe='')}")
    if as_json:
        print_json({"removed": name})
    else:
        print(f"Subscriber {name} was removed.")
