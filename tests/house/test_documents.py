"""The documents that come from the code are as the code is now."""

from pathlib import Path

import pytest

from docs.diagrams import OUT, text

pytestmark = pytest.mark.house

ROOT = Path(__file__).resolve().parents[2]


def test_the_diagrams_are_drawn_from_todays_tables() -> None:
    assert OUT.read_text() == text(), "run make docs"


def test_the_documents_name_no_place_of_one_machine() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        found = [word for word in ("/work/", "/root/", "/tmp/hq") if word in path.read_text()]
        assert not found, f"{path.name} names {found}"


def test_the_glossary_is_in_order() -> None:
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    words = [line.split("**")[1] for line in lines if line.startswith("**")]
    assert len(words) > 20
    assert words == sorted(words, key=str.casefold)
