"""Knows what an operator may set of one camera. Does not know whether it is reachable."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from engine.packets import Role
from engine.purpose import Purpose
from engine.rules import Rule, RuleKind, default_rule

ID_PATTERN = r"^[a-z0-9-]{1,40}$"
SCHEMES = ("rtsp", "rtsps")

CameraId = Annotated[str, Field(pattern=ID_PATTERN)]


@dataclass(frozen=True, slots=True)
class Address:
    """A camera's URL without its credentials, and the credentials."""

    url: str
    username: str | None
    password: str | None


def parse_address(text: str) -> Address:
    """Cut the credentials out of a camera's URL; refuse other schemes and missing hosts.

    Raises ValueError; its message never holds the password.
    """
    scheme, separator, _ = text.strip().partition("://")
    if not separator or scheme.lower() not in SCHEMES:
        # Without "://" the text before the first colon may be a user's name: not repeated.
        shown = repr(scheme) if separator else "(none)"
        raise ValueError(f"scheme {shown} is not allowed: use {' or '.join(SCHEMES)}")
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(
            "the camera's URL has a wrong host or port; "
            "in a password write @ as %40, : as %3A, / as %2F, # as %23"
        ) from error
    if not host or re.search(r"\s", text.strip()):
        raise ValueError(
            "the camera's URL has no host; write rtsp://[user:password@]host[:port]/path"
        )
    netloc = f"[{host}]" if ":" in host else host
    netloc += f":{port}" if port else ""
    url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    return Address(url, username, password)


class Camera(BaseModel):
    """One camera as it was registered; URLs here never hold credentials."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: CameraId
    kind: Literal["rtsp", "whip"] = "rtsp"
    url: str = ""
    sub_url: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    mask_required: bool = False
    alert_unknown: bool = False
    purpose: Purpose = Purpose.NONE
    because: str | None = Field(default=None, max_length=500)
    managed_by: Literal["api", "file"] = "api"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "rtsp" and not self.url:
            raise ValueError("an rtsp camera needs its url")
        if self.kind == "whip" and (self.url or self.sub_url):
            raise ValueError("a whip camera has no url: its publisher connects to us")
        for url in filter(None, (self.url, self.sub_url)):
            address = parse_address(url)
            if address.username or address.password:
                raise ValueError("credentials belong into username and password, not into the url")
        if self.purpose is Purpose.EXPRESSION and not self.because:
            raise ValueError("purpose expression needs its stated reason (because)")
        if self.alert_unknown and self.purpose is not Purpose.PEOPLE:
            raise ValueError("alert_unknown needs purpose people")
        return self

    @property
    def analysis_role(self) -> Role:
        """The stream that is analysed: the sub-stream where there is one."""
        return Role.SUB if self.sub_url else Role.MAIN

    @property
    def roles(self) -> tuple[Role, ...]:
        """The streams that ingest pulls."""
        return (Role.MAIN, Role.SUB) if self.sub_url else (Role.MAIN,)


def rules_of(camera: Camera) -> tuple[Rule, ...]:
    """Return the rules that a camera's switches stand for, with stable ids."""
    kinds: list[RuleKind] = []
    if camera.mask_required:
        kinds += [RuleKind.UNMASKED, RuleKind.MASK_INCORRECT]
    if camera.alert_unknown:
        kinds.append(RuleKind.UNKNOWN)
    return tuple(default_rule(kind, camera.id) for kind in kinds)
