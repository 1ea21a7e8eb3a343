"""Knows how a shipped network is judged on labelled pictures: `ostiary evaluate`. Does not train.

The figures in the manifest and on the cards come from here; the embedder's from
`training.recognition`.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.answers import Answers, Networks, Report, ask, joined
from training.crossed import Asked, crossed, judged_by
from training.intervals import Figure, Judged, Said, judge, median
from training.learnt import marked
from training.parts import Split, split
from training.refusal import Refusal
from training.sets.classes import TASKS, Task, TaskName
from training.sets.collect import collect
from training.sets.files import opened
from training.sets.known import CLIPS, all_known, clip_samples
from training.sets.made import made_of
from training.sets.samples import Collected, Sample
from workers.manifest import Entry, load_models

BETWEEN = " + "  # the labels of several models
SHOWN = 12  # names that a message lists


class NothingToJudge(Refusal):
    """There are no pictures that can be judged; the lines say why, and what to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be judged: a task's network on a folder or a zip.

    cache: where converted networks are kept. models: the shipped one, one by its name, or several
    of one cross-validation. everything: also what the network has learnt from. home: whose models
    may be named besides the shipped ones.
    """

    task: TaskName
    data: Path
    cache: Path
    models: Sequence[str] = ()
    everything: bool = False
    home: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All that was found out.

    two: in the classes with and without mask, where `judged` has three. plotted: what the plots
    show, by name. trained: how many pictures were left out as learnt from.
    """

    task: TaskName
    data: Path
    model: str
    rule: str
    judged: Judged
    two: Judged | None
    ferplus: Judged | None
    ferplus_left_out: Mapping[str, int]
    parts: Mapping[str, Judged]
    plotted: Mapping[str, Said]
    network_ms: Figure
    with_crop_ms: Figure
    found: int
    not_found: int
    unreadable: tuple[str, ...]
    left_out: Mapping[str, int]
    trained: int
    notes: tuple[str, ...]


def evaluate(request: Request, report: Report) -> Evaluation:
    """Judge a network, or several of one cross-validation, each on its own test side.

    Raises NothingToJudge, NotCrossed, UnknownModel, WeightsError, OSError.
    """
    task, root = TASKS[request.task], request.data.resolve()
    catalogue = load_models(request.home)
    entries = [catalogue.of(task.name, name) for name in request.models or (None,)]
    with opened(root) as files:
        found = collect(files, task, root.stem if root.is_file() else root.name)
        found.absent += files.damaged
        check(found, task, request.data)
        networks = Networks.load(_sized(task, entries[0]), entries[0], request.cache)
        own = task.name == "mask" and all_known(found)
        if own and (root / CLIPS).is_dir():
            found.samples += clip_samples(root, networks.eyes.live)
        learnt: Sequence[Sample] = ()
        if len(entries) == 1:
            found.samples = marked(found.samples, entries[0].file.parent)
            chosen, learnt = untrained(found.samples, request.everything)
            made = list(made_of(chosen, networks.eyes, root)) if own else []
            answers = ask(networks, [*chosen, *made], report)
            notes = list(remarks(found, request, len(learnt)))
        else:
            asked = crossed(found.samples, entries)
            found.samples = [dataclasses.replace(one, trained=False) for one in found.samples]
            notes = [*judged_by(asked, len(found.samples)), *remarks(found, request, 0)]
            if own:
                make = partial(made_of, eyes=networks.eyes, data=root)
                asked = tuple(one.and_of(make) for one in asked)
            answers = _ask_all(asked, request, report)
        if not answers.samples:
            raise NothingToJudge(
                f"None of the {len(answers.unreadable)} pictures in {request.data} can be read:",
                *answers.unreadable[:2],
            )
        shares = split(answers, task, learnt)
    label = BETWEEN.join(entry.label for entry in entries)
    return _conclude(Evaluated(request, label, found, answers, shares, len(learnt), tuple(notes)))


def _sized(task: Task, entry: Entry) -> Task:
    return dataclasses.replace(task, framing=task.framing.resized(entry.input[0]))


