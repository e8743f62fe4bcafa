from typing import NamedTuple

import numpy as np
import pytest
from numpy import ndarray

from minivit.caches import describe, first_nonfinite, nbytes
from minivit.layers import Linear
from minivit.models import ViT


class Pair(NamedTuple):
    """A cache for these tests."""

    a: ndarray
    b: object


A = np.zeros((3, 5))  # 120 bytes


def test_bytes_of_one_array():
    assert nbytes(A) == 120
    assert nbytes((None, 3, "text", np.float64(1))) == 0


def test_nested_names():
    cache = Pair(A, [{"x": A.copy()}, (Pair(A.copy(), None),)])
    assert [row.name for row in describe(cache).rows] == ["a", "b.0.x", "b.1.0.a"]
    assert nbytes(cache) == 360


def test_memory_is_counted_once():
    table = describe(Pair(A, [A, A[1:], A.T]))
    assert [row.nbytes for row in table.rows] == [120, 0, 0, 0]
    assert all(row.note == "in the memory of a" for row in table.rows[1:])
    assert table.nbytes == 120


def test_a_view_of_overlapping_windows_counts_for_what_they_are_cut_from():
    windows = np.lib.stride_tricks.sliding_window_view(np.zeros(100), 10)
    assert nbytes((windows, windows[::2])) == 800


def test_a_view_counts_for_all_that_it_keeps_alive():
    row = describe(A.copy()[:1]).rows[0]
    assert row.nbytes == 120
    assert row.note == "keeps an array of shape (3, 5) alive"


def test_parameters_are_listed_and_not_counted():
    layer = Linear(5, 7).init()
    x = np.ones((3, 5), np.float32)
    _, cache = layer.forward(x)
    table = describe(cache)
    assert [(row.name, row.nbytes, row.note) for row in table.rows] == [("x", 60, ""), ("weight", 0, "parameter")]
    assert nbytes(layer.replica().forward(x)[1]) == 60


def test_text():
    text = str(describe(Pair(A, A.T)))
    lines = text.splitlines()
    assert [line.split()[0] for line in lines] == ["name", "a", "b", "total"]
    assert "(3, 5)" in lines[1]
    assert "float64" in lines[1]
    assert lines[2].endswith("0  in the memory of a")
    assert lines[3].split()[-1] == "120"
    assert repr(describe(Pair(A, A.T))) == text


def test_html():
    html = describe(Pair(np.zeros(1000), A))._repr_html_()
    assert html.startswith("<table><tr><th>name</th>")
    assert html.count("<tr>") == 4
    assert "<code>a</code>" in html
    assert "8,000" in html
    assert "8,120" in html


def test_folding():
    shared = A.copy()
    cache = {"x": shared, "blocks": [Pair(shared, (A.copy(), A.copy())), Pair(shared[1:], A.copy())], "head": {"x": A}}
    table = describe(cache, depth=2)
    assert [(row.name, row.shape, row.nbytes, row.note) for row in table.rows] == [
        ("x", (3, 5), 120, ""),
        ("blocks.0", None, 240, "3 arrays"),
        ("blocks.1", None, 120, "2 arrays"),
        ("head.x", (3, 5), 120, ""),
    ]
    assert [(row.name, row.nbytes) for row in describe(cache, depth=1).rows] == [
        ("x", 120),
        ("blocks", 360),
        ("head", 120),
    ]
    assert describe(cache, depth=1).rows[2].note == "1 array"
    assert describe(cache, depth=4).rows == describe(cache).rows
    assert all(describe(cache, depth=depth).nbytes == nbytes(cache) == 600 for depth in (1, 2, 3))


def test_a_folded_row_shows_no_shape():
    table = describe({"a": [A, A.copy()]}, depth=1)
    assert str(table).splitlines()[1].split() == ["a", "240", "2", "arrays"]
    assert "None" not in table._repr_html_()


@pytest.mark.parametrize("depth", [0, -1])
def test_a_depth_that_is_none(depth):
    with pytest.raises(ValueError, match=f"depth is {depth}; expected at least 1"):
        describe(A, depth=depth)


def test_empty():
    assert nbytes(None) == 0
    assert str(describe([])).splitlines()[-1].split() == ["total", "0"]


def test_first_nonfinite():
    bad = np.array([1.0, np.inf])
    assert first_nonfinite(Pair(A, [np.arange(3), {"x": bad}])) == "b.1.x"
    assert first_nonfinite(Pair(A, None)) is None


def test_of_a_model():
    model = ViT(img_size=4, patch_size=2, embed_dim=8, depth=2, num_heads=2, num_classes=5)
    _, cache = model.forward(np.ones((3, 4, 4, 3), np.float32))
    names = [row.name for row in describe(cache).rows]
    assert "blocks.1.attn.attention.weights" in names
    kept = ViT(img_size=4, patch_size=2, embed_dim=8, depth=2, num_heads=2, num_classes=5, grad_checkpointing=True)
    assert nbytes(kept.forward(np.ones((3, 4, 4, 3), np.float32))[1]) < nbytes(cache) / 3
