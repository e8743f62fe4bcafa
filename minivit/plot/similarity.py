"""How alike the two views of images are to a model."""

from minivit.plot.figure import SMALL, TEXT, TITLE, Axes, new_panel
from minivit.types import Float, ndarray


def similarity_matrix(similarity: Float[ndarray, "N N"], *, ax: Axes | None = None) -> Axes:
    """Cosines of the first views of N images (rows) with the second views of the same images (columns).

    A model that knows the images again has the largest number of each row on the diagonal.
    """
    ax = new_panel(4.4, 5) if ax is None else ax
    shown = ax.imshow(similarity, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    ax.set_title("Similarity of two views", fontsize=TITLE, loc="left")
    ax.set_xlabel("second view of image", fontsize=TEXT)
    ax.set_ylabel("first view of image", fontsize=TEXT)
    ax.tick_params(labelsize=SMALL)
    ax.locator_params(integer=True)
    bar = ax.figure.colorbar(shown, ax=ax, shrink=0.9)
    bar.set_label("cosine", fontsize=TEXT)
    bar.ax.tick_params(labelsize=SMALL)
    return ax
