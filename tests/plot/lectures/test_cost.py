from typing import Any

import numpy as np
import pytest

from minivit.cost.formats import FORMATS
from minivit.plot.lectures import cost as lecture
from tests.plot.drawn import texts
from tests.unchecked import without_annotations


def test_lines_are_formulas_and_rings_are_counted(ax):
    """One head in one layer, float32: R^4, (R / P)^4 and M^2 (R / P)^2 numbers of four bytes."""
    assert without_annotations(lecture.pixels_patches_windows)(ax=ax) is ax
    *lines, rings, _ = ax.lines
    assert [line.get_ydata()[0] for line in lines] == [4 * 112**4, 4 * 28**4, 4 * 49 * 28**2, 4 * 7**4]
    assert [line.get_ydata()[-1] for line in lines] == [4 * 896**4, 4 * 224**4, 4 * 49 * 224**2, 4 * 56**4]
    np.testing.assert_array_equal(rings.get_ydata(), np.concatenate([line.get_ydata() for line in lines]))
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert [text.get_text() for text in ax.figure.legends[0].get_texts()][::4] == ["pixels", "counted"]


def test_a_box_for_every_bit(ax):
    assert lecture.bit_layouts(ax=ax) is ax
    rows = np.round([patch.get_y() + patch.get_height() / 2 for patch in ax.patches if patch.get_width() == 1])
    assert np.bincount(rows.astype(int)).tolist() == [64, 32, 19, 16, 16, 8, 8]
    assert texts(ax)[2].strip() == "1 + 8 + 10 = 19"
    assert [label.get_text() for label in ax.get_yticklabels()][-3:] == ["FP16", "FP8 E4M3", "FP8 E5M2"]
    assert max(patch.get_x() + patch.get_width() for patch in ax.patches) < ax.get_xlim()[1]


def test_ranges_are_those_of_the_formats_and_each_number_of_8_bits_is_drawn():
    figure: Any = lecture.representable_numbers()
    above, below = figure.axes
    bars = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in above.patches]
    half = FORMATS["fp16"]
    subnormal, normal = bars[8:10]
    np.testing.assert_allclose(subnormal, (-24, -14))
    np.testing.assert_allclose(normal, (-14, np.log2(half.largest)))
    assert [len(lines.get_segments()) for lines in below.collections] == [119, 7, 120, 3]  # normal, subnormal
    first = below.collections[1].get_segments()[0][0, 0]
    assert first == np.log2(FORMATS["fp8_e4m3"].smallest_subnormal)
    assert above.get_xlim()[1] > np.log2(FORMATS["fp32"].largest)


def test_errors_are_means_of_runs_solid_where_few_bits_are_added():
    both = {"mixed": np.array([[1e-3, 1e-3], [3e-3, 1e-3]]), "low": np.array([[1e-3, 0.1]])}
    ax: Any = lecture.product_errors(np.array([16, 64]), {"bf16": both, "fp8_e4m3": both})
    low, mixed, *_ = ax.lines
    np.testing.assert_allclose(low.get_ydata(), [1e-3, 0.1])
    np.testing.assert_allclose(mixed.get_ydata(), [2e-3, 1e-3])
    assert (low.get_linestyle(), mixed.get_linestyle()) == ("-", "--")
    assert low.get_color() != ax.lines[2].get_color()
    assert ax.get_xscale() == ax.get_yscale() == "log"
    words = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert words[0] == "BF16, sums in BF16"
    assert words[3] == "FP8 E4M3, sums in FP32"


@pytest.mark.parametrize("draw", [lecture.bit_layouts, lecture.representable_numbers])
def test_pictures_are_drawn_without_a_warning(draw):
    draw().figure.canvas.draw()
