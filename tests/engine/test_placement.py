"""Which worker owns which camera: shares by capacity, few moves, everybody agrees."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.placement import Candidate, best, should_move, should_take

pytestmark = pytest.mark.unit

SECOND_NS = 1_000_000_000
workers_of = st.lists(
    st.builds(
        Candidate,
        id=st.sampled_from(["w1", "w2", "w3", "w4"]),
        capacity=st.integers(1, 40),
        cameras=st.integers(0, 40),
    ),
    max_size=4,
    unique_by=lambda worker: worker.id,
)


@given(workers_of, st.randoms())
def test_everybody_names_the_same_worker(workers: list[Candidate], random) -> None:
    shuffled = list(workers)
    random.shuffle(shuffled)
    assert best("lobby", workers) == best("lobby", shuffled)


@given(workers_of)
def test_a_full_worker_is_never_chosen(workers: list[Candidate]) -> None:
    chosen = best("lobby", workers)
    spare = {worker.id: worker.spare for worker in workers}
    assert (chosen is None) == (not any(spare.values()))
    assert chosen is None or spare[chosen] > 0


def test_shares_follow_spare_capacity() -> None:
    workers = [Candidate("small", 10, 0), Candidate("large", 30, 0)]
    owners = Counter(best(f"camera-{n}", workers) for n in range(2000))
    assert 0.70 < owners["large"] / 2000 < 0.80


def test_a_new_worker_takes_only_its_share() -> None:
    before = [Candidate("w1", 32, 0), Candidate("w2", 32, 0)]
    after = [*before, Candidate("w3", 32, 0)]
    cameras = [f"camera-{n}" for n in range(300)]
    moved = [c for c in cameras if best(c, before) != best(c, after)]
    assert all(best(c, after) == "w3" for c in moved)


def test_the_best_takes_at_once_and_any_after_half_a_second() -> None:
    workers = [Candidate("w1", 32, 0), Candidate("w2", 32, 0)]
    chosen = best("lobby", workers)
    other = {"w1": "w2", "w2": "w1"}[chosen or ""]
    assert should_take("lobby", chosen or "", workers, 0)
    assert not should_take("lobby", other, workers, SECOND_NS // 2 - 1)
    assert should_take("lobby", other, workers, SECOND_NS // 2)
    assert not should_take("lobby", "stranger", workers, SECOND_NS)


def test_a_camera_moves_only_late_and_for_a_gain() -> None:
    loaded = [Candidate("w1", 32, 10), Candidate("w2", 32, 2)]
    assert should_move("w1", loaded, 30 * SECOND_NS)
    assert not should_move("w1", loaded, 30 * SECOND_NS - 1)
    assert not should_move("w2", loaded, 60 * SECOND_NS)
    assert not should_move("w1", [Candidate("w1", 32, 1), Candidate("w2", 32, 0)], 60 * SECOND_NS)


@given(workers_of, st.sampled_from(["w1", "w2"]))
def test_moving_never_overloads_the_other(workers: list[Candidate], me: str) -> None:
    if should_move(me, workers, 60 * SECOND_NS):
        mine = next(worker for worker in workers if worker.id == me)
        roomy = [w for w in workers if w.id != me and w.spare > 0]
        assert min((w.cameras + 1) / w.capacity for w in roomy) < mine.cameras / mine.capacity
