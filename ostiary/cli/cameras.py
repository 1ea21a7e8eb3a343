"""Knows the commands about cameras. Does not know how they are stored or pulled."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from ostiary.cli import passwords
from ostiary.cli.camera_options import (
    BecauseOption,
    MaskOption,
    NameArgument,
    PurposeOption,
    SubOption,
    UnknownOption,
    UserOption,
    Wanted,
)
from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.output import print_facts, print_json, print_table, progress, shown
from ostiary.cli.passwords import PasswordSource
from ostiary.cli.place import JsonOption, place_of

if TYPE_CHECKING:
    from ostiary.cli.api import Api, Record

app = typer.Typer(help="Add, list, change, remove and test cameras.", no_args_is_help=True)


def _api(context: typer.Context) -> "Api":
    from ostiary.cli.api import api_of

    return api_of(place_of(context))


def _path(name: str) -> str:
    return f"/cameras/{quote(name, safe='')}"


@app.command()
def add(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    name: NameArgument,
    source: Annotated[
        str, typer.Argument(metavar="URL|whip", help="rtsp://[user[:password]@]host/path, or whip.")
    ],
    sub: SubOption = None,
    mask_required: MaskOption = None,
    alert_unknown: UnknownOption = None,
    purpose: PurposeOption = None,
    because: BecauseOption = None,
    username: UserOption = None,
    password_prompt: passwords.PromptOption = False,
    password_stdin: passwords.StdinOption = False,
    password_file: passwords.FileOption = None,
    password_env: passwords.VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a camera: an RTSP address, or `whip` for one that is lent by a browser."""
    password = PasswordSource(password_prompt, password_stdin, password_file, password_env).read()
    url = None if source == "whip" else source
    flags = (mask_required, alert_unknown, purpose, because)
    wanted = Wanted(url, sub, username, password, *flags).fields()
    from ostiary.cli.api import Query

    api = _api(context)
    body = {"id": name, "kind": "rtsp" if url else "whip", **wanted}
    added = api.call("POST", "/cameras", Query(json=body))
    if as_json:
        print_json(added)
        return
    print(f"Camera {name} was added.")
    if url:
        print("See whether it lives: ostiary camera list")
    else:
        _say_how_to_lend(api, name, added)


def _say_how_to_lend(api: "Api", name: str, added: "Record") -> None:
    print(f"Publisher token (shown once): {added['token']}")
    print(f"Lend a camera here:  {api.url}{added['lend']}")
    print(f"Or publish by WHIP:  {api.url}{added['whip']}  (Authorization: Bearer TOKEN)")
    if api.url.startswith("http://"):
        print(
            "A browser on another machine lends its camera over HTTPS only: set tls.cert, tls.key."
        )


@app.command("list")
def list_(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the cameras with their live state."""
    found = _api(context).get("/cameras")["cameras"]
    if as_json:
        print_json(found)
        return
    print_table(
        ("camera", "kind", "state", "purpose", "masks", "unknown", "by", "address"),
        [
            (
                one["id"],
                one["kind"],
                _state(one["status"]),
                one["purpose"],
                one["mask_required"],
                one["alert_unknown"],
                one["managed_by"],
                one.get("url") or "-",
            )
            for one in found
        ],
        "No camera yet. Add one: ostiary camera add lobby rtsp://user@host/path",
    )


@app.command()
def show(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Show one camera with the state of its streams."""
    found = _api(context).get(_path(name))
    if as_json:
        print_json(found)
        return
    print_facts([(key, value) for key, value in found.items() if key != "status"])
    for role, stream in _streams(found["status"]).items():
        print_facts([(f"{role}.{key}", value) for key, value in stream.items()])


@app.command("set")
def set_(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    name: NameArgument,
    url: Annotated[str | None, typer.Option("--url", help="A new address.")] = None,
    sub: SubOption = None,
    mask_required: MaskOption = None,
    alert_unknown: UnknownOption = None,
    purpose: PurposeOption = None,
    because: BecauseOption = None,
    username: UserOption = None,
    password_prompt: passwords.PromptOption = False,
    password_stdin: passwords.StdinOption = False,
    password_file: passwords.FileOption = None,
    password_env: passwords.VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a camera; what is not named stays as it is."""
    password = PasswordSource(password_prompt, password_stdin, password_file, password_env).read()
    wanted = Wanted(
        url, sub, username, password, mask_required, alert_unknown, purpose, because
    ).fields()
    if not wanted:
        raise Failure(
            "Nothing to change was named.", "See: ostiary camera set --help", code=ExitCode.USAGE
        )
    from ostiary.cli.api import Query

    changed = _api(context).call("PATCH", _path(name), Query(json=wanted))
    if as_json:
        print_json(changed)
    else:
        print(f"Camera {name} was changed.")


@app.command()
def remove(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Remove a camera."""
    _api(context).call("DELETE", _path(name))
    if as_json:
        print_json({"removed": name})
    else:
        print(f"Camera {name} was removed.")


@app.command()
def test(  # noqa: PLR0913, PLR0917  # its parameters are its options
    context: typer.Context,
    camera: Annotated[
        str, typer.Argument(metavar="NAME|URL", help="A camera that was added, or any address.")
    ],
    username: UserOption = None,
    password_prompt: passwords.PromptOption = False,
    password_stdin: passwords.StdinOption = False,
    password_file: passwords.FileOption = None,
    password_env: passwords.VariableOption = None,
    as_json: JsonOption = False,
) -> None:
    """Connect to a camera; say codec, size, rate and the time to its first picture."""
    password = PasswordSource(password_prompt, password_stdin, password_file, password_env).read()
    body: dict[str, Any] = {"camera": camera}
    if "://" in camera:
        body = Wanted(url=camera, username=username, password=password).fields()
    from ostiary.cli.api import Query

    api = _api(context)
    with progress(f"Connecting to {body.get('url', camera)} …"):
        result = api.call("POST", "/cameras/test", Query(json=body, answer_s=60))
    if as_json:
        print_json(result)
    if not result.get("ok"):
        raise Failure(f"The camera cannot be used: {result.get('error') or 'no reason given'}.")
    if not as_json:
        print_facts([(key, value) for key, value in result.items() if key not in ("ok", "error")])


def _streams(status: "Record") -> dict[str, "Record"]:
    """The live state of each stream; a sub-stream's stands inside the main one's."""
    main = {name: value for name, value in status.items() if name != "sub"}
    return {"main": main, "sub": status["sub"]} if status.get("sub") else {"main": main}


def _state(status: "Record") -> str:
    """Each stream's state with its reason and next try; once where all are alike."""
    texts = {role: _stream_state(stream) for role, stream in _streams(status).items()}
    if len(set(texts.values())) == 1:
        return texts["main"]
    return "; ".join(f"{role}: {text}" for role, text in texts.items())


def _stream_state(stream: "Record") -> str:
    text = str(stream.get("state"))
    if stream.get("reason"):
        text += f" ({stream['reason']})"
    if stream.get("next_try_s") is not None:
        text += f", next try in {shown(stream['next_try_s'])} s"
    return text
