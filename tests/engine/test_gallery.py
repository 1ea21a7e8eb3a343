"""Knows who may be named: several good views, a margin, and each person once in a picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.gallery import Enrolled, Gallery, GallerySettings, assign_once, unit
from engine.identity import IdentityBelief
from engine.observations import Knowledge, Who

pytestmark = pytest.mark.unit

BEGIN_NS = 1_800_000_000_000_000_000
SETTINGS = GallerySettings()
ADA, BEA = np.eye(128, dtype=np.float32)[:2]
GALLERY = Gallery([Enrolled("ada", ADA[None]), Enrolled("bea", BEA[None])], SETTINGS)


def ns(t_s):
    return BEGIN_NS + round(t_s * 1e9)


def look(belief, similarities, seconds=2.0, quality=0.8, masked=False, begin_s=0.0, hz=8):
    """Show the same similarities for a time; return who it is said to be at its end."""
    for step in range(int(seconds * hz)):
        now_ns = ns(begin_s + step / hz)
        belief.add(np.array(similarities), quality, masked, now_ns)
    return belief.statement(ns(begin_s + seconds))


def test_a_person_is_as_near_as_the_nearest_photo():
    people = [
        Enrolled("ada", np.stack([ADA, BEA])),
        Enrolled("bea", 3 * BEA[None]),
    ]
    mixed = unit((ADA + 2 * BEA)[None])
    found = Gallery(people, SETTINGS).compare(np.concatenate([ADA[None], mixed]))
    assert found == pytest.approx(np.array([[1, 0], [2 / 5**0.5, 2 / 5**0.5]]), abs=1e-6)


def test_an_empty_gallery_compares_with_nobody_and_a_person_needs_a_vector():
    assert Gallery([], SETTINGS).compare(ADA[None]).shape == (1, 0)
    with pytest.raises(ValueError, match="no vector"):
        Gallery([Enrolled("ada", np.zeros((0, 128), np.float32))], SETTINGS)


def test_an_anchor_turns_away_what_is_nearer_to_it():
    lookalike = unit((ADA + 0.8 * BEA)[None])
    plain = Gallery([Enrolled("ada", ADA[None])], SETTINGS)
    warned = Gallery([Enrolled("ada", ADA[None], anchors=lookalike)], SETTINGS)
    assert plain.compare(lookalike)[0, 0] > SETTINGS.accept_bare
    assert warned.compare(lookalike)[0, 0] < plain.compare(lookalike)[0, 0] - 0.3
    assert warned.compare(ADA[None])[0, 0] == pytest.approx(1)


def test_without_takes_one_person_out():
    left = GALLERY.without("ada")
    assert left.person_ids == ("bea",)
    assert left.compare(BEA[None]).tolist() == [[1.0]]


def test_several_good_views_make_a_name_within_a_second():
    belief = IdentityBelief(GALLERY)
    who = look(belief, [0.55, 0.1], seconds=1.0)
    assert (who.knowledge, who.person_id) == (Knowledge.KNOWN, "ada")
    assert who.score == pytest.approx(0.55)


@pytest.mark.slow
@given(st.floats(0, 1), st.floats(-1, 1), st.booleans())
def test_one_view_never_decides(quality, similarity, masked):
    belief = IdentityBelief(GALLERY)
    belief.add(np.array([similarity, 0.0]), quality, masked, ns(0))
    belief.add(np.array([similarity, 0.0]), quality, masked, ns(30))
    assert belief.statement(ns(30)).knowledge is Knowledge.UNDECIDED


def test_poor_views_never_decide():
    who = look(IdentityBelief(GALLERY), [0.6, 0.1], seconds=10, quality=0.15)
    assert who.knowledge is Knowledge.UNDECIDED


def test_without_a_margin_over_the_second_nobody_is_named():
    who = look(IdentityBelief(GALLERY), [0.55, 0.52], seconds=5)
    assert who.knowledge is Knowledge.UNDECIDED


def test_nobody_like_it_is_unknown_and_in_between_is_undecided():
    assert look(IdentityBelief(GALLERY), [0.1, 0.05]).knowledge is Knowledge.UNKNOWN
    assert look(IdentityBelief(GALLERY), [0.35, 0.05], 8).knowledge is Knowledge.UNDECIDED
    empty = IdentityBelief(Gallery([], SETTINGS))
    assert look(empty, []).knowledge is Knowledge.UNKNOWN


def test_a_mask_is_allowed_for():
    bare, masked = IdentityBelief(GALLERY), IdentityBelief(GALLERY)
    assert look(bare, [0.38, 0.1], 4).knowledge is Knowledge.UNDECIDED
    assert look(masked, [0.38, 0.1], 4, masked=True).knowledge is Knowledge.KNOWN
    cautious = look(IdentityBelief(GALLERY), [0.27, 0.1], 4, masked=True)
    assert cautious.knowledge is Knowledge.UNDECIDED


def test_a_name_stays_through_a_turned_head_and_gives_way_to_a_better_one():
    belief = IdentityBelief(GALLERY)
    assert look(belief, [0.6, 0.1]).person_id == "ada"
    assert look(belief, [0.3, 0.2], seconds=0.6, begin_s=2).person_id == "ada"
    assert look(belief, [0.1, 0.7], seconds=5, begin_s=4).person_id == "bea"


def test_an_unknown_person_may_still_be_recognised():
    belief = IdentityBelief(GALLERY)
    assert look(belief, [0.2, 0.1]).knowledge is Knowledge.UNKNOWN
    assert look(belief, [0.7, 0.1], seconds=3, begin_s=2).person_id == "ada"


def test_the_same_evidence_decides_at_the_same_time_at_any_picture_rate():
    when = {}
    for hz in (4, 8, 16):
        belief = IdentityBelief(GALLERY)
        for step in range(3 * hz):
            belief.add(np.array([0.6, 0.1]), 0.8, False, ns(step / hz))
            if belief.statement(ns(step / hz)).knowledge is Knowledge.KNOWN:
                when.setdefault(hz, step / hz)
    assert max(when.values()) - min(when.values()) <= 0.25
    assert 0.3 <= min(when.values()) <= max(when.values()) <= 1.0


def test_another_gallery_keeps_the_names_that_are_still_in_it():
    belief = IdentityBelief(GALLERY)
    look(belief, [0.6, 0.1])
    belief.regard(GALLERY.without("bea"))
    assert belief.statement(ns(3)).person_id == "ada"
    belief.regard(GALLERY.without("ada"))
    assert belief.statement(ns(3)).knowledge is Knowledge.UNDECIDED
    assert look(belief, [0.7], begin_s=4).person_id == "bea"


def test_a_view_of_another_size_is_refused():
    with pytest.raises(ValueError, match="need"):
        IdentityBelief(GALLERY).add(np.zeros(3), 0.5, False, ns(0))
    with pytest.raises(ValueError, match="below what is accepted"):
        GallerySettings(accept_bare=0.2)


WHOS = st.builds(
    lambda person, score: Who(
        Knowledge.KNOWN if person else Knowledge.UNKNOWN, person or None, score
    ),
    st.sampled_from(["", "ada", "bea"]),
    st.floats(0, 1),
)


@pytest.mark.slow
@given(st.dictionaries(st.integers(1, 9), WHOS, max_size=6))
def test_each_person_stands_once_in_a_picture_and_the_likeliest_keeps_the_name(claims):
    found = assign_once(claims)
    assert found.keys() == claims.keys()
    for person in ("ada", "bea"):
        claimed = [who.score for who in claims.values() if who.person_id == person]
        held = [who.score for who in found.values() if who.person_id == person]
        assert held == ([max(claimed)] if claimed else [])
    for number, who in found.items():
        if who != claims[number]:
            assert (who.knowledge, who.person_id) == (Knowledge.UNDECIDED, None)


def test_a_mask_that_may_be_there_moves_the_limits_halfway():
    settings = GallerySettings(masked_weight=0.5)
    for kind, masked in (("bare", 0.0), ("masked", 1.0)):
        wanted = (getattr(settings, f"reject_{kind}"), getattr(settings, f"accept_{kind}"))
        assert settings.limits(masked) == pytest.approx(wanted)
    assert settings.limits(0.5) == pytest.approx((0.27, 0.38))


def test_a_masked_view_weighs_less_and_a_poor_one_too():
    settings = GallerySettings(masked_weight=0.5)
    assert settings.reliability(1.0, 0.0) == 1.0
    assert settings.reliability(1.0, 1.0) == 0.5
    assert settings.reliability(0.25, 1.0) == pytest.approx(0.25)
    assert settings.reliability(0.0, 0.3) == 0.0
    for wrong in (0.0, -1.0, 1.1):
        with pytest.raises(ValueError, match="masked_weight"):
            GallerySettings(masked_weight=wrong)
