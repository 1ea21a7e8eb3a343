"""Photos become vectors: every verdict with a real picture, every kind of file, sealed replies."""

import asyncio
import base64
import json
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from fakes.ledger_real import BOX
from fakes.worker_scenes import PORTRAITS, background, head_of, scene

from engine.enrolment import Refusal
from ostiary.demo.portraits import read_picture
from streams.bus import requests
from streams.bus.connection import connect
from streams.codecs.pool import DecoderPool, PoolSettings
from streams.secrets import SecretBox, WrongKey
from streams.valkey import USER
from workers.crops import ALIGNED
from workers.enrolment import LIMITS, Enrolment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FACE_PX = 120


def portrait(key="hopper", face_px=FACE_PX):
    """A head on a plain wall, as in a passport's photo."""
    head = head_of(key, face_px)
    return cv2.copyMakeBorder(head, 40, 40, 40, 40, cv2.BORDER_REPLICATE)


def encoded(picture, suffix=".png"):
    done, data = cv2.imencode(suffix, picture)
    assert done
    return bytes(data)


def turned_away():
    """A half-turned head turned on by 60 degrees, as if it were a cylinder."""
    picture = portrait("obama2", face_px=180)
    height, width = picture.shape[:2]
    middle_px, radius_px = 40 + 0.5 * 2 * 180, 0.56 * 180
    y, x = np.mgrid[:height, :width].astype(np.float32)
    aside = np.clip((x - middle_px) / radius_px, -0.999, 0.999)
    shown = middle_px + radius_px * np.sin(np.arcsin(aside) + np.radians(60))
    across = np.where(np.abs(aside) < 0.999, shown, x).astype(np.float32)
    return cv2.remap(picture, across, y, cv2.INTER_LINEAR)


def dimmed(share):
    return (portrait() * share).astype(np.uint8)


def jpeg():
    return encoded(portrait(), ".jpg")


REFUSED = {
    "not a picture": (lambda: b"this is no picture", Refusal.UNREADABLE),
    "cut off": (lambda: jpeg()[:300], Refusal.UNREADABLE),
    "empty": (lambda: b"", Refusal.UNREADABLE),
    "no face": (lambda: encoded(background()), Refusal.NO_FACE),
    "one pixel": (lambda: encoded(background()[:1, :1]), Refusal.NO_FACE),
    "a line": (lambda: encoded(np.zeros((1, 4000, 3), np.uint8)), Refusal.NO_FACE),
    "two faces": (
        lambda: encoded(scene(("obama", 40, 60, 100), ("biden", 340, 60, 90))),
        Refusal.SEVERAL,
    ),
    "tiny": (lambda: encoded(scene(("obama", 100, 60, 40))), Refusal.TOO_SMALL),
    "blurred": (lambda: encoded(cv2.GaussianBlur(portrait(), (0, 0), 5)), Refusal.BLURRED),
    "turned away": (lambda: encoded(turned_away()), Refusal.TURNED),
    "dark": (lambda: encoded(dimmed(0.12)), Refusal.DARK),
}
TAKEN = {
    "JPEG": jpeg,
    "WebP": lambda: encoded(portrait(), ".webp"),
    "PNG of 16 bits": lambda: encoded(portrait().astype(np.uint16) * 257),
    "grey PNG": lambda: encoded(cv2.cvtColor(portrait(), cv2.COLOR_BGR2GRAY)),
    "PNG with transparency": lambda: encoded(cv2.cvtColor(portrait(), cv2.COLOR_BGR2BGRA)),
    "someone small behind": lambda: encoded(scene(("obama", 40, 60, 110), ("biden", 420, 60, 40))),
}


def answered(models, *photos):
    """What the worker answers to a request with these photos."""

    async def ask():
        with ThreadPoolExecutor(1) as executor:
            pool = DecoderPool(PoolSettings(children=1))
            enrolment = Enrolment(models, pool, BOX, executor)
            fields = {f"photo{index}": photo for index, photo in enumerate(photos)}
            async with asyncio.timeout(60):
                return await enrolment.answer(fields)

    return json.loads(json.dumps(asyncio.run(ask())))


@pytest.mark.parametrize("what", REFUSED)
def test_a_photo_that_cannot_stand_for_a_person_is_refused_with_its_reason(models, what):
    make, reason = REFUSED[what]
    reply = answered(models, make())
    (verdict,) = reply["verdicts"]
    assert (verdict["accepted"], verdict["reason"]) == (False, reason)
    assert verdict["detail"]
    assert reply["photos"] == []


@pytest.mark.parametrize("what", TAKEN)
def test_every_kind_of_file_is_taken(models, what):
    reply = answered(models, TAKEN[what]())
    assert reply["verdicts"] == [{"accepted": True, "reason": None, "detail": ""}]
    assert len(reply["photos"]) == 1


def test_who_is_too_small_is_told_how_large_the_face_is_and_must_be(models):
    (verdict,) = answered(models, encoded(scene(("obama", 100, 60, 40))))["verdicts"]
    numbers = [int(word) for word in verdict["detail"].replace(",", " ").split() if word.isdigit()]
    assert numbers[0] == LIMITS.face_px
    assert numbers[1] == pytest.approx(40, abs=6)


def test_the_answers_photos_open_with_the_key_and_with_no_other(models):
    reply = answered(models, encoded(portrait("hopper")))
    (sealed,) = reply["photos"]
    crop, vector = (base64.b64decode(sealed[name]) for name in ("crop", "vector"))
    with pytest.raises(WrongKey):
        SecretBox(bytes(32)).unseal(vector)
    face = cv2.imdecode(np.frombuffer(BOX.unseal(crop), np.uint8), cv2.IMREAD_COLOR)
    assert face.shape == (112, 112, 3)
    found = np.frombuffer(BOX.unseal(vector), "<f2").astype(np.float32)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-3)
    assert sealed["model"] == models.versions["embedder"]
    assert sealed["index"] == 0
    photo = np.ascontiguousarray(read_picture(PORTRAITS["hopper"].photo)[..., :3])
    (faces,) = models.detect([photo])
    same = models.embed(models.crop(photo, faces.points[:1], ALIGNED))[0]
    assert float(found @ same) > 0.7


def test_each_photo_has_its_own_verdict_and_somebody_else_is_noticed(models):
    photos = [portrait("obama"), portrait("obama2"), portrait("biden"), background()]
    reply = answered(models, *(encoded(one) for one in photos))
    reasons = [verdict["reason"] for verdict in reply["verdicts"]]
    assert reasons == [None, None, Refusal.UNLIKE_THE_OTHERS, Refusal.NO_FACE]
    assert [one["index"] for one in reply["photos"]] == [0, 1]


def test_a_request_over_the_bus_is_answered_beside_the_live_cameras(models, bus_server):
    async def ask():
        bus = connect(bus_server.url, USER, bus_server.plan.password)
        with ThreadPoolExecutor(1) as executor:
            enrolment = Enrolment(models, DecoderPool(PoolSettings(children=1)), BOX, executor)
            async with asyncio.TaskGroup() as tasks:
                server = tasks.create_task(
                    requests.serve(bus, "enrolment", enrolment.answer, "w-1")
                )
                reply = await requests.ask(bus, "enrolment", {"photo0": jpeg()}, 20)
                server.cancel()
        await bus.aclose()
        return reply

    assert asyncio.run(ask())["verdicts"][0]["accepted"]
