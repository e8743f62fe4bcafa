import re

import pytest

from minivit.check import check_pair
from tests.check.wrong_pairs import WRONG


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("wrong", WRONG, ids=[wrong.what for wrong in WRONG])
def test_wrong_pair_is_caught(wrong):
    with pytest.raises(wrong.error, match=re.escape(wrong.says)):
        check_pair(wrong.forward, wrong.backward, *wrong.args, **wrong.kwargs)


def test_there_are_many():
    assert len(WRONG) >= 60
