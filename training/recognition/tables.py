"""Knows the rows of the papers' tables: what stands there, and how ours are taught."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from training.recognition.beginning import Origin
from training.recognition.recipes import TEACHINGS
from training.recognition.train import Course
from workers.networks.face_net import KERNELS

SetName = Literal["lfw", "chinese", "occluded", "masked"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. stated: the paper's accuracy by set, 0..1, where it states one.

    name: of its folder. origin: the row before it whose weights it goes on from, without `ratio` of
    its filters. share: of the faces that it learns from; fewer are shown
    the more often.
    """

    name: str
    title: str
    network: str
    recipe: str
    stated: Mapping[SetName, float] = field(default_factory=dict)
    origin: str | None = None
    ratio: float = 0.0
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """One of a paper's own tables: which rows stand in it, in the paper's order."""

    title: str
    rows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A row that a paper holds its best one against, and what it states, by set.

    errors: by how much more is wrong, 0..1. speeds: "speed-up", 0..1, which it does not define.
    """

    row: str
    errors: Mapping[SetName, float]
    speeds: Mapping[SetName, float]


@dataclass(frozen=True, slots=True)
class Table:
    """A paper's results. plain: the row that the others' costs are held against.

    The rows stand in the order in which they are taught. epochs: of each row where nobody says
    otherwise, which is a short budget. sets: what they are judged on. notes: what differs from the
    paper. baselines: what rows that lost filters are held against.
    """

    name: str
    plain: str
    epochs: int
    sets: tuple[SetName, ...]
    rows: tuple[Row, ...]
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    baselines: tuple[Baseline, ...] = ()


def _facenet(title: str, network: str, lfw: float, chinese: float | None = None) -> Row:
    stated: dict[SetName, float] = {"lfw": lfw}
    if chinese is not None:
        stated["chinese"] = chinese
    return Row(network, title, network, "distilled", stated)


PAPER_1: Final = Table(
    name="paper1",
    plain="facenet",
    epochs=2,
    sets=("lfw", "chinese"),
    rows=(
        _facenet("plain", "facenet", 0.9605, 0.9387),
        _facenet("+ ECA, K = 7", "facenet-eca-7", 0.9831),
        _facenet("+ SiLU", "facenet-silu", 0.9723),
        _facenet("+ CoT", "facenet-cot", 0.9816),
        _facenet("+ SiLU + ECA, K = 7, + CoT", "facenet-full", 0.9879, 0.9522),
        _facenet("+ ECA, K = 3", "facenet-eca-3", 0.9287),
        _facenet("+ ECA, K = 5", "facenet-eca-5", 0.9781),
        _facenet("+ ECA, K = 9", "facenet-eca-9", 0.9740),
        _facenet("+ ECA, K = 11", "facenet-eca-11", 0.8763),
        _facenet("ECA instead of a layer", "facenet-less-a-layer", 0.9532),
        _facenet("ECA instead of a block", "facenet-less-a-block", 0.9532),
        _facenet("ECA instead of three blocks", "facenet-less-three", 0.9532),
    ),
    parts=(
        Part("Kernels of ECA", ("facenet", *(f"facenet-eca-{kernel}" for kernel in KERNELS))),
        Part("Networks",
             ("facenet", "facenet-eca-5", "facenet-eca-7", "facenet-silu", "facenet-cot",
              "facenet-full")),
        Part("ECA instead of depthwise layers of stage 2, by three readings",
             ("facenet", "facenet-less-a-layer", "facenet-less-a-block", "facenet-less-three")),
    ),
    notes=(
        "Taught on faces_112 and 106 people of celeba299: CASIA-WebFace cannot be had.",
        "Chinese: all pairs of cn_celeb, instead of CN-Face, which cannot be had.",
        "ECA instead of a depthwise layer: the paper states 27 % fewer weights, 30 % less time.",
    ),
)  # fmt: skip

# two of its rows, begun where SFace's weights fit
PAPER_1_ENLARGED: Final = replace(
    PAPER_1,
    name="paper1-enlarged",
    epochs=3,
    rows=tuple(
        replace(row, recipe="enlarged")
        for row in PAPER_1.rows
        if row.name in ("facenet", "facenet-full")
    ),
    parts=(Part("First on faces of 224, 160 and 136 pixels", ("facenet", "facenet-full")),),
)

BASE: Final = "baseline-1"  # what all of paper 2's rows go on from
STATED_2: Final[Mapping[float, tuple[float, float]]] = {
    0.0: (0.9938, 0.8995),
    0.1: (0.9885, 0.8803),
    0.2: (0.9880, 0.8730),
    0.3: (0.9867, 0.8623),
    0.4: (0.9817, 0.8462),
    0.5: (0.9780, 0.8408),
}  # by ratio, on LFW and on Mask-LFW


def _ratio(ratio: float) -> Row:
    lfw, masked = STATED_2[ratio]
    stated: dict[SetName, float] = {"lfw": lfw, "masked": masked}
    title = f"ratio {ratio:g}, features masked"
    return Row(f"ratio-{ratio:g}", title, "occluded-resnet-half", "hidden", stated, BASE, ratio)


PAPER_2: Final = Table(
    name="paper2",
    plain="ratio-0",
    epochs=2,
    sets=("lfw", "occluded", "masked"),
    rows=(
        Row(BASE, "baseline 1: clean faces", "occluded-resnet-half", "clean"),
        _ratio(0.0),
        _ratio(0.3),
        Row("baseline-2", "baseline 2: and hidden ones", "occluded-resnet-half", "hidden-unmasked",
            origin=BASE),
        _ratio(0.1),
        _ratio(0.2),
        _ratio(0.4),
        _ratio(0.5),
    ),
    parts=(
        Part("Ratios", (BASE, "baseline-2", *(f"ratio-{ratio:g}" for ratio in STATED_2))),
    ),
    notes=(
        "Half of the paper's widths (for a GPU: --table paper2-full), and SFace's vectors "
        "instead of CASIA-WebFace's names.",
        "Filters go by how much each block suffers, so from a network that was taught: baseline 1.",
        "Occ-LFW: something hides 40 % of each picture. Mask-LFW: every picture masked.",
    ),
    baselines=(
        Baseline(BASE, {"lfw": 0.0076, "occluded": 0.0247, "masked": 0.0252},
                 {"lfw": 0.4354, "occluded": 0.3953, "masked": 0.3828}),
        Baseline("baseline-2", {"lfw": 0.0438, "occluded": 0.0780, "masked": 0.1141},
                 {"lfw": 0.4000, "occluded": 0.3668, "masked": 0.3641}),
    ),
)  # fmt: skip
# the paper's widths: for a GPU
PAPER_2_FULL: Final = replace(
    PAPER_2,
    name="paper2-full",
    epochs=40,
    rows=tuple(replace(row, network="occluded-resnet") for row in PAPER_2.rows),
    notes=("SFace's vectors instead of CASIA-WebFace's names.", *PAPER_2.notes[1:]),
)
# most steps on small faces, so that there can be more of them
PAPER_2_SMALL: Final = replace(
    PAPER_2,
    name="paper2-small",
    plain=BASE,
    epochs=4,
    rows=tuple(
        replace(row, recipe=f"{row.recipe}-small")
        for row in PAPER_2.rows
        if row.name in (BASE, "ratio-0.3")
    ),
    parts=(Part("Most steps on faces of 56 pixels", (BASE, "ratio-0.3")),),
    notes=(*PAPER_2.notes, "85 % of the steps see faces of 56 instead of 112 pixels."),
    baselines=PAPER_2.baselines[:1],
)


def _of_faces(name: str, title: str, share: float) -> Row:
    return Row(name, title, "facenet-full", "distilled", share=share)


# how far paper 1's whole network goes as the data grows, by the same steps
GROWTH: Final = Table(
    name="growth",
    plain="whole",
    epochs=2,
    sets=("lfw",),
    rows=(
        _of_faces("quarter", "a quarter of the faces", 0.25),
        _of_faces("half", "half of the faces", 0.5),
        replace(_of_faces("whole", "all faces", 1.0), stated={"lfw": 0.9879}),
        _of_faces("eighth", "an eighth of the faces", 0.125),
    ),
    parts=(Part("Paper 1's whole network, as the data grows",
                ("eighth", "quarter", "half", "whole")),),
    notes=("Fewer faces, of fewer people, are shown more often: the same steps, but for what "
           "fills no batch.",
           *PAPER_1.notes[:1]),
)  # fmt: skip
TABLES: Final = {
    one.name: one
    for one in (PAPER_1, PAPER_1_ENLARGED, PAPER_2, PAPER_2_FULL, PAPER_2_SMALL, GROWTH)
}


def folder_of(home: Path, table: Table, epochs: int) -> Path:
    """Return where the rows of a table are taught, each in a folder by its name."""
    return home / "tables" / f"{table.name}-{epochs}"


def as_course(row: Row, folder: Path, course: Course) -> Course:
    """Return what teaches a row, its table's folder given, with the course's data and budget.

    The course's epochs are of all faces: one of some of them is shorter, so there are more.
    """
    origin = None if row.origin is None else Origin(folder / row.origin, row.ratio)
    return replace(
        course,
        teaching=TEACHINGS[row.recipe],
        network=row.network,
        origin=origin,
        out=folder / row.name,
        share=row.share,
        epochs=None if course.epochs is None else round(course.epochs / row.share),
    )
