"""Knows what every runtime offers: named outputs of a batch of pictures. Does not know how."""

import sys
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# OpenVINO's converter reports its use to its makers where this package can be imported.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

Pixels = NDArray[np.uint8]  # (N, H, W, 3) BGR
Outputs = Mapping[str, NDArray[np.float32]]  # each (N, ...)


class DeviceError(Exception):
    """The device that was asked for cannot be used; there is no silent fall-back to another."""


class Runtime(Protocol):
    """One network on one device."""

    def run(self, pixels: Pixels) -> Outputs:
        """Return the network's outputs by the manifest's names, float32, batch first."""
        ...
