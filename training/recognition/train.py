"""Knows how an embedder's teaching goes from a folder of sets to a model folder. Reads no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import nn

from engine.faces import ALIGNED_PX
from training.feed import Feed
from training.frozen import FrozenBase
from training.recipe import Make
from training.recognition import material
from training.recognition.beginning import Origin, begin, go_on
from training.recognition.checking import Crops, Displaced, Known, Watched, vectors_of
from training.recognition.learnt_from import Taught, some_of
from training.recognition.publish import Made, publish
from training.recognition.teaching import Lesson, Pupil, Teaching
from training.state import State, load_state
from training.train import Shell, alone, device_of
from workers.manifest import read_folder
from workers.networks.face_aligner import AlignedSFace
from workers.networks.sface import SFace

EXAMPLES: Final = 1024  # faces by which a thinner network is fitted
JUDGED: Final = 128  # faces of validation, by which filters are chosen
MAKERS: Final = {"points": material.make_displaced}


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be taught, on what, and where everything goes; as `training.train.Order`.

    network: as `workers.networks.build` calls it. origin: what it goes on from, else it is begun.
    share: of the faces that are learnt from, see `some_of`.
    """

    teaching: Teaching
    data: Path
    out: Path
    cache: Path
    device: str = "auto"
    epochs: int | None = None
    seed: int = 0
    threads: int = 1
    network: str = "sface"
    origin: Origin | None = None
    share: float = 1.0


def teach(course: Course, shell: Shell) -> Made:
    """Teach, or go on with what was begun in the folder; write the model there.

    Raises NoDevice, Refusal, Diverged, OSError.
    """
    device = device_of(course.device)
    teaching = replace(course.teaching, epochs=course.epochs or course.teaching.epochs)
    torch.set_num_threads(course.threads)
    cv2.setNumThreads(1)
    course.out.mkdir(parents=True, exist_ok=True)
    part = "" if course.share == 1 else f" {course.share:g} of the faces"
    what = f"recognition {course.network} {teaching!r}{_after(course.origin)}{part}"
    run = {"recipe": what, "seed": str(course.seed)}
    with alone(course.out):
        load_state(course.out, run)  # refused before long work
        room = material.Room(course.data, course.cache / "recognition", course.threads)
        taught = some_of(material.gather(room, teaching, shell.cut), course.share)
        run |= {"data": taught.sha256}
        state = load_state(course.out, run) or State(run)
        pupil = Pupil(_lesson(replace(course, teaching=teaching), taught, device), state)
        shell.begin(pupil.outset)
        pupil.run(shell, lambda now: now.save(course.out))
        pupil.keep()
        held = material.reserved(room, shell.cut)
        return publish(course.out, held, pupil.lesson, state)


def _lesson(course: Course, taught: Taught, device: torch.device) -> Lesson:
    teaching = course.teaching
    make = MAKERS.get(teaching.by, material.make)(taught, teaching, course.data)
    watched = _watched(taught, teaching, make)
    if course.origin is None:
        network = begin(course.network, teaching, course.seed, _examples(taught))
    else:
        network = go_on(course.origin, teaching, course.seed, partial(_error, taught, device))
    return Lesson(
        teaching,
        course.network,
        _begun(course),
        network,
        _still(network, teaching),
        Feed(
            material.shown(taught, teaching),
            make,
            teaching.batch,
            course.seed,
            course.threads,
        ),
        taught.classes,
        watched,
        device,
        _base(network, course, device),
    )


def _base(network: nn.Module, course: Course, device: torch.device) -> FrozenBase | None:
    """Return what sees for a network of which the last layer alone learns, on a CPU."""
    if device.type != "cpu" or course.teaching.by != "teacher":
        return None
    if not isinstance(network, AlignedSFace):
        return None
    return FrozenBase(network, network.features, ALIGNED_PX, course.threads)


def _examples(taught: Taught) -> Crops:
    """Return some bare faces that are learnt from, always the same."""
    order = np.random.default_rng(0).permutation(taught.training)
    return taught.faces.where(np.sort(order[:EXAMPLES])).crops


def _watched(taught: Taught, teaching: Teaching, make: Make) -> Watched:
    """Return validation: each face once with a mask, or as it is made for an aligner."""
    held = taught.validation
    if teaching.by != "points":
        return Known(taught.faces.crops[held], taught.masked[0, held], taught.classes[held])
    made = material.each_once(taught, make)
    return Displaced(np.stack([one.crop for one in made]), np.stack([one.target for one in made]))


def _still(network: nn.Module, teaching: Teaching) -> Sequence[nn.Module]:
    """Return the layers that keep their weights: of SFace behind an aligner, all or all but one."""
    if isinstance(network, AlignedSFace):
        whole = network.sface
        before = (network.aligner, whole.stem, whole.body, whole.norm, whole.norm_out)
        return (whole,) if teaching.by == "points" else before
    return network.first(teaching.frozen) if isinstance(network, SFace) else ()


def _begun(course: Course) -> str:
    """Return in words what a teaching begins with."""
    if course.origin is not None:
        without = (
            f" without {course.origin.ratio:.0%} of its filters" if course.origin.ratio else ""
        )
        return f"with the weights of {read_folder(course.origin.folder).label}{without}"
    return "by chance" if course.teaching.start == "nothing" else "with SFace's weights"


def _after(origin: Origin | None) -> str:
    """Return what a teaching goes on from, by its description: another's weights are another."""
    if origin is None:
        return ""
    return f" after {read_folder(origin.folder).sha256} without {origin.ratio:g}"


def _error(taught: Taught, device: torch.device, network: nn.Module) -> float:
    """Return how far a network is from the teacher on some bare faces: 1 - the mean cosine."""
    places = taught.validation[:JUDGED]
    vectors = vectors_of(network.to(device), taught.faces.crops[places], device)
    return 1 - float(np.mean((vectors * taught.classes[places]).sum(axis=1)))
