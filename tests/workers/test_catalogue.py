"""Models beside the shipped ones: found, named, chosen; a broken one takes no other down."""

import pytest
from fakes.model_folders import damage, write_model

from workers.manifest import UnknownModel, WeightsError, load_manifest, load_models, verify

pytestmark = pytest.mark.unit

MASK, EXPRESSION = (load_manifest()[role].label for role in ("mask", "expression"))


def test_without_folders_there_is_what_is_shipped(tmp_path):
    for home in (None, tmp_path, tmp_path / "nowhere"):
        found = load_models(home)
        assert found.chosen({}) == load_manifest()
        assert [entry.label for entry in found.entries if entry.role == "embedder"] == [
            load_manifest()["embedder"].label,
            "sface@2021dec",  # the peer, and what is not for research only
            "sface-light@2",
        ]
        assert all(entry.shipped and entry.card.is_file() for entry in found.entries)
        assert found.broken == ()


def test_a_folder_is_a_model_of_its_own(tmp_path):
    folder = write_model(tmp_path, "mask", "doors@7", input=[224, 224])
    found = load_models(tmp_path)
    for name in ("doors", "doors@7"):
        entry = found.of("mask", name)
        assert entry.label == "doors@7"
        assert entry.input == (224, 224)
        assert not entry.shipped
        assert entry.card == folder / "card.md"
        assert found.named(name) is entry
        assert verify(entry) == folder / "weights.safetensors"


def test_one_is_chosen_for_every_role(tmp_path):
    write_model(tmp_path, "expression", "faces@2")
    shipped = load_manifest()
    chosen = load_models(tmp_path).chosen({"expression": "faces"})
    assert {role: entry.label for role, entry in chosen.items()} == {
        **{role: entry.label for role, entry in shipped.items()},
        "expression": "faces@2",
    }


@pytest.mark.parametrize("role", ["mask", "detector"])
def test_an_unknown_name_is_told_with_the_known_ones_of_its_role(tmp_path, role):
    write_model(tmp_path, "mask", "doors@7")
    write_model(tmp_path, "expression", "faces@2")
    with pytest.raises(UnknownModel) as told:
        load_models(tmp_path).of(role, "faces")
    known = (MASK, "doors@7") if role == "mask" else ("yunet@2023mar",)
    assert told.value.known == known
    assert all(label in str(told.value) for label in ("'faces'", *known))
    with pytest.raises(UnknownModel, match="doors@7"):
        load_models(tmp_path).named("nobody")


def test_a_name_of_several_versions_is_asked_about(tmp_path):
    write_model(tmp_path, "mask", "mobilenet-v2-mask@99")
    found = load_models(tmp_path)
    assert found.of("mask", "mobilenet-v2-mask@99").version == "99"
    assert found.of("mask").label == MASK
    with pytest.raises(WeightsError, match=f"{MASK}, mobilenet-v2-mask@99"):
        found.of("mask", "mobilenet-v2-mask")


def test_a_label_that_is_taken_is_told_and_the_first_stays(tmp_path):
    write_model(tmp_path, "mask", "doors@7")
    second = write_model(tmp_path, "mask", "zzz@1", name="doors", version="7")
    like_ours = write_model(
        tmp_path,
        "expression",
        "mine@1",
        name=EXPRESSION.split("@")[0],
        version=EXPRESSION.split("@")[1],
    )
    found = load_models(tmp_path)
    assert found.of("mask", "doors@7").file.parent.name == "doors-7"
    assert found.of("expression", EXPRESSION).shipped
    assert [one.folder for one in found.broken] == [like_ours, second]
    assert "already the label" in found.broken[0].reason
    assert "doors-7" in found.broken[1].reason


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"drop": "sha256"}, "sha256 is missing"),
        ({"drop": "role"}, "role is missing"),
        ({"role": "noses"}, "role 'noses' is none of"),
        ({"input": [96, 64]}, "96x64 must be a square"),
        ({"input": 96}, "is wrong"),
        ({"classes": 5}, "classes 5 must be 2 or 3"),
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"name": "../up"}, "name '../up' must be"),
        ({"file": "../weights.safetensors"}, "file beside it"),
        ({"outputs": ["a", "b"]}, "must be one"),
        ({"thresholds": {}}, "temperature"),
        ({"thresholds": {"temperature": "'hot'"}}, "is wrong"),
    ],
)
def test_a_broken_description_is_told_with_its_place(tmp_path, changes, said):
    write_model(tmp_path, "mask", "sound@1")
    folder = write_model(tmp_path, "mask", "doors@7", **changes)
    found = load_models(tmp_path)
    assert found.of("mask", "sound").label == "sound@1"
    (broken,) = found.broken
    assert broken.folder == folder
    assert str(folder / "model.toml") in broken.reason
    assert said in broken.reason
    with pytest.raises(WeightsError, match=r"model\.toml"):
        found.of("mask", "doors-7")


def test_what_is_no_description_is_told(tmp_path):
    for name in ("empty", "noise", "half"):
        (tmp_path / "models" / name).mkdir(parents=True)
    (tmp_path / "models" / "noise" / "model.toml").write_bytes(b"\xff\x00 = [")
    (tmp_path / "models" / "half" / "model.toml").write_text('name = "ha')
    (tmp_path / "models" / ".doors").mkdir()
    (tmp_path / "models" / "notes.txt").write_text("not a folder")
    found = load_models(tmp_path)
    assert [one.folder.name for one in found.broken] == ["empty", "half", "noise"]
    assert "cannot be read" in found.broken[0].reason
    assert all("no TOML" in one.reason for one in found.broken[1:])


def test_damaged_weights_of_a_folder_are_refused(tmp_path):
    folder = write_model(tmp_path, "mask", "doors@7")
    damage(folder)
    entry = load_models(tmp_path).of("mask", "doors")
    with pytest.raises(WeightsError, match="Restore the file from where it came from"):
        verify(entry)
    entry.file.unlink()
    with pytest.raises(WeightsError, match="train the model again, or remove its folder"):
        verify(entry)
