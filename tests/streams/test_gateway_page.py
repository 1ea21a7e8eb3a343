"""The page's files: complete, from nowhere else, and all asked for at once."""

import re

import pytest

from streams.gateway.page import FOLDER

pytestmark = pytest.mark.unit

FILES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".html", ".js", ".css"))
ALONE = {"lend.js", "whip.js", "analyze_alone.js"}  # of pages of their own


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_fetched_from_an_outside_server(path):
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.findall(r"https?://|//[a-z]+[.]", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_whatever_a_file_names_is_there(path):
    text = path.read_text()
    for name in re.findall(r"""["'(](/page/[^"')]+)["')]""", text):
        assert (FOLDER.parent / name.lstrip("/")).is_file(), name
    for name in re.findall(r"""(?:from |url[(])["']([.]{1,2}/[^"']+)["']""", text):
        assert (path.parent / name).is_file(), name


def test_every_module_of_the_page_is_asked_for_at_once():
    """Without preloading, modules are found one after another: a round trip for each level."""
    index = (FOLDER / "index.html").read_text()
    named = set(re.findall(r"/page/js/([a-z_]+[.]js)", index))
    assert named == {path.name for path in (FOLDER / "js").glob("*.js")} - ALONE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_short_enough_to_be_read(path):
    bound = 620 if path.suffix == ".css" else 300
    assert len(path.read_text().splitlines()) <= bound


def test_no_script_writes_markup():
    for path in (FOLDER / "js").glob("*.js"):
        found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document[.]write|eval[(]",
                           path.read_text())  # fmt: skip
        assert not found, path.name
