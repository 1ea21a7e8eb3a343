"""Two processes that compile the same networks into one cold cache, as two workers do."""

import subprocess
import sys
from pathlib import Path

import pytest

from workers.manifest import load_manifest
from workers.runtime.conversion import convert_in_child

pytestmark = pytest.mark.timeout(120)

COMPILES = """
import sys
from pathlib import Path

import numpy as np

from workers.manifest import load_manifest
from workers.runtime.openvino import OpenVinoRuntime

runtime = OpenVinoRuntime(load_manifest()["mask"], Path(sys.argv[1]), lanes=2)
print("ready", flush=True)
sys.stdin.readline()
for side in range(64, 144, 8):
    runtime.run(np.zeros((1, side, side, 3), np.uint8))
"""


def test_processes_that_compile_at_once_do_not_end_each_other(tmp_path: Path) -> None:
    # OpenVINO maps a blob that the other process may be writing: without the lock a process
    # ended with SIGBUS in about every second round of ten sizes.
    convert_in_child([load_manifest()["mask"]], tmp_path)
    command = [sys.executable, "-c", COMPILES, str(tmp_path)]
    pipe = subprocess.PIPE
    children = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    ended = [(child.communicate()[1], child.returncode) for child in children]
    assert ended == [("", 0), ("", 0)]
