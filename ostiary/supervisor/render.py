"""Knows how the demo's scenes are rendered in a process of their own, told as events.

Does not know what they show. `python -m ostiary.supervisor.render FOLDER`.
"""

import json
import signal
import sys
from pathlib import Path

from ostiary.demo.scene import prepare


def main() -> None:
    """Render what is missing; print each step as a JSON event, and the folder at the end."""
    # As an exception SIGTERM lets the half-drawn files be removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    files = prepare(Path(sys.argv[1]), _say)
    print(json.dumps({"event": "rendered", "folder": str(files.folder)}), flush=True)


def _say(done: int, total: int) -> None:
    print(json.dumps({"event": "rendering", "done": done, "total": total}), flush=True)


if __name__ == "__main__":
    main()
