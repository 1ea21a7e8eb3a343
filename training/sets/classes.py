"""Knows what data sets call the classes that a network tells apart. Reads no file, runs nothing.

A name counts without its case, spaces, dashes and underscores: "With Mask" is "with_mask".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from engine.observations import Expression, MaskState
from workers.crops import EXPRESSION, MASK, Framing

TaskName = Literal["mask", "expression"]


@dataclass(frozen=True, slots=True)
class Class:
    """One class of a network: what data sets usually call it, and what else they may call it."""

    usual: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """What is judged: a network's classes in its outputs' order, and how it wants faces cut.

    left_out: names that are known and not scored, by what is said of them.
    """

    name: TaskName
    classes: tuple[Class, ...]
    left_out: Mapping[str, tuple[str, ...]]
    framing: Framing

    def place(self, name: str) -> int | None:
        """Return the network's class for a data set's name, or None where it knows none."""
        return _places(self.classes).get(_key(name))

    def skipped(self, name: str) -> str | None:
        """Return what is said of a known name that is not scored, or None."""
        key = _key(name)
        return next((w for w, names in self.left_out.items() if key in map(_key, names)), None)

    def usual_names(self) -> list[str]:
        """Return what data sets usually call the classes, in the network's order."""
        return [one.usual for one in self.classes]


@cache
def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


@cache
def _places(classes: tuple[Class, ...]) -> dict[str, int]:
    return {
        _key(name): place for place, one in enumerate(classes) for name in (one.usual, *one.others)
    }


WORN, INCORRECT, MISSING = (list(MaskState).index(state) for state in MaskState)
MASK_TASK: Final = Task(
    "mask",
    (
        Class("with_mask", (
            "with", "mask", "masked", "masked face", "face mask", "wearing mask", "mask on", "worn",
            "mask worn", "worn correctly", "mask worn correctly", "correct", "correct mask",
            "mask correct", "correctly masked", "with mask correct", "mask weared correct",
            "mask weared correctly", "proper mask", "with masks", "CMFD",
        )),
        Class("incorrect", (
            "incorrect mask", "mask incorrect", "incorrectly masked", "incorrectly worn",
            "worn incorrectly", "worn wrongly", "mask worn incorrect", "mask worn incorrectly",
            "mask weared incorrect", "mask weared incorrectly", "with mask incorrect",
            "incorrect mask usage", "incorrect face mask", "wrong", "wrong mask", "mask wrong",
            "improper", "improper mask", "improperly worn", "partial", "partial mask",
            "partially masked", "nose uncovered", "nose", "nose out", "under nose", "under chin",
            "mask under nose", "mask under chin", "chin", "mask chin", "mask mouth chin",
            "mask nose mouth", "IMFD",
        )),
        Class("without_mask", (
            "without", "no mask", "no masks", "no face mask", "unmasked", "not masked", "non mask",
            "non masked", "mask off", "mask missing", "missing", "bare", "bare face", "none",
            "without masks", "unmasked face",
        )),
    ),
    {},
    MASK,
)  # fmt: skip
# The paper's own words among them: anger, disgust, fear, happy, normal, sad, surprised.
_EXPRESSIONS: Final[Mapping[Expression, tuple[str, ...]]] = {
    Expression.ANGER: ("angry", "愤怒"),
    Expression.DISGUST: ("disgusted", "disgusting", "厌恶"),
    Expression.FEAR: ("fearful", "afraid", "scared", "害怕", "恐惧"),
    Expression.HAPPINESS: ("happy", "joy", "smile", "高兴"),
    Expression.SADNESS: ("sad", "悲伤"),
    Expression.SURPRISE: ("surprised", "惊讶"),
    Expression.NEUTRAL: ("normal", "natural", "no expression", "自然", "中性"),
}
EXPRESSION_TASK: Final = Task(
    "expression",
    tuple(Class(one.value, _EXPRESSIONS[one]) for one in Expression),
    {
        "contempt": ("contempt", "contemptuous", "轻蔑"),
        "unknown": ("unknown",),
        "no_face": ("no face", "NF", "non face"),
    },
    EXPRESSION,
)
TASKS: Final[Mapping[TaskName, Task]] = {"mask": MASK_TASK, "expression": EXPRESSION_TASK}
