import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot.lectures import vit as lecture
from tests.plot.drawn import texts


def test_the_wall(ax):
    sides = np.array([2.0, 4.0, 8.0])
    curve = (sides, 4 * sides**4)
    lecture.attention_wall({"pixels": curve}, {"here": (4, 1024)}, curve, title="High", ax=ax)
    assert ax.get_title(loc="left") == "High"
    assert "here" in texts(ax)
    assert "1 GiB" in [label.get_text() for label in ax.get_yticklabels()]


@pytest.mark.parametrize(("patch_size", "says"), [(4, "patches 25 to 40"), (16, "the sequence"), (8, "the sequence")])
def test_patches(patch_size, says):
    figure = lecture.cut_into_patches(np.zeros((32, 32, 3), np.uint8), patch_size)
    assert isinstance(figure, Figure)
    assert figure.axes[-1].get_xlabel().startswith(says)
    assert f"= {(32 // patch_size) ** 2} patches" in figure.axes[1].get_xlabel()


def test_bytes_add_up(ax):
    lecture.bytes_by_part({"a": {"x": 1024, "y": 2048}, "b": {"y": 1024}}, what="held (KiB)", ax=ax)
    assert texts(ax) == ["1", "2", "1", " 3", " 1"]  # inside the parts, then of each bar
    assert ax.get_xlabel() == "held (KiB)"
    assert ax.get_xlim()[1] > 3  # room for the number after the longest bar
    assert [patch.get_width() for patch in ax.patches] == [1, 0, 2, 1]


def test_a_part_too_small_for_a_number_has_none(ax):
    lecture.bytes_by_part({"a": {"x": 1024, "y": 99 * 1024}}, ax=ax)
    assert texts(ax) == ["99", " 100"]
