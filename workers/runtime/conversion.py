"""Knows how a network is brought into OpenVINO's form, once. Does not run it.

Conversion needs torch, whose import alone holds 400 MB: a process that wants to stay small lets
a child do it (`convert_in_child`, or `convert_aside` beside other work), and `python -m
workers.runtime.conversion CACHE` is that child; it reads the entries from its parent.
"""

import asyncio
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import openvino

from workers.manifest import Entry, WeightsError, verify

BESIDE: Final = 5  # niceness of a child that must not slow the cameras down


def place_of(entry: Entry, cache: Path) -> Path:
    """Return where a network's converted form stands, or will stand."""
    version = openvino.__version__.partition("-")[0]
    return cache / f"{entry.name}-{entry.sha256[:16]}-openvino-{version}" / "network.xml"


def convert_in_child(entries: Iterable[Entry], cache: Path) -> None:
    """Convert what is not cached in a process of its own, which takes torch with it as it ends.

    Raises subprocess.CalledProcessError where the child fails; it has said why.
    """
    missing = [entry for entry in entries if not place_of(entry, cache).is_file()]
    if missing:
        subprocess.run(_command(cache, 0), input=pickle.dumps(missing), check=True)


async def convert_aside(entry: Entry, cache: Path) -> None:
    """Convert one in a child of low priority, which ends with whoever waits for it.

    Raises WeightsError where the child fails, with the last it said.
    """
    if place_of(entry, cache).is_file():
        return
    child = await asyncio.create_subprocess_exec(
        *_command(cache, BESIDE), stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        _, said = await child.communicate(pickle.dumps([entry]))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise WeightsError(f"{entry.label} cannot be converted: {last or 'it was killed'}")


def _command(cache: Path, niceness: int) -> list[str]:
    return [sys.executable, "-m", "workers.runtime.conversion", str(cache), str(niceness)]


def converted(entry: Entry, cache: Path) -> Path:
    """Return the converted network's path, converting it (with torch) where it is not cached.

    The weights are verified either way. Two processes may convert at once: the first folder stays.
    """
    verify(entry)
    path = place_of(entry, cache)
    if path.is_file():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".converting-", dir=cache))
    try:
        _convert(entry, work / "network.xml")
        try:
            work.replace(path.parent)
        except OSError:
            if not path.is_file():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path


def _convert(entry: Entry, path: Path) -> None:
    """Write one network in OpenVINO's form, with free batch and sides where the manifest says 0."""
    import torch

    from workers.networks.build import build

    height, width = (side or 64 for side in entry.input)
    shape = [-1, 3, *(side or -1 for side in entry.input)]
    model = openvino.convert_model(
        build(entry), example_input=torch.zeros(1, 3, height, width), input=shape
    )
    openvino.save_model(model, path, compress_to_fp16=False)


if __name__ == "__main__":
    os.nice(int(sys.argv[2]))
    for each in pickle.loads(sys.stdin.buffer.read()):  # noqa: S301  # written by our parent
        converted(each, Path(sys.argv[1]))
