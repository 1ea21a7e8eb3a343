"""Knows how an order is carried out: files in, annotated files, reports and a chart's figures out.

Runs in a process of its own, see `ostiary/jobs/child.py`. Does not know who asked.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from ostiary.analysis import Analysis, Picture, Progress, Setup, Unreadable, analyze
from ostiary.analysis.reporting import Report
from ostiary.analysis.saving import CannotSave, Saver
from ostiary.analysis.sources import Source
from ostiary.analysis.words import Language
from ostiary.jobs.camera import Camera, seen
from ostiary.jobs.faces import Faces
from ostiary.jobs.order import FACES, REPORTS, Order
from workers.manifest import WeightsError
from workers.runtime import DeviceError

Say = Callable[[dict[str, Any]], None]

SAY_S: Final = 0.2  # between two words of progress


def carry_out(order: Order, say: Say, pipe: BinaryIO) -> None:
    """Analyse everything; say how far it is, which files failed, and how it ended.

    pipe: where a camera's pictures come from; what is seen in each is said at once.
    """
    camera = Camera(pipe, str(order.given(0))) if order.camera else None
    teller = _Teller(order, say, camera)
    try:
        analysis = _analysis(order, teller.progress, camera)
        _analyse(order, analysis, teller)
        say({"event": "end", "reason": None})
    except Unreadable as error:  # the people's folder
        say({"event": "end", "reason": str(error)})
    except (CannotSave, WeightsError, DeviceError) as error:
        reason = str(error).splitlines()[0].replace(f"{order.out}/", "")
        say({"event": "end", "reason": reason})
    except MemoryError:
        say({"event": "end", "reason": "it needs more memory than an analysis may have"})


def _analysis(
    order: Order, progress: Callable[[Progress], None], camera: Camera | None
) -> Analysis:
    analysis = analyze(
        [] if camera else [str(order.given(number)) for number in order.names],
        people=order.people if order.purpose == "people" else None,
        expression=order.purpose == "expression",
        setup=Setup(order.home, "cpu", 1, order.detect_size_px, order.models),
        on_progress=progress,
    )
    if camera is not None:
        analysis.opened = (Source(camera.name, camera.film(), Path("0")),)
    analysis.alone = False  # what cannot be analysed is told; the rest goes on
    return analysis


def _analyse(order: Order, analysis: Analysis, teller: "_Teller") -> None:
    language = Language(order.language)
    faces = Faces(language)
    saver = Saver(order.out, alone=False, language=language)
    with ExitStack() as stack:
        reports = [stack.enter_context(Report(order.out / name)) for name in REPORTS]
        try:
            for picture in analysis:
                number = int(Path(picture.name).name)
                name = order.names[number]
                teller.seen(picture, language)
                faces.add(number, name, picture).saved = saver.add(picture).name
                told: Picture = replace(picture, name=name)
                for report in reports:
                    report.add(told)
                teller.problems(analysis)
        except BaseException:
            saver.abandon()
            raise
        saver.close()
    teller.problems(analysis)
    (order.out / FACES).write_text(json.dumps(faces.as_json(), ensure_ascii=False), "utf-8")


class _Teller:
    """Says what the analysis says, with the files' numbers for their paths."""

    def __init__(self, order: Order, say: Say, camera: Camera | None) -> None:
        self._order, self._say, self._camera = order, say, camera
        self._next_s = 0.0
        self._told = 0

    def progress(self, progress: Progress) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + SAY_S
            file = int(Path(progress.name).name)
            self._say({"event": "progress", "share": progress.share, "file": file})

    def seen(self, picture: Picture, language: Language) -> None:
        if self._camera is not None:
            said = seen(self._camera.number, picture, language)
            self._say({"event": "seen", "said": said})

    def problems(self, analysis: Analysis) -> None:
        for problem in analysis.problems[self._told :]:
            self._told += 1
            number = int(Path(problem.name).name)
            self._say({"event": "problem", "file": number, "message": problem.message[:300]})
