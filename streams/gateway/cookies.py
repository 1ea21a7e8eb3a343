"""Knows how a session is written into a cookie and read back. Does not know who may do what."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

COOKIE_NAME: Final = "ostiary"
LIFETIME_S: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says: which key signed in, and when (UTC seconds)."""

    key_id: str
    issued_s: int


class CookieSigner:
    """Signs sessions with HMAC-SHA256 (RFC 2104); the secret never leaves the server."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"ostiary cookie " + secret.encode()).digest()

    def _tag(self, body: str) -> str:
        digest = hmac.digest(self._secret, body.encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def sign(self, session: Session) -> str:
        """Return the cookie's value; it holds no secret, only its proof."""
        plain = f"{session.issued_s}:{session.key_id}".encode()
        body = base64.urlsafe_b64encode(plain).decode().rstrip("=")
        return f"{body}.{self._tag(body)}"

    def read(self, value: str, now_s: int) -> Session | None:
        """Return the session of a genuine cookie that is not too old, else None."""
        body, dot, tag = value.partition(".")
        if not dot or not hmac.compare_digest(tag.encode(), self._tag(body).encode()):
            return None
        try:
            plain = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
            issued, _, key_id = plain.partition(":")
            session = Session(key_id, int(issued))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        fresh = session.issued_s <= now_s + 60 and now_s - session.issued_s < LIFETIME_S
        return session if fresh and session.key_id else None
