"""Knows how what is asked of an embedder beside pairs is shown to people. Judges nothing."""

from typing import Any, Final

from ostiary.cli.output import print_facts, print_table

Json = dict[str, Any]
GROUPS: Final = {
    "others": "within LFW",
    "chinese": "within the Chinese set",
    "across": "across the two",
}


def print_further(told: Json) -> None:
    """Print fairness, photographs beside aligned crops, and searches, as far as judged."""
    if told["fairness"]:
        _print_fairness(told["fairness"])
    if told["raw_against_aligned"]:
        _print_agreement(told["raw_against_aligned"])
    if told["search_1000"]:
        _print_search(told["search_1000"])
    print()


def _print_fairness(one: Json) -> None:
    rates = list(one["threshold_at_far"])
    print("\nFalse accepts at LFW's thresholds, of all pairs across identities\n")
    rows = []
    for name, title in GROUPS.items():
        accepted = one[name]["false_accepts"]
        shares = ["-" if accepted[rate] is None else f"{accepted[rate]:.3%}" for rate in rates]
        rows.append((title, *shares, f"{one[name]['pairs']:,}"))
    print_table(("people", *(f"FAR {rate}" for rate in rates), "pairs"), rows, "")


def _print_agreement(one: Json) -> None:
    print(
        f"Photographs found and aligned here beside aligned crops: {one['pictures']:,} pictures "
        f"of {one['people']:,} people\n"
    )
    names = {"accuracy": "accuracy, both kinds by half", "tar_at_far_1e-3": "TAR 1e-3"}
    rows = [_compared(title, one[name]) for name, title in names.items() if one[name]]
    columns = ("figure", "aligned", "photographs", "difference", "95 % interval")
    print_table(columns, rows, "")
    lost = len(one["not_found"])
    print(
        f"{one['same_pairs']:,} pairs of one person, {one['impostor_pairs']:,} of two; no face "
        f"found on {lost:,}.\n"
    )


def _compared(title: str, one: Json) -> tuple[str, ...]:
    interval = one["interval"]
    shown = "-" if interval is None else f"{interval[0]:+.2%} to {interval[1]:+.2%}"
    return (title, f"{one['aligned']:.2%}", f"{one['raw']:.2%}", f"{one['difference']:+.2%}", shown)


def _print_search(one: Json) -> None:
    filled = f", {one['filling']:,} of them never asked for" if one["filling"] else ""
    facts = [("enrolled", f"{one['enrolled']:,} people, one picture each{filled}")]
    for kind, title in (("bare", "bare"), ("masked", "masked")):
        facts.append((f"missed, {title}", _missed(one[kind])))
    print("Search among the enrolled, by one picture\n")
    print_facts(facts)


def _missed(one: Json | None) -> str:
    if one is None:
        return "too few ask"
    return (
        f"{one['fnir']:.2%} of {one['asked']:,} at {one['fpir']:.0%} strangers named "
        f"(cosine {one['threshold']:.3f}, {one['strangers']:,} asked as strangers)"
    )
