"""Knows the words by which people read a face, in each language. Does not know how they are drawn.

The English ones are those of the live page; the Chinese expressions those of the paper's interface.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from engine.observations import Expression, Knowledge, MaskState
from ostiary.analysis.results import Face

PER_CENT: Final = 100
NAME_CHARACTERS: Final = 40


class Language(StrEnum):
    """What annotated pictures are written in."""

    ENGLISH = "en"
    CHINESE = "zh"


MASKS: Final = {
    MaskState.WORN: ("Mask worn", "佩戴口罩"),
    MaskState.INCORRECT: ("Mask worn wrongly", "口罩佩戴不当"),
    MaskState.MISSING: ("No mask", "未戴口罩"),
}
EXPRESSIONS: Final = {
    Expression.ANGER: ("Angry", "愤怒"),
    Expression.DISGUST: ("Disgusted", "厌恶"),
    Expression.FEAR: ("Afraid", "害怕"),
    Expression.HAPPINESS: ("Happy", "高兴"),
    Expression.SADNESS: ("Sad", "悲伤"),
    Expression.SURPRISE: ("Surprised", "惊讶"),
    Expression.NEUTRAL: ("Neutral", "自然"),
}
UNKNOWN: Final = ("Unknown", "未知人员")


def words_in(language: Language) -> dict[str, dict[str, str]]:
    """Return the word for each mask state and expression."""
    column = list(Language).index(language)
    return {
        "mask": {state.value: words[column] for state, words in MASKS.items()},
        "expression": {one.value: words[column] for one, words in EXPRESSIONS.items()},
    }


@dataclass(frozen=True, slots=True)
class Reading:
    """One face in words: its label's lines, and the mask's state, which gives it its colour.

    named: whether the first line says who it is.
    """

    lines: tuple[str, ...]
    state: MaskState | None
    named: bool = False


def read(face: Face, language: Language) -> Reading:
    """Return a face's label; one that is tentative, or of which nothing is said, has no lines."""
    if face.tentative:
        return Reading((), None)
    column = list(Language).index(language)
    lines = []
    if face.person is not None:
        if face.person.knowledge is Knowledge.KNOWN and face.person.name:
            lines.append(_shortened(face.person.name))
        elif face.person.knowledge is Knowledge.UNKNOWN:
            lines.append(UNKNOWN[column])
    named = bool(lines)
    state = None if face.mask is None else face.mask.state
    if face.mask is not None and state is not None:
        lines.append(_share(MASKS[state][column], face.mask.probability))
    if face.expression is not None and face.expression.label is not None:
        word = EXPRESSIONS[face.expression.label][column]
        lines.append(_share(word, face.expression.probability))
    return Reading(tuple(lines), state, named)


def _share(word: str, probability: float) -> str:
    """Return a word with its probability; what is not certain is not rounded up to 100 %."""
    return f"{word} {min(99, round(probability * PER_CENT))}%"


def _shortened(name: str) -> str:
    plain = "".join(one if one.isprintable() else " " for one in name)
    return plain if len(plain) <= NAME_CHARACTERS else plain[: NAME_CHARACTERS - 1] + "…"
