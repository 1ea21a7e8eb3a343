"""Knows how the machine itself is examined: Python, disk, weights, device, codecs, memory.

Does not know the servers.
"""

import asyncio
import importlib.util
import os
import shutil
import stat
import sys
from typing import Final

from config.schema import Settings
from ostiary.doctor.finding import Finding, failed, fine, warning

GIB: Final = 2**30
MIB: Final = 2**20
FREE_DISK_BYTES: Final = 2 * GIB
SHARED: Final = "/dev/shm"  # noqa: S108  # measured, never written to
SHARED_BYTES_A_DECODER: Final = 64 * MIB
DECODERS: Final = ("h264", "hevc", "mjpeg", "vp8")
ENCODERS: Final = ("libx264",)


async def python(_: Settings) -> list[Finding]:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in ((3, 11), (3, 12)):
        return [fine(f"Python {version}")]
    return [failed(f"Python {version}", "Use Python 3.11 or 3.12.")]


async def home(settings: Settings) -> list[Finding]:
    """The folder of all state: writable, private, with room."""
    folder = settings.home
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        return [failed(f"{existing} is not writable", "Name another by OSTIARY_HOME or --home.")]
    found = []
    free = shutil.disk_usage(existing).free
    if free < FREE_DISK_BYTES:
        found.append(
            warning(f"{free / GIB:.1f} GiB are free at {existing}", "Free 2 GiB for alerts.")
        )
    else:
        found.append(fine(f"{folder}, {free / GIB:.0f} GiB free"))
    key = settings.secrets.key_file or folder / "secret.key"
    if key.exists() and stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.append(failed(f"{key} can be read by others", f"chmod 600 {key}"))
    return found


async def weights(_: Settings) -> list[Finding]:
    """Every network's weights are those of the manifest."""
    from workers.manifest import WeightsError, load_manifest, verify

    found = []
    try:
        entries = load_manifest()
    except WeightsError as error:
        return [failed(str(error), "Reinstall Ostiary.")]
    for entry in entries.values():
        try:
            await asyncio.to_thread(verify, entry)
        except WeightsError as error:
            found.append(failed(str(error).splitlines()[0], "Restore the file: git checkout."))
    return found or [fine(", ".join(entry.label for entry in entries.values()))]


async def device(settings: Settings) -> list[Finding]:
    """The device that workers are told to use is there; nothing is chosen instead of it."""
    if settings.worker.count == 0:
        return [fine("no worker on this machine")]
    if settings.worker.device == "cpu":
        missing = [name for name in ("torch", "openvino") if not importlib.util.find_spec(name)]
        if missing:
            return [failed(f"{', '.join(missing)} not installed", "pip install 'ostiary[worker]'")]
        cores = len(os.sched_getaffinity(0))
        return [fine(f"cpu, {cores} cores, {settings.worker.threads} inference threads")]
    # torch stays out of this process: importing it takes seconds and half a gigabyte.
    code = "import torch; print(torch.cuda.is_available() and torch.cuda.get_device_name(0) or '')"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    name = out.decode().strip()
    if name:
        return [fine(f"cuda, {name}")]
    return [
        failed(
            "worker.device is cuda, but PyTorch finds no CUDA device",
            "Install PyTorch's CUDA build and a driver, or set worker.device to cpu.",
        )
    ]


async def codecs(_: Settings) -> list[Finding]:
    """What cameras send can be decoded, and what browsers cannot play can be encoded anew."""
    try:
        import av
    except ImportError:
        return [failed("PyAV is not installed", "pip install 'ostiary[server]'")]
    missing = [name for name in DECODERS if not _has_codec(name, "r")]
    missing += [name for name in ENCODERS if not _has_codec(name, "w")]
    if missing:
        return [failed(f"PyAV lacks {', '.join(missing)}", "Use PyAV's own wheel: pip install av")]
    return [fine(f"PyAV {av.__version__}: {', '.join(DECODERS)}; encodes h264")]


def _has_codec(name: str, mode: str) -> bool:
    from av.codec import Codec

    try:
        Codec(name, "r" if mode == "r" else "w")
    except ValueError:
        return False
    return True


async def shared_memory(settings: Settings) -> list[Finding]:
    """Decoders hand over pictures by shared memory."""
    need = SHARED_BYTES_A_DECODER * settings.worker.decoders * max(settings.worker.count, 1)
    try:
        usage = shutil.disk_usage(SHARED)
    except OSError:
        return [failed(f"{SHARED} is missing", "Mount a tmpfs there; in Docker: --shm-size 512m")]
    text = f"{usage.free / MIB:.0f} MiB free in {SHARED}"
    if usage.free < need:
        return [
            failed(
                f"{text}, {need / MIB:.0f} are needed",
                f"Give it more: mount -o remount,size=1G {SHARED}; in Docker: --shm-size 1g",
            )
        ]
    return [fine(text)]


async def sandbox(_: Settings) -> list[Finding]:
    """Whether decoders can give up the network, as they do where the system allows it."""
    code = await asyncio.to_thread(_try_namespace)
    if code == 0:
        return [fine("decoders run without network and with bounded memory")]
    return [
        warning(
            "decoders cannot give up the network here (no right to make namespaces)",
            "Allow user namespaces: sysctl kernel.unprivileged_userns_clone=1; "
            "in Docker a seccomp profile that allows unshare. Memory stays bounded.",
        )
    ]


def _try_namespace() -> int:
    """Try in a child process what decoders do; return its exit status."""
    import subprocess

    code = (
        "import ctypes, sys; libc = ctypes.CDLL(None)\n"
        "sys.exit(0 if 0 in (libc.unshare(0x40000000), libc.unshare(0x50000000)) else 1)"
    )
    return subprocess.run([sys.executable, "-c", code], check=False, timeout=20).returncode
