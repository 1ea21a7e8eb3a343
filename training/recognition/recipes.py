"""The ways to teach an embedder, by name: plain data, no code."""

from dataclasses import replace
from typing import Final

from training.augment import Strength
from training.recipe import Optimiser, Schedule
from training.recognition.teaching import Teaching

HALF_MASKED: Final = Teaching(
    name="half-masked",
    epochs=5,
    batch=32,
    optimiser=Optimiser("adamw", 2e-4, decay=1e-4),
    schedule=Schedule("cosine"),
    strength=Strength(turn_degrees=5, shift=0.025, size=0.05, light=0.25, worsen=0.3),
    frozen=11,
)
# an aligner learns where a face lies in its crop; SFace behind it stays as it is
ALIGNER: Final = replace(
    HALF_MASKED,
    name="aligner",
    network="sface-aligned",
    by="points",
    epochs=24,
    batch=64,
    optimiser=Optimiser("adamw", 3e-3, decay=1e-4),
    strength=Strength(light=0.3, worsen=0.4),
    frozen=0,
    normalises=True,
    dropout=0.0,
    masked=0.5,
    hidden=0.3,
    copies=1,
)
# then SFace's last layer learns to see past masks, all before it and the aligner as they are
SHIPPED: Final = replace(
    HALF_MASKED,
    name="shipped",
    network="sface-aligned",
    epochs=6,
    batch=256,
    optimiser=Optimiser("adamw", 1e-4),
    masked=0.5,
    hidden=0.1,
    copies=2,
    scale=16.0,
    margin=0.3,
    pull=8.0,
    average=0.9,
)
# for a network that is asked about masked faces alone, and may forget bare ones
MASKED: Final = replace(
    HALF_MASKED,
    name="masked",
    epochs=4,
    optimiser=Optimiser("adamw", 1e-4, decay=1e-4),
    masked=0.95,
    hidden=0.05,
    pull=8.0,
)
# a fifth of SFace's work: SFace without most of its channels, which learns to say the same
LIGHT: Final = replace(
    HALF_MASKED,
    name="light",
    network="sface-light",
    epochs=6,
    batch=48,
    optimiser=Optimiser("adamw", 5e-4, decay=1e-4),
    frozen=5,
    masked=0.3,
    copies=1,
    pull=8.0,
)
# for the face networks of paper 1, which are smaller than the teacher
DISTILLED: Final = replace(
    HALF_MASKED,
    name="distilled",
    epochs=40,
    batch=48,
    optimiser=Optimiser("adamw", 2e-3, decay=1e-4),
    frozen=0,
    normalises=True,
    dropout=0.0,
    masked=0.0,
    hidden=0.0,
    copies=1,
    pull=8.0,
)
# the paper's loss; what it does not say (batch, optimiser, margin, epochs) is FaceNet's or usual
PAPER: Final = replace(
    DISTILLED,
    name="paper",
    by="triplets",
    start="nothing",
    batch=32,
    optimiser=Optimiser("adam", 1e-3),
    dropout=0.5,
    margin=0.2,
)
# paper 2: taught on clean faces, then on one clean to two hidden, half of those by masks
CLEAN: Final = replace(DISTILLED, name="clean", start="nothing")
HIDDEN: Final = replace(CLEAN, name="hidden", masked=1 / 3, hidden=1 / 3, copies=2, masking=True)
UNMASKED: Final = replace(HIDDEN, name="hidden-unmasked", masking=False)
# the same, most steps on faces of half the side, and nobody pushed apart by a margin: more steps
SMALL: Final = Schedule("cosine", sizes=((0.85, 56),))
CLEAN_SMALL: Final = replace(CLEAN, name="clean-small", schedule=SMALL, scale=16.0, margin=0.0)
HIDDEN_SMALL: Final = replace(HIDDEN, name="hidden-small", schedule=SMALL, scale=16.0, margin=0.0)
# first on faces as large as SFace's weights are for, twice the network's, then ever smaller ones
SHRINKING: Final = Schedule("cosine", sizes=((0.2, 224), (0.4, 160), (0.6, 136)))
ENLARGED: Final = replace(
    DISTILLED,
    name="enlarged",
    start="fitted",
    optimiser=Optimiser("adamw", 5e-4, decay=1e-4),
    schedule=SHRINKING,
    scale=16.0,
    margin=0.0,
)
TAUGHT: Final = (
    SHIPPED,
    ALIGNER,
    LIGHT,
    HALF_MASKED,
    MASKED,
    DISTILLED,
    PAPER,
    CLEAN,
    HIDDEN,
    UNMASKED,
    ENLARGED,
    CLEAN_SMALL,
    HIDDEN_SMALL,
)
TEACHINGS: Final = {one.name: one for one in TAUGHT}
