"""Knows what a teaching leaves in its folder: weights, description, card, curves. No loop.

`model.toml` is written last: who finds it finds everything else.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from training.plots import Words, plot_curves
from training.publish import DESCRIPTION, write_weights
from training.recognition.calibration import Calibration, calibrate
from training.recognition.checking import vectors_of
from training.recognition.material import Reserved
from training.recognition.ranges import own_weights, ranges_of
from training.recognition.teaching import Lesson, Teaching
from training.state import State
from workers.networks import build
from workers.networks.face_aligner import AlignedSFace
from workers.networks.sface import SFace

ROLE = "embedder"
IN_BYTES = ("sface-aligned", "sface-light")  # networks that are written to compute in bytes


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One taught embedder, what its thresholds are, and where each of its files is."""

    name: str
    sha256: str
    lesson: Lesson
    state: State
    calibration: Calibration
    out: Path
    files: Mapping[str, Path]

    @property
    def label(self) -> str:
        """Name and version; the version is of the weights."""
        return f"{self.name}@{self.sha256[:8]}"

    @property
    def steps(self) -> int:
        """How many steps the recipe has."""
        return self.lesson.feed.steps * self.lesson.teaching.epochs


def publish(out: Path, held: Reserved, lesson: Lesson, state: State) -> Made:
    """Set the thresholds of the kept weights, as they are written; write all. Raises OSError."""
    name = name_of(lesson.teaching, lesson.network)
    files = {
        "weights": out / f"{name}.safetensors",
        "curves": out / "curves.png",
        "card": out / "card.md",
        "model": out / DESCRIPTION,
    }
    network = _written(state.best, lesson, files["weights"])
    bare, masked = (
        vectors_of(network, crops, lesson.device) for crops in (held.faces.crops, held.masked)
    )
    calibration = calibrate(bare, masked, held.faces.numbers())
    digest = hashlib.sha256(files["weights"].read_bytes()).hexdigest()
    made = Made(name, digest, lesson, state, calibration, out, files)
    words = Words(f"{made.label}, teaching", lesson.watched.words)
    plot_curves(state.epochs, state.best_epoch, words, files["curves"])
    files["card"].write_text("\n".join(_card(made)) + "\n", encoding="utf-8")
    files["model"].write_text(description(made), encoding="utf-8")
    return made


def _written(best: Mapping[str, Tensor], lesson: Lesson, path: Path) -> nn.Module:
    """Write the weights; return the network as it will be built of them.

    Behind an aligner SFace was not taught: its ranges are written, not its weights.
    """
    network = lesson.pupil
    network.load_state_dict(best)
    own = own_weights(best)
    in_bytes = network_of(lesson) != lesson.network
    if in_bytes:
        assert isinstance(network, AlignedSFace | SFace)
        own |= ranges_of(network, lesson.watched.faces)
    halves = {name: held.float() for name, held in write_weights(own, path).items()}
    network.load_state_dict(halves, strict=False)
    if not in_bytes:
        return network
    made = build.network_of(network_of(lesson)).to(lesson.device)
    made.load_state_dict(network.state_dict() | halves)
    return made


def name_of(teaching: Teaching, network: str) -> str:
    """Return what a taught embedder is called: by its network too, where that is not the usual."""
    usual = network == teaching.network
    return f"recognition-{teaching.name}" if usual else f"{network}-{teaching.name}"


def network_of(lesson: Lesson) -> str:
    """Return what the network that was written is called by `workers.networks.build`."""
    return f"{lesson.network}-int8" if lesson.network in IN_BYTES else lesson.network


def description(made: Made) -> str:
    """Return the text of model.toml."""
    plain: dict[str, Any] = {
        "role": ROLE,
        "name": made.name,
        "version": made.sha256[:8],
        "network": network_of(made.lesson),
        "file": made.files["weights"].name,
        "sha256": made.sha256,
        "input": [112, 112],
        "outputs": ["embedding"],
        "licence": "research only: as its training data (see card.md)",
        "research_only": True,
        "training_data": "faces_112, celeba299 (training people); SFace's vectors",
    }
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
    lines += ["", "[thresholds]"]
    lines += [f"{name} = {value}" for name, value in made.calibration.declared().items()]
    lines += ["", "[measured]", f"steps = {made.state.step}", f"steps_in_all = {made.steps}"]
    return "\n".join([*lines, ""])


def _card(made: Made) -> Iterator[str]:
    teaching, state = made.lesson.teaching, made.state
    yield f"# {made.label}"
    yield ""
    yield f"**Research only.** A face embedder (`{made.lesson.network}`) {_learnt(teaching)}."
    yield ""
    yield (
        f"- **Recipe** `{teaching.name}`, seed {made.lesson.feed.seed}: {teaching.optimiser.kind} "
        f"at {teaching.optimiser.rate:g}, batch {teaching.batch}, {teaching.epochs} epochs of "
        f"{made.lesson.feed.steps:,} steps; {teaching.masked:.0%} of the faces masked, "
        f"{teaching.hidden:.0%} behind other things; begun {made.lesson.begun}."
    )
    if state.step < made.steps:
        yield f"- **Stopped early**, after {state.step:,} of {made.steps:,} steps."
    yield "- **Data**: faces_112 (research; none stated for a part), celeba299 (non-commercial)."
    if teaching.masked or teaching.hidden:
        yield (
            "- **Before faces**: drawn masks and MaskTheFace's (MIT), things of OCFR-2022 "
            "(CC BY-NC-SA), as far as they lay there."
        )
    yield from _thresholds(made.calibration)
    yield "- **Limits**: masks are drawn; judge it by `ostiary evaluate recognition`."


def _learnt(teaching: Teaching) -> str:
    if teaching.by == "triplets":
        return f"that learnt by triplets, margin {teaching.margin:g}"
    if teaching.by == "points":
        return "that learnt to put a face right in its crop, before SFace"
    about = f"margin {teaching.margin:g} at scale {teaching.scale:g}, pull {teaching.pull:g}"
    what = "that a mask changes nobody" if teaching.masked else "what it says"
    return f"that learnt from SFace {what} ({about})"


def _thresholds(found: Calibration) -> Iterator[str]:
    yield (
        f"- **Thresholds** rest on {found.people} people and {found.impostor_pairs:,} pairs of "
        "two of them, kept for that alone:"
    )
    for name, kind in (("bare", found.bare), ("masked", found.masked)):
        said = ", ".join(f"{r}: {v:.3f}" for r, v in kind.thresholds.items() if v is not None)
        yield f"  - {name} against bare: cosine at false accept rate {said}"
        if kind.search is not None:
            yield (
                f"  - {name}, among {kind.search.people} enrolled: {kind.search.fnir:.2%} not "
                f"named where {kind.search.fpir:.0%} of {kind.search.strangers:,} strangers are"
            )
