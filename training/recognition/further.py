"""Knows what is asked of an embedder beside pairs, as far as the sets lie there. Prints nothing.

The objects' keys are a contract: programs of others read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from training.intervals import Figure
from training.recognition import agreement, fairness, gallery
from training.recognition.agreement import Agreement, Compared
from training.recognition.embedding import Bench
from training.recognition.fairness import Fairness, Group
from training.recognition.gallery import Found
from training.recognition.rates import Search
from training.recognition.sets import CHINESE, LFW, MASKED
from training.recognition.verification import Question, Verification
from workers.manifest import Entry

Json = dict[str, Any]
RATE: Final = "1e-3"  # at whose threshold photographs and aligned crops are compared


@dataclass(frozen=True, slots=True)
class Further:
    """What was found beside pairs; None where a set is not there."""

    agreement: Agreement | None
    fairness: Fairness | None
    search: Found | None


def judge(
    asked: Mapping[str, Question],
    found: Mapping[str, Verification],
    raw: Question | None,
    entry: Entry,
    bench: Bench,
) -> Further:
    """Judge by the thresholds that the pairs asked have given. raw: LFW's photographs.

    Raises Refusal, Unreadable, OSError.
    """
    if LFW not in asked:
        return Further(None, None, None)
    lfw, limits = asked[LFW], found[LFW].thresholds
    decide = (found[LFW].folds.threshold, limits[RATE])
    return Further(
        agreement.judge((lfw, raw), decide, entry, bench) if raw else None,
        fairness.judge((lfw, asked[CHINESE]), limits, entry, bench) if CHINESE in asked else None,
        gallery.judge(lfw, asked[MASKED], entry, bench),
    )


def as_json(one: Further) -> Json:
    """Return all figures; shares are 0..1, thresholds cosines, None where pairs are too few."""
    return {
        "raw_against_aligned": one.agreement and _agreement(one.agreement),
        "fairness": one.fairness and _fairness(one.fairness),
        "search_1000": one.search and _found(one.search),
    }


def _agreement(one: Agreement) -> Json:
    return {
        "pictures": one.pictures,
        "people": one.people,
        "same_pairs": one.genuine,
        "impostor_pairs": one.impostors,
        "not_found": list(one.not_found),
        "cosine_median": one.likeness,
        "cosine_lowest": one.least,
        "accuracy": _compared(one.accuracy),
        f"tar_at_far_{RATE}": one.true_accepts and _compared(one.true_accepts),
    }


def _compared(one: Compared) -> Json:
    return {
        "threshold": one.threshold,
        "aligned": one.aligned,
        "raw": one.raw,
        "difference": one.difference.value,
        "interval": _interval(one.difference),
    }


def _interval(figure: Figure) -> list[float] | None:
    return None if figure.low is None or figure.high is None else [figure.low, figure.high]


def _fairness(one: Fairness) -> Json:
    return {
        "threshold_at_far": one.thresholds,
        "others": _group(one.others),
        "chinese": _group(one.chinese),
        "across": _group(one.across),
    }


def _group(one: Group) -> Json:
    return {"pairs": one.pairs, "false_accepts": one.false_accepts}


def _found(one: Found) -> Json:
    return {
        "enrolled": one.enrolled,
        "people_with_two": one.several,
        "filling": one.filling,
        "bare": one.bare and _search(one.bare),
        "masked": one.masked and _search(one.masked),
    }


def _search(one: Search) -> Json:
    return {
        "asked": one.asked,
        "strangers": one.strangers,
        "fpir": one.fpir,
        "threshold": one.threshold,
        "fnir": one.fnir,
    }
