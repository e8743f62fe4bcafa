"""From the map of an image and the tokens of a prompt to masks, and how good each of them is."""

from typing import Any, NamedTuple

import numpy as np

from minivit.layers.attention import Attention, AttentionLayerCache
from minivit.layers.basic import Activation, LayerNorm
from minivit.layers.conv_transpose import ConvTranspose2d
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.relu_mlp import ReluMlp, ReluMlpCache
from minivit.layers.sequence import run, run_backward, run_each, run_each_backward
from minivit.layers.two_way_block import TwoWay, TwoWayBlock, TwoWayBlockCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.map_products import MapProductsCache, map_products_backward, map_products_forward
from minivit.ops.positions import PrependTokenCache, prepend_token_backward, prepend_token_forward
from minivit.types import Float, ndarray


class MaskOutputs(NamedTuple):
    """Masks as logits, on the mask where they are above 0, and what IoU each of them is said to have."""

    masks: Float[ndarray, "*B M Y X"]
    iou_scores: Float[ndarray, "*B M"]


class TwoWayTransformerCache(NamedTuple):
    """Caches of the steps of :class:`TwoWayTransformer`."""

    layers: list[TwoWayBlockCache]
    final_attn_token_to_image: AttentionLayerCache
    norm_final_attn: LayerNormCache


class TwoWayTransformer(Layer):
    """Blocks of two ways, and one last look of the tokens at the image.

    Source: Kirillov et al. 2023, appendix A. The last norm is computed with 1e-5 everywhere.
    """

    def __init__(
        self, dim: int, depth: int, num_heads: int, mlp_dim: int, *, inner_dim: int, norm_eps: float = 1e-5
    ) -> None:
        self.layers = [
            TwoWayBlock(dim, num_heads, mlp_dim, inner_dim=inner_dim, first=i == 0, norm_eps=norm_eps)
            for i in range(depth)
        ]
        self.final_attn_token_to_image = Attention(dim, num_heads, inner_dim=inner_dim)
        self.norm_final_attn = LayerNorm(dim, eps=1e-5)

    def forward(self, pos: ndarray, image: ndarray, image_pos: ndarray) -> tuple[TwoWay, TwoWayTransformerCache]:
        """Tokens (B, N, D), which are their own positions; places (B, S, D) and theirs."""
        tokens, c_layers = pos, []
        for layer in self.layers:
            (tokens, image), c_layer = layer.forward(tokens, image, pos, image_pos)
            c_layers.append(c_layer)
        h, c_final = self.final_attn_token_to_image.forward(tokens + pos, image + image_pos, image)
        tokens, c_norm = self.norm_final_attn.forward(tokens + h)
        return TwoWay(tokens, image), TwoWayTransformerCache(c_layers, c_final, c_norm)

    def backward(self, dy: TwoWay, cache: TwoWayTransformerCache) -> tuple[ndarray, ndarray, ndarray]:
        """Add to the gradients of the parameters; return those of tokens, places and positions of places."""
        dtokens, dimage = dy
        dtokens = self.norm_final_attn.backward(dtokens, cache.norm_final_attn)
        dq, dk, dcarried = self.final_attn_token_to_image.backward(dtokens, cache.final_attn_token_to_image)
        dpos, dimage_pos = dq, dk  # forward: tokens + pos, image + image_pos
        dy = TwoWay(dtokens + dq, dimage + dk + dcarried)
        for layer, c_layer in zip(reversed(self.layers), reversed(cache.layers), strict=True):
            dtokens, dimage, dpos_too, dimage_pos_too = layer.backward(dy, c_layer)
            dy = TwoWay(dtokens, dimage)
            dpos, dimage_pos = dpos + dpos_too, dimage_pos + dimage_pos_too  # every block adds the same positions
        dtokens, dimage = dy
        return dtokens + dpos, dimage, dimage_pos  # forward: tokens, c_layers = pos, []


class MaskDecoderCache(NamedTuple):
    """Caches of the steps of :class:`MaskDecoder`, and how many places and vectors there are."""

    prepend: PrependTokenCache
    transformer: TwoWayTransformerCache
    output_upscaling: list[Any]
    output_hypernetworks_mlps: list[ReluMlpCache]
    products: MapProductsCache
    iou_prediction_head: ReluMlpCache


