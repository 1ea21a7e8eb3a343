"""What may be set of a camera: addresses without credentials, one purpose, its rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.cameras import Camera, parse_address, rules_of
from engine.packets import Role
from engine.purpose import Purpose

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "url", "username", "password"),
    [
        ("rtsp://h/1", "rtsp://h/1", None, None),
        (" rtsp://h:8554/1?a=b ", "rtsp://h:8554/1?a=b", None, None),
        ("rtsp://u:p@h/1", "rtsp://h/1", "u", "p"),
        ("rtsp://u:p%40x%2F@h/1", "rtsp://h/1", "u", "p@x/"),
        ("rtsps://u@[2001:db8::1]:322/1", "rtsps://[2001:db8::1]:322/1", "u", None),
    ],
)
def test_credentials_are_cut_from_the_address(text, url, username, password) -> None:
    address = parse_address(text)
    assert (address.url, address.username, address.password) == (url, username, password)


@pytest.mark.parametrize(
    "text",
    ["", "h/1", "http://u:hush@h/1", "file:///etc/passwd", "rtsp://", "rtsp://u:hush@/1",
     "rtsp://u:hush@h:99999/1", "rtsp://u:hush@h:x/1", "u:hush@h/1", "rtsp://u:hush#1@h/1",
     "rtsp://[::1/1", "rtsp://h/a b"],
)  # fmt: skip
def test_other_addresses_are_refused_without_repeating_the_password(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_address(text)
    assert "hush" not in str(caught.value)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser_but_by_value_error(text: str) -> None:
    try:
        address = parse_address(text)
    except ValueError:
        return
    assert address.url.partition("://")[0] in ("rtsp", "rtsps")
    assert "@" not in address.url.partition("://")[2].partition("/")[0]


def test_a_camera_has_exactly_one_purpose() -> None:
    with pytest.raises(ValidationError, match="because"):
        Camera(id="a", url="rtsp://h/1", purpose=Purpose.EXPRESSION)
    with pytest.raises(ValidationError, match="people"):
        Camera(
            id="a",
            url="rtsp://h/1",
            purpose=Purpose.EXPRESSION,
            because="demo",
            alert_unknown=True,
        )


def test_credentials_inside_the_url_are_refused() -> None:
    with pytest.raises(ValidationError, match="credentials") as caught:
        Camera(id="a", url="rtsp://u:hush@h/1")
    assert "hush" not in str(caught.value)


def test_the_substream_is_analysed_where_there_is_one() -> None:
    assert Camera(id="a", url="rtsp://h/1").analysis_role is Role.MAIN
    assert Camera(id="a", url="rtsp://h/1", sub_url="rtsp://h/2").analysis_role is Role.SUB


def test_switches_stand_for_rules_with_stable_ids() -> None:
    camera = Camera(
        id="a", url="rtsp://h/1", mask_required=True, alert_unknown=True, purpose=Purpose.PEOPLE
    )
    assert [rule.id for rule in rules_of(camera)] == ["a.unmasked", "a.mask_incorrect", "a.unknown"]
    assert rules_of(Camera(id="b", url="rtsp://h/1")) == ()
