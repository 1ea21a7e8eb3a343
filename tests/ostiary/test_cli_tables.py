"""A paper's table by the commands, taught and judged for real on a few faces."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.faces_of_people import pair_lines, write_aligned
from fakes.tiny_teaching import write_sets

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from training.recognition.tables import PAPER_1, PAPER_2, TABLES
from training.train import alone

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]
ROWS = tuple(row for row in PAPER_1.rows if row.name in {"facenet", "facenet-full"})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = write_sets(tmp_path_factory.mktemp("sets"))
    people = write_aligned(tmp_path_factory.mktemp("aligned") / "people")
    shutil.make_archive(str(root / "lfw_pairs_112"), "zip", people)
    (root / "lfw_pairs.txt").write_text("\n".join(pair_lines()))
    return root


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def call(home: Path, monkeypatch, capsys):
    """Run a command on a table of two rows; return its exit code and both outputs."""
    monkeypatch.setitem(TABLES, "paper1", replace(PAPER_1, rows=ROWS))

    def command(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(home), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def train(call, data, *words) -> dict:
    code, out, err = call("train", "recognition", "--table", "paper1", "--data", data, "--epochs",
                          10, "--threads", 1, "--device", "cpu", "--json", *words)  # fmt: skip
    assert code == ExitCode.DONE, err
    return json.loads(out)


def evaluate(call, data) -> dict:
    code, out, err = call("evaluate", "recognition", "--table", "paper1", "--data", data, "--json")
    assert code == ExitCode.DONE, err
    return json.loads(out)


def test_a_table_is_taught_row_by_row_and_judged_beside_the_paper(call, data):
    found = evaluate(call, data)  # nobody has taught a row: what they cost is known all the same
    assert found["epochs"] is None
    assert [row["stated"]["lfw"] for row in found["rows"]] == [0.9605, 0.9879]
    assert found["rows"][0]["macs"] == 148_010_240
    assert "lfw_accuracy" not in found["rows"][0]
    assert train(call, data, "--minutes", 0)["taught"] == []
    told = train(call, data)
    assert told["taught"] == ["facenet", "facenet-full"]
    weights = sorted(Path(told["out"]).glob("*/*.safetensors"))
    written = [path.stat().st_mtime_ns for path in weights]
    assert len(written) == 2
    assert train(call, data)["taught"] == told["taught"]
    assert [path.stat().st_mtime_ns for path in weights] == written  # not taught again
    found = evaluate(call, data)
    assert found["epochs"] == 10
    assert [row["steps"] for row in found["rows"]] == [10, 10]
    for row in (*found["rows"], found["peer"]):
        assert 0.4 < row["lfw_accuracy"] <= 1
        assert 0.4 < row["lfw_at_distance_0_90"] <= 1
        assert row["ms_per_face"] > 0
    code, out, _ = call("evaluate", "recognition", "--table", "paper1", "--data", data)
    assert code == ExitCode.DONE
    assert "10 epochs, 10 steps for each row" in out
    assert "96.05%" in out
    assert "SFace" in out


def test_a_row_that_was_stopped_is_not_judged(call, data, home):
    folder = home / "tables" / "paper1-10" / "facenet-full" / "model.toml"
    if not folder.exists():
        train(call, data)
    before = folder.read_text()
    folder.write_text(before.replace("\nsteps = 10", "\nsteps = 9"))
    try:
        assert "lfw_accuracy" not in evaluate(call, data)["rows"][1]
    finally:
        folder.write_text(before)


def test_of_several_processes_each_takes_what_no_other_is_at(call, data, home, monkeypatch):
    folder = home / "tables" / "paper1-2"
    (folder / "facenet").mkdir(parents=True)
    with alone(folder / "facenet"):  # as another process would have it
        assert train(call, data, "--epochs", 2)["taught"] == ["facenet-full"]
    assert train(call, data, "--epochs", 2)["taught"] == ["facenet", "facenet-full"]
    rows = tuple(row for row in PAPER_2.rows if row.name in {"baseline-1", "ratio-0"})
    monkeypatch.setitem(TABLES, "paper1", replace(PAPER_1, rows=rows))
    (folder / "baseline-1").mkdir()
    with alone(folder / "baseline-1"):  # the second row goes on from it
        assert train(call, data, "--epochs", 2)["taught"] == []


def test_what_is_no_table_is_said(call, data):
    code, _, err = call("evaluate", "recognition", "--table", "paper9", "--data", data)
    assert (code, "no table 'paper9': paper1" in err) == (ExitCode.USAGE, True)
    code, _, err = call("train", "recognition", "--table", "paper9", "--data", data)
    assert (code, "no table 'paper9': paper1" in err) == (ExitCode.USAGE, True)
    code, _, err = call("evaluate", "mask", "--table", "paper1", "--data", data)
    assert (code, "--table is for recognition" in err) == (ExitCode.USAGE, True)
    code, _, err = call("train", "mask", "--table", "paper1", "--data", data)
    assert (code, "are for recognition" in err) == (ExitCode.USAGE, True)
    code, _, err = call("evaluate", "recognition", "--table", "paper1")
    assert (code, "--data" in err) == (ExitCode.USAGE, True)
    code, _, err = call("train", "recognition", "--network", "resnet", "--data", data)
    assert (code, "no network 'resnet'" in err) == (ExitCode.USAGE, True)


def test_triplets_are_taught_for_ten_steps(call, data, home):
    code, out, err = call("train", "recognition", "--recipe", "paper", "--network", "facenet",
                          "--data", data, "--epochs", 10, "--threads", 1, "--json")  # fmt: skip
    assert code == ExitCode.DONE, err
    told = json.loads(out)
    assert told["finished"]
    assert told["steps"] == 10
    assert told["model"].startswith("facenet-paper@")
    card = (home / "models" / "facenet-paper-0" / "card.md").read_text()
    assert "triplets" in card


def test_paper_2s_rows_go_on_from_the_first_with_fewer_filters(call, data, monkeypatch):
    rows = tuple(row for row in PAPER_2.rows if row.name in {"baseline-1", "ratio-0", "ratio-0.3"})
    monkeypatch.setitem(TABLES, "paper2", replace(PAPER_2, rows=rows))
    code, out, err = call("train", "recognition", "--table", "paper2", "--data", data, "--epochs",
                          2, "--threads", 1, "--device", "cpu", "--json")  # fmt: skip
    assert code == ExitCode.DONE, err
    assert json.loads(out)["taught"] == ["baseline-1", "ratio-0", "ratio-0.3"]
    code, out, err = call("evaluate", "recognition", "--table", "paper2", "--data", data, "--json")
    assert code == ExitCode.DONE, err
    base, whole, less = json.loads(out)["rows"]
    assert base["parameters"] < whole["parameters"]  # the mask over features is added
    assert 0.35 < less["macs_saved"] < 0.6
    for row in (base, whole, less):
        assert {"lfw_accuracy", "occluded_accuracy", "masked_accuracy"} <= set(row)
        assert row["steps"] == 2
