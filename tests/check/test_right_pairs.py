import pytest

from minivit.check import check_pair, check_vjp
from tests.check.right_pairs import RIGHT


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("right", RIGHT, ids=[right.what for right in RIGHT])
def test_right_pair_is_accepted(right):
    for seed in range(2):
        check_pair(right.forward, right.backward, *right.args, seed=seed, **right.kwargs)
    check_vjp(right.forward, right.backward, *right.args, every_element=True, **right.kwargs)


def test_there_are_many():
    assert len(RIGHT) >= 25
