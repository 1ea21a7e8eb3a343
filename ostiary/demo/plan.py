"""Knows what the demo sets up: which cameras with which settings, which people from which photos.

Does not know how it is set up, nor how the scenes are drawn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ostiary.demo.portraits import FOLDER

CONSENT: Final = "demo portrait, public domain"
USER: Final = "demo"


@dataclass(frozen=True, slots=True)
class DemoCamera:
    """One camera of the demo. stream, sub_stream: names on the demo's RTSP server.

    purpose: "people" or "expression" (engine.purpose); because: its stated reason, if any.
    """

    id: str
    stream: str
    sub_stream: str | None
    purpose: str
    because: str | None
    mask_required: bool
    alert_unknown: bool


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One person whom the demo enrols."""

    name: str
    photos: tuple[Path, ...]
    consent: str = CONSENT


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Everything that the demo adds to a fresh installation."""

    cameras: tuple[DemoCamera, ...]
    people: tuple[DemoPerson, ...]


# Obama is enrolled from two photographs that the lobby does not show; of Biden and Hopper there
# is one each, which in the scene wears a mask. Eileen Collins stays unknown.
ENROLLED: Final[dict[str, list[Path]]] = {
    "Barack Obama": [FOLDER / "obama3.jpg", FOLDER / "obama2.jpg"],
    "Joe Biden": [FOLDER / "biden.jpg"],
    "Grace Hopper": [FOLDER / "hopper.jpg"],
}
PLAN: Final = DemoPlan(
    cameras=(
        DemoCamera("lobby", "lobby", "lobby-sub", "people", None, True, True),
        DemoCamera("studio", "studio", None, "expression", "demo", False, False),
    ),
    people=tuple(DemoPerson(name, tuple(photos)) for name, photos in ENROLLED.items()),
)
