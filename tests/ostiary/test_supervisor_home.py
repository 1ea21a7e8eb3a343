"""One run per home; private files are private."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from ostiary.supervisor.home import (
    AlreadyRunning,
    only_one,
    read_running,
    running_file,
    write_private,
)

pytestmark = pytest.mark.unit


def test_a_second_run_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with only_one(tmp_path, "http://x"):
        running = read_running(tmp_path)
        assert running is not None
        assert running.api == "http://x"
        with pytest.raises(AlreadyRunning) as caught, only_one(tmp_path, "http://y"):
            pass
        assert caught.value.pid == running.pid
    assert read_running(tmp_path) is None
    with only_one(tmp_path, "http://x"):
        pass


def test_other_homes_are_free(tmp_path: Path) -> None:
    with only_one(tmp_path / "a", "http://x"), only_one(tmp_path / "b", "http://y"):
        assert read_running(tmp_path / "b") is not None


def _hold_and_die(home: Path) -> None:
    context = only_one(home, "http://x")
    context.__enter__()
    os._exit(9)


@pytest.mark.slow
def test_a_killed_run_frees_its_home(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_hold_and_die, args=(tmp_path,))
    process.start()
    process.join(20)
    assert running_file(tmp_path).exists()
    with only_one(tmp_path, "http://y"):
        running = read_running(tmp_path)
        assert running is not None
        assert running.api == "http://y"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "api": 1}'])
def test_a_broken_note_is_no_note(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    running_file(tmp_path).write_text(text)
    assert read_running(tmp_path) is None


def test_private_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
