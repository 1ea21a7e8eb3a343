"""Knows how faces are cut out on the GPU, by kornia. Does not know the framings' meaning.

Convention: the same matrices as `workers.crops`, pixel centres at whole numbers in both, which is
kornia's `align_corners=True`. OpenCV interpolates in 1/32 pixel: both agree to a few grey levels.
"""

import numpy as np
import torch
from kornia.geometry.transform import warp_affine
from numpy.typing import NDArray

from workers.crops import Crops, Framing, similarities
from workers.light import all_lit


@torch.inference_mode()
def warp_faces(
    picture: NDArray[np.uint8], points: NDArray[np.float32], wanted: Framing, device: str
) -> Crops:
    """Cut each face (N, 5, 2) out of a BGR picture (H, W, 3), all at once, on a torch device."""
    size = wanted.size_px
    if not len(points):
        return np.zeros((0, size, size, 3), np.uint8)
    source = torch.from_numpy(picture).to(device).permute(2, 0, 1).float()
    matrices = torch.from_numpy(similarities(points, wanted.template)).to(device)
    crops = warp_affine(
        source.expand(len(points), -1, -1, -1),
        matrices,
        (size, size),
        mode="bilinear",
        padding_mode="border" if wanted.replicate else "zeros",
        align_corners=True,
    )
    whole = crops.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
    cut = np.ascontiguousarray(whole.cpu().numpy())
    return all_lit(cut) if wanted.lit else cut
