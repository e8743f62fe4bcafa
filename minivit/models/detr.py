"""DETR: the Detection Transformer, which says what is where in an image as a set, with nothing to be sorted out after.

Source: Carion et al. 2020, "End-to-End Object Detection with Transformers".
"""

from reprlib import repr as in_short
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_type
from minivit.layers.basic import Linear
from minivit.layers.batch_norm import fix_batch_norms
from minivit.layers.detr_transformer import Decoded, Detections, DetrTransformer, DetrTransformerCache
from minivit.layers.initial import normal
from minivit.layers.param import Param
from minivit.layers.relu_mlp import ReluMlp, ReluMlpCache
from minivit.models.model import PRESETS, Backbone, Model
from minivit.models.resnet import ResNet
from minivit.models.swin import Swin
from minivit.ops.activations import SigmoidCache, sigmoid_backward, sigmoid_forward
from minivit.ops.linear import LinearCache
from minivit.ops.positions import padded_sincos_positions_2d
from minivit.types import Count, Depth, Float, Int, Positive, Rate, Size, ndarray


class DETRCache(NamedTuple):
    """Caches of the steps of :class:`DETR`, in order, and the sides of the backbone's map.

    ``transformer.decoder[-1].cross_attn.attention.weights``, (B, H, Q, S), says where each query looks, and
    ``transformer.encoder[-1].attn.attention.weights``, (B, H, S, S), where each place of the map does.
    """

    backbone: Any
    map_size: tuple[int, int]
    input_proj: LinearCache
    transformer: DetrTransformerCache
    class_embed: LinearCache
    bbox_embed: ReluMlpCache
    sigmoid: SigmoidCache


