"""The networks' shapes and arithmetic, without their weights, and YuNet's decoding."""

import numpy as np
import pytest
import torch

from engine.boxes import Letterbox
from workers.detection import Limits, Raw, anchors, decode
from workers.networks.face_mobilenet import FaceMobileNet, features_of
from workers.networks.mobilenet_v2 import MobileNetV2
from workers.networks.sface import SFace
from workers.networks.yunet import YuNet

pytestmark = [pytest.mark.unit, pytest.mark.slow]

LIMITS = Limits(score=0.5, iou=0.3)
SOURCE = Letterbox(scale=0.5, width_px=128, height_px=64)


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def test_yunet_has_its_parameters_and_one_row_per_anchor():
    network = YuNet().eval()
    assert parameters(network) == 53_104  # the published file's, normalisation folded
    raw = network(torch.zeros(2, 3, 64, 96))
    rows = len(anchors(96, 64))
    assert raw.scores.shape == (2, rows)
    assert raw.boxes.shape == (2, rows, 4)
    assert raw.points.shape == (2, rows, 10)


@torch.no_grad()
def test_sface_gives_128_numbers():
    assert SFace().eval()(torch.zeros(1, 3, 112, 112)).shape == (1, 128)


@torch.no_grad()
@pytest.mark.parametrize("size_px", [64, 96])
def test_mobilenet_takes_any_multiple_of_32(size_px):
    network = MobileNetV2(3).eval()
    assert network(torch.zeros(2, 3, size_px, size_px)).shape == (2, 3)
    assert sum(p.numel() for p in network.features.parameters()) == 2_223_872  # the paper's body


@torch.no_grad()
def test_a_classifier_begins_by_seeing_what_sface_sees_in_grey():
    torch.manual_seed(3)
    sface, classifier = SFace().eval(), FaceMobileNet(7).eval()
    assert parameters(classifier) == 3_226_567  # below the 4 M that an expression network may have
    missing, unexpected = classifier.load_state_dict(features_of(sface.state_dict()), strict=False)
    assert set(missing) == {"classifier.weight", "classifier.bias"}
    assert not unexpected
    grey = torch.randint(0, 256, (2, 1, 48, 48)).float().expand(2, 3, 48, 48)
    seen = sface.norm(sface.body(sface.stem((grey - 127.5) / 128.0))).mean(dim=(2, 3))
    assert torch.allclose(classifier.pooled(grey), seen, atol=1e-5)
    assert classifier(grey).shape == (2, 7)
    assert torch.allclose(classifier(grey), classifier(grey.flip(3)), atol=1e-5)  # a mirrored face
    assert not torch.equal(classifier.pooled(grey), classifier.pooled(grey.flip(3)))


def raw_with(rows: dict[int, float], width: int = 128, height: int = 64) -> Raw:
    count = len(anchors(width, height))
    scores = np.zeros(count, np.float32)
    boxes = np.zeros((count, 4), np.float32)
    points = np.zeros((count, 10), np.float32)
    for row, score in rows.items():
        scores[row] = score
        boxes[row] = [0.5, 0.5, np.log(2.0), np.log(3.0)]
        points[row] = np.arange(10) / 10
    return Raw(scores, boxes, points)


def test_a_box_is_decoded_as_opencv_does():
    row = 16 * 2 + 5  # stride 8, sixteen columns: x 40, y 16
    found = decode(raw_with({row: 0.9}), anchors(128, 64), SOURCE, LIMITS)
    assert len(found) == 1
    # centre (44, 20), 16 wide, 24 high, then twice as large in the source
    assert found.boxes[0] == pytest.approx([72, 16, 104, 64])
    assert found.points[0, 0] == pytest.approx([80, 33.6])
    assert found.points[0, 4] == pytest.approx([2 * (40 + 0.8 * 8), 2 * (16 + 0.9 * 8)])


def test_the_better_of_two_overlapping_faces_stays():
    found = decode(raw_with({37: 0.7, 38: 0.9}), anchors(128, 64), SOURCE, LIMITS)
    assert found.scores.tolist() == pytest.approx([0.9])


def test_nothing_above_the_score_is_no_face():
    found = decode(raw_with({37: 0.49}), anchors(128, 64), SOURCE, LIMITS)
    assert len(found) == 0
    assert found.points.shape == (0, 5, 2)


def test_a_flood_of_candidates_is_bounded():
    grid = anchors(640, 640)
    raw = raw_with(dict.fromkeys(range(len(grid)), 0.8), 640, 640)
    assert 0 < len(decode(raw, grid, Letterbox(1.0, 640, 640), LIMITS)) <= 512
