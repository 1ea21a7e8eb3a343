"""`ostiary evaluate` with several models: each judges its own test side, figures are of all."""

import csv
import json
from pathlib import Path

import pytest
from fakes.labelled import write_folders
from fakes.model_folders import write_model

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from training.sets.classes import MISSING, WORN

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MASKED = ("with_mask/0.jpg", "with_mask/1.jpg", "without_mask/0.jpg")
BARE = ("with_mask/2.jpg", "without_mask/1.jpg")


def write_fold(home: Path, label: str, towards: int, tested: tuple[str, ...] | None) -> None:
    """Write a model that always says one class, and what it was tested on."""
    folder = write_model(home, "mask", label, towards)
    if tested is None:
        return
    with (folder / "split.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("source", "name", "label", "side"))
        writer.writerows(("data", name, "x", "test") for name in tested)
        writer.writerow(("data", "without_mask/2.jpg", "x", "left out"))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with two folds of one cross-validation, another fold of the second, and a stranger."""
    home = tmp_path_factory.mktemp("home")
    write_fold(home, "masked@1", WORN, MASKED)
    write_fold(home, "bare@1", MISSING, BARE)
    write_fold(home, "bare-again@1", MISSING, BARE[:1])
    write_fold(home, "strange@1", MISSING, None)
    write_folders(home / "data", {"with_mask": 3, "without_mask": 3})
    return home


@pytest.fixture
def evaluate(home: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(home), "evaluate", "mask", "--data", str(home / "data"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_each_judges_its_own_test_side(evaluate):
    code, out, _ = evaluate("--model", "masked", "--model", "bare", "--json")
    assert code == ExitCode.DONE
    found = json.loads(out)
    assert found["model"] == "masked@1 + bare@1"
    assert found["count"] == 5
    assert found["confusion"] == [[2, 1], [1, 1]]
    assert "masked@1 3, bare@1 2." in found["notes"][0]
    assert "1 of 6 pictures were on none" in found["notes"][1]
    assert all(Path(path).stat().st_size for path in found["plots"].values())


def test_one_model_judges_all_that_it_has_not_learnt_from(evaluate):
    found = json.loads(evaluate("--model", "bare", "--json")[1])
    assert (found["model"], found["count"], found["confusion"]) == ("bare@1", 6, [[0, 3], [0, 3]])


@pytest.mark.parametrize(
    ("others", "code", "says"),
    [
        (["strange"], ExitCode.FAILED, "strange@1 does not say which pictures"),
        (["bare-again"], ExitCode.FAILED, "bare@1 and bare-again@1 were both tested on with_mask"),
        (["nobody"], ExitCode.NOT_FOUND, "nobody"),
        (["masked", "--all"], ExitCode.USAGE, "--all is for one model"),
    ],
)
def test_what_is_no_cross_validation_is_refused(evaluate, others, code, says):
    found, out, err = evaluate("--model", "bare", "--model", *others)
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3
