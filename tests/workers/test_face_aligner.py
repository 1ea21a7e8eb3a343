"""A face is put right by where its points are said to lie, before SFace sees it."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from engine.faces import ALIGNED_PX, TEMPLATE_112
from workers.networks.face_aligner import BEGIN, END, AlignedSFace, FaceAligner

pytestmark = pytest.mark.unit


class Says(nn.Module):
    """An aligner that says one thing after another, whatever it sees."""

    def __init__(self, *offsets: np.ndarray) -> None:
        super().__init__()
        self.offsets = [torch.from_numpy(one.astype(np.float32)) for one in offsets]
        self.asked = 0

    def forward(self, middle: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        return self.offsets[self.asked - 1].expand(len(middle), 5, 2)


def face(seed: int = 0) -> np.ndarray:
    """A smooth picture (112, 112, 3) in which every place looks different."""
    few = np.random.default_rng(seed).integers(0, 255, (9, 9, 3)).astype(np.uint8)
    return cv2.resize(few, (ALIGNED_PX, ALIGNED_PX), interpolation=cv2.INTER_CUBIC)


def tensor(*pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()


def similarity(scale: float, turn: float, shift: tuple[float, float]) -> np.ndarray:
    spin = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.hstack([spin, np.array(shift)[:, None]])


def about_the_middle(scale: float, turn: float, shift: tuple[float, float]) -> np.ndarray:
    matrix, middle = similarity(scale, turn, shift), np.full(2, ALIGNED_PX / 2)
    matrix[:, 2] += middle - matrix[:, :2] @ middle
    return matrix


def offsets_of(matrix: np.ndarray) -> np.ndarray:
    """How far a similarity takes the template's points."""
    return TEMPLATE_112 @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE_112


def network(*says: np.ndarray) -> AlignedSFace:
    torch.manual_seed(0)
    made = AlignedSFace(rounds=len(says)).eval()
    made.aligner = Says(*says)
    return made


def test_a_face_in_its_place_is_what_sface_alone_says():
    made = network(np.zeros((5, 2)), np.zeros((5, 2)))
    with torch.no_grad():
        assert torch.allclose(made(tensor(face())), made.sface(tensor(face())), atol=1e-3)


def test_a_similarity_is_undone():
    matrix = about_the_middle(1.12, 0.15, (-5.0, 4.0))
    moved = cv2.warpAffine(face(), matrix, (ALIGNED_PX, ALIGNED_PX), borderMode=cv2.BORDER_REFLECT)
    with torch.no_grad():
        (back,) = network(offsets_of(matrix)).put_right(tensor(moved)).permute(0, 2, 3, 1).numpy()
    middle = slice(BEGIN, END)
    away = np.abs(back - face().astype(np.float32))[middle, middle]
    assert away.mean() < 3
    assert np.abs(moved.astype(np.float32) - face())[middle, middle].mean() > 15


def test_what_is_seen_the_second_time_comes_on_top():
    first, second = similarity(1.1, 0.1, (-6.0, 2.0)), similarity(0.97, -0.04, (2.0, 1.0))
    both = np.vstack([first, [0, 0, 1]]) @ np.vstack([second, [0, 0, 1]])
    with torch.no_grad():
        (moves,) = network(offsets_of(first), offsets_of(second)).moves(tensor(face()))
    real, imaginary, x, y = moves.tolist()
    assert [real, imaginary] == pytest.approx(both[:, 0].tolist()[:2], abs=1e-4)
    assert [x, y] == pytest.approx(both[:2, 2].tolist(), abs=1e-3)


def test_points_that_no_similarity_explains_are_met_by_least_squares():
    offsets = np.random.default_rng(1).normal(0, 4, (5, 2))
    rows, wanted = [], []
    for (x, y), (across, down) in zip(TEMPLATE_112, TEMPLATE_112 + offsets, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        wanted += [across, down]
    expected, *_ = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)
    with torch.no_grad():
        (moves,) = network(offsets).moves(tensor(face()))
    assert moves.tolist() == pytest.approx(expected.tolist(), abs=1e-3)


def test_the_aligner_sees_the_middle_alone():
    torch.manual_seed(0)
    made = AlignedSFace().eval()
    beside, inside = face(), face()
    beside[: BEGIN - 2], beside[:, END + 2 :] = 0, 255
    inside[60:70, 60:70] = 0
    with torch.no_grad():
        plain, same, other = made.offsets(tensor(face(), beside, inside))
    assert plain.equal(same)
    assert not plain.equal(other)


def test_each_face_is_put_right_by_itself():
    torch.manual_seed(0)
    made = AlignedSFace().eval()
    with torch.no_grad():
        both = made.moves(tensor(face(1), face(2)))
        alone = made.moves(tensor(face(2)))
    assert torch.allclose(both[1], alone[0], atol=1e-4)


def test_the_aligner_is_small():
    assert sum(held.numel() for held in FaceAligner().parameters()) < 200_000
