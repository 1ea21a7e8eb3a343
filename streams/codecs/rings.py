"""Knows the shared memory that pictures cross in. Does not know whose pictures they are.

A ring is anonymous memory (memfd), so nothing is left behind when its owners are killed. It is
sealed against shrinking: a hostile child could otherwise kill its parent by a bus error.
"""

import fcntl
import mmap
import os
from typing import Final

import numpy as np
from numpy.typing import NDArray

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_MOST_SLOTS: Final = 64


class BadRing(ValueError):
    """The memory offered as a ring is not what it says."""


class RingWriter:
    """The child's side: slots of one size, taken to write a picture, given back by the parent."""

    def __init__(self, slots: int, slot_bytes: int) -> None:
        self.slots = slots
        self.slot_bytes = slot_bytes
        self.descriptor = os.memfd_create("ostiary-ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.descriptor, slots * slot_bytes)
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
        self._memory = mmap.mmap(self.descriptor, slots * slot_bytes)
        self._free = list(range(slots))

    def take(self) -> int | None:
        """Return a free slot's number, or None while the parent holds them all."""
        return self._free.pop() if self._free else None

    def give_back(self, slot: int) -> None:
        """Make a slot free again; a slot that is free already stays so."""
        if slot < self.slots and slot not in self._free:
            self._free.append(slot)

    def write(self, slot: int, rows: NDArray[np.uint8]) -> None:
        """Copy rows (H, W, 3) uint8 into a slot."""
        target = np.frombuffer(self._memory, np.uint8, rows.size, slot * self.slot_bytes)
        target.reshape(rows.shape)[:] = rows

    def close(self) -> None:
        """Give the memory back; the parent's mapping lives on."""
        self._memory.close()
        os.close(self.descriptor)


class RingReader:
    """The parent's side. The memory lives as long as this object or a picture's view of it."""

    def __init__(self, descriptor: int, slots: int, slot_bytes: int) -> None:
        """Map a ring; takes over the descriptor. Raises BadRing if it is not sealed or sized."""
        try:
            size = slots * slot_bytes
            sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
            if not sealed or not 0 < slots <= _MOST_SLOTS or os.fstat(descriptor).st_size != size:
                raise BadRing(f"{slots} slots of {slot_bytes} bytes")
            self._memory = mmap.mmap(descriptor, size)
        except OSError as error:
            raise BadRing(str(error)) from error
        finally:
            os.close(descriptor)
        self._slots = slots
        self._slot_bytes = slot_bytes

    def picture(self, slot: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return the slot as (height, width, 3) uint8 BGR; raise BadRing if it does not fit."""
        size = width * height * 3
        if slot >= self._slots or not 0 < size <= self._slot_bytes:
            raise BadRing(f"{width}x{height} in slot {slot} of {self._slots}")
        flat = np.frombuffer(self._memory, np.uint8, size, slot * self._slot_bytes)
        return flat.reshape(height, width, 3)
