"""Knows how a trained model is described, for people and for programs. Trains and judges nothing.

`model.toml` has the fields of an entry of `workers/weights/manifest.toml`, the role and the labels.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from training.judge import Figures
from training.material import Material
from training.recipe import Recipe
from training.splits import Side
from training.state import State

# What a source states of its pictures, by how a set's name begins.
LICENCES: Final = (
    ("masks3_real", "no licence stated"),
    ("masks_crops", "MIT repository, pictures from the web"),
    ("masks_synth", "research (LFW)"),
    ("press", "research (LFW)"),
    ("clips", "CC BY 4.0"),
    ("faces_112", "research; none stated for a part"),
    ("fer2013", "research"),
    ("ckplus", "on agreement"),
)
UNKNOWN: Final = "not known: ask who gave the pictures"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One trained model. shown: pictures an epoch, with repeats; steps: of one epoch."""

    recipe: Recipe
    seed: int
    weights: str
    sha256: str
    temperature: float
    tested: Figures
    material: Material
    shown: int
    steps: int
    state: State

    @property
    def name(self) -> str:
        """The model's name, "mask-paper"."""
        return name_of(self.recipe.task, self.recipe.name, self.material.fold)

    @property
    def label(self) -> str:
        """Name and version; the version is of the weights."""
        return f"{self.name}@{self.sha256[:8]}"

    @property
    def finished(self) -> bool:
        """Whether the recipe was followed to its last step."""
        return self.state.step >= self.steps * self.recipe.epochs

    def counts(self) -> dict[str, int]:
        """How many pictures each side has."""
        return {side.value: len(self.material.where(side)) for side in Side}

    def sources(self) -> dict[str, int]:
        """How many pictures each set has."""
        return dict(Counter(sample.source for sample in self.material.samples))

    def measured(self) -> dict[str, float]:
        """The figures of the test part and of validation, by name."""
        kept = [e for e in self.state.epochs if e.number == self.state.best_epoch]
        found = {
            "test_pictures": float(self.tested.pictures),
            "test_accuracy": self.tested.accuracy,
            "test_balanced_accuracy": self.tested.balanced_accuracy,
            "test_macro_f1": self.tested.macro_f1,
            "test_ece": self.tested.ece,
        }
        for one in self.tested.classes:
            found |= {f"test_{one.name}_precision": one.precision,
                      f"test_{one.name}_recall": one.recall,
                      f"test_{one.name}_f1": one.f1}  # fmt: skip
        for epoch in kept:
            found["validation_accuracy"] = epoch.accuracy
        return found


def name_of(task: str, recipe: str, fold: int) -> str:
    """Return what a model is called, "mask-paper", "mask-shipped-fold2"."""
    return f"{task}-{recipe}-fold{fold}" if fold else f"{task}-{recipe}"


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.1f} %"


def licence_of(source: str) -> str:
    """Return what is known of a set's licence."""
    return next((said for start, said in LICENCES if source.startswith(start)), UNKNOWN)


def description(made: Made) -> str:
    """Return the text of model.toml."""
    side = made.recipe.input_px
    plain = {
        "role": made.recipe.task,
        "name": made.name,
        "version": made.sha256[:8],
        "network": made.recipe.network,
        "classes": len(made.recipe.labels),
        "labels": list(made.recipe.labels),
        "file": made.weights,
        "sha256": made.sha256,
        "input": [side, side],
        "outputs": ["logits"],
        "licence": "research only: as its training data (see card.md)",
        "research_only": True,
        "training_data": ", ".join(made.sources()),
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    lines += ["", "[thresholds]", f"temperature = {made.temperature:.4f}", "", "[measured]"]
    lines += [f"{name} = {round(value, 4)}" for name, value in made.measured().items()]
    return "\n".join(lines) + "\n"


def card(made: Made) -> str:
    """Return the text of card.md."""
    return "\n".join(_card(made)) + "\n"


def _card(made: Made) -> Iterator[str]:
    recipe, counts = made.recipe, made.counts()
    yield f"# {made.label}"
    yield ""
    yield f"**Research only**, unless you know better of your pictures. {recipe.about}"
    yield ""
    yield f"- **Classes**: {', '.join(recipe.labels)}, in the outputs' order."
    cut = "whole pictures" if recipe.framing is None else "faces cut as live"
    yield (
        f"- **Network**: `{recipe.network}`, {recipe.input_px}x{recipe.input_px} BGR ({cut}); "
        f"logits are divided by the temperature {made.temperature:.3f}."
    )
    yield "- **Data**, with its licence:"
    for source, count in made.sources().items():
        yield f"  - {source}: {count:,} pictures; {licence_of(source)}"
    yield (
        f"- **Split** by {recipe.split}: "
        + ", ".join(f"{side} {count:,}" for side, count in counts.items() if count)
        + ". Which picture is where stands in `split.csv`."
    )
    yield _recipe(made)
    yield ""
    yield "## Measured on the test part"
    yield ""
    yield from _table(made.tested)
    yield ""
    yield "## Limits"
    yield ""
    yield "- The test part comes from the same sets as the training part: expect less elsewhere."
    yield from (f"- {limit}" for limit in recipe.limits)


def _recipe(made: Made) -> str:
    recipe, state, total = made.recipe, made.state, made.steps * made.recipe.epochs
    said = (
        f"- **Recipe** `{recipe.name}`, seed {made.seed}, fold {made.material.fold}: "
        f"{recipe.optimiser.kind} at "
        f"{recipe.optimiser.rate:g} ({recipe.schedule.kind}), batch {recipe.batch}, "
        f"{recipe.epochs} epochs of {made.steps:,} steps ({made.shown:,} pictures). "
        f"The weights of epoch {state.best_epoch} are kept, {_chosen(recipe.choose)}."
    )
    if made.finished:
        return said
    return f"{said} **Stopped early**, after {state.step:,} of {total:,} steps."


def _chosen(choose: str) -> str:
    return "the last" if choose == "last" else f"the best on validation by {choose}"


def _table(found: Figures) -> Iterator[str]:
    yield (
        f"{found.pictures:,} pictures: accuracy {percent(found.accuracy)}, balanced "
        f"{percent(found.balanced_accuracy)}, macro F1 {found.macro_f1:.3f}, ECE {found.ece:.3f}."
    )
    yield ""
    yield "| class | precision | recall | F1 | support |"
    yield "|---|---|---|---|---|"
    for one in found.classes:
        yield (
            f"| {one.name} | {one.precision:.3f} | {one.recall:.3f} | {one.f1:.3f} | "
            f"{one.support:,} |"
        )
