"""Makes a stream of which four fifths show nothing that moves: the demo's lobby, then rest.

Rest is the lobby's first picture with the noise of a sensor, so that it is still, not frozen.
"""

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

STILL_SHARE: Final = 4  # seconds of rest for each second of people
NOISE: Final = 2.0  # standard deviation, grey levels
NOISES: Final = 8  # different pictures of rest, again and again
RATE_HZ: Final = 25
TICKS: Final = 90_000 // RATE_HZ


def still_clip(scene: Path, folder: Path) -> Path:
    """Return an MP4 with a scene and four times as much rest, made once."""
    target = folder / f"{scene.stem}-still-{scene.stat().st_size}.mp4"
    if target.is_file():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    with av.open(str(scene)) as source, av.open(str(part), "w", format="mp4") as film:
        found = source.streams.video[0]
        stream = film.add_stream("libx264", rate=RATE_HZ)
        stream.width, stream.height, stream.pix_fmt = found.width, found.height, "yuv420p"
        stream.bit_rate = 2_000_000
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline",
                          "g": "50", "keyint_min": "50", "sc_threshold": "0"}  # fmt: skip
        rest: list[av.VideoFrame] = []
        count = 0
        for picture in source.decode(found):
            rest = rest or _noisy(picture)
            picture.pts, picture.time_base, picture.pict_type = count * TICKS, stream.time_base, 0
            film.mux(stream.encode(picture))
            count += 1
        for number in range(count, count * (1 + STILL_SHARE)):
            picture = rest[number % NOISES]
            picture.pts, picture.time_base = number * TICKS, stream.time_base
            film.mux(stream.encode(picture))
        film.mux(stream.encode(None))
    return part.replace(target)


def _noisy(picture: av.VideoFrame) -> list[av.VideoFrame]:
    """Return a picture several times, each with other noise."""
    random, pixels = np.random.default_rng(0), picture.to_ndarray(format="bgr24")
    made = []
    for _ in range(NOISES):
        grain = random.normal(0, NOISE, pixels.shape)
        noisy = np.clip(pixels + grain, 0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(noisy, format="bgr24")
        made.append(frame.reformat(format="yuv420p"))
    return made
