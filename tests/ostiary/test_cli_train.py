"""`ostiary train`: a small training by the paper's recipe, and what may be wrong with a command."""

import json
import re
from pathlib import Path

import pytest
import torch
from fakes.tiny_training import write_coloured

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

EACH = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_coloured(tmp_path_factory.mktemp("data"), EACH)


@pytest.fixture
def ostiary(home: Path, tmp_path: Path, monkeypatch, capsys):
    """Run a command in an empty folder; return its exit code and both outputs."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(home), *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def train(ostiary, data: Path, *words: str | Path) -> tuple[int, str, str]:
    return ostiary(
        "train", "mask", "--data", data, "--recipe", "paper", "--epochs", "2", "--threads", "1",
        *words,
    )  # fmt: skip


def test_stopped_gone_on_with_and_judged_by_name(ostiary, data, home):
    code, out, err = train(ostiary, data, "--minutes", "0")
    assert code == ExitCode.DONE
    said = re.search(r"stopped   after 1 of (\d+) steps; the same command goes on", out)
    assert said
    steps = int(said[1])
    assert steps >= 4
    assert "Stopped: the 0 minutes are over" in err
    code, out, err = train(ostiary, data, "--json")
    assert code == ExitCode.DONE
    assert "going on from step 1" in err
    assert err.count("validation loss") == 2
    made = json.loads(out)
    assert (made["finished"], made["steps"], made["kept_epoch"]) == (True, steps, 2)
    assert made["out"] == str(home / "models" / "mask-paper-0")
    assert sum(sum(row) for row in made["confusion"]) == made["pictures"]["test"]
    assert all(Path(path).stat().st_size for path in made["files"].values())
    code, out, _ = ostiary(
        "evaluate", "mask", "--data", data, "--model", "mask-paper", "--json", "--out", home / "e"
    )
    assert code == ExitCode.DONE
    judged = json.loads(out)
    assert judged["model"] == made["model"]
    assert judged["count"] == made["pictures"]["test"]
    assert judged["trained_on_left_out"] == 2 * EACH - made["pictures"]["test"]


def test_a_training_under_way_is_no_broken_model(ostiary, home):
    folder = home / "models" / "mask-half-0"
    folder.mkdir(parents=True)
    (folder / "state.pt").write_bytes(b"")
    _, out, _ = ostiary("models", "list", "--json")
    assert "mask-half-0" not in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nose", "--data", "."], ExitCode.USAGE, "no task 'nose'"),
        (["mask"], ExitCode.USAGE, "--data"),
        (["mask", "--data", "nowhere"], ExitCode.NOT_FOUND, "nowhere"),
        (["mask", "--data", ".", "--recipe", "mine"], ExitCode.USAGE, "shipped, short, paper"),
        (["mask", "--data", ".", "--device", "tpu"], ExitCode.FAILED, "cpu, cuda or auto"),
        (["mask", "--data", ".", "--out", "o"], ExitCode.FAILED, "There are no pictures in ."),
        (["mask", "--data", "{data}", "--out", "o"], ExitCode.FAILED, "no picture of: incorrect"),
        (["mask", "--data", ".", "--out", "/proc/o"], ExitCode.FAILED, "/proc/o"),
        (
            ["expression", "--data", "{data}", "--out", "o"],
            ExitCode.FAILED,
            "a class of expr",
        ),
        (["mask", "--data", ".", "--epochs", "0"], ExitCode.USAGE, "--epochs"),
        (["mask", "--data", ".", "--fold", "5"], ExitCode.USAGE, "--fold"),
        (["mask", "--data", ".", "--recipe", "paper", "--fold", "1"], ExitCode.USAGE, "by chance"),
    ],
)
def test_what_is_wrong_is_said(ostiary, data, words, code, says):
    found, out, err = ostiary("train", *(word.format(data=data) for word in words))
    assert (found, out) == (code, "")
    assert says in err
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_that_is_not_there_is_an_error(ostiary, data):
    code, _, err = train(ostiary, data, "--device", "cuda", "--out", "elsewhere")
    assert code == ExitCode.FAILED
    assert "There is no CUDA here" in err


def test_a_damaged_state_is_refused(ostiary, data, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "state.pt").write_bytes(b"nothing of the kind")
    code, _, err = train(ostiary, data, "--out", tmp_path / "out")
    assert code == ExitCode.FAILED
    assert "is damaged" in err
    assert "Remove it" in err
