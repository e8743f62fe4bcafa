import numpy as np
import pytest

from minivit.plot.lectures import transformer as lecture
from tests.plot.drawn import texts

RNG = np.random.default_rng(0)


def titles(figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes]


def test_five_steps_say_their_shapes():
    x = RNG.standard_normal((3, 8))
    maps = np.full((2, 3, 3), 1 / 3)
    figure = lecture.five_steps(["a", "b", "c"], x, {"Q": x, "K": x, "V": x}, maps, x, x)
    said = titles(figure)
    assert {"1 sentence", "2 embed: X\n3 × 8", "3 split: Q\n2 heads, 3 × 4 each", "4 attend: A2\n3 × 3"} <= {*said}
    assert texts(figure.axes[0]) == ["a", "b", "c"]
    scales = {image.get_clim() for ax in figure.axes for image in ax.images if not ax.get_title().startswith("4")}
    assert len(scales - {(0, 1)}) <= 2  # one for all numbers; the bar below has its own image


def test_matrices_of_one_scale():
    figure = lecture.same_scale({"a": np.eye(3), "b": -5 * np.eye(3)}, label="x", rows="pqr", columns="stu")
    a, b = figure.axes[:2]
    assert a.images[0].get_clim() == b.images[0].get_clim() == (-5, 5)
    assert [label.get_text() for label in a.get_yticklabels()] == ["p", "q", "r"]
    figure = lecture.same_scale({"a": np.eye(3)}, label="x", limit=2.0, signed=False, title="T")
    assert figure.axes[0].images[0].get_clim() == (0, 2)


def test_on_the_circle(ax):
    xhat = np.array([[1.0, -1, 0], [0, 1, -1]]) * np.sqrt(1.5)
    assert lecture.on_the_circle(xhat, xhat, -xhat, ax=ax) is ax
    points = next(line for line in ax.lines if line.get_label() == "tokens, normalised").get_xydata()
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.sqrt(3))
    np.testing.assert_allclose(np.linalg.norm(ax.lines[0].get_xydata(), axis=1), np.sqrt(3))


def test_activations():
    x = np.linspace(-1, 1, 5)
    figure = lecture.activations(x, {"ReLU": x, "GELU": -x}, 1e-4 * x)
    assert [line.get_label() for line in figure.axes[0].lines] == ["ReLU", "GELU"]


@pytest.mark.parametrize(("log", "scale"), [(False, "linear"), (True, "log")])
def test_by_depth(ax, log, scale):
    lecture.by_depth({"a": np.array([1.0, 2]), "b": np.array([3.0, 4])}, ylabel="y", title="T", log=log, ax=ax)
    assert (ax.get_yscale(), ax.get_title(loc="left")) == (scale, "T")
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[1, 3], [2, 4]])


def test_over_depths(ax):
    lecture.over_depths(np.array([2, 8]), {"a": np.array([1.0, 2])}, title="T", ax=ax)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "8"]


def test_a_curve_for_each_seed_and_a_name_for_each_kind():
    losses = [np.ones(3), np.zeros(3)]
    figure = lecture.trainings({"p": {"pre": losses, "post": losses}, "q": {"pre": losses}}, title="T")
    left, right = figure.axes
    assert (len(left.lines), len(right.lines)) == (4, 2)
    assert left.get_legend_handles_labels()[1] == ["pre", "post"]
    assert left.get_ylim() == right.get_ylim()


def test_positions():
    table = RNG.uniform(-1, 1, (20, 6))
    figure = lecture.positions(table, table @ table.T)
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    assert [ax.get_ylabel() for ax in figure.axes[:2]] == ["position", "position"]


def test_what_is_looked_at():
    figure = lecture.looks(np.full((2, 3, 4), 0.25), "abcd", "xyz", title="T")
    assert titles(figure)[:2] == ["head 1", "head 2"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x", "y", "z"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["a", "b", "c", "d"]
    assert titles(lecture.looks(np.ones((1, 1, 1)), "a", "x"))[0] == "mean of the heads"


def test_the_drawing_says_the_shapes():
    shapes = {"src": (2, 8), "memory": (2, 8, 32), "tgt": (2, 9), "hidden": (2, 9, 32), "logits": (2, 9, 13)}
    figure = lecture.architecture(shapes, encoder_depth=6, decoder_depth=3)
    said = " ".join(texts(figure.axes[0]))
    for words in ("source 2 × 8", "memory 2 × 8 × 32", "encoder, 6 ×", "decoder, 3 ×", "norm, cross-attention"):
        assert words in said
