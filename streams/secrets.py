"""Knows the installation's one key: seals, unseals, derives. Does not know what it seals."""

import base64
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
# The first byte of everything sealed, so that another cipher can come without guessing.
VERSION: Final = b"\x01"


class WrongKey(Exception):
    """The bytes were sealed with another key, or changed since."""


class BadKeyFile(Exception):
    """The key file is missing or holds no key; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class SecretBox:
    """Seals bytes with AES-256-GCM (NIST SP 800-38D) and derives passwords by HKDF (RFC 5869)."""

    _key: bytes = field(repr=False)

    @classmethod
    def open(cls, key_file: Path, create: bool) -> "SecretBox":
        """Read the key file; with `create`, make a missing one (0600) first.

        Two processes that create at once agree: the first to link its file into place wins.
        Raises BadKeyFile.
        """
        if create and not key_file.exists():
            _create(key_file)
        try:
            text = key_file.read_text(encoding="ascii")
            key = base64.urlsafe_b64decode(text.strip())
        except FileNotFoundError as error:
            raise BadKeyFile(
                f"{key_file}: there is no key here.\n"
                "Start Ostiary once to make one, or name its place in secrets.key_file."
            ) from error
        except (ValueError, OSError) as error:
            raise BadKeyFile(f"{key_file}: no key can be read from it ({error}).") from error
        if len(key) != KEY_BYTES:
            raise BadKeyFile(
                f"{key_file}: holds {len(key)} bytes where a key has {KEY_BYTES}.\n"
                "Put the right file back: what was sealed with it opens with nothing else."
            )
        return cls(key)

    def seal(self, plain: bytes) -> bytes:
        """Return `plain` encrypted and authenticated: version, nonce, cipher text, tag."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return VERSION + nonce + AESGCM(self._sealing_key()).encrypt(nonce, plain, VERSION)

    def unseal(self, sealed: bytes) -> bytes:
        """Return what was sealed. Raises WrongKey."""
        start = len(VERSION)
        if sealed[:start] != VERSION:
            raise WrongKey("These bytes were not sealed by this version of Ostiary.")
        nonce, body = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
        try:
            return AESGCM(self._sealing_key()).decrypt(nonce, body, VERSION)
        except (InvalidTag, ValueError) as error:
            raise WrongKey("These bytes were sealed with another key.") from error

    def derive(self, purpose: str) -> str:
        """Return the password for one purpose: 43 characters, the same for the same key."""
        return base64.urlsafe_b64encode(self._expand(b"password/" + purpose.encode())).decode()[:43]

    def _sealing_key(self) -> bytes:
        return self._expand(b"seal")

    def _expand(self, purpose: bytes) -> bytes:
        info = b"ostiary/" + purpose
        return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(
            self._key
        )


def _create(key_file: Path) -> None:
    """Link a complete file into place: a reader never sees half a key."""
    key_file.parent.mkdir(parents=True, exist_ok=True)
    draft = key_file.with_name(f".{key_file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, key_file)
        except FileExistsError:
            return
    finally:
        draft.unlink()
