"""Pictures of data, of a run, and of what a model has learned.

A function that draws one panel returns its Axes and accepts ``ax=``; one that draws several returns a Figure. Nothing
is shown and no global state is touched: hand the result to :func:`save`, or end a notebook cell with it (``ax.figure``
where it is an Axes). Images are the stored pixels, uint8 (N, Y, X, C) with one or three channels.
"""

from minivit.plot.attention import attention_maps, attention_rollout, attention_weights, read_by_head
from minivit.plot.curves import accuracy_curve, learning_curves, loss_curve
from minivit.plot.embedding import patch_filters, position_similarity, principal_filters, similarity_maps
from minivit.plot.figure import save
from minivit.plot.images import predictions, samples

__all__ = [
    "accuracy_curve",
    "attention_maps",
    "attention_rollout",
    "attention_weights",
    "learning_curves",
    "loss_curve",
    "patch_filters",
    "position_similarity",
    "predictions",
    "principal_filters",
    "read_by_head",
    "samples",
    "save",
    "similarity_maps",
]
