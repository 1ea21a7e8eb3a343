"""Knows how a test makes a model folder as `ostiary train` does: the shipped weights, changed."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from workers.manifest import Entry, load_manifest, load_models

HEAD = "classifier"
SURE = 20.0  # added to one class's logit: it is said whatever the picture


def write_model(home: Path, role: str, label: str, /, towards: int = 0, **changes: object) -> Path:
    """Write HOME/models/{name-version}: the shipped network, which now says the class `towards`.

    changes: fields of the entry, as model.toml is to state them; `drop` leaves one out; `columns`
    keeps only these of the network's classes; `sure` is added to that class's logit.
    """
    torch.set_num_threads(1)
    name, _, version = label.partition("@")
    folder = home / "models" / label.replace("@", "-")
    folder.mkdir(parents=True)
    shipped = load_manifest()[role]
    state = load_file(shipped.file)
    state[f"{HEAD}.bias"][towards] += changes.pop("sure", SURE)
    columns = changes.pop("columns", list(range(shipped.classes)))
    for part in ("weight", "bias"):
        state[f"{HEAD}.{part}"] = state[f"{HEAD}.{part}"][columns].clone()
    save_file(state, folder / "weights.safetensors")
    (folder / "card.md").write_text(f"# {label}\n")
    drop = changes.pop("drop", None)
    fields = fields_of(shipped) | {"role": role, "name": name, "version": version}
    fields["classes"] = len(columns)
    fields |= {"file": "weights.safetensors", "sha256": sha256(folder / "weights.safetensors")}
    write_description(folder, {k: v for k, v in (fields | changes).items() if k != drop})
    return folder


def write_embedder(home: Path, label: str) -> Path:
    """Write HOME/models/{name-version}: the shipped one, its numbers in the opposite order."""
    name, _, version = label.partition("@")
    folder = home / "models" / label.replace("@", "-")
    folder.mkdir(parents=True)
    shipped = load_manifest()["embedder"]
    state = load_file(shipped.file)
    for key, held in load_file(load_models(None).of("embedder", "sface").file).items():
        if key.startswith(("project.", "norm_out.")):
            ours = f"sface.{key}"  # the shipped one has a last layer of its own
            state[ours] = state.get(ours, held).flip(0).contiguous()
    save_file(state, folder / "weights.safetensors")
    fields = fields_of(shipped) | {"role": "embedder", "name": name, "version": version}
    fields |= {"file": "weights.safetensors", "sha256": sha256(folder / "weights.safetensors")}
    write_description(folder, fields)
    return folder


def write_description(folder: Path, fields: dict[str, object]) -> None:
    """Write model.toml; tables come last, as TOML wants them."""
    plain = {key: value for key, value in fields.items() if not isinstance(value, dict)}
    lines = [f"{key} = {told(value)}" for key, value in plain.items()]
    for key, table in fields.items():
        if isinstance(table, dict):
            lines += [f"[{key}]", *(f"{name} = {value}" for name, value in table.items())]
    (folder / "model.toml").write_text("\n".join(lines) + "\n")


def fields_of(entry: Entry) -> dict[str, object]:
    """An entry's fields as TOML states them."""
    names = ("network", "classes", "licence", "research_only", "training_data")
    found: dict[str, object] = {name: getattr(entry, name) for name in names}
    found |= {"input": list(entry.input), "outputs": list(entry.outputs)}
    return found | {"thresholds": dict(entry.thresholds), "measured": dict(entry.measured)}


def told(value: object) -> str:
    """A plain value in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(told(one) for one in value) + "]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def damage(folder: Path) -> None:
    """Change one byte of the weights, so that they are not what model.toml names."""
    file = folder / "weights.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