class MaskDecoder(Layer):
    """Tokens for masks and for a score go through the image with those of the prompt; each then makes its mask.

    A mask is the product of a vector, which an MLP makes of its token, with every place of the image's map, grown to
    four times its sides.

    Parameters
    ----------
    dim, grid_size, depth, num_heads, mlp_dim
        Of the two-way transformer, and the map that it reads.
    attention_downsample_rate : int
        The attentions between tokens and image are narrower by this factor.
    num_multimask_outputs : int
        Masks for one prompt: of a shirt, a point on it may mean the shirt, the wearer or a button. There is one mask
        more, the first, for when there are several prompts, and it is clear.
    iou_head_depth, iou_head_hidden_dim : int
        Of the MLP that scores masks.
    act_layer : str
    norm_eps : float
        Of the norms inside blocks.

    References
    ----------
    Kirillov et al. 2023, "Segment Anything", section 3 and appendix A, "Lightweight mask decoder".
    """

    def __init__(
        self,
        dim: int,
        grid_size: tuple[int, int],
        *,
        depth: int = 2,
        num_heads: int = 8,
        mlp_dim: int = 2048,
        attention_downsample_rate: int = 2,
        num_multimask_outputs: int = 3,
        iou_head_depth: int = 3,
        iou_head_hidden_dim: int = 256,
        act_layer: str = "gelu",
        norm_eps: float = 1e-5,
    ) -> None:
        self.grid_size, self.num_masks = grid_size, num_multimask_outputs + 1
        self.iou_token = Param((1, dim), "token width", normal(0.02))
        self.mask_tokens = Param((self.num_masks, dim), "token width", normal(0.02))
        self.transformer = TwoWayTransformer(
            dim, depth, num_heads, mlp_dim, inner_dim=dim // attention_downsample_rate, norm_eps=norm_eps
        )
        self.output_upscaling: list[Layer] = [
            ConvTranspose2d(dim, dim // 4, 2),
            LayerNorm(dim // 4, eps=1e-6),
            Activation(act_layer),
            ConvTranspose2d(dim // 4, dim // 8, 2),
            Activation(act_layer),
        ]
        self.output_hypernetworks_mlps = [ReluMlp(dim, dim, dim // 8, 3) for _ in range(self.num_masks)]
        self.iou_prediction_head = ReluMlp(dim, iou_head_hidden_dim, self.num_masks, iou_head_depth)

    def forward(
        self, prompt: Float[ndarray, "B N D"], image: Float[ndarray, "B S D"], image_pos: Float[ndarray, "B S D"]
    ) -> tuple[MaskOutputs, MaskDecoderCache]:
        """All masks (B, 1 + num_multimask_outputs, 4 * rows, 4 * columns) and scores, the single one's first."""
        ours = np.concatenate((self.iou_token.value, self.mask_tokens.value))[None]
        tokens, c_prepend = prepend_token_forward(prompt, ours)
        (tokens, image), c_transformer = self.transformer.forward(tokens, image, image_pos)
        maps = image.reshape(len(image), *self.grid_size, image.shape[-1])
        maps, c_upscaling = run(self.output_upscaling, maps)  # (B, 4 * rows, 4 * columns, D / 8)
        vectors, c_mlps = run_each(self.output_hypernetworks_mlps, tokens[:, 1 : 1 + self.num_masks])
        masks, c_products = map_products_forward(vectors, maps)
        iou_scores, c_head = self.iou_prediction_head.forward(tokens[:, 0])
        return MaskOutputs(masks, iou_scores), MaskDecoderCache(
            prepend=c_prepend,
            transformer=c_transformer,
            output_upscaling=c_upscaling,
            output_hypernetworks_mlps=c_mlps,
            products=c_products,
            iou_prediction_head=c_head,
        )

    def backward(self, dy: MaskOutputs, cache: MaskDecoderCache) -> tuple[ndarray, ndarray, ndarray]:
        """Add to the gradients of the parameters; return those of the prompt, the places, and their positions."""
        dvectors, dmaps = map_products_backward(dy.masks, cache.products)
        dmaps = run_backward(self.output_upscaling, dmaps, cache.output_upscaling)
        B, Y, X, D = dmaps.shape
        last = cache.transformer.norm_final_attn.xhat
        dtokens = np.zeros_like(last)  # those of the prompt are read no more
        dtokens[:, 0] = self.iou_prediction_head.backward(dy.iou_scores, cache.iou_prediction_head)
        dtokens[:, 1 : 1 + self.num_masks] = run_each_backward(
            self.output_hypernetworks_mlps, dvectors, cache.output_hypernetworks_mlps
        )
        dimage = dmaps.reshape(B, Y * X, D)  # forward: maps = image.reshape(
        dtokens, dimage, dimage_pos = self.transformer.backward(TwoWay(dtokens, dimage), cache.transformer)
        dprompt, dours = prepend_token_backward(dtokens, cache.prepend)
        assert dours is not None
        # forward: ours = np.concatenate((self.iou_token.value, self.mask_tokens.value))[None]
        self.iou_token.add_grad(dours[0, :1].copy())
        self.mask_tokens.add_grad(dours[0, 1:].copy())
        return dprompt, dimage, dimage_pos
