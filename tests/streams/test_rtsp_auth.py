"""Log-in: the RFCs' own examples, the strongest challenge, and no password anywhere."""

import hashlib

import pytest

from streams.cameras.rtsp_auth import Authenticator, Credentials, parse_challenge, strongest

pytestmark = pytest.mark.unit

RFC7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answer(header, user="Mufasa", password="Circle of Life", method="GET", url="/dir/index.html"):
    auth = Authenticator(Credentials(user, password), lambda: CNONCE)
    auth.accept(parse_challenge(header))
    return auth.header(method, url)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm, response):
    value = answer(RFC7616.format(algorithm))
    assert f'response="{response}"' in value
    assert "qop=auth, nc=00000001" in value and 'opaque="FQhe/' in value


def test_without_qop_as_rfc_2617_says():
    def md5(text):
        return hashlib.md5(text.encode()).hexdigest()

    value = answer('Digest realm="r", nonce="n"', "u", "p", "DESCRIBE", "rtsp://h/x")
    expected = md5(f"{md5('u:r:p')}:n:{md5('DESCRIBE:rtsp://h/x')}")
    assert f'response="{expected}"' in value and "cnonce" not in value


def test_basic():
    assert answer("Basic realm=x", "Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_each_use_of_a_nonce_counts():
    auth = Authenticator(Credentials("u", "p"))
    auth.accept(parse_challenge('Digest realm="r", nonce="n", qop="auth"'))
    counts = [auth.header("OPTIONS", "rtsp://h").split("nc=")[1][:8] for _ in range(3)]
    assert counts == ["00000001", "00000002", "00000003"]


def test_the_strongest_challenge_wins_and_unknown_ones_are_passed_over():
    headers = ["Basic realm=a", 'Digest realm="a", nonce="1"', RFC7616.format("SHA-256")]
    assert strongest(headers).algorithm == "SHA-256"
    assert strongest(headers[:2]).algorithm == "MD5"
    assert strongest(["Negotiate", 'Digest realm="a", nonce="1", algorithm=SHA-512-256']) is None


def test_stale_and_quotes():
    challenge = parse_challenge('Digest realm="a", nonce="1", stale=TRUE')
    assert challenge.stale and not challenge.qop_auth
    value = answer('Digest realm="a", nonce="1"', 'qu"ote\r\nX: y', "p")
    assert 'username="qu\\"oteX: y"' in value


def test_no_password_when_printed_and_none_before_a_challenge():
    assert "geheim" not in repr(Credentials("user", "geheim"))
    assert Authenticator(Credentials("user", "geheim")).header("OPTIONS", "rtsp://h") is None
