"""Nothing is told to the makers of a library: OpenVINO's converter would, unasked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]
CONVERTS = """
from pathlib import Path
from workers.manifest import load_manifest
from workers.runtime.conversion import converted
converted(load_manifest()["mask"], Path("cache"))
"""
IMPORTS = """
import training.frozen
from openvino.tools.ovc import telemetry_utils
assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub", telemetry_utils.tm
"""


@pytest.mark.parametrize("code", [CONVERTS, IMPORTS])
def test_no_library_keeps_count_of_its_user(code, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    root = Path(__file__).parents[2]
    there = {name: value for name, value in os.environ.items() if name != "CI"}
    there |= {"HOME": str(home), "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=there, check=True)
    assert not [path for path in home.rglob("*") if path.is_file()]
