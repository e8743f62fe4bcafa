"""The pages of the site that walk through a run: of a small Vision Transformer on a shape, and of attention alone.

    python tools/step_pages.py     # writes them into docs/steps, where the lectures of a clone look for them

The model has learned in ``minivit train --set depth=2 --set embed_dim=48 --epochs 8``; its weights lie in docs/steps.
"""

from pathlib import Path
from typing import Any

import numpy as np

import minivit as mv
from minivit.steps import Steps
from minivit.train.trained_on import read_trained_on

FOLDER = Path(__file__).parent.parent / "docs" / "steps"
CHECKPOINT = FOLDER / "shapes.safetensors"


def setup(app: Any) -> dict[str, Any]:
    """Called by Sphinx, which reads conf.py."""
    app.connect("build-finished", write_to_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_to_site(app: Any, error: Exception | None) -> None:
    """Put the pages beside that which leads to them."""
    if error is None:
        write(Path(app.outdir, "docs", "steps"))


def write(folder: Path) -> None:
    """Both pages, into a folder that may not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    of_a_model().save(folder / "vit.html")
    of_attention().save(folder / "attention.html")


def of_a_model() -> Steps:
    """Forward, loss, backward and update on a heart."""
    model = mv.load(CHECKPOINT)
    names, kind = read_trained_on(CHECKPOINT, model)
    drawn = mv.data.shapes(1, 100, seed=0).test
    heart = names.index("heart")
    image = drawn.images[np.flatnonzero(drawn.labels == heart)[0]]
    return mv.step(model, image, heart, normalize=kind.normalize, class_names=names)


def of_attention() -> Steps:
    """Two heads of five queries and six keys, each four numbers wide."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, 2, tokens, 4)) for tokens in (5, 6, 6))
    return mv.steps.step_op("attention", q, k, v)


if __name__ == "__main__":
    write(FOLDER)