class DETR(Model):
    """A convolutional network makes a small map of an image; a Transformer makes a fixed number of boxes of it.

    The defaults are those of the paper's DETR with ResNet-50, for COCO.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of the images that it is trained on, and counted for. With a ResNet, others are taken, too.
    in_chans : int
    num_classes : int
        Without "no object", which is one more. COCO's 80 classes have numbers up to 90, so the official code has 91.
    backbone : str
        Preset of a ResNet or a Swin, or one of ``BACKBONES``.
        Its last map is read, in front of the pooling; of a Swin behind its last norm.
    fixed_norms : bool
        Whether the backbone's batch norms keep scale, shift and averages as they are loaded: for a backbone that is
        pretrained. They are no parameters then. False: they learn, from batches of 16 images.
    embed_dim, num_heads, mlp_dim : int
        Of the Transformer; the width is a multiple of 4.
    encoder_depth, decoder_depth : int
        Of the decoder at least 1.
    num_queries : int
        Q: boxes for each image. Expected to be more than objects on any one.
    pre_norm : bool
        Whether blocks normalise in front of their layers, and the encoder at its end.
    drop_rate, drop_path_rate : float
        Dropout behind attention and in the MLPs; stochastic depth of the Transformer. Only active when ``forward`` gets
        ``rng``. The official code, where it is 0.1, drops attention weights, too.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If ``backbone`` is no preset of a ResNet or a Swin, heads do not divide the width, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    The paper's "DC5" models have a last stage of the backbone that is dilated in place of strided: the same parameters,
    and twice the multiplications (173.3 G for 800 x 1066 pixels, where DETR-R50 has 81.2). They are not here.
    """

    head_names: ClassVar = ("class_embed",)
    beside: ClassVar = (r"class_embed|bbox_embed",)
    usual_task: ClassVar[str] = "Detect"
    keeps_img_size: ClassVar[bool] = True

    def __init__(
        self,
        *,
        img_size: Size = 800,
        in_chans: Positive = 3,
        num_classes: Positive = 91,
        backbone: str = "resnet50",
        fixed_norms: bool = True,
        embed_dim: Positive = 256,
        num_heads: Positive = 8,
        mlp_dim: Positive = 2048,
        encoder_depth: Depth = 6,
        decoder_depth: Depth = 6,
        num_queries: Positive = 100,
        pre_norm: bool = False,
        drop_rate: Rate = 0.1,
        drop_path_rate: Rate = 0.0,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if decoder_depth < 1:
            raise ValueError(f"decoder_depth is {decoder_depth}; expected at least 1, which answers")
        if embed_dim % 4:
            raise ValueError(f"embed_dim is {embed_dim}; expected a multiple of 4 (sine and cosine of x and y)")
        self.backbone = map_maker(backbone, img_size, in_chans)
        if fixed_norms:
            fix_batch_norms(self.backbone)
        self.input_proj = Linear(self.backbone.num_features, embed_dim)
        self.query_embed = Param((num_queries, embed_dim), "query width", normal(1.0))
        self.transformer = DetrTransformer(
            embed_dim,
            num_heads,
            mlp_dim,
            encoder_depth=encoder_depth,
            decoder_depth=decoder_depth,
            pre_norm=pre_norm,
            drop_rate=drop_rate,
            drop_path_rate=drop_path_rate,
        )
        self.class_embed = Linear(embed_dim, num_classes + 1)
        self.bbox_embed = ReluMlp(embed_dim, embed_dim, 4, 3)
        self.init(seed, dtype)

    def backbone_in_it(self) -> Backbone:
        return Backbone(type(self.backbone), self.backbone.config, "backbone.{}".format)

    def task_options(self) -> dict[str, Any]:
        return {"num_queries": self.config["num_queries"]}

    def forward(
        self,
        images: Float[ndarray, "B Y X C"],
        sizes: Int[ndarray, "B 2"] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> tuple[Detections, DETRCache]:
        """What is where, as said after each block of the decoder, and the cache for :meth:`backward`.

        Parameters
        ----------
        images : (B, Y, X, C)
        sizes : integers (B, 2), optional
            Rows and columns of each image, where it is smaller than the array, which is filled up below and to the
            right. Boxes are shares of these sides. All are of the array's size if not given.

        Raises
        ------
        ValueError, TypeError
            If images or sizes are of another shape or dtype than the model takes, or a size is not that of an image.
        """
        x, c_backbone = self.backbone.features(images, rng=rng)  # (B, Y, X, C), a small map
        B, Y, X, C = x.shape
        x, c_input_proj = self.input_proj.forward(x.reshape(B, Y * X, C))  # (B, S, D)
        there = np.ones((1, Y, X), bool) if sizes is None else _there(images, sizes, (Y, X))
        pos = padded_sincos_positions_2d(there, x.shape[-1]).astype(x.dtype)
        mask = None if sizes is None else there.reshape(B, Y * X)
        decoded, c_transformer = self.transformer.forward(x, self.query_embed.value, pos, mask=mask, rng=rng)
        logits, c_class_embed = self.class_embed.forward(decoded.queries)
        h, c_bbox_embed = self.bbox_embed.forward(decoded.queries)
        boxes, c_sigmoid = sigmoid_forward(h)
        return Detections(logits, boxes), DETRCache(
            backbone=c_backbone,
            map_size=(Y, X),
            input_proj=c_input_proj,
            transformer=c_transformer,
            class_embed=c_class_embed,
            bbox_embed=c_bbox_embed,
            sigmoid=c_sigmoid,
        )

    def backward(self, doutputs: Detections, cache: DETRCache) -> Float[ndarray, "B Y X C"]:
        """Add to the gradient of every parameter; return the gradient of the images."""
        (dh,) = sigmoid_backward(doutputs.boxes, cache.sigmoid)
        dqueries = self.bbox_embed.backward(dh, cache.bbox_embed)
        dqueries = dqueries + self.class_embed.backward(doutputs.logits, cache.class_embed)
        B, Y, X = len(dqueries), *cache.map_size
        dmemory = np.zeros_like(dqueries, shape=(B, Y * X, dqueries.shape[-1]))  # nothing else reads it
        dx, dquery_embed, _ = self.transformer.backward(Decoded(dqueries, dmemory), cache.transformer)
        self.query_embed.add_grad(dquery_embed)
        dx = self.input_proj.backward(dx, cache.input_proj)
        dx = dx.reshape(B, Y, X, dx.shape[-1])  # forward: x.reshape(B, Y * X, C)
        return self.backbone.features_backward(dx, cache.backbone)


def map_maker(preset: str, img_size: Size, in_chans: int) -> Any:
    """The network of a preset, of which the last map is read, and no head."""
    kind, options = (PRESETS | BACKBONES).get(preset, (Model, {}))
    if not issubclass(kind, (ResNet, Swin)):
        raise ValueError(
            f"backbone is {preset!r}; expected the preset of a ResNet or a Swin, or {', '.join(BACKBONES)}"
        )
    return kind(**{**options, "img_size": img_size, "in_chans": in_chans, "num_classes": 0})


def _there(images: ndarray, sizes: ndarray, map_size: tuple[int, int]) -> ndarray:
    """Which places (B, rows, columns) of the map an image has: those whose first pixel it has (as officially)."""
    check_type("sizes", sizes, ndarray)
    if not np.issubdtype(sizes.dtype, np.integer):
        raise TypeError(f"sizes have dtype {sizes.dtype}; expected integers, rows and columns")
    rows, columns = images.shape[1:3]
    if sizes.shape != (len(images), 2) or (sizes < 1).any() or (sizes > (rows, columns)).any():
        expected = f"for each of {len(images)} images rows from 1 to {rows} and columns from 1 to {columns}"
        raise ValueError(f"sizes are {in_short(sizes.tolist())}; expected {expected}")
    first = [np.arange(side) * whole // side for side, whole in zip(map_size, (rows, columns), strict=True)]
    return (first[0] < sizes[:, :1])[:, :, None] & (first[1] < sizes[:, 1:])[:, None, :]


TINY_SWIN = {"embed_dim": 48, "depths": (2, 2), "num_heads": (2, 4), "window_size": 4, "mlp_ratio": 2.0}
BACKBONES: dict[str, tuple[type[Model], dict[str, Any]]] = {
    "resnet10_64": (ResNet, {"layers": (2, 2), "channels": (32, 64), "stem_chans": 32}),
    "swin_tiny_patch4_64": (Swin, {**TINY_SWIN, "drop_path_rate": 0.0}),
}
"""Small networks for scenes, whose maps are of 16 x 16 and 8 x 8, by their names: as presets, and no classifiers."""

TINY: dict[str, Any] = {  # scenes: a map of 8 x 8
    "img_size": 64,
    "fixed_norms": False,
    "embed_dim": 96,
    "num_heads": 4,
    "mlp_dim": 192,
    "encoder_depth": 2,
    "decoder_depth": 3,
    "num_queries": 10,
    "pre_norm": True,
    "drop_rate": 0.0,
}
DETR.add_presets(
    {
        "detr_tiny_64": {**TINY, "backbone": "resnet10_64"},
        "detr_swin_tiny_64": {**TINY, "backbone": "swin_tiny_patch4_64"},
        "detr_resnet50": {},
        "detr_resnet101": {"backbone": "resnet101"},
    }
)
