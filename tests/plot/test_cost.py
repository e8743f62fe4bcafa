from typing import Any

import pytest

import minivit as mv
from minivit.cost import attention_macs, formulas, memory_parts
from minivit.plot import macs_by_size, memory_bars
from tests.plot.drawn import texts
from tests.unchecked import without_annotations

PARTS = {"weights": 2**20, "gradients": 2**20, "optimizer": 2**21, "kept": 2**22, "workspace": 2**19}


@without_annotations
def estimate(*args: Any, **options: Any) -> Any:
    return mv.cost.estimate(*args, **options)


def test_bars_are_stacked_from_their_parts(ax) -> None:
    assert memory_bars({"one": PARTS, "two": {**PARTS, "kept": 0}}, title="Mine", ax=ax) is ax
    widths = [patch.get_width() for patch in ax.patches[::2]]
    assert widths == [1, 1, 2, 4, 0.5]
    assert [patch.get_x() for patch in ax.patches[::2]] == [0, 1, 2, 4, 8]
    assert texts(ax) == [" 8.50", " 4.50"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    assert ax.get_xlabel() == "MiB"
    assert ax.get_title(loc="left") == "Mine"
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()][-2:] == [
        "kept for backward",
        "workspace, inputs",
    ]


def test_large_ones_are_in_gib(ax) -> None:
    memory_bars({"one": dict.fromkeys(PARTS, 2**30)}, ax=ax)
    assert ax.get_xlabel() == "GiB"
    assert texts(ax) == [" 5.00"]


@pytest.mark.parametrize("n", [0, 101])
def test_none_or_too_many(n: int) -> None:
    with pytest.raises(ValueError, match=f"there are {n} training steps to draw; expected 1 to 100"):
        memory_bars({str(i): PARTS for i in range(n)})


def test_parts_add_up_to_the_peak() -> None:
    found = estimate("vit_micro_patch4_32", batch=33)
    for at_once, peak in ((False, found.peak_training_bytes), (True, found.peak_whole_batch_bytes)):
        parts = memory_parts(found, at_once=at_once)
        assert sum(parts.values()) == peak
        assert min(parts.values()) >= 0
        assert parts["weights"] == found.weight_bytes
        assert parts["kept"] == (found.activation_bytes if at_once else found.shard_activation_bytes)


@pytest.mark.parametrize(("img_size", "percent"), [(224, 4.1), (1024, 46.9)])
def test_the_share_of_attention(img_size: int, percent: float) -> None:
    """Scores and weighted values, without the four projections: counted, by the formula, and as the lecture says."""
    found = estimate("vit_base_patch16_224", img_size=img_size)
    share = attention_macs(found) / found.macs_forward
    assert share == formulas.attention_share(img_size=img_size)
    assert round(100 * share, 1) == percent


def test_macs_over_the_size() -> None:
    figure: Any = macs_by_size([(32, 32), (8, 8), (8, 32)], [1000, 100, 400], [500, 4, 100], title="Mine")
    left, right = figure.axes
    assert figure.get_suptitle() == "Mine"
    whole, mixing = left.lines
    assert [*whole.get_xdata()] == [8, 16, 32]  # of a rectangle, the side of the square of its area
    assert [*whole.get_ydata()] == [1e-7, 4e-7, 1e-6]
    assert [*mixing.get_ydata()] == [4e-9, 1e-7, 5e-7]
    assert [*right.lines[0].get_ydata()] == [4, 25, 50]
    assert texts(right) == ["4.0 %", "25.0 %", "50.0 %"]
    assert [label.get_text() for label in right.get_xticklabels()] == ["8", "8×32", "32"]
    figure.canvas.draw()


def test_sizes_that_are_close_are_not_all_named() -> None:
    sides = [*range(224, 450, 8)]
    figure: Any = macs_by_size([(R, R) for R in sides], sides, sides)
    names = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert 2 < len(names) <= 9
    assert (names[0], names[-1]) == ("224", "448")
    assert len(texts(figure.axes[1])) == len(names)


def test_one_size_alone() -> None:
    figure: Any = macs_by_size([(8, 8)], [100], [0])
    assert texts(figure.axes[1]) == ["0.0 %"]
    figure.canvas.draw()


def test_not_one_of_each() -> None:
    with pytest.raises(ValueError, match="2 sizes, 1 and 2 numbers of MACs; expected as many"):
        macs_by_size([(8, 8), (16, 16)], [1], [1, 1])
    with pytest.raises(ValueError, match="0 sizes"):
        macs_by_size([], [], [])
