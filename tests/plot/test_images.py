from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot import predictions, samples
from minivit.plot.figure import TEXT, WIDTH, bare, new_figure
from minivit.plot.images import text_size
from minivit.terminal import one_line, shortened

NAMES = ("ring", "star", "cross")


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 6, 9, 3)).astype(np.uint8)


LABELS = np.array([0, 1, 2, 0, 1])


def test_samples(images):
    figure = samples(images, LABELS, NAMES, columns=3)
    assert isinstance(figure, Figure)
    assert [ax.get_xlabel() for ax in figure.axes if ax.axison] == ["ring", "star", "cross", "ring", "star"]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), images[1])


def test_grey_images(images):
    figure = samples(images[..., :1], LABELS, NAMES)
    drawn = figure.axes[0].images[0]
    assert drawn.get_clim() == (0, 255)  # a dark image stays dark
    assert drawn.get_cmap().name == "gray"


def test_long_names_are_written_small(images):
    def size(names):
        return float(samples(images, LABELS, names).axes[0].xaxis.label.get_fontsize())

    assert size(("a name as long as this", "star", "cross")) < size(NAMES)


STRANGE = [
    "$5_$",
    "100 %",
    r"\alpha_\frac{",
    "a\nb",
    "x" * 500,
    "😀",
    "日本",
    "\udcff",
    "\x1b[31mred",
    "\0",
    "",
    "_x",
    "^",
]


@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no such letters
def test_any_name_of_a_class_is_drawn(rng, tmp_path):
    """As it is, not as a formula; no longer than there is room, and on one line."""
    images, labels = rng.integers(0, 256, (len(STRANGE), 2, 3, 3)).astype(np.uint8), np.arange(len(STRANGE))
    samples(images[:1], labels[:1], [""])  # alone, too
    sheet = samples(images, labels, STRANGE)
    answers = predictions(images, labels, np.eye(len(STRANGE)), STRANGE)
    for figure in (sheet, answers):
        figure.savefig(tmp_path / "x.png")  # here formulas would be read
    for name, below, both in zip(STRANGE, sheet.axes, answers.axes, strict=False):
        written = shortened(one_line(name), 40)
        assert len(written) <= 40
        assert below.get_xlabel() == both.get_title() == written
        assert both.get_xlabel() == f"✓ {written} 100%"
        for text in (below.xaxis.label, both.xaxis.label, both.title):
            assert not text.get_parse_math()
            assert not text.get_usetex()


def test_predictions(images):
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.0, 0.0, 1.0], [0.5, 0.3, 0.2], [0.2, 0.7, 0.1]])
    figure = predictions(images, LABELS, probabilities, NAMES)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [ax.get_title() for ax in panels] == ["ring", "star", "cross", "ring", "star"]
    assert [ax.get_xlabel() for ax in panels] == [
        "✓ ring 80%",
        "✗ ring 60%",
        "✓ cross 100%",
        "✓ ring 50%",
        "✓ star 70%",
    ]
    assert "4 of 5 right" in figure.get_suptitle()
    wrong, right = panels[1].spines["left"], panels[0].spines["left"]
    assert wrong.get_linewidth() > right.get_linewidth()


def test_what_cannot_be_drawn(images):
    probabilities = np.ones((5, 3))
    for wrong_images, wrong_labels in ((images.astype(np.float32), LABELS), (images, LABELS[:4])):
        with pytest.raises((TypeError, ValueError)):
            samples(wrong_images, wrong_labels, NAMES)
        with pytest.raises((TypeError, ValueError)):
            predictions(wrong_images, wrong_labels, probabilities, NAMES)
    with pytest.raises(ValueError, match="columns is 0"):
        samples(images, LABELS, NAMES, columns=0)


@pytest.mark.parametrize("columns", [3, 6, 8])
def test_the_longest_text_fits_below_its_column(columns):
    texts = ["short", "a name that is as long as this one, nearly"]
    figure = new_figure(2.0)
    panels: Any = figure.subplots(1, columns)
    for panel in panels:
        panel.set_xlabel(texts[1], fontsize=text_size(texts, columns))
        bare(panel)
    figure.draw_without_rendering()
    width = max(panel.xaxis.label.get_window_extent().width for panel in figure.axes) / figure.dpi
    assert 0.5 * WIDTH / columns < width < WIDTH / columns or text_size(texts, columns) == TEXT
