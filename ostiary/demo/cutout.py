"""Knows how a person is cut out of a portrait along a hand-drawn outline. Does not know scenes.

`python -m ostiary.demo.cutout` makes the committed cut-outs anew from the portraits beside it.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ostiary.demo.portraits import FOLDER, Portrait, load_portraits, read_picture

_GUIDE_RADIUS: Final = 4  # px
_GUIDE_EPS: Final = 2e-4  # of values 0..1


def _ring(size: int) -> NDArray[np.uint8]:
    side = 2 * size + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def guided_filter(
    guide: NDArray[np.float32], source: NDArray[np.float32], radius_px: int, eps: float
) -> NDArray[np.float32]:
    """Return source (H, W) smoothed so that its edges follow guide (H, W), both 0..1.

    He, Sun, Tang: Guided image filtering, PAMI 2013.
    """
    box = (2 * radius_px + 1, 2 * radius_px + 1)
    mean_g, mean_s = cv2.blur(guide, box), cv2.blur(source, box)
    variance = cv2.blur(guide * guide, box) - mean_g * mean_g
    slope = (cv2.blur(guide * source, box) - mean_g * mean_s) / (variance + eps)
    offset = mean_s - slope * mean_g
    return np.asarray(cv2.blur(slope, box) * guide + cv2.blur(offset, box), np.float32)


def matte(pixels: NDArray[np.uint8], portrait: Portrait) -> NDArray[np.float32]:
    """Return alpha (H, W), 0..1, of the person inside the portrait's outline.

    The outline decides but for a band along it, where grabCut and a guided filter do.
    """
    band = max(3, round(portrait.band * (portrait.face[3] - portrait.face[1])))
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.array(portrait.outline, np.int32)], 1)
    # The outline may leave by the picture's border: there is nothing doubtful about that edge.
    framed = cv2.copyMakeBorder(inside, band, band, band, band, cv2.BORDER_REPLICATE)
    sure = cv2.erode(framed, _ring(band))[band:-band, band:-band]
    maybe = cv2.dilate(framed, _ring(band))[band:-band, band:-band]
    trimap = np.where(sure > 0, cv2.GC_FGD, cv2.GC_BGD).astype(np.uint8)
    doubtful = (maybe > 0) & (sure == 0)
    trimap[doubtful] = np.where(inside[doubtful] > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(pixels, trimap, None, models[0], models[1], 4, cv2.GC_INIT_WITH_MASK)
    hard = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    hard = cv2.morphologyEx(hard, cv2.MORPH_OPEN, _ring(2)) | sure
    hard = cv2.morphologyEx(hard, cv2.MORPH_CLOSE, _ring(2))
    soft = cv2.GaussianBlur(hard.astype(np.float32), (0, 0), 1.0)
    guide = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    alpha = guided_filter(guide, soft, _GUIDE_RADIUS, _GUIDE_EPS)
    # Pulled in a little: a thin halo of the old background shows more than a lost hair.
    alpha = np.clip((alpha - 0.35) / 0.6, 0, 1)
    return np.where(sure > 0, 1, np.where(maybe > 0, alpha, 0)).astype(np.float32)


def without_spill(pixels: NDArray[np.uint8], alpha: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return pixels whose half-transparent edge takes its colour from the person's inside."""
    solid = (cv2.erode(alpha, _ring(2)) > 0.97).astype(np.float32)[..., None]
    spread = cv2.GaussianBlur(pixels * solid, (0, 0), 3)
    weight = cv2.GaussianBlur(solid, (0, 0), 3)[..., None]
    inner = spread / np.maximum(weight, 1e-3)
    edge = np.where(weight > 1e-3, (1 - solid) * 0.8, 0)
    return np.asarray(np.clip(pixels * (1 - edge) + inner * edge, 0, 255), np.uint8)


def cut_out(portrait: Portrait) -> NDArray[np.uint8]:
    """Return the person as BGRA (H, W, 4), straight alpha, in the photograph's pixels."""
    pixels = read_picture(portrait.photo)
    alpha = matte(pixels, portrait)
    return np.dstack([without_spill(pixels, alpha), np.round(alpha * 255).astype(np.uint8)])


def main() -> None:
    """Write every cut-out beside its photograph."""
    for portrait in load_portraits().values():
        if portrait.outline:
            target = Path(FOLDER) / portrait.cutout
            cv2.imwrite(str(target), cut_out(portrait), [cv2.IMWRITE_WEBP_QUALITY, 92])
            print(f"{target.name}: {target.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
