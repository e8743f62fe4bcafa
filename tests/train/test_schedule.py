"""The learning rate of every step."""

from itertools import pairwise
from math import cos, inf, nan, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.train import warmup_cosine


def test_a_schedule_by_hand() -> None:
    rates = [warmup_cosine(t, total=8, warmup=4, lr=1.0) for t in range(8)]
    cosine = [(1 + cos(pi * part)) / 2 for part in (0, 0.25, 0.5, 0.75)]
    assert rates == pytest.approx([0.25, 0.5, 0.75, 1.0, *cosine], rel=1e-15)


def test_the_ends() -> None:
    assert warmup_cosine(0, total=100, warmup=10, lr=0.3) == pytest.approx(0.03, rel=1e-15)
    assert warmup_cosine(9, total=100, warmup=10, lr=0.3) == 0.3
    assert warmup_cosine(10, total=100, warmup=10, lr=0.3) == 0.3
    assert warmup_cosine(100, total=100, warmup=10, lr=0.3, min_lr=0.1) == pytest.approx(0.1, rel=1e-12)
    assert 0 < warmup_cosine(99, total=100, warmup=10, lr=0.3) < 1e-3


def test_no_warmup_and_only_warmup() -> None:
    assert warmup_cosine(0, total=5, warmup=0, lr=0.3) == 0.3
    assert warmup_cosine(4, total=5, warmup=5, lr=0.3) == 0.3
    assert warmup_cosine(0, total=1, warmup=0, lr=0.3) == 0.3


@pytest.mark.parametrize("warmup", [-1, 6])
def test_a_warmup_longer_than_the_training(warmup: int) -> None:
    with pytest.raises(ValueError, match=rf"warmup is {warmup} steps; expected from 0 to 5"):
        warmup_cosine(0, total=5, warmup=warmup, lr=1.0)


@given(st.integers(1, 300), st.data())
def test_it_never_jumps(total: int, data: st.DataObject) -> None:
    """The rate rises, then falls, by no more than the slopes of the line and of the cosine."""
    warmup = data.draw(st.integers(0, total))
    rates = [warmup_cosine(t, total=total, warmup=warmup, lr=1.0, min_lr=0.2) for t in range(total)]
    up, down = rates[: warmup + 1], rates[warmup:]
    assert all(0 <= b - a <= 1 / warmup + 1e-12 for a, b in pairwise(up))
    steepest = 0.8 * pi / 2 / max(total - warmup, 1)
    assert all(0 <= a - b <= steepest + 1e-12 for a, b in pairwise(down))
    assert all(0.2 <= rate <= 1 for rate in down)


def test_after_the_end_the_rate_stays() -> None:
    for total, warmup in [(5, 2), (5, 5), (1, 0), (0, 0)]:
        rates = [warmup_cosine(t, total=total, warmup=warmup, lr=1.0, min_lr=0.2) for t in (total, total + 1, 50)]
        assert rates == [0.2] * 3
    with pytest.raises(ValueError, match="step is -1; expected 0 or more"):
        warmup_cosine(-1, total=5, warmup=2, lr=1.0)


@pytest.mark.parametrize("rate", [-0.1, nan, inf])
@pytest.mark.parametrize("name", ["lr", "min_lr"])
def test_a_rate_is_a_number_from_0(name: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is {rate}; expected at least 0 and finite"):
        warmup_cosine(3, total=9, warmup=2, **{"lr": 0.1, name: rate})
