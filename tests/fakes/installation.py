"""Knows how a test gets a whole installation of its own, started by the one command."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import httpx
import psutil
import pytest

from ostiary.cli.__main__ import run

READY_WITHIN_S = 90.0
MakeInstallation = Callable[..., "Installation"]


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def eventually(condition: Callable[[], object], deadline_s: float = 30.0) -> bool:
    """Whether the condition comes true in time; looked at, never slept for."""
    until = time.monotonic() + deadline_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


@dataclass
class Installation:
    """`ostiary up` on a home and a port of its own; without workers unless asked for."""

    home: Path
    port: int
    flags: tuple[str, ...] = ()
    workers: int = 0
    extra: dict[str, str] = field(default_factory=dict)  # environment
    process: "subprocess.Popen[str] | None" = None
    family: list[psutil.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if "OSTIARY" not in name}
        return {**mine, **self.extra, "OSTIARY_HOME": str(self.home)}

    def command(self, *more: str) -> list[str]:
        settings = (f"gateway.port={self.port}", f"worker.count={self.workers}")
        flags = [part for one in settings for part in ("--set", one)]
        return [sys.executable, "-m", "ostiary.cli", "up", *flags, *self.flags, *more]

    def start(self, *more: str, within_s: float = READY_WITHIN_S) -> None:
        self.process = subprocess.Popen(
            self.command(*more),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=(self.home.parent / "up.out").open("a"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not eventually(self.ready, within_s):
            pytest.fail(f"not ready in time:\n{self.said()}")

    def attempt(self) -> "subprocess.CompletedProcess[str]":
        """Start it where it is expected to refuse; return how it ended."""
        return subprocess.run(
            self.command(),
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def ready(self) -> bool:
        try:
            return httpx.get(self.url + "/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def said(self) -> str:
        return (self.home.parent / "up.out").read_text()

    def children(self) -> list[psutil.Process]:
        assert self.process is not None
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        """The child whose command line (or working folder, for servers) names the word."""
        for one in self.children():
            if word in one.cmdline() or one.cwd() == str(self.home / word):
                return one
        raise LookupError(word)

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it; remember which processes it had."""
        assert self.process is not None
        if self.process.poll() is None:
            self.family = self.children()
            self.process.send_signal(number)
        return self.process.wait(30)

    def survivors(self) -> list[psutil.Process]:
        return [
            one for one in self.family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE
        ]

    def ostiary(self, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run one command beside it, in this process: a fresh one costs half a second."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, {**self.environ, **environ}, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(words)
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def told(self, *words: str) -> object:
        """Run one command with --json; return what it printed."""
        done = self.ostiary(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
