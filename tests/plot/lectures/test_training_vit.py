from typing import Any

import numpy as np

from minivit.plot.lectures import training_vit as lecture
from tests.plot.drawn import texts


def test_runs_in_percent_from_the_lowest_to_the_highest(ax):
    scores = {"a": np.array([[0.2, 0.5], [0.4, 0.7]]), "b": np.array([[0.1, 0.1]])}
    lecture.runs(np.array([1, 2]), scores, xlabel="steps", title="A", ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [30, 60])
    band = ax.collections[0].get_paths()[0].get_extents()
    np.testing.assert_allclose([band.y0, band.y1], [20, 70])
    assert (ax.get_xlabel(), ax.get_title(loc="left")) == ("steps", "A")


def test_the_number_of_images_is_drawn_logarithmically():
    ax: Any = lecture.data_curve(np.array([100, 1000]), {"a": np.ones((3, 2))})
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["100", "1,000"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a"]


def test_fine_tuning_has_a_panel_for_each_question_and_one_scale():
    scores = {"2-D": np.ones((3, 2)), "anew": np.zeros((3, 2))}
    figure = lecture.fine_tuning(np.array([0, 10]), {"what?": scores, "where?": scores}, title="Asked")
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["what?", "where?"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["2-D", "anew"]


def test_positions_share_their_colours_and_are_those_along_the_first_grid(rng):
    ramp = np.arange(4.0)[:, None, None] * np.array([3.0, 4.0])  # (4, 1, 2): along one direction, five a row
    figure: Any = lecture.position_components({"old": ramp, "new": 2 * ramp[:2]}, count=2)
    images = [ax.images[0] for ax in figure.axes[:4]]
    along, across, *_ = (image.get_array() for image in images)
    np.testing.assert_allclose(np.abs(np.diff(along[:, 0])), 5)
    np.testing.assert_allclose(across, 0, atol=1e-12)
    assert len({image.get_clim() for image in images}) == 1
    assert [figure.axes[i].get_ylabel() for i in (0, 2)] == ["old\n4 × 1", "new\n2 × 1"]


def test_the_strongest_patches_are_at_the_outer_ends():
    patches = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 1, 3), np.uint8)
    figure: Any = lecture.strongest_patches(patches, {"1": np.array([0.0, 5.0, -1.0, 2.0, -3.0])}, count=2)
    negative, positive = (ax.images[0].get_array()[0, ::2, 0].tolist() for ax in figure.axes)
    assert negative == [4, 2]
    assert positive == [1, 3]


def test_bytes_add_up(ax):
    lecture.bytes_by_part({"a": {"x": 1024, "y": 2048}, "b": {"y": 1024}}, what="held (KiB)", ax=ax)
    assert texts(ax) == ["1", "2", "1", " 3", " 1"]  # inside the parts, then of each bar
    assert ax.get_xlabel() == "held (KiB)"
    assert ax.get_xlim()[1] > 3  # room for the number after the longest bar
    assert [patch.get_width() for patch in ax.patches] == [1, 0, 2, 1]


def test_a_part_too_small_for_a_number_has_none(ax):
    lecture.bytes_by_part({"a": {"x": 1024, "y": 99 * 1024}}, ax=ax)
    assert texts(ax) == ["99", " 100"]
