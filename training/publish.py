"""Knows what a training leaves in its folder: weights, description, card, plots, split. No loop.

`model.toml` is written last: who finds it finds everything else.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from training.card import Made, card, description, name_of, percent
from training.judge import figures, fit_temperature, softmax
from training.learnt import NAME as SPLIT
from training.learnt import write_split
from training.loop import Job
from training.material import Material
from training.plots import Words, plot_confusion, plot_curves
from training.prepare import SAME_PICTURE, near_duplicates
from training.recipe import Recipe
from training.splits import Side
from training.state import State
from training.unvaried import Checked, checked, logits_of, unvaried

DESCRIPTION: Final = "model.toml"


@dataclass(frozen=True, slots=True)
class Published:
    """What came of a training, and where each of its files is."""

    made: Made
    out: Path
    files: Mapping[str, Path]


def publish(out: Path, material: Material, job: Job, state: State) -> Published:
    """Judge the kept weights, as they are written, and write everything. Raises OSError."""
    recipe = job.recipe
    name = name_of(recipe.task, recipe.name, material.fold)
    weights = out / f"{name}.safetensors"
    halves = write_weights(state.best, weights)
    network = recipe.build(len(recipe.labels)).eval()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.load_state_dict({key: value.float() for key, value in halves.items()}, strict=False)
    honest = calibration(job.recipe, material)
    temperature = fit_temperature(logits_of(network, honest.crops), honest.truth)
    test = checked(recipe, material, Side.TEST)
    chances = softmax(logits_of(network, test.crops), temperature)
    made = Made(
        recipe=recipe,
        seed=job.feed.seed,
        weights=weights.name,
        sha256=hashlib.sha256(weights.read_bytes()).hexdigest(),
        temperature=temperature,
        tested=figures(chances, test.truth, recipe.labels),
        material=material,
        shown=len(job.feed.indices),
        steps=job.feed.steps,
        state=state,
    )
    return Published(made, out, {"weights": weights} | _write(out, made))


def calibration(recipe: Recipe, material: Material) -> Checked:
    """Return validation by the sets' own labels, without what shows a training picture again.

    A network is surer of what it has seen; a temperature that rests on such pictures is too low.
    """
    mine = material.where(Side.VALIDATION)
    learnt = [material.crops[index] for index in material.where(Side.TRAINING)]
    again = near_duplicates([material.crops[index] for index in mine], learnt, SAME_PICTURE)
    mine = mine if again.all() else mine[~again]
    return Checked(unvaried(recipe, material, mine), material.truth[mine])


def write_weights(best: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Write weights as safetensors, fp16, whole or not at all; return what was written."""
    halves = {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in best.items()
        if tensor.is_floating_point()
    }
    part = path.with_suffix(".part")
    save_file(halves, part)
    part.replace(path)
    return halves


def _write(out: Path, made: Made) -> dict[str, Path]:
    names = {"split": SPLIT, "curves": "curves.png", "confusion": "confusion.png",
             "card": "card.md", "model": DESCRIPTION}  # fmt: skip
    files = {what: out / name for what, name in names.items()}
    write_split(made.material.samples, made.material.sides.tolist(), files["split"])
    words = Words(f"{made.label}, training", f"kept: epoch {made.state.best_epoch}")
    plot_curves(made.state.epochs, made.state.best_epoch, words, files["curves"])
    below = f"accuracy {percent(made.tested.accuracy)} of {made.tested.pictures:,} test pictures"
    names_of = list(made.recipe.labels)
    words = Words(made.label, below)
    plot_confusion(made.tested.confusion, names_of, words, files["confusion"])
    files["card"].write_text(card(made), encoding="utf-8")
    files["model"].write_text(description(made), encoding="utf-8")
    return files
