"""The manifest holds what the worker needs, and weights that differ from it are refused."""

import dataclasses

import pytest

from engine.observations import Expression, MaskState
from workers.manifest import FOLDER, WeightsError, load_manifest, load_models, verify

pytestmark = pytest.mark.unit

ROLES = {"detector", "embedder", "mask", "expression"}


def test_every_role_has_weights_that_match():
    manifest = load_manifest()
    assert set(manifest) == ROLES
    for entry in manifest.values():
        assert verify(entry).suffix == ".safetensors"
        assert entry.licence and entry.training_data


def test_classes_and_inputs_fit_the_code_around_them():
    from workers.crops import ALIGNED, EXPRESSION, MASK

    manifest = load_manifest()
    assert manifest["mask"].classes == len(MaskState)
    assert manifest["expression"].classes == len(Expression)
    for role, framing in (("embedder", ALIGNED), ("mask", MASK), ("expression", EXPRESSION)):
        assert manifest[role].input == (framing.size_px, framing.size_px)


def test_a_changed_file_is_refused(tmp_path):
    entry = load_manifest()["detector"]
    data = bytearray(entry.file.read_bytes())
    data[-1] ^= 1
    changed = tmp_path / entry.file.name
    changed.write_bytes(data)
    with pytest.raises(WeightsError, match="are not what its description names"):
        verify(dataclasses.replace(entry, file=changed))


def test_a_missing_file_is_named(tmp_path):
    entry = dataclasses.replace(load_manifest()["detector"], file=tmp_path / "gone.safetensors")
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        verify(entry)


def test_an_incomplete_manifest_says_where(tmp_path):
    path = tmp_path / "manifest.toml"
    path.write_text('[detector]\nname = "yunet"\n')
    with pytest.raises(WeightsError, match=r"\[detector\] is incomplete"):
        load_manifest(path)


def test_every_file_of_weights_stands_in_the_manifest():
    named = {entry.file.name for entry in load_models(None).entries}
    assert {path.name for path in FOLDER.glob("*.safetensors")} == named


def test_research_only_data_is_said_on_the_card():
    for entry in load_manifest().values():
        card = FOLDER / "cards" / f"{entry.name}.md"
        assert card.is_file(), f"{entry.name} has no card"
        if entry.research_only:
            assert "research" in card.read_text().lower()
