"""Which idea came of which: the architectures that are here, from the oldest to the newest."""

from typing import Any, NamedTuple

from minivit.plot.figure import BLUE, GREEN, GREY, PURPLE, RED, SMALL, TEXT, Figure, bare, new_figure

LANES = {
    "convolution": (0.0, GREY),
    "idea 1:\nattention\nin a CNN": (1.15, RED),
    "idea 2:\nlocal\nattention": (2.3, PURPLE),
    "idea 3:\npixels": (3.3, GREEN),
    "sequences;\nidea 4:\npatches": (4.5, BLUE),
    "hierarchies": (6.45, BLUE),
    "MLPs": (9.0, "black"),
}
"""What a column holds, its middle, and its colour."""


class Idea(NamedTuple):
    """A paper: when it was first to be read, its place from left to right, what it came of, and what is new in it."""

    date: str
    x: float
    parents: tuple[str, ...]
    new: str


IDEAS = {
    "RNNsearch": Idea("2014-09", 4.5, (), "a decoder looks back"),
    "ResNet": Idea("2015-12", 0.0, (), "residual paths"),
    "Transformer": Idea("2017-06", 4.5, ("RNNsearch",), "attention alone"),
    "Non-local": Idea("2017-11", 1.15, ("ResNet", "Transformer"), "between the blocks"),
    "SAGAN": Idea("2018-05", 1.15, ("Non-local",), "begins at 0"),
    "AAConv": Idea("2019-04", 1.15, ("Non-local",), "beside convolution"),
    "LR-Net": Idea("2019-04", 2.3, ("ResNet", "Non-local"), "a geometric prior"),
    "SASA": Idea("2019-06", 2.3, ("ResNet", "AAConv"), "in its place"),
    "iGPT": Idea("2020-06", 3.3, ("Transformer",), "next pixel"),
    "ViT": Idea("2020-10", 4.5, ("Transformer", "iGPT"), "patches are words"),
    "DeiT": Idea("2020-12", 4.0, ("ViT",), "a teacher, a token"),
    "PVT": Idea("2021-02", 5.6, ("ViT",), "fewer keys"),
    "Swin": Idea("2021-03", 6.45, ("DeiT", "LR-Net"), "shifted windows"),
    "MViT": Idea("2021-04", 7.3, ("ViT",), "pooled queries"),
    "Mixer": Idea("2021-05", 9.0, ("ViT",), "an MLP over tokens"),
    "ResMLP": Idea("2021-05", 8.3, ("Mixer",), "no norms"),
    "gMLP": Idea("2021-05", 9.0, ("Mixer",), "a gate"),
    "S2-MLP": Idea("2021-06", 9.7, ("Mixer",), "a shift"),
    "PVT v2": Idea("2021-06", 5.6, ("PVT",), "patches overlap"),
    "CycleMLP": Idea("2021-07", 9.3, ("S2-MLP",), "in turn"),
    "S2-MLPv2": Idea("2021-08", 10.1, ("S2-MLP",), "split attention"),
    "Swin V2": Idea("2021-11", 6.45, ("Swin",), "cosines"),
    "MViTv2": Idea("2021-12", 7.3, ("MViT",), "positions by axis"),
    "DINOv2": Idea("2023-04", 4.0, ("DeiT",), "without labels"),
}
"""By the papers' months on arXiv; of iGPT, of OpenAI's page."""


def family_tree() -> Figure:
    """Draw them in columns, the oldest on top, an arrow from each to what came of it."""
    figure = new_figure(0.52 * len(IDEAS) + 0.8, 13)
    ax = figure.add_subplot()
    rows = {name: len(IDEAS) - i for i, name in enumerate(IDEAS)}
    behind: dict[str, Any] = {"arrowstyle": "-|>", "color": GREY, "alpha": 0.6, "connectionstyle": "arc3,rad=0.06"}
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    for title, (x, colour) in LANES.items():
        ax.text(x, len(IDEAS) + 1.4, title, ha="center", va="center", fontsize=TEXT, color=colour, weight="bold")
    for name, (date, x, parents, new) in IDEAS.items():
        colour = min(LANES.values(), key=lambda lane: abs(lane[0] - x))[1]
        ax.text(-1.1, rows[name], date, ha="left", va="center", fontsize=SMALL, color=GREY)
        ax.text(x, rows[name] - 0.25, new, ha="center", va="center", fontsize=SMALL, color=GREY, bbox=paper)
        ax.text(
            x, rows[name] + 0.16, name, ha="center", va="center", fontsize=TEXT, weight="bold", color=colour, bbox=paper
        )
        for parent in parents:
            start, end = (IDEAS[parent].x, rows[parent] - 0.37), (x, rows[name] + 0.35)
            ax.annotate("", end, start, arrowprops=behind, zorder=0)
    ax.set_xlim(-1.15, max(idea.x for idea in IDEAS.values()) + 0.5)
    ax.set_ylim(0.4, len(IDEAS) + 2.2)
    bare(ax, "white")
    return figure
