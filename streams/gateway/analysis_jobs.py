"""Knows the analyses that were asked for, their files and bounds. Never opens what was sent.

What was sent is opaque here: it is written to a file of a name of ours and handed on as bytes to
the one process that analyses it. Everything of an analysis is erased `keep_s` after it began, what
was sent already at its end, and leftovers of an earlier life at the start.
"""

import asyncio
import hashlib
import hmac
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from config.schema import AnalysesSettings
from engine.analyses import ENDED, AnalysisEvent, AnalysisState, next_state
from streams.gateway.analysis_feed import Feed
from streams.gateway.errors import ApiError, not_found
from streams.gateway.metrics import Metrics

IDLE_S: Final = 120.0  # without a byte, before all files are there
SILENT_S: Final = 15.0  # without a word of the process that analyses
KEPT: Final = 64  # analyses at once, ended ones among them

log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for. because: the stated reason, where it is expression."""

    purpose: str = "none"
    because: str | None = None
    language: str = "en"
    models: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Sent:
    """One file as it was sent; the name is a label and never a path."""

    name: str
    size: int = 0
    whole: bool = False


@dataclass(slots=True)
class Job:
    """One analysis; times by the steady clock, in seconds."""

    id: str
    owner: str
    wish: Wish
    folder: Path
    made_s: float
    heard_s: float
    state: AnalysisState = AnalysisState.RECEIVING
    files: dict[int, Sent] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)
    problems: list[dict[str, object]] = field(default_factory=list)
    share: float | None = 0.0
    at: str = ""
    reason: str | None = None
    camera: Feed | None = None  # shown instead of files
    began_s: float | None = None
    claimed: asyncio.Event = field(default_factory=asyncio.Event, repr=False)  # or ended
    token_sha256: str = field(default="", repr=False)
    pass_sha256: str = field(default="", repr=False)

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(one.size for one in self.files.values()) + sum(self.results.values())

    def sent(self, number: int) -> Path:
        """Where a sent file lies."""
        return self.folder / f"sent-{number}"

    def result(self, name: str) -> Path:
        """Where a result lies."""
        return self.folder / f"result-{name}"


class Jobs:
    """Every analysis of this gateway."""

    def __init__(self, folder: Path, settings: AnalysesSettings, metrics: Metrics) -> None:
        self.settings = settings
        self._folder = folder
        self._metrics = metrics
        self._jobs: dict[str, Job] = {}

    def clear(self) -> None:
        """Erase what an earlier life left behind."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def make(self, owner: str, wish: Wish, now_s: float) -> Job:
        """Begin an analysis. Raises ApiError 429 where there are too many."""
        if len(self._jobs) >= KEPT and not self._forget_oldest():
            raise self.refused("jobs", 429, f"{KEPT} analyses are under way: try again later")
        job_id = secrets.token_hex(12)
        folder = self._folder / job_id
        folder.mkdir(parents=True, mode=0o700)
        job = self._jobs[job_id] = Job(job_id, owner, wish, folder, now_s, now_s)
        purpose, because = wish.purpose, wish.because
        log.info("analysis_asked", id=job_id, key=owner, purpose=purpose, because=because)
        return job

    def owned(self, job_id: str, owner: str) -> Job:
        """Return somebody's own analysis; 404 for any other, so that none is betrayed."""
        job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise not_found("analysis", job_id)
        return job

    def of(self, owner: str) -> list[Job]:
        """Return somebody's analyses, oldest first."""
        return [job for job in self._jobs.values() if job.owner == owner]

    def queue(self) -> list[Job]:
        """Return what waits for its turn, the first first."""
        return [job for job in self._jobs.values() if job.state is AnalysisState.QUEUED]

    def ahead_of(self, job: Job) -> int:
        """Return how many have their turn before it."""
        queue = self.queue()
        return queue.index(job) + (self.running() is not None) if job in queue else 0

    def running(self) -> Job | None:
        """Return the one that runs."""
        jobs = self._jobs.values()
        return next((job for job in jobs if job.state is AnalysisState.RUNNING), None)

    def begin_file(self, job: Job, number: int, name: str) -> Sent:
        """Take a file in. Raises ApiError 409, 413."""
        if job.state is not AnalysisState.RECEIVING:
            raise ApiError(409, f"this analysis is {job.state}: begin another one for more files")
        if number in job.files:
            raise ApiError(409, f"file {number} was sent already")
        if len(job.files) >= self.settings.files:
            reason = f"an analysis takes at most {self.settings.files} files"
            raise self.refused("files", 413, reason)
        sent = job.files[number] = Sent(label(name))
        return sent

    def room_for(self, job: Job, more: int) -> None:
        """Check that so many bytes may be added. Raises ApiError 413, 429."""
        bound = self.settings.upload_bytes
        if sum(one.size for one in job.files.values()) + more > bound:
            reason = f"an analysis takes at most {bound // 1_000_000} MB: send less at once"
            raise self.refused("upload", 413, reason)
        self._total(more)

    def room_for_result(self, job: Job, more: int) -> None:
        """Check that so many bytes of results may be added. Raises ApiError 413, 429."""
        bound = self.settings.upload_bytes
        if sum(job.results.values()) + more > bound:
            reason = f"the results are larger than {bound // 1_000_000} MB: analyse less at once"
            raise self.refused("results", 413, reason)
        self._total(more)

    def _total(self, more: int) -> None:
        if sum(job.size for job in self._jobs.values()) + more > self.settings.total_bytes:
            reason = (
                "the room for analyses is full: remove one, or wait; each is erased after "
                f"{self.settings.keep_s / 60:.0f} min"
            )
            raise self.refused("total", 429, reason)

    def start(self, job: Job, now_s: float) -> None:
        """Put an analysis into the queue. Raises ApiError 409, 422, 429."""
        if job.state is not AnalysisState.RECEIVING:
            raise ApiError(409, f"this analysis is {job.state} already")
        if not job.files or not all(one.whole for one in job.files.values()):
            raise ApiError(422, "there is no file to analyse: send one first")
        if len(self.queue()) >= self.settings.waiting:
            reason = f"{self.settings.waiting} analyses wait already: try again in a few minutes"
            raise self.refused("waiting", 429, reason)
        self._step(job, AnalysisEvent.START, now_s)

    def new_token(self, job: Job) -> str:
        """Return the token by which one process may take this analysis, once."""
        token = secrets.token_urlsafe(32)
        job.token_sha256 = _digest(token)
        return token

    def claim(self, job_id: str, token: str, now_s: float) -> tuple[Job, str]:
        """Spend a token; return its analysis and the pass for what follows. 401 for any other."""
        job = self._jobs.get(job_id)
        good = job is not None and hmac.compare_digest(job.token_sha256, _digest(token))
        if job is None or not good or job.state is not AnalysisState.QUEUED:
            raise self.refused("token", 401, "this token was used, or it opens no analysis")
        job.token_sha256, plain = "", secrets.token_urlsafe(32)
        job.pass_sha256, job.began_s = _digest(plain), now_s
        self._step(job, AnalysisEvent.CLAIM, now_s)
        return job, plain

    def at_work(self, job_id: str, plain: str, now_s: float) -> Job:
        """Return the running analysis that a pass opens; 410 where it is not wanted any more."""
        job = self._jobs.get(job_id)
        if job is None or job.state is not AnalysisState.RUNNING:
            raise ApiError(410, f"this analysis is {'gone' if job is None else job.state}")
        if not hmac.compare_digest(job.pass_sha256, _digest(plain)):
            raise self.refused("token", 401, "this pass opens no analysis")
        job.heard_s = now_s
        return job

    def finish(self, job: Job, reason: str | None, now_s: float) -> None:
        """End a running analysis: done, or failed for a reason."""
        job.reason = reason
        self._step(job, AnalysisEvent.FAIL if reason else AnalysisEvent.FINISH, now_s)

    def cancel(self, job: Job, now_s: float) -> None:
        """End an analysis where it stands; erase one that has ended."""
        if job.state in ENDED:
            self._erase(job)
            return
        self._step(job, AnalysisEvent.CANCEL, now_s)

    def sweep(self, now_s: float) -> None:
        """End what nobody is heard of any more, erase what has been kept long enough."""
        for job in list(self._jobs.values()):
            silent_s = now_s - job.heard_s
            given_up = job.state is AnalysisState.RECEIVING and silent_s >= IDLE_S
            if given_up or now_s - job.made_s >= self.settings.keep_s:
                self._erase(job)
            elif job.state is AnalysisState.RUNNING and silent_s >= SILENT_S:
                self.finish(job, "the process that analysed it ended: try again", now_s)

    def _step(self, job: Job, event: AnalysisEvent, now_s: float) -> None:
        job.state, job.heard_s = next_state(job.state, event), now_s
        if job.state is not AnalysisState.QUEUED:
            job.claimed.set()
        log.info("analysis", id=job.id, state=job.state.value, key=job.owner, reason=job.reason)
        if job.state in ENDED:
            if job.camera is not None:
                job.camera.end()
            self._metrics.analyses.labels(job.state.value).inc()
            self._empty(job, keep_results=job.state is AnalysisState.DONE)

    def _empty(self, job: Job, keep_results: bool) -> None:
        job.token_sha256 = job.pass_sha256 = ""
        for number, sent in job.files.items():
            job.sent(number).unlink(missing_ok=True)
            sent.size = 0
        if not keep_results:
            shutil.rmtree(job.folder, ignore_errors=True)
            job.results.clear()

    def _erase(self, job: Job) -> None:
        shutil.rmtree(job.folder, ignore_errors=True)
        self._jobs.pop(job.id, None)

    def _forget_oldest(self) -> bool:
        ended = next((job for job in self._jobs.values() if job.state in ENDED), None)
        if ended is not None:
            self._erase(ended)
        return ended is not None

    def refused(self, what: str, status: int, reason: str) -> ApiError:
        """Count a refusal and return it."""
        self._metrics.analyses_refused.labels(what).inc()
        return ApiError(status, reason)


def label(name: str) -> str:
    """Return a file's name as it may be shown: printable, without its folders, not too long."""
    plain = "".join(one for one in name.replace("\\", "/").split("/")[-1] if one.isprintable())
    return plain.strip()[-120:] or "file"


def shown(job: Job, ahead: int) -> dict[str, object]:
    """Return an analysis as its owner sees it. ahead: how many have their turn before it."""
    return {
        "id": job.id,
        "state": job.state.value,
        "ahead": ahead,
        "share": job.share,
        "at": job.at,
        "reason": job.reason,
        "purpose": job.wish.purpose,
        "because": job.wish.because,
        "language": job.wish.language,
        "models": dict(job.wish.models),
        "files": [{"number": n, "name": one.name} for n, one in sorted(job.files.items())],
        "problems": list(job.problems),
        "results": sorted(job.results),
    }


def _digest(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()
