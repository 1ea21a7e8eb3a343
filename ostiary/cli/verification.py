"""Knows the command that judges an embedder on pairs of faces. Does not know how that is done."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ostiary.cli.failure import ExitCode, Failure
from ostiary.cli.networks import drawing, needing, using_models
from ostiary.cli.output import print_facts, print_json_line, print_table, shown
from ostiary.cli.verification_tables import print_further

if TYPE_CHECKING:
    from training.answers import Report
    from training.recognition.further import Further
    from training.recognition.verification import Question, Verification

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said on the command line; see the options of `ostiary evaluate`."""

    data: Path | None
    crops: Path | None
    pairs: Path | None
    folders: Path | None
    raw: bool
    mask_second: int | None
    templates: Path | None
    models: tuple[str, ...]
    home: Path
    out: Path
    as_json: bool

    @property
    def about_pairs(self) -> bool:
        """Whether anything was said that only pairs of faces have."""
        paths = (self.crops, self.pairs, self.folders, self.templates)
        return self.raw or self.mask_second is not None or any(paths)


def evaluate_recognition(asked: Asked, progress: "AbstractContextManager[Report]") -> None:
    """Judge an embedder as asked, and print what came of it."""
    check(asked)
    with needing("Judging networks", "server,worker,train"):
        from training.recognition.further import as_json as told_further
        from training.recognition.report import as_json, draw

        found, further = _judge(asked, progress)
        with drawing(asked.out):
            plots = draw(found, asked.out)
    told = {name: as_json(one) for name, one in found.items()}
    paths = {name: str(path) for name, path in plots.items()}
    beside = told_further(further) if further else {}
    if asked.as_json:
        whole: Json = next(iter(told.values())) if asked.data is None else {"sets": told}
        print_json_line({**whole, **beside, "plots": paths})
        return
    _print(told)
    if beside:
        print_further(beside)
    for path in paths.values():
        print(path)


def check(asked: Asked) -> None:
    """Refuse what does not go together, and what is not there."""
    if len(asked.models) > 1:
        raise Failure("Recognition is judged by one model.", code=ExitCode.USAGE)
    ways = [asked.data, asked.crops, asked.folders]
    if sum(way is not None for way in ways) != 1:
        raise Failure(
            "Say what is compared: --crops with --pairs, or --folders, or --data.",
            code=ExitCode.USAGE,
        )
    if (asked.crops is None) != (asked.pairs is None):
        raise Failure("--crops and --pairs belong together.", code=ExitCode.USAGE)
    only = asked.raw or asked.mask_second is not None or asked.templates is not None
    if asked.data is not None and only:
        raise Failure(
            "--raw, --mask-second and --templates belong to --crops or --folders.",
            code=ExitCode.USAGE,
        )
    for path in (*ways, asked.pairs, asked.templates):
        if path is not None and not path.exists():
            raise Failure(f"There is no folder or file {path}.", code=ExitCode.NOT_FOUND)


def _judge(
    asked: Asked, progress: "AbstractContextManager[Report]"
) -> "tuple[Mapping[str, Verification], Further | None]":
    """Return what was found on pairs, and beside them where it was the known sets."""
    from training.recognition import further
    from training.recognition.embedding import Bench
    from training.recognition.sets import photographs, usual_questions
    from training.recognition.verification import verify
    from training.refusal import Refusal
    from training.sets.files import Unreadable
    from workers.manifest import load_models

    try:
        with using_models(), progress as report:
            entry = load_models(asked.home).of("embedder", *asked.models)
            bench = Bench(asked.home / "cache" / "networks", report)
            if asked.data is None:
                return {_title(asked): verify(_question(asked), entry, bench)}, None
            questions = usual_questions(asked.data)
            found = {name: verify(one, entry, bench) for name, one in questions.items()}
            raw = photographs(asked.data)
            return found, further.judge(questions, found, raw, entry, bench)
    except Refusal as error:
        raise Failure(*error.lines[:3]) from error
    except Unreadable as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{error.filename or asked.out}: {error.strerror or error}.") from error


def _title(asked: Asked) -> str:
    name = (asked.crops or asked.folders or Path()).stem
    return name if asked.mask_second is None else f"{name}, second masked"


def _question(asked: Asked) -> "Question":
    from training.draw import templates_of
    from training.recognition.verification import Question

    pictures = asked.crops or asked.folders
    assert pictures is not None
    return Question(
        pictures,
        asked.pairs,
        asked.raw,
        (False, asked.mask_second is not None),
        asked.mask_second or 0,
        templates_of(asked.templates) if asked.templates else (),
    )


def _print(told: Mapping[str, Json]) -> None:
    first = next(iter(told.values()))
    if len(told) == 1:
        print(f"{first['model']} on {first['pairs']:,} pairs of {next(iter(told))}\n")
        print_facts(_facts(first))
    else:
        print(f"{first['model']}, a face {first['ms_per_face']:.1f} ms on one thread\n")
        columns = ("set", "pairs", "accuracy", "TAR 1e-2", "TAR 1e-3", "TAR 1e-4", "impostor pairs")
        print_table(columns, [_row(name, one) for name, one in told.items()], "")
        print("TAR: true accepts at a false accept rate, by all pairs across identities.")


def _facts(one: Json) -> list[tuple[str, object]]:
    facts: list[tuple[str, object]] = [
        ("accuracy", f"{one['accuracy']:.2%}, deviation of the folds {one['accuracy_std']:.2%}"),
        ("threshold", f"cosine {one['threshold']:.3f}"),
    ]
    for rate, share in one["tar_at_far"].items():
        limit = one["threshold_at_far"][rate]
        said = "too few pairs of two people" if share is None else f"{share:.2%}"
        facts.append(
            (f"true accepts at {rate}", said if limit is None else f"{said} ({limit:.3f})")
        )
    facts += [
        ("pairs of one person", f"{one['same_pairs']:,}"),
        ("pairs of two", f"{one['impostor_pairs']:,}, all across identities"),
        ("pictures, people", f"{one['pictures']:,}, {one['people']:,}"),
        ("no face found", shown(one["not_found"][:5])),
        ("a face, one thread", f"{one['ms_per_face']:.1f} ms"),
    ]
    return facts


def _row(name: str, one: Json) -> tuple[object, ...]:
    accepts = ["-" if v is None else f"{v:.2%}" for v in one["tar_at_far"].values()]
    accuracy = f"{one['accuracy']:.2%} ± {one['accuracy_se']:.2%}"
    return (name, f"{one['pairs']:,}", accuracy, *accepts, f"{one['impostor_pairs']:,}")
