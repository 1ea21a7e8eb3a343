"""Knows how a command talks to the gateway, and how its refusals become messages.

Does not know any command.
"""

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from config.schema import Settings
from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.place import Place
from ostiary.supervisor.home import read_running

Record = Mapping[str, Any]  # one JSON object of the API
PREFIX = "/api/v1"
CONNECT_S = 3.0
ANSWER_S = 30.0
LINE_CHARACTERS = 300
CODES = {
    400: ExitCode.USAGE,
    404: ExitCode.NOT_FOUND,
    422: ExitCode.USAGE,
    502: ExitCode.NOT_RUNNING,
    503: ExitCode.NOT_RUNNING,
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the gateway is and what opens it."""

    url: str
    key: str = field(repr=False)
    certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What a call carries besides its path."""

    json: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] | None = None
    files: Sequence[tuple[str, tuple[str, bytes, str]]] | None = None
    answer_s: float = ANSWER_S


class Api:
    """Calls of the gateway's API; what it refuses ends the command with a message."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._client = httpx.Client(
            base_url=gateway.url,
            headers={"Authorization": f"Bearer {gateway.key}"},
            verify=_verify(gateway),
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def url(self) -> str:
        """The gateway's address."""
        return self._gateway.url

    def get(self, path: str, **params: str) -> Any:
        """Return what the API holds there."""
        return self.call("GET", path, Query(params=params))

    def call(self, method: str, path: str, query: Query | None = None) -> Any:
        """Make one call; return its JSON, or None for an empty answer. Raises Failure."""
        query = query or Query()
        try:
            answer = self._client.request(
                method,
                PREFIX + path,
                json=query.json,
                params=dict(query.params),
                data=dict(query.data) if query.data is not None else None,
                files=list(query.files) if query.files is not None else None,
                timeout=httpx.Timeout(query.answer_s, connect=CONNECT_S),
            )
        except httpx.HTTPError as error:
            raise away(self.url, error) from error
        if answer.is_error:
            raise refusal(answer)
        return answer.json() if answer.content else None

    @contextmanager
    def lines(self, path: str, params: Mapping[str, str]) -> Iterator[Iterator[str]]:
        """Yield the lines of an event stream, which ends when the gateway does.

        Raises httpx.HTTPError where the connection breaks, Failure where it is refused.
        """
        # A quiet stream sends a comment every so often; silence beyond that is a dead gateway.
        patience = httpx.Timeout(60.0, connect=CONNECT_S)
        with self._client.stream(
            "GET", PREFIX + path, params=dict(params), timeout=patience
        ) as answer:
            if answer.is_error:
                answer.read()
                raise refusal(answer)
            yield answer.iter_lines()


def api_of(place: Place) -> Api:
    """Return the API of this installation: OSTIARY_URL and OSTIARY_KEY, else the home's own."""
    return Api(gateway_of(place.settings()))


def gateway_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> Gateway:
    """Find address and key. Raises Failure where there is no key."""
    from ostiary.supervisor.address import api_url

    home = settings.home
    running = read_running(home)
    url = environ.get("OSTIARY_URL") or (running.api if running else api_url(settings))
    key = environ.get("OSTIARY_KEY")
    if not key:
        file = home / "cli.key"
        try:
            key = file.read_text("utf-8").strip()
        except OSError as error:
            raise Failure(
                f"There is no key at {file}, so nothing was started with this home yet.",
                "Start it with: ostiary up   (or set OSTIARY_HOME, or OSTIARY_URL and OSTIARY_KEY)",
                code=ExitCode.NOT_RUNNING,
            ) from error
    noted = Path(running.certificate) if running and running.certificate else None
    return Gateway(url.rstrip("/"), key, settings.tls.cert or noted)


def away(url: str, error: httpx.HTTPError) -> Failure:
    """Say that nobody answers there."""
    what = (
        "does not answer in time" if isinstance(error, httpx.TimeoutException) else "is not there"
    )
    if isinstance(error, httpx.ConnectError) and "CERTIFICATE" in str(error):
        what = "shows a certificate that is not trusted"
    return Failure(
        f"The gateway at {url} {what}.",
        "Start it with: ostiary up   (ostiary doctor says what hinders it)",
        code=ExitCode.NOT_RUNNING,
    )


class Refused(Failure):
    """The gateway refused a call; `detail` is what it added for programs."""

    def __init__(self, status: int, lines: Sequence[str], detail: Any) -> None:
        super().__init__(*lines, code=CODES.get(status, ExitCode.FAILED))
        self.status = status
        self.detail = detail


def refusal(answer: httpx.Response) -> Refused:
    """Turn a refusal into at most three lines and an exit code."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    error = _one_line(body.get("error") or answer.reason_phrase or answer.status_code)
    error = error.removeprefix("Value error, ").rstrip(".")
    detail = body.get("detail")
    if answer.status_code == 401:
        lines = ["The key was not accepted.", "Make another: ostiary key create --role admin"]
    else:
        lines = [error[:1].upper() + error[1:] + ".", *_detail_lines(detail, error)]
    return Refused(answer.status_code, lines, detail)


def _detail_lines(detail: Any, error: str) -> list[str]:
    """One more line for what the error does not say already."""
    if isinstance(detail, str):
        return [_one_line(detail)] if detail else []
    if not isinstance(detail, list):
        return []
    texts = [
        f"{one.get('field')}: {one.get('reason')}"
        for one in detail
        if isinstance(one, dict) and error not in str(one.get("reason"))
    ]
    return [_one_line("; ".join(texts))] if texts else []


def _one_line(text: object) -> str:
    """What somebody else wrote, on one line of bounded length."""
    return " ".join(str(text).split())[:LINE_CHARACTERS]


def _verify(gateway: Gateway) -> ssl.SSLContext | bool:
    """On this machine the gateway's own certificate is trusted, whatever name it bears."""
    if not gateway.url.startswith("https") or gateway.certificate is None:
        return True
    context = ssl.create_default_context(cafile=str(gateway.certificate))
    if urlsplit(gateway.url).hostname in LOOPBACK:
        context.check_hostname = False
    return context
