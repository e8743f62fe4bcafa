import numpy as np

from minivit.plot.lectures import no_attention as lecture
from tests.plot.drawn import texts


def test_macs_by_tokens(ax):
    tokens = np.array([4, 8, 16])
    assert lecture.macs_by_tokens(tokens, {"a": 1e6 * tokens, "b": 1e6 * tokens**2}, {"here": 8}, ax=ax) is ax
    assert texts(ax) == ["here"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["4", "8", "16"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), tokens**2)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    written = ax.yaxis.get_major_formatter()
    assert [written(value) for value in (0.1, 10, 1e6)] == ["0.1", "10", "1,000,000"]
