"""The family tree: nobody is older than what it came of."""

from itertools import pairwise

from minivit.plot.family_tree import IDEAS, LANES, family_tree


def test_nobody_is_older_than_a_parent_and_they_stand_in_order():
    for idea in IDEAS.values():
        assert all(IDEAS[parent].date <= idea.date for parent in idea.parents)
    assert all(before.date <= after.date for before, after in pairwise(IDEAS.values()))


def test_every_idea_and_every_column_is_named():
    (ax,) = family_tree().axes
    drawn = {text.get_text() for text in ax.texts}
    assert {*IDEAS, *LANES} <= drawn
