"""The installation's key: what is sealed opens with it alone."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.secrets import BadKeyFile, SecretBox, WrongKey

pytestmark = pytest.mark.unit

BOX = SecretBox(bytes(range(32)))


@given(st.binary(max_size=2000))
def test_what_is_sealed_can_be_unsealed_and_never_shows(plain: bytes) -> None:
    sealed = BOX.seal(plain)
    assert BOX.unseal(sealed) == plain
    assert len(plain) < 4 or plain not in sealed


def test_the_same_bytes_never_look_the_same() -> None:
    assert BOX.seal(b"face") != BOX.seal(b"face")


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_changed_byte_is_noticed(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(BOX.seal(plain))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WrongKey):
        BOX.unseal(bytes(sealed))


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_are_refused(stray: bytes) -> None:
    with pytest.raises(WrongKey):
        BOX.unseal(stray)


def test_another_key_opens_nothing_and_derives_other_passwords() -> None:
    other = SecretBox(bytes(32))
    with pytest.raises(WrongKey):
        other.unseal(BOX.seal(b"face"))
    assert other.derive("bus") != BOX.derive("bus")
    assert BOX.derive("ledger") != BOX.derive("bus")
    assert BOX.derive("bus") == SecretBox(bytes(range(32))).derive("bus")


def test_the_key_never_shows_in_a_representation() -> None:
    assert "\\x1f" not in repr(BOX)


def test_the_first_start_makes_a_private_file_and_later_ones_read_it(tmp_path: Path) -> None:
    file = tmp_path / "home" / "secret.key"
    first = SecretBox.open(file, create=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert SecretBox.open(file, create=False).unseal(first.seal(b"x")) == b"x"
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    passwords: list[str] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait()
        passwords.append(SecretBox.open(file, create=True).derive("bus"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passwords) == 8
    assert len(set(passwords)) == 1


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44, b"A" * 40])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "secret.key"
    file.write_bytes(content)
    with pytest.raises(BadKeyFile, match=r"secret\.key"):
        SecretBox.open(file, create=True)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadKeyFile, match="Start Ostiary once"):
        SecretBox.open(tmp_path / "none", create=False)
