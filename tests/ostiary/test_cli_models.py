"""`ostiary models` without a running system: what there is, what is broken, what is refused."""

import json
from pathlib import Path

import pytest
from fakes.model_folders import damage, sha256, write_model

from ostiary.cli.__main__ import run
from ostiary.cli.failure import ExitCode
from workers.manifest import load_manifest, load_models

pytestmark = [pytest.mark.unit, pytest.mark.slow]

SHIPPED = [entry.label for entry in load_models(None).entries]


@pytest.fixture
def models(tmp_path: Path, monkeypatch, capsys):
    """Run `ostiary models …` on a home; return its exit code and both outputs."""
    monkeypatch.delenv("OSTIARY_KEY", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["--home", str(tmp_path), "models", *words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert len(said.err.splitlines()) <= 3
        return code, said.out, said.err

    return call


def test_the_list_has_what_is_shipped_and_what_is_not(models, tmp_path: Path) -> None:
    folder = write_model(tmp_path, "mask", "doors@7", input=[224, 224])
    broken = write_model(tmp_path, "mask", "half@1", drop="sha256")
    code, out, _ = models("list", "--json")
    assert code == ExitCode.DONE
    told = json.loads(out)
    assert told["running"] is False
    by_label = {one["label"]: one for one in told["models"]}
    assert set(by_label) == {*SHIPPED, "doors@7"}
    assert {by_label[label]["source"] for label in SHIPPED} == {"shipped"}
    mine = by_label["doors@7"]
    assert (mine["role"], mine["input"], mine["use"]) == ("mask", [224, 224], None)
    assert mine["source"] == str(folder)
    assert mine["card"] == str(folder / "card.md")
    assert [one["folder"] for one in told["broken"]] == [str(broken)]
    _, out, _ = models("list")
    for word in ("doors@7", "224x224", "sface@2021dec", "sha256 is missing", "ostiary up"):
        assert word in out


def test_one_is_shown_whole(models, tmp_path: Path) -> None:
    folder = write_model(tmp_path, "mask", "doors@7")
    code, out, _ = models("show", "doors", "--json")
    assert code == ExitCode.DONE
    told = json.loads(out)
    assert told["sha256"] == sha256(folder / "weights.safetensors")
    assert told["file"] == str(folder / "weights.safetensors")
    assert told["measured"] == dict(load_manifest()["mask"].measured)
    _, out, _ = models("show", "doors@7")
    for word in ("worn, incorrect, missing", "96x96", told["sha256"], "temperature", "card.md"):
        assert word in out
    assert "disgust" in models("show", "face-mobilenet-expression")[1]
    write_model(tmp_path, "mask", "two@1", columns=[0, 2])
    assert "worn, missing" in models("show", "two")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "nobody"), ExitCode.NOT_FOUND, "Known: yunet@2023mar"),
        (("show", "half-1"), ExitCode.FAILED, "half-1/model.toml is incomplete"),
        (("use", "mask"), ExitCode.USAGE, "ostiary models use mask NAME"),
        (("use", "=x"), ExitCode.USAGE, "ostiary models use mask NAME"),
        (("use",), ExitCode.USAGE, "Missing argument"),
        (("use", "mask", "doors"), ExitCode.NOT_RUNNING, "Start it with: ostiary up"),
        (("use", "mask=doors"), ExitCode.NOT_RUNNING, "Start it with: ostiary up"),
    ],
)
def test_what_is_refused(models, tmp_path: Path, words, code: int, said: str) -> None:
    write_model(tmp_path, "mask", "half@1", drop="sha256")
    found, _, err = models(*words)
    assert found == code, err
    assert said in err


def test_all_are_verified_and_what_is_wrong_is_told_with_what_to_do(models, tmp_path: Path) -> None:
    write_model(tmp_path, "mask", "doors@7")
    code, out, _ = models("verify", "--json")
    assert code == ExitCode.DONE
    assert json.loads(out) == dict.fromkeys([*SHIPPED, "doors@7"], "ok")
    damage(write_model(tmp_path, "expression", "faces@2"))
    code, out, err = models("verify")
    assert code == ExitCode.FAILED
    assert "faces-2/weights.safetensors" in err
    assert "Restore the file from where it came from" in err
    assert out.count("ok") == len(SHIPPED) + 1
    assert out.count("damaged") == 1
    write_model(tmp_path, "mask", "half@1", drop="sha256")
    code, out, err = models("verify", "--json")
    assert code == ExitCode.FAILED
    assert "1 more" in err
    assert "remove its folder" in json.loads(out)["half-1"]
