"""The ways to teach an embedder, by name: plain data, no code."""

from typing import Final

from training.augment import Strength
from training.recipe import Optimiser, Schedule
from training.recognition.teaching import Teaching

SHIPPED: Final = Teaching(
    name="shipped",
    epochs=5,
    batch=32,
    optimiser=Optimiser("adamw", 2e-4, decay=1e-4),
    schedule=Schedule("cosine"),
    strength=Strength(turn_degrees=5, shift=0.025, size=0.05, light=0.25, worsen=0.3),
    frozen=11,
)
TEACHINGS: Final = {one.name: one for one in (SHIPPED,)}
