"""The official names for the parts of a :class:`minivit.models.MViT`, which timm's loader takes for its own, too.

Source: the repository facebookresearch/mvit. It counts blocks through all stages, and calls every linear map of a
shortcut ``proj``. Relative positions of another image size are resampled as timm does it: linearly, along the ways.
"""

import re
from itertools import accumulate

from numpy import ndarray

from minivit.layers.param import Param
from minivit.models.mvit import MViT
from minivit.ops.resize import resize_matrix
from minivit.weights.places import Grid, Place, Table

IN_BLOCK = re.compile(r"^stages\.(\d+)\.blocks\.(\d+)\.")


def table(model: MViT) -> Table:
    first = [0, *accumulate(model.config["depths"])]  # block of each stage
    way = {}
    for name in (*model.named_state(), *model.head_names):
        theirs = IN_BLOCK.sub(lambda found: f"blocks.{first[int(found[1])] + int(found[2])}.", name)
        theirs = theirs.replace("shortcut_proj_attn", "proj").replace("shortcut_proj_mlp", "proj")
        way[name] = Place((theirs.replace("head.fc", "head.projection"),))
    return Table([way], resample={"way": fit_ways})


def fit_ways(table: ndarray, param: Param, grid: Grid) -> ndarray:
    """A checkpoint's vectors for the ways of another map, (ways, width), for those of our parameter."""
    matrix = resize_matrix(len(table), param.shape[0]).astype(table.dtype)
    return table if len(table) == param.shape[0] else matrix @ table
