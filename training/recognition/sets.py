"""Knows which sets an embedder is judged on by default, and where they lie. Judges nothing."""

from pathlib import Path
from typing import Final

from training.draw import templates_of
from training.hide import load_things
from training.recognition.occluding import Hidden
from training.recognition.verification import Question
from training.refusal import Refusal

SEED: Final = 0
LFW: Final = "LFW"
MASKED: Final = "Mask-LFW, second masked"
BOTH_MASKED: Final = "Mask-LFW, both masked"
SHARE: Final = 0.4  # of each picture, as paper 2 has it
OCCLUDED: Final = "Occ-LFW, both 40 % hidden"
CHINESE: Final = "Chinese celebrities, all pairs"
WHOLE: Final = {
    CHINESE: ("cn_celeb_112", ("", "")),
    "really masked to bare": ("masked_identities", ("b_", "m_")),
    "the same, bare to bare": ("masked_identities", ("b_", "b_")),
}
RAW: Final = "lfw_raw250_devtest"


def photographs(data: Path) -> Question | None:
    """Return LFW's photographs that are not aligned, None where they do not lie there."""
    path = data / f"{RAW}.zip"
    return Question(path, raw=True) if path.exists() else None


def usual_questions(data: Path) -> dict[str, Question]:
    """Return what is asked of the sets in a folder. Raises Refusal where none is there."""
    asked: dict[str, Question] = {}
    crops, pairs = data / "lfw_pairs_112.zip", data / "lfw_pairs.txt"
    folder = data / "occluders"
    templates = templates_of(folder) if folder.is_dir() else ()
    if crops.exists() and pairs.exists():
        asked[LFW] = Question(crops, pairs)
        for name, masks in ((MASKED, (False, True)), (BOTH_MASKED, (True, True))):
            asked[name] = Question(crops, pairs, masks=masks, seed=SEED, templates=templates)
        things = load_things(data, seen=False)
        hidden = Hidden(SHARE, things.low + things.glasses)
        asked[OCCLUDED] = Question(crops, pairs, seed=SEED, hidden=hidden)
    for title, (name, between) in WHOLE.items():
        if (data / f"{name}.zip").exists():
            asked[title] = Question(data / f"{name}.zip", between=between)
    if not asked:
        raise Refusal(
            f"None of the sets that are known lies in {data}.",
            "Name pictures and pairs: --crops FOLDER_OR_ZIP --pairs FILE, or --folders.",
        )
    return asked
