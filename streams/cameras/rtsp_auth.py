"""Knows how a request proves who sends it: digest and basic (RFC 2617, RFC 7616).

Does not know where the password comes from, and never writes it anywhere.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

_PAIR: Final = re.compile(r'([a-zA-Z0-9_-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password; the password is not shown when printed."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a camera asks for."""

    scheme: str  # "digest" or "basic"
    algorithm: str = "MD5"
    realm: str = ""
    nonce: str = ""
    opaque: str | None = None
    qop_auth: bool = False
    stale: bool = False


_STRENGTH: Final = {("digest", "SHA-256"): 3, ("digest", "MD5"): 2, ("basic", ""): 1}


def strongest(headers: Iterable[str]) -> Challenge | None:
    """Return the strongest challenge among WWW-Authenticate headers that we can meet."""
    challenges = [parse_challenge(text) for text in headers]
    known = [item for item in challenges if (item.scheme, item.algorithm) in _STRENGTH]
    return max(known, key=lambda item: _STRENGTH[item.scheme, item.algorithm], default=None)


def parse_challenge(text: str) -> Challenge:
    """Return what one WWW-Authenticate header says."""
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        return Challenge(scheme.lower(), algorithm="")
    pairs = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
    return Challenge(
        scheme="digest",
        algorithm=pairs.get("algorithm", "MD5").upper(),
        realm=pairs.get("realm", ""),
        nonce=pairs.get("nonce", ""),
        opaque=pairs.get("opaque"),
        qop_auth="auth" in re.split(r"[\s,]+", pairs.get("qop", "")),
        stale=pairs.get("stale", "").lower() == "true",
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_HASHES: Final[dict[str, Callable[[str], str]]] = {"MD5": _md5, "SHA-256": _sha256}


class Authenticator:
    """Writes the Authorization header for one camera; counts the uses of each nonce."""

    def __init__(
        self, credentials: Credentials, new_cnonce: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self._credentials = credentials
        self._challenge: Challenge | None = None
        self._uses = 0
        self._new_cnonce = new_cnonce

    def accept(self, challenge: Challenge) -> None:
        """Answer this challenge from now on."""
        self._challenge, self._uses = challenge, 0

    def header(self, method: str, url: str) -> str | None:
        """Return the header's value; None before any challenge."""
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            pair = f"{self._credentials.username}:{self._credentials.password}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        return self._digest(challenge, method, url)

    def _digest(self, challenge: Challenge, method: str, url: str) -> str:
        digest = _HASHES[challenge.algorithm]
        user, realm, nonce = self._credentials.username, challenge.realm, challenge.nonce
        secret = digest(f"{user}:{realm}:{self._credentials.password}")
        action = digest(f"{method}:{url}")
        fields = {"username": user, "realm": realm, "nonce": nonce, "uri": url}
        extra = ""
        if challenge.qop_auth:
            self._uses += 1
            cnonce, count = self._new_cnonce(), f"{self._uses:08x}"
            fields["response"] = digest(f"{secret}:{nonce}:{count}:{cnonce}:auth:{action}")
            fields["cnonce"] = cnonce
            extra = f", qop=auth, nc={count}"
        else:
            fields["response"] = digest(f"{secret}:{nonce}:{action}")
        if challenge.opaque is not None:
            fields["opaque"] = challenge.opaque
        quoted = ", ".join(f'{name}="{_quotable(value)}"' for name, value in fields.items())
        return f"Digest {quoted}{extra}, algorithm={challenge.algorithm}"


def _quotable(value: str) -> str:
    return re.sub(r"[\r\n]", "", value).replace("\\", "\\\\").replace('"', '\\"')
