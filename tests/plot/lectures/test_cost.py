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


def test_the_macs_of_attention_are_lines_and_those_that_were_counted_rings(ax):
    sides = np.array([7, 14])
    macs = {"everywhere": np.array([1e9, 9e9]), "in windows": np.array([1e9, 4e9])}
    assert lecture.attention_and_windows(sides, macs, (sides, np.array([1e9, 4e9])), ax=ax) is ax
    everywhere, windows, rings = ax.lines
    assert [line.get_ydata().tolist() for line in (everywhere, windows, rings)] == [[1, 9], [1, 4], [1, 4]]
    assert everywhere.get_linestyle() != windows.get_linestyle()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["7", "14"]


def test_rounding_is_off_by_half_of_the_last_digit_and_by_more_where_numbers_are_subnormal(ax):
    assert lecture.rounding_errors(ax=ax) is ax
    for line, name in zip(ax.lines, ("bf16", "fp16", "fp8_e4m3", "fp8_e5m2"), strict=True):
        f = FORMATS[name]
        x, y = line.get_data()
        normal = x > np.log2(f.smallest_normal)
        half = f.epsilon / 2
        assert np.all((y[normal] > 0.9 * half / (1 + half)) & (y[normal] <= half))
        assert np.all(np.diff(y[~normal]) < 0)
        assert x[-1] == min(np.floor(np.log2(f.largest)), 32) + 0.5


def test_gradients_that_vanish_and_overflow_are_counted(ax):
    gradients = np.array([2.0**-30, -(2.0**-20), 0, 1, -(2.0**17)], np.float32)
    assert lecture.gradient_sizes(gradients, 1.0, ax=ax) is ax
    assert texts(ax) == ["become 0: 25.0%", "subnormal", "overflow: 25.0%"]
    heights = {round(bar.get_x()): bar.get_height() for bar in ax.patches if bar.get_width() == 1 and bar.get_height()}
    assert heights == {-30: 25, -20: 25, 0: 25, 17: 25}
    assert ax.get_title(loc="left") == "Gradients of a loss times $2^{0}$, in FP16"


def test_a_training_that_ends_where_it_began_is_marked(ax):
    runs = {"FP32": (np.array([300, 300]), np.array([1.5, 1.6])), "FP8": (np.array([260, 280]), np.array([2.3, 2.2]))}
    assert lecture.formats_survived(runs, steps=300, guessing=2.303, ax=ax) is ax
    good, bad, guessing = ax.lines
    assert (good.get_marker(), bad.get_marker()) == ("o", "X")
    assert bad.get_xdata().tolist() == [2.3, 2.2]
    assert guessing.get_xdata()[0] == 2.303
    assert texts(ax)[:2] == ["300 of 300 steps", "260 to 280 of 300 steps"]


def test_a_roof_is_a_slope_and_a_ceiling_and_points_are_numbered_from_the_left():
    points = {"product": (100.0, 5e12), "sum": (0.1, 1e11)}
    ax: Any = lecture.roofline({"chip": (1e13, 1e12)}, points, title="Roof")
    roof, first, second = ax.lines
    x, y = roof.get_data()
    np.testing.assert_allclose(y, np.minimum(1e13, 1e12 * x))
    assert y[0] < y[-1] == 1e13
    assert [first.get_label(), second.get_label()] == ["1  sum", "2  product"]
    assert texts(ax) == ["1", "2"]
    assert [lecture.flops_in_words(rate) for rate in (6e13, 2.5e9, 1e6, 10)] == ["60 T", "2.5 G", "1 M", "10"]


@pytest.mark.parametrize("draw", [lecture.bit_layouts, lecture.representable_numbers, lecture.rounding_errors])
def test_pictures_are_drawn_without_a_warning(draw):
    draw().figure.canvas.draw()
