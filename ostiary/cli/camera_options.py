"""Knows what may be said of a camera on the command line. Does not know how it is sent."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from ostiary.cli.failure import ExitCode, Failure


def plain_name(text: str) -> str:
    """Refuse a name that cannot stand in keys and addresses, before anything is sent."""
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise typer.BadParameter(f"{text!r}: a name has 1 to 40 of a-z, 0-9 and -.")
    return text


NameArgument = Annotated[
    str, typer.Argument(help="The camera's name: a-z, 0-9 and -.", callback=plain_name)
]
SubOption = Annotated[
    str | None, typer.Option("--sub", metavar="URL", help="A smaller stream to be analysed.")
]
MaskOption = Annotated[
    bool | None,
    typer.Option("--mask-required/--no-mask-required", help="Alert on missing or wrong masks."),
]
UnknownOption = Annotated[
    bool | None,
    typer.Option(
        "--alert-unknown/--no-alert-unknown", help="Alert on people who are not enrolled."
    ),
]
PurposeOption = Annotated[
    str | None,
    typer.Option(
        "--purpose",
        metavar="none|people|expression",
        help="What faces are used for beyond masks: exactly one.",
    ),
]
BecauseOption = Annotated[
    str | None, typer.Option("--because", help="Why the purpose is needed and allowed.")
]
UserOption = Annotated[str | None, typer.Option("--username", help="If it is not in the URL.")]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of `add` and `set` said; None: not said."""

    url: str | None = None
    sub_url: str | None = None
    username: str | None = None
    password: str | None = None
    mask_required: bool | None = None
    alert_unknown: bool | None = None
    purpose: str | None = None
    because: str | None = None

    def fields(self) -> dict[str, Any]:
        """The API's fields; credentials are cut from URLs here, before anything is sent or said.

        Raises Failure for an address that is not allowed.
        """
        found = {
            "mask_required": self.mask_required,
            "alert_unknown": self.alert_unknown,
            "purpose": self.purpose,
            "because": self.because,
        }
        for name, text in (("sub_url", self.sub_url), ("url", self.url)):
            if text:
                found |= _address(name, text)
        found |= {"username": self.username or found.get("username")}
        found |= {"password": self.password or found.get("password")}
        return {name: value for name, value in found.items() if value is not None}


def _address(name: str, text: str) -> dict[str, str | None]:
    from config.cameras import parse_address

    try:
        address = parse_address(text)
    except ValueError as error:
        message = str(error)
        raise Failure(
            f"{'The sub-stream' if name == 'sub_url' else 'The camera'}'s URL is wrong: {message}.",
            code=ExitCode.USAGE,
        ) from error
    found = {name: address.url}
    if address.username:
        found["username"] = address.username
    if address.password:
        found["password"] = address.password
    return dict(found)
