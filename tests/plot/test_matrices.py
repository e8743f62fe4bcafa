import numpy as np

from minivit.plot.matrices import matrices
from tests.plot.drawn import texts


def test_matrices_write_their_numbers():
    figure = matrices({"A": np.array([[0.5, -1.25], [2.0, 0.0]]), "b": np.arange(3.0)}, title="two")
    left, right = figure.axes
    assert texts(left) == ["0.5", "−1.25", "2", "0"]
    assert texts(right) == ["0", "1", "2"]
    assert [ax.get_title() for ax in figure.axes] == ["A", "b"]


def test_cells_of_all_matrices_are_of_one_size():
    figure = matrices({"A": np.ones((2, 5)), "B": np.ones((4, 1)), "C": np.ones((3, 3))}, columns=2)
    figure.canvas.draw()
    sizes = {round(ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0], 3) for ax in figure.axes[:3]}
    assert len(sizes) <= 2  # one in each column; columns differ by less than a pixel
    assert max(sizes) - min(sizes) < 1


def test_numbers_stand_out_from_their_colours():
    (ax,) = matrices({"A": np.array([[1.0, 0.65, 0.0, -0.65, -1.0]])}).axes
    assert [text.get_color() for text in ax.texts] == ["white", "black", "black", "black", "black"]


def test_tokens_are_named_beside_rows_and_below_columns():
    (ax,) = matrices({"A": np.ones((3, 3))}, tokens="abc").axes
    placed = {text.get_text(): text.get_position() for text in ax.texts if text.get_text() != "1"}
    assert set(placed) == {"a", "b", "c"}
    rows = [text.get_position() for text in ax.texts if text.get_text() == "b"]
    assert rows == [(-0.75, 1), (1, 2.75)]


def test_rows_and_columns_are_numbered_from_1():
    (ax,) = matrices({"A": np.zeros((2, 3))}, numbered=True).axes
    places = {text.get_position(): text.get_text() for text in ax.texts if text.get_text() != "0"}
    assert places == {(-0.75, 0): "1", (-0.75, 1): "2", (0, 1.75): "1", (1, 1.75): "2", (2, 1.75): "3"}


def test_no_numbers_in_a_large_matrix():
    (ax,) = matrices({"large": np.zeros((20, 20))}).axes
    assert texts(ax) == []


def test_one_scale_of_colours_or_a_word_that_there_are_several():
    small, large = np.full((2, 2), 0.1), np.full((2, 2), 2.0)
    limits = [ax.images[0].get_clim() for ax in matrices({"a": small, "b": large}, shared=True).axes]
    assert limits == [(-2, 2), (-2, 2)]
    apart = matrices({"a": small, "b": large})
    assert [ax.images[0].get_clim() for ax in apart.axes] == [(-0.1, 0.1), (-2, 2)]
    assert "its own largest number" in apart.get_supxlabel()
    assert matrices({"a": small}).get_supxlabel() == ""
