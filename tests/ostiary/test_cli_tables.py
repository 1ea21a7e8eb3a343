"""A paper's table by the commands, taught and judged for real on a few faces."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from fakes.faces_of_people import pair_lines, write_aligned
from fakes.tiny_teaching import write_sets

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from training.recognition import timing
from training.recognition.tables import GROWTH, PAPER_1, PAPER_2, TABLES, Table
from training.train import alone

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]


def only(table: Table, *names: str) -> Table:
    """A table with some of its rows."""
    parts = [replace(one, rows=tuple(n for n in one.rows if n in names)) for one in table.parts]
    return replace(
        table,
        rows=tuple(row for row in table.rows if row.name in names),
        parts=tuple(parts),
        baselines=tuple(one for one in table.baselines if one.row in names),
    )


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
    monkeypatch.setitem(TABLES, "paper1", only(PAPER_1, "facenet", "facenet-full"))
    monkeypatch.setattr(timing, "ROUNDS", 2)

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
    kept = {path: path.stat().st_mtime_ns for path in Path(told["out"]).glob("*/vectors-*.npz")}
    assert len(kept) == 2
    again = evaluate(call, data)  # nobody is embedded twice
    assert [row["lfw_accuracy"] for row in again["rows"]] == [
        row["lfw_accuracy"] for row in found["rows"]
    ]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    code, out, _ = call("evaluate", "recognition", "--table", "paper1", "--data", data)
    assert code == ExitCode.DONE
    assert "10 epochs of each row: a short budget; the full one is 40" in out
    assert "Kernels of ECA" in out
    assert "96.05%" in out
    assert "SFace" in out


def test_a_longer_budget_of_which_no_row_is_done_hides_nothing(call, data, home):
    if not (home / "tables" / "paper1-10" / "facenet" / "model.toml").exists():
        train(call, data)
    assert train(call, data, "--epochs", 400, "--minutes", 0.02)["taught"] == []
    assert (home / "tables" / "paper1-400" / "facenet" / "model.toml").exists()
    assert evaluate(call, data)["epochs"] == 10


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
    second = only(PAPER_2, "baseline-1", "ratio-0")
    monkeypatch.setitem(TABLES, "paper1", replace(second, name="paper1"))
    (folder / "baseline-1").mkdir()
    with alone(folder / "baseline-1"):  # the second row goes on from it
        assert train(call, data, "--epochs", 2)["taught"] == []


def test_how_far_it_goes_as_the_data_grows_is_a_curve(call, data, monkeypatch, tmp_path):
    teach = ("train", "recognition", "--table", "growth", "--data", data, "--epochs", 2,
             "--threads", 1, "--device", "cpu")  # fmt: skip
    judge = ("evaluate", "recognition", "--table", "growth", "--data", data, "--json")
    monkeypatch.setitem(TABLES, "growth", only(GROWTH, "half"))
    assert call(*teach)[0] == ExitCode.DONE
    monkeypatch.setitem(TABLES, "growth", only(GROWTH, "half", "whole"))
    code, out, err = call(*judge, "--out", tmp_path / "plots")
    assert (code, json.loads(out)["plots"]) == (ExitCode.DONE, {}), err  # one point is no curve
    assert call(*teach)[0] == ExitCode.DONE
    code, out, err = call(*judge, "--out", tmp_path / "plots")
    found = json.loads(out)
    assert [row["share"] for row in found["rows"]] == [0.5, 1.0]
    assert cv2.imread(found["plots"]["growth"]).std() > 0
    (tmp_path / "file").touch()
    code, _, err = call(*judge, "--out", tmp_path / "file")
    assert (code, "The plots cannot be written to" in err) == (ExitCode.FAILED, True)


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
    code, _, err = call("evaluate", "recognition", "--table", "paper1", "--data", data, "--model",
                        "sface")  # fmt: skip
    assert (code, "its rows are its models" in err) == (ExitCode.USAGE, True)
    code, _, err = call("train", "recognition", "--table", "paper1", "--recipe", "paper", "--data",
                        data)  # fmt: skip
    assert (code, "of their own" in err) == (ExitCode.USAGE, True)
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


def test_the_full_width_is_taught_for_ten_steps(call, data, monkeypatch):
    monkeypatch.setitem(TABLES, "paper2-full", only(TABLES["paper2-full"], "baseline-1"))
    code, out, err = call("train", "recognition", "--table", "paper2-full", "--data", data,
                          "--epochs", 10, "--threads", 2, "--device", "cpu", "--json")  # fmt: skip
    assert code == ExitCode.DONE, err
    assert json.loads(out)["taught"] == ["baseline-1"]


def test_paper_2s_rows_go_on_from_the_first_with_fewer_filters(call, data, monkeypatch):
    monkeypatch.setitem(TABLES, "paper2", only(PAPER_2, "baseline-1", "ratio-0", "ratio-0.3"))
    code, out, err = call("train", "recognition", "--table", "paper2", "--data", data, "--epochs",
                          2, "--threads", 1, "--device", "cpu", "--json")  # fmt: skip
    assert code == ExitCode.DONE, err
    assert json.loads(out)["taught"] == ["baseline-1", "ratio-0", "ratio-0.3"]
    code, out, err = call("evaluate", "recognition", "--table", "paper2", "--data", data, "--json")
    assert code == ExitCode.DONE, err
    told = json.loads(out)
    base, whole, less = told["rows"]
    assert base["parameters"] < whole["parameters"]  # the mask over features is added
    assert 0.35 < less["macs_saved"] < 0.6
    assert less["ms_saved"] > 0.1  # the same faces by each in turn
    for row in (base, whole, less):
        assert {"lfw_accuracy", "occluded_accuracy", "masked_accuracy"} <= set(row)
    assert [row["steps"] for row in (base, whole, less)] == [2, 4, 4]  # the first's count, too
    against = told["baselines"][0]
    assert (against["name"], against["stated_errors"]["lfw"]) == ("baseline-1", 0.0076)
    (compared,) = against["rows"]
    assert compared["errors"]["lfw"] == base["lfw_accuracy"] - less["lfw_accuracy"]
    assert compared["time_saved"] == pytest.approx(1 - less["ms_per_face"] / base["ms_per_face"])
    code, out, _ = call("evaluate", "recognition", "--table", "paper2", "--data", data)
    assert code == ExitCode.DONE
    assert "0.76" in out and "Half of the paper's widths" in out
