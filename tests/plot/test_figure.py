import errno
import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot import loss_curve, patch_filters, position_similarity, samples, save, score_curve
from minivit.plot.figure import check_images, check_lengths, new_figure
from minivit.plot.lectures.sequences import weighted_mean
from minivit.plot.picture import Picture
from minivit.train import Metrics
from tests.sampled import REST

PNG = b"\x89PNG"


def test_a_figure_and_a_panel_are_saved(tmp_path):
    figure = new_figure(1.0)
    ax = figure.subplots()
    save(figure, tmp_path / "figure.png")
    save(ax, str(tmp_path / "panel.png"))
    assert (tmp_path / "figure.png").read_bytes() == (tmp_path / "panel.png").read_bytes()
    assert (tmp_path / "figure.png").read_bytes().startswith(PNG)


def test_a_figure_is_freed_when_nobody_holds_it():
    figure = new_figure(1.0)
    figure.subplots()
    gone = weakref.ref(figure)
    del figure
    gc.collect()
    assert gone() is None


def test_a_picture_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "figure.png"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*figure.png"):
        save(new_figure(1.0), path)
    assert os.listdir(tmp_path) == ["figure.png"]
    assert path.read_bytes() == b"old"


def test_the_suffix_says_how(tmp_path):
    for name, start in {"a.svg": b"<?xml", "a.pdf": b"%PDF", "a": PNG}.items():
        save(new_figure(1.0), tmp_path / name)
        assert (tmp_path / (name if "." in name else f"{name}.png")).read_bytes().startswith(start)
    with pytest.raises(ValueError, match="txt"):
        save(new_figure(1.0), tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"a\.pgf is no name for a picture"):  # of all, this one would need LaTeX
        save(new_figure(1.0), tmp_path / "a.pgf")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="folder"):
        save(new_figure(1.0), tmp_path / "folder")


def test_a_notebook_can_show_it():
    figure = samples(np.zeros((1, 4, 4, 3), np.uint8), np.array([0]), ["dark"])
    assert isinstance(figure, Picture)
    assert figure._repr_png_().startswith(PNG)


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: patch_filters(np.eye(12).reshape(2, 2, 3, 12), ax=ax),
        lambda ax: position_similarity(np.eye(6), (2, 3), ax=ax),
        lambda ax: loss_curve([Metrics(1, 1.0, 2.3, 1e-3, 0.1)], ax=ax),
        lambda ax: score_curve([Metrics(1, 1.0, 2.3, 1e-3, 0.1)], ax=ax),
        lambda ax: weighted_mean(np.eye(2), np.ones(2) / 2, ax=ax),
    ],
)
def test_a_notebook_shows_a_panel_as_its_picture(draw):
    """What returns Axes must not end a cell with the words <Axes: ...>."""
    assert draw(None)._repr_png_().startswith(PNG)
    mine = Figure().subplots()
    assert draw(mine) is mine  # a panel of somebody else's stays what it is


def test_import_does_not_import_matplotlib():
    code = "import sys, minivit, minivit.plot; assert not any(name.startswith('matplotlib') for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_needs_no_pyplot_and_changes_no_setting():
    code = """
import sys, matplotlib, numpy as np
before = matplotlib.rcParams.copy()  # dict(...) would import pyplot, to find the backend
from minivit import plot
plot.samples(np.zeros((1, 4, 4, 3), np.uint8), np.array([0]), ["dark"])
plot.position_similarity(np.ones((1, 7, 5)), (2, 3))
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams.copy() == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@REST
@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline_of_another_time", "nonsense"])
def test_a_backend_that_is_not_there_is_no_matter(backend, tmp_path):
    """A notebook tells its backend to all that it starts. One that is there is still what windows get have."""
    code = f"""
import os
from minivit import plot
from minivit.plot.figure import new_figure
plot.save(new_figure(1.0), {str(tmp_path / "x.png")!r})
assert os.environ["MPLBACKEND"] == {backend!r}
import matplotlib
assert {backend!r} == "nonsense" or matplotlib.rcParams["backend"] == {backend!r}
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "MPLBACKEND": backend})
    assert (tmp_path / "x.png").read_bytes().startswith(PNG)


def test_what_is_no_image():
    with pytest.raises(TypeError, match="float64; expected uint8"):
        check_images(np.zeros((1, 4, 4, 3)))
    for shape in [(0, 4, 4, 3), (4, 4, 3), (1, 4, 4, 2)]:
        with pytest.raises(ValueError, match=r"expected \(N, Y, X, 1 or 3\)"):
            check_images(np.zeros(shape, np.uint8))


def test_what_is_not_one_for_every_image():
    with pytest.raises(ValueError, match="5 images and 4 labels"):
        check_lengths(5, names="abcde", labels=[1, 2, 3, 4])
