"""Knows how people read an evaluation: tables on a terminal. Takes the JSON that programs get."""

from typing import Any

from ostiary.cli.output import print_facts, print_table

Json = dict[str, Any]

CLASS_COLUMNS = ("precision", "recall", "f1")
UNREADABLE_SHOWN = 10


def print_evaluation(found: Json) -> None:
    """Print everything that `--json` holds, in the order in which people ask."""
    print(f"{found['model']} on {found['count']:,} pictures of {found['data']}")
    print(f"{found['rule']} In brackets: 95% intervals.\n")
    print_facts(_facts(found))
    _classes("By class", found)
    if "two_classes" in found:
        _classes("In two classes", found["two_classes"])
    if "ferplus" in found:
        _classes(f"By FER+ majority ({_left_out(found['ferplus'])})", found["ferplus"])
    _confusion(found)
    print("\nBy size: the shorter side of the face, pixels")
    print_table(
        ("size", "faces", "accuracy"),
        [(size, one["count"], _percent(one, "accuracy")) for size, one in found["by_size"].items()],
        "",
    )
    _parts(found)
    _paper(found)
    _ending(found)


def _facts(found: Json) -> list[tuple[str, object]]:
    return [
        ("accuracy", _percent(found, "accuracy")),
        ("balanced accuracy", _percent(found, "balanced_accuracy")),
        ("macro F1", _number(found, "macro_f1")),
        ("calibration error (15 bins)", _percent(found, "ece")),
        ("network alone, a face, one thread", _ms(found, "ms_per_face")),
        ("with its crop", _ms(found, "ms_per_face_with_crop")),
        ("faces found by the detector", f"{found['found']:,}"),
        ("not found, cut where they usually lie", f"{found['not_found']:,}"),
        ("unreadable", f"{len(found['unreadable']):,}"),
    ]


def _classes(title: str, judged: Json) -> None:
    print(f"\n{title}: {judged['count']:,} pictures, accuracy {_percent(judged, 'accuracy')}")
    print_table(
        ("class", *CLASS_COLUMNS, "support"),
        [
            (name, *(_number(one, column) for column in CLASS_COLUMNS), one["support"])
            if one["support"]
            else (name, *["-"] * len(CLASS_COLUMNS), 0)
            for name, one in judged["classes"].items()
        ],
        "",
    )


def _confusion(found: Json) -> None:
    print("\nIn truth, and as what it was said")
    rows = zip(found["labels"], found["confusion"], strict=True)
    print_table(("", *found["labels"]), [(name, *counts) for name, counts in rows], "")


def _parts(found: Json) -> None:
    if not found["parts"]:
        return
    print("\nParts")
    print_table(
        ("part", "pictures", "accuracy", "macro F1", "ECE"),
        [
            (name, one["count"], _percent(one, "accuracy"), _number(one, "macro_f1"),
             _percent(one, "ece"))
            for name, one in found["parts"].items()
        ],
        "",
    )  # fmt: skip


def _paper(found: Json) -> None:
    """Print the paper's figures and ours; a dash where the paper states none."""
    paper = found["paper"]
    print(f"\nBeside the paper: {paper['title']}\n({paper['rests_on']})")
    rows = [("accuracy", *(_share(paper["accuracy"][who]) for who in ("paper", "ours")))]
    rows += [
        (f"{measure} {name}", _share(both["paper"]), _share(both["ours"]))
        for name, measures in paper["classes"].items()
        for measure, both in measures.items()
        if measure != "support"
    ]
    print_table(("figure", "paper", "ours"), rows, "")


def _ending(found: Json) -> None:
    """Print what was left out and where the plots are."""
    for name in found["unreadable"][:UNREADABLE_SHOWN]:
        print(f"Unreadable: {name}")
    if (more := len(found["unreadable"]) - UNREADABLE_SHOWN) > 0:
        print(f"Unreadable: {more:,} more; --json names all.")
    for note in found["notes"]:
        print(note)
    for path in found["plots"].values():
        print(path)


def _left_out(ferplus: Json) -> str:
    counts = ", ".join(f"{name} {count}" for name, count in ferplus["left_out"].items())
    return f"left out: {counts}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _percent(found: Json, name: str) -> str:
    if found[name] is None:
        return "-"
    interval = found[f"{name}_ci"]
    bounds = f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else ""
    return f"{found[name]:.1%}{bounds}"


def _number(found: Json, name: str) -> str:
    """A figure with its interval, short enough for three in a line: 0.964 (.94-.98)."""
    interval = found[f"{name}_ci"]
    bounds = "-".join(f"{bound:.2f}".removeprefix("0") for bound in interval or ())
    return f"{found[name]:.3f}" + (f" ({bounds})" if bounds else "")


def _ms(found: Json, name: str) -> str:
    if found[name] is None:
        return "-"
    low, high = found[f"{name}_ci"]
    return f"{found[name]:.1f} ms ({low:.1f} to {high:.1f})"
