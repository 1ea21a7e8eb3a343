"""What processes say: bounded files, lines cut right, events in short, repeats hidden."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.supervisor.logs import (
    LONGEST_LINE_BYTES,
    REPEAT_WINDOW_NS,
    Lines,
    Repeats,
    RotatedFile,
    parse_line,
)

pytestmark = pytest.mark.unit


def test_files_stay_bounded_and_the_newest_lines_are_kept(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "logs" / "a.log", max_bytes=100, keep=2)
    for number in range(100):
        file.write(b"line %03d\n" % number)
    found = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert found == ["a.log", "a.log.1", "a.log.2"]
    assert sum(path.stat().st_size for path in (tmp_path / "logs").iterdir()) <= 300
    assert (tmp_path / "logs" / "a.log").read_bytes().endswith(b"line 099\n")
    older = (tmp_path / "logs" / "a.log.1").read_bytes()
    assert older.splitlines()[-1] < (tmp_path / "logs" / "a.log").read_bytes().splitlines()[0]


def test_a_file_goes_on_where_the_last_run_ended(tmp_path: Path) -> None:
    for _ in range(2):
        file = RotatedFile(tmp_path / "a.log", max_bytes=100)
        file.write(b"x\n")
        file.close()
    assert (tmp_path / "a.log").read_bytes() == b"x\nx\n"


def test_the_file_says_how_many_lines_could_not_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.write_text("a file where the folder should be")
    file = RotatedFile(folder / "a.log")
    file.write(b"x\n")
    file.write(b"y\n")
    folder.unlink()
    file.write(b"z\n")
    file.write(b"on\n")
    said = b"2 lines could not be written here\nz\non\n"
    assert (folder / "a.log").read_bytes() == said


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(0, 200)))
def test_lines_come_out_however_the_bytes_were_cut(texts, cuts) -> None:
    wanted = [text.replace(b"\n", b"") for text in texts]
    data = b"".join(line + b"\n" for line in wanted)
    lines, found = Lines(), []
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        found += lines.feed(data[start:end])
    assert found == wanted


def test_an_endless_line_is_cut_and_the_next_is_whole() -> None:
    lines = Lines()
    first = lines.feed(b"a" * (LONGEST_LINE_BYTES + 1))
    assert first == [b"a" * LONGEST_LINE_BYTES]
    assert lines.feed(b"a" * (3 * LONGEST_LINE_BYTES)) == []
    assert lines.feed(b"end\nnext\n") == [b"next"]


def test_the_last_words_without_an_end_are_kept() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntwo") == [b"one"]
    assert lines.rest() == [b"two"]
    assert lines.rest() == []


def test_an_event_is_shown_with_its_fields() -> None:
    record = {"event": "stalled", "camera": "lobby", "age_s": 3, "level": "warning"}
    said = parse_line(json.dumps(record).encode())
    assert said.short == "stalled camera=lobby age_s=3"
    assert said.loud


@pytest.mark.parametrize("line", [b"Traceback", b"{not json", b"[1]", b'{"event": 3}', b"\xff\xfe"])
def test_other_lines_stay_text(line: bytes) -> None:
    said = parse_line(line)
    assert said.short == line.decode("utf-8", "replace")
    assert not said.loud


def test_repeats_are_hidden_and_counted() -> None:
    repeats = Repeats()
    assert repeats.admit("a", 0) == 0
    assert repeats.admit("a", 1) is None
    assert repeats.admit("a", 2) is None
    assert repeats.admit("b", 2) == 0
    assert repeats.admit("a", REPEAT_WINDOW_NS) == 2
    assert repeats.admit("a", 2 * REPEAT_WINDOW_NS) == 0


def test_repeats_remember_a_bounded_number_of_lines() -> None:
    repeats = Repeats(bound=10)
    for number in range(1000):
        assert repeats.admit(str(number), number) == 0
    assert len(repeats._last_ns) <= 10
