"""Knows the commands about keys, also where no key is left. Does not know what a key opens."""

import os
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.output import clock, print_json, print_table
from ostiary.cli.place import JsonOption, place_of
from ostiary.cli.subscribers import listed

if TYPE_CHECKING:
    from config.schema import Settings
    from ostiary.cli.api import Api

app = typer.Typer(help="Keys that open the page and the API.", no_args_is_help=True)

ROLES = ("viewer", "operator", "admin", "publisher")


def _api(context: typer.Context) -> "Api":
    from ostiary.cli.api import api_of

    return api_of(place_of(context))


@app.command()
def create(
    context: typer.Context,
    role: Annotated[
        str, typer.Option("--role", metavar="|".join(ROLES), help="What it may do.")
    ] = "viewer",
    cameras: Annotated[
        str | None, typer.Option("--cameras", metavar="A,B", help="Only these; else all.")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="Whose it is, for the list.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a key; it is shown once. On the machine itself this works without any other key."""
    if role not in ROLES:
        raise Failure(
            f"There is no role {role!r}: choose one of {', '.join(ROLES)}.", code=ExitCode.USAGE
        )
    if role == "publisher" and len(listed(cameras) or ()) != 1:
        raise Failure(
            "A publisher's key belongs to one camera: --cameras NAME.", code=ExitCode.USAGE
        )
    body = {"role": role, "cameras": listed(cameras), "label": label}
    if os.environ.get("OSTIARY_KEY") or os.environ.get("OSTIARY_URL"):
        from ostiary.cli.api import Query

        made = dict(_api(context).call("POST", "/keys", Query(json=body)))
    else:
        made = _on_the_socket(place_of(context).settings(), body)
    if as_json:
        print_json(made)
        return
    print(made["key"])
    print(f"This is shown once: keep it. Revoke it: ostiary key revoke {made['id']}")


def _on_the_socket(settings: "Settings", body: dict[str, Any]) -> dict[str, Any]:
    """Make the key in the ledger itself: who may read secret.key may make keys."""
    import asyncio

    from redis.exceptions import RedisError

    from streams.ledger.access import AccessRole, KeyRequest
    from streams.ledger.ledger import Ledger
    from streams.secrets import BadKeyFile
    from streams.servers import ledger_password, ledger_url, open_box

    async def make() -> dict[str, Any]:
        box = open_box(settings)
        ledger = await Ledger.connect(ledger_url(settings), ledger_password(settings, box), box)
        try:
            cameras = frozenset(body["cameras"]) if body["cameras"] else None
            made = await ledger.keys.create(
                KeyRequest(AccessRole(body["role"]), cameras, body["label"])
            )
        finally:
            await ledger.aclose()
        return {"id": made.record.id, "key": made.plain, **body}

    try:
        return asyncio.run(make())
    except BadKeyFile as error:
        raise Failure(*str(error).splitlines()[:3], code=ExitCode.NOT_RUNNING) from error
    except (RedisError, OSError) as error:
        raise Failure(
            f"The ledger of {settings.home} does not answer.",
            "Start it with: ostiary up",
            code=ExitCode.NOT_RUNNING,
        ) from error


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the keys, without their secrets."""
    found = _api(context).get("/keys")["keys"]
    if as_json:
        print_json(found)
        return
    print_table(
        ("id", "role", "cameras", "label", "made"),
        [
            (
                one["id"],
                one["role"],
                one.get("cameras") or "all",
                one.get("label") or "-",
                clock(one.get("created_at")),
            )
            for one in found
        ],
        "There is no key.",
    )


@app.command()
def revoke(
    context: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `key list` shows it.")],
    as_json: JsonOption = False,
) -> None:
    """Make a key open nothing any more."""
    _api(context).call("DELETE", f"/keys/{quote(key_id, safe='')}")
    if as_json:
        print_json({"revoked": key_id})
    else:
        print(f"Key {key_id} opens nothing any more.")
