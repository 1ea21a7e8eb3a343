"""`ostiary evaluate --model`: models of the home beside the shipped ones."""

import json
from pathlib import Path

import pytest
from fakes.labelled import write_zip
from fakes.model_folders import damage, write_model

from engine.observations import MaskState
from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from ostiary.demo.portraits import FOLDER, load_portraits
from workers.manifest import load_manifest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PORTRAITS = load_portraits()
STATES = list(MaskState)
SHIPPED = load_manifest()["mask"].label


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A home with models that call every face masked, bare, or are damaged."""
    home = tmp_path_factory.mktemp("home")
    masked = STATES.index(MaskState.WORN)
    write_model(home, "mask", "masked@1", masked)
    write_model(home, "mask", "large@1", masked, input=[224, 224])
    write_model(home, "mask", "two@1", STATES.index(MaskState.MISSING), columns=[0, 2])
    damage(write_model(home, "mask", "damaged@1"))
    write_model(home, "mask", "half@1", drop="sha256")
    return home


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """Bare faces, and one that is said to be masked."""
    path = tmp_path_factory.mktemp("bare") / "bare.zip"
    keys = ("biden", "collins", "hopper", "obama")
    files = {
        f"without_mask/{key}.jpg": (FOLDER / PORTRAITS[key].photo).read_bytes() for key in keys
    }
    write_zip(path, files | {"with_mask/obama2.jpg": (FOLDER / "obama2.jpg").read_bytes()})
    return path


@pytest.mark.parametrize(
    ("model", "confusion"),
    [
        (SHIPPED, [[0, 1], [0, 4]]),
        ("masked", [[1, 0], [4, 0]]),
        ("large@1", [[1, 0], [4, 0]]),
        ("two", [[0, 1], [0, 4]]),
    ],
)
def test_the_named_model_is_judged(home, bare, tmp_path, capsys, model, confusion):
    words = ["--home", str(home), "evaluate", "mask", "--data", str(bare), "--model", model]
    assert run([*words, "--json", "--out", str(tmp_path)]) == ExitCode.DONE
    found = json.loads(capsys.readouterr().out)
    assert found["model"].startswith(model)
    assert found["confusion"] == confusion


@pytest.mark.parametrize(
    ("model", "code", "said"),
    [
        ("nobody", ExitCode.NOT_FOUND, f"Known: {SHIPPED}, damaged@1, large@1"),
        ("face-mobilenet-expression", ExitCode.NOT_FOUND, "no mask model"),
        ("damaged", ExitCode.FAILED, "damaged-1/weights.safetensors"),
        ("half-1", ExitCode.FAILED, "half-1/model.toml is incomplete: sha256 is missing"),
    ],
)
def test_what_cannot_be_judged_is_told(home, bare, capsys, model, code, said):
    words = ["--home", str(home), "evaluate", "mask", "--data", str(bare), "--model", model]
    assert run(words) == code
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) <= 3