def _ask_all(asked: Sequence[Asked], request: Request, report: Report) -> Answers:
    """Ask every model about its own pictures; one network is in memory at a time."""
    total, done, parts = sum(len(one.samples) for one in asked), 0, []
    for one in asked:
        task = _sized(TASKS[request.task], one.entry)
        networks = Networks.load(task, one.entry, request.cache)
        parts.append(ask(networks, one.samples, partial(_further, report, done, total)))
        done += len(one.samples)
    return joined(parts)


def _further(report: Report, before: int, total: int, done: int, _: int) -> None:
    report(before + done, total)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """What one run has seen, before figures are computed."""

    request: Request
    model: str
    found: Collected
    answers: Answers
    shares: Split
    trained: int
    notes: tuple[str, ...]


def _conclude(seen: Evaluated) -> Evaluation:
    answers, shares = seen.answers, seen.shares
    found = answers.found[shares.main]
    headline = shares.headline
    plotted = {"": headline} | ({"ferplus": shares.ferplus} if shares.ferplus else {})
    return Evaluation(
        task=seen.request.task,
        data=seen.request.data,
        model=seen.model,
        rule=shares.rule,
        judged=judge(headline),
        two=judge(shares.two) if shares.two else None,
        ferplus=judge(shares.ferplus) if shares.ferplus else None,
        ferplus_left_out=shares.ferplus_left_out,
        parts={name: judge(said) for name, said in shares.parts.items()},
        plotted=plotted,
        network_ms=median(answers.network_ms),
        with_crop_ms=median(answers.network_ms + answers.crop_ms),
        found=int(found.sum()),
        not_found=int((~found).sum()),
        unreadable=(*answers.unreadable, *seen.found.absent),
        left_out={**seen.found.left_out, **seen.found.unknown},
        trained=seen.trained,
        notes=seen.notes,
    )


def check(found: Collected, task: Task, data: Path) -> None:
    """Raise NothingToJudge where a folder holds too little of what the task knows."""
    names = f"Known are {', '.join(task.usual_names())}, and other words for them."
    others = _listed({**found.unknown, **found.left_out, **found.elsewhere})
    if not found.samples:
        if not others and not found.absent:
            raise NothingToJudge(
                f"There are no pictures in {data}.",
                "Name a folder or a zip with one folder for each class, or with labels.csv.",
            )
        if not others:
            raise NothingToJudge(f"No picture in {data} can be judged:", *found.absent[:2])
        raise NothingToJudge(
            f"No folder and no labels.csv in {data} names a class of {task.name}.",
            f"There are: {others}.",
            names,
        )
    if found.unknown and len({sample.truth for sample in found.samples}) < 2:
        raise NothingToJudge(
            f"Only one class in {data} is known; unknown are: {_listed(found.unknown)}.",
            "Rename them, or take them out.",
            names,
        )


def untrained(
    samples: Sequence[Sample], everything: bool
) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Return what is judged, and what is left out as learnt from; all where nothing would stay."""
    if everything:
        return samples, ()
    chosen = [sample for sample in samples if not sample.trained]
    if not chosen:
        return samples, ()
    return chosen, [sample for sample in samples if sample.trained]


def remarks(found: Collected, request: Request, learnt: int) -> Iterator[str]:
    """Yield what a reader of the figures must know of the data."""
    trained = sum(sample.trained for sample in found.samples)
    if learnt:
        yield (
            f"{learnt:,} of {len(found.samples):,} pictures were trained on and are left out; "
            "--all judges them too."
        )
    elif trained:
        yield f"{trained:,} of {len(found.samples):,} pictures were trained on: too good."
    if found.unknown:
        yield f"Left out, as their classes are unknown: {_listed(found.unknown)}."
    if found.left_out:
        yield f"Left out, as they are not among the classes: {_listed(found.left_out)}."
    if found.elsewhere:
        yield f"Not about {request.task}: {_listed(found.elsewhere)}."


def _listed(counts: Mapping[str, int]) -> str:
    """Return names with their counts, the most frequent first, at most twelve."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = [f"{len(ordered) - SHOWN} more"] if len(ordered) > SHOWN else []
    return ", ".join([f"{name} ({count:,})" for name, count in ordered[:SHOWN]] + more)
