"""Knows the command that teaches an embedder. Does not know how that is done."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import needing, using_models
from ostiary.cli.output import print_facts, print_json

if TYPE_CHECKING:
    from training.recognition.publish import Made
    from training.recognition.train import Course


@dataclass(frozen=True, slots=True)
class Told:
    """What was said on the command line; see the options of `ostiary train`."""

    data: Path
    recipe: str
    device: str
    out: Path | None
    minutes: float | None
    epochs: int | None
    seed: int
    threads: int
    home: Path
    as_json: bool
    fold: int = 0
    network: str | None = None


def train_recognition(told: Told) -> None:
    """Teach an embedder as told, and print what came of it."""
    course = course_of(told)
    from training.train import Busy

    try:
        made = teach_one(course, told.minutes)
    except Busy as error:
        raise Failure(*error.lines) from error
    if told.as_json:
        print_json(as_json(made))
    else:
        print_facts(list(_facts(made)))


def course_of(told: Told) -> "Course":
    """Return what is to be taught; refuse what cannot be."""
    if told.fold:
        raise Failure("Recognition has no folds.", code=ExitCode.USAGE)
    if not told.data.is_dir():
        raise Failure(f"There is no folder {told.data}.", code=ExitCode.NOT_FOUND)
    with needing("Training networks", "server,worker,train"):
        import training.plots  # noqa: F401  missing matplotlib is said before the long work
        from training.recognition.publish import name_of
        from training.recognition.recipes import TEACHINGS
        from training.recognition.train import Course

    if told.recipe not in TEACHINGS:
        raise Failure(
            f"There is no recipe {told.recipe!r} for recognition: {', '.join(TEACHINGS)}.",
            code=ExitCode.USAGE,
        )
    teaching = TEACHINGS[told.recipe]
    network = told.network or teaching.network
    out = told.home / "models" / f"{name_of(teaching, network)}-{told.seed}"
    return Course(
        teaching,
        told.data,
        told.out or out,
        told.home / "cache",
        told.device,
        told.epochs,
        told.seed,
        told.threads,
        network,
    )


def teach_one(course: "Course", minutes: float | None) -> "Made":
    """Teach one network; what may go wrong becomes a message. Raises Busy."""
    from ostiary.cli.training_progress import Onlooker
    from training.loop import Diverged
    from training.recognition.beginning import UnknownNetwork
    from training.recognition.train import teach
    from training.refusal import Refusal
    from training.train import Busy, NoDevice

    try:
        with using_models(), Onlooker(minutes).looking() as onlooker:
            return teach(course, onlooker)
    except Busy:
        raise
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except UnknownNetwork as error:
        raise Failure(str(error), code=ExitCode.USAGE) from error
    except (NoDevice, Diverged) as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or course.out}: {error.strerror or error}.") from error


def as_json(made: "Made") -> dict[str, Any]:
    """Return what --json prints."""
    return {
        "model": made.label,
        "out": str(made.out),
        "recipe": made.lesson.teaching.name,
        "seed": made.lesson.feed.seed,
        "finished": made.state.step >= made.steps,
        "steps": made.state.step,
        "steps_in_all": made.steps,
        "faces": len(made.lesson.feed.indices),
        "thresholds": made.calibration.declared(),
        "sha256": made.sha256,
        "files": {name: str(path) for name, path in made.files.items()},
    }


def _facts(made: "Made") -> Iterator[tuple[str, object]]:
    yield "model", made.label
    if made.state.step < made.steps:
        done = f"after {made.state.step:,} of {made.steps:,} steps"
        yield "stopped", f"{done}; the same command goes on"
    yield "faces", f"{len(made.lesson.feed.indices):,}"
    for name, kind in (("bare", made.calibration.bare), ("masked", made.calibration.masked)):
        said = ", ".join(f"{r}: {v:.3f}" for r, v in kind.thresholds.items() if v is not None)
        yield f"{name}, cosine at false accepts", said
    yield "folder", made.out
