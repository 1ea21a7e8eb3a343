"""Knows the analysis of photographs, films and webcams, with no server. Knows no live camera.

from ostiary import analyze
for picture in analyze("door.jpg"):
    print(picture.name, [(face.box, face.mask) for face in picture.faces])
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.purpose import Purpose
from ostiary.analysis.results import (
    ExpressionSaid,
    Face,
    Kind,
    MaskSaid,
    PersonSaid,
    Picture,
    Problem,
    Progress,
    Trouble,
    Unreadable,
)
from ostiary.analysis.running import Analysis, Setup

__all__ = [
    "Analysis",
    "ExpressionSaid",
    "Face",
    "Kind",
    "MaskSaid",
    "PersonSaid",
    "Picture",
    "Problem",
    "Progress",
    "Setup",
    "Trouble",
    "Unreadable",
    "analyze",
]


def analyze(
    source: str | Path | Sequence[str | Path],
    *,
    people: str | Path | None = None,
    expression: bool = False,
    setup: Setup | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Analysis:
    """Return the analysis of a photograph, film, folder, "webcam[:N]", or several: iterate over it.

    people: a folder of photographs of who may be named, see `ostiary.analysis.people`.
    expression: whether to say expressions, never together with names (ValueError).
    Where one file or webcam is given and cannot be analysed, iterating raises Unreadable; of
    several, and of a folder's files, those that cannot are in `problems` afterwards.
    """
    if people is not None and expression:
        raise ValueError("names and expressions are never joined: ask for people or expression")
    names = [source] if isinstance(source, str | Path) else list(source)
    purpose = Purpose.EXPRESSION if expression else Purpose.NONE
    return Analysis(
        names=names,
        purpose=purpose if people is None else Purpose.PEOPLE,
        people_from=None if people is None else Path(people),
        setup=setup or Setup(),
        on_progress=on_progress,
        alone=len(names) == 1 and not Path(names[0]).is_dir(),
    )
