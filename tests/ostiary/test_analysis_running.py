"""The analysis as Python sees it: real networks, real faces, films by their own time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakes.analysis_scenes import masked_scene, setup_in, walk, written
from fakes.films import write_film
from fakes.worker_scenes import background, scene

from engine.observations import Expression, Knowledge, MaskState
from ostiary import analyze
from ostiary.analysis import Kind, Trouble, Unreadable
from ostiary.analysis.tally import Tally

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    return setup_in(tmp_path_factory.mktemp("analysis"))


@pytest.fixture
def people(tmp_path):
    """Two enrolled: one by a folder, one by a single photograph, and one who cannot be."""
    written(tmp_path / "people" / "Grace Hopper" / "1.png", scene(("hopper", 150, 40, 150)))
    written(tmp_path / "people" / "Jo.jpg", scene(("biden", 150, 40, 150)))
    written(tmp_path / "people" / "Nobody" / "wall.png", background())
    return tmp_path / "people"


def test_a_photograph_of_two(tmp_path, setup):
    path = written(tmp_path / "door.png", scene(("obama", 60, 60, 100), ("hopper", 360, 60, 100)))
    (picture,) = analyze(path, setup=setup)
    assert (picture.name, picture.kind, picture.time_s) == (str(path), Kind.PHOTOGRAPH, None)
    assert picture.size_px == (640, 360)
    left, right = picture.faces
    assert left.box.x1 < left.box.x2 < right.box.x1 < right.box.x2 <= 1
    for face in picture.faces:
        assert face.mask.state is MaskState.MISSING
        assert face.mask.probability == max(face.mask.probabilities.values()) > 0.9
        assert sum(face.mask.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert (face.expression, face.person, face.track, face.tentative) == (None,) * 3 + (False,)


def test_a_mask_and_an_expression(tmp_path, setup):
    masked = written(tmp_path / "a.png", masked_scene("biden"))
    smiling = written(tmp_path / "b.png", scene(("obama", 200, 60, 120)))
    first, second = analyze([masked, smiling], expression=True, setup=setup)
    assert first.faces[0].mask.state is MaskState.WORN
    assert second.faces[0].expression.label is Expression.HAPPINESS
    assert second.faces[0].expression.probabilities.keys() == set(Expression)
    assert second.faces[0].person is None


def test_names_for_the_enrolled_and_for_nobody_else(tmp_path, setup, people):
    path = written(tmp_path / "a.png", scene(("hopper", 60, 60, 110), ("obama", 360, 60, 110)))
    run = analyze(path, people=people, setup=setup)
    (picture,) = run
    known, unknown = [face.person for face in picture.faces]
    assert (known.knowledge, known.name) == (Knowledge.KNOWN, "Grace Hopper")
    assert unknown.knowledge is not Knowledge.KNOWN
    assert unknown.name is None
    assert [problem.name for problem in run.refused_photos] == [str(Path("Nobody/wall.png"))]


def test_a_name_stands_once_in_a_picture(tmp_path, setup, people):
    twice = scene(("hopper", 60, 60, 110), ("hopper", 360, 60, 100))
    (picture,) = analyze(written(tmp_path / "a.png", twice), people=people, setup=setup)
    assert sorted(face.person.name or "" for face in picture.faces) == ["", "Grace Hopper"]


def test_nobody_enrolled_is_said(tmp_path, setup):
    path = written(tmp_path / "a.png", scene(("hopper", 60, 60, 110)))
    with pytest.raises(Unreadable, match="there is no such folder"):
        list(analyze(path, people=tmp_path / "none", setup=setup))


def test_names_and_expressions_are_never_joined(tmp_path):
    with pytest.raises(ValueError, match="never joined"):
        analyze("a.jpg", people=tmp_path, expression=True)


def test_a_film_is_followed_and_becomes_sure(tmp_path, setup):
    path = write_film(tmp_path / "a.mp4", walk("obama", 30))
    pictures = list(analyze(path, setup=setup))
    assert [picture.index for picture in pictures] == list(range(30))
    assert pictures[-1].time_s == pytest.approx(29 / 25, abs=0.01)
    faces = [picture.faces[0] for picture in pictures]
    assert {face.track for face in faces} == {1}
    assert faces[0].tentative
    assert faces[0].mask.state is None
    assert not faces[-1].tentative
    assert faces[-1].mask.state is MaskState.MISSING


def test_a_film_of_a_moment_shows_somebody_of_whom_nothing_is_sure(tmp_path, setup):
    tally = Tally()
    for picture in analyze(write_film(tmp_path / "a.mp4", walk("obama", 2)), setup=setup):
        file = tally.add(picture)
    told = file.as_json()
    assert (told["people"], told["undecided"]) == (1, 1)
    assert [(track["mask"], track["pictures"]) for track in told["tracks"]] == [(None, 2)]


def test_belief_rests_on_the_films_time_and_not_on_how_many_pictures(tmp_path, setup):
    few = [index / 5 for index in range(6)]
    path = write_film(tmp_path / "few.mp4", walk("obama", 6, step_px=6), few)
    slow = list(analyze(path, setup=setup))
    path = write_film(tmp_path / "all.mp4", walk("obama", 6), [one / 200 for one in few])
    at_once = list(analyze(path, setup=setup))
    assert slow[-1].faces[0].mask.state is MaskState.MISSING
    assert at_once[-1].faces[0].mask.state is None


def test_a_film_gives_a_name_and_sees_a_mask(tmp_path, setup, people):
    path = write_film(tmp_path / "a.mp4", walk("hopper", 40))
    last = list(analyze(path, people=people, setup=setup))[-1].faces[0]
    assert last.person.name == "Grace Hopper"
    path = write_film(tmp_path / "b.mp4", walk("biden", 25, masked=True))
    last = list(analyze(path, people=people, setup=setup))[-1].faces[0]
    assert last.mask.state is MaskState.WORN
    assert last.person.name in ("Jo", None)


def test_a_folder_goes_on_after_what_cannot_be_read(tmp_path, setup):
    folder = tmp_path / "folder"
    for name in ("a.png", "c.png", "d.png"):
        written(folder / name, scene(("obama", 60, 60, 100)))
    (folder / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
    write_film(folder / "bb.mp4", walk("obama", 2))
    done = []
    run = analyze(folder, setup=setup, on_progress=done.append)
    order = [(str(picture.inside), picture.index) for picture in run]
    assert order == [("a.png", 0), ("bb.mp4", 0), ("bb.mp4", 1), ("c.png", 0), ("d.png", 0)]
    (problem,) = run.problems
    assert problem.name == str(folder / "b.jpg")
    assert (done[-1].done, done[-1].total, done[-1].share) == (5, 5, 1.0)
    shares = [one.share for one in done if one.share is not None]
    assert shares == sorted(shares)


def test_one_file_that_cannot_be_analysed_raises(tmp_path, setup):
    with pytest.raises(Unreadable) as error:
        list(analyze(tmp_path / "none.jpg", setup=setup))
    assert error.value.problem.trouble is Trouble.MISSING


def test_closing_the_iterator_ends_the_analysis(tmp_path, setup):
    path = write_film(tmp_path / "a.mp4", walk("obama", 30))
    seen = []
    run = iter(analyze(path, setup=setup, on_progress=seen.append))
    next(run)
    run.close()
    assert len(seen) <= 2
    path.unlink()


def test_many_photographs_say_what_each_alone_says(tmp_path, setup):
    names = [("obama", 40), ("hopper", 60), ("biden", 80), ("collins", 50)] * 3
    for index, (key, left) in enumerate(names):
        written(tmp_path / "all" / f"{index:02}.png", scene((key, left, 50, 90 + index)))
    together = list(analyze(tmp_path / "all", setup=setup))
    assert len(together) == len(names)
    for picture in (together[0], together[-1]):
        (alone,) = analyze(picture.name, setup=setup)
        said, wanted = picture.faces[0], alone.faces[0]
        assert said.mask.probability == pytest.approx(wanted.mask.probability, abs=1e-3)
        assert np.allclose(said.box.x1, wanted.box.x1, atol=1e-3)


def test_importing_costs_no_torch_and_no_networks():
    heavy = ("torch", "openvino", "cv2", "redis")
    code = f"import sys; from ostiary import analyze; analyze('a.jpg'); " \
           f"sys.exit(any(one in sys.modules for one in {heavy}))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
