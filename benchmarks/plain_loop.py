"""The plain loop that everybody writes first, to compare with: OpenCV, YuNet, SFace, no bus.

One process, one thread a camera to read, one loop that analyses the newest picture of each in turn,
as often as it can up to 8 a second. The networks and their runtime are ours, so that only the
shape differs. `python -m benchmarks.plain_loop --seconds 20 URL...` prints one JSON line.
"""

import argparse
import json
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.installation import CACHE
from workers.crops import ALIGNED
from workers.models import Models

RATE_HZ = 8.0


class Reader(threading.Thread):
    """Reads one camera for ever and keeps its newest picture."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
        self.newest: NDArray[np.uint8] | None = None
        self.number = 0

    def run(self) -> None:
        """Read until the stream ends."""
        while True:
            fine, picture = self.capture.read()
            if not fine:
                return
            self.newest, self.number = np.asarray(picture, np.uint8), self.number + 1


def analyse(models: Models, picture: NDArray[np.uint8]) -> int:
    """Find all faces and embed each; return how many there were."""
    (faces,) = models.detect([picture])
    if len(faces):
        models.embed(models.crop(picture, faces.points, ALIGNED))
    return len(faces)


def main() -> None:
    """Run the loop and print how many pictures a second each camera got."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("urls", nargs="+")
    options = parser.parse_args()
    models = Models.load("cpu", Path(CACHE) / "networks", 1)
    models.warm(1280, 720)
    readers = [Reader(url) for url in options.urls]
    for reader in readers:
        reader.start()
    time.sleep(3)
    analysed = [0] * len(readers)
    due = [time.monotonic()] * len(readers)
    seen = [0] * len(readers)
    begun = time.monotonic()
    cpu = time.process_time()
    while (now := time.monotonic()) < begun + options.seconds:
        worked = False
        for place, reader in enumerate(readers):
            picture = reader.newest
            if now < due[place] or reader.number == seen[place] or picture is None:
                continue
            seen[place] = reader.number
            due[place] = max(due[place] + 1 / RATE_HZ, now - 1 / RATE_HZ)
            analyse(models, picture)
            analysed[place] += 1
            worked = True
        if not worked:
            time.sleep(0.002)
    elapsed = time.monotonic() - begun
    rates = [round(count / elapsed, 2) for count in analysed]
    used = round((time.process_time() - cpu) / elapsed * 100, 1)
    print(json.dumps({"analysed_per_s": rates, "cpu_percent": used}))


if __name__ == "__main__":
    main()
