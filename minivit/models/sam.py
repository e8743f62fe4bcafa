"""SAM: the Segment Anything Model, which makes masks of what is clicked on or boxed in.

Source: Kirillov et al. 2023, "Segment Anything".
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_shape
from minivit.layers.mask_decoder import MaskDecoder, MaskDecoderCache, MaskOutputs
from minivit.layers.prompt_encoder import Prompt, PromptEncoder, PromptEncoderCache
from minivit.layers.prompts import joined_prompts
from minivit.models.model import Model
from minivit.models.sam_vit import BASE, HUGE, LARGE, SamFeaturesCache, SamViT
from minivit.ops.rows import sum_to
from minivit.types import Count, Depth, Eps, Factor, Float, Positive, Range, Rate, Size, ndarray


class Given(NamedTuple):
    """How many prompts there were for each image, and corners in each; the shape of what was added to the image's map,
    which masks were asked for, and the shape of those.
    """

    prompts: int
    corners: int
    dense_shape: tuple[int, ...]
    chosen: slice
    masks_shape: tuple[int, ...]


class SAMCache(NamedTuple):
    """Caches of the steps of :class:`SAM`, in order.

    ``mask_decoder.transformer.layers[i].cross_attn_token_to_image.attention.weights``, (B * P, H, N, S), says where
    each token looks in the image: first that of the score, then those of the masks, then those of points.
    """

    image_encoder: SamFeaturesCache
    prompt_encoder: PromptEncoderCache
    mask_decoder: MaskDecoderCache
    given: Given


class SAM(Model):
    """An image is read once; each prompt then makes masks of it, and says how good they are.

    The defaults are those of the paper's smallest model. Names of parameters are the official ones, in the image
    encoder timm's.

    Parameters
    ----------
    img_size, patch_size, in_chans, embed_dim, depth, num_heads, mlp_ratio, qkv_bias, use_abs_pos, use_rel_pos, \
window_size, global_attn_indexes, drop_path_rate, grad_checkpointing
        Of the image encoder: see :class:`minivit.models.SamViT`.
    prompt_dim : int
        Width of everything behind the encoder: its neck's channels, tokens of prompts and of masks. A multiple of 8.
    mask_in_chans : int
        Of the network that reads masks; a multiple of 4.
    decoder_depth, decoder_num_heads, decoder_mlp_dim, attention_downsample_rate
        Of the two-way transformer; heads divide its width, and its width divided by the rate.
    num_multimask_outputs : int
        Masks for a prompt that may mean several things.
    iou_head_depth, iou_head_hidden_dim : int
    decoder_norm_eps : float
        Of the norms inside the decoder's blocks: 1e-5 in the official code, 1e-6 in transformers.
    learn_frequencies : bool
        Whether the random frequencies of positions are trained. In transformers they are a parameter, so that its
        ViT-B has 256 parameters more than the official one.
    act_layer : "gelu", "gelu_tanh", "quick_gelu" or "relu"
        Of the encoder, of reading masks and of growing them.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If widths, heads, patches and images do not fit, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    head_names: ClassVar = ()
    beside: ClassVar = (
        r"image_encoder|prompt_encoder",
        r"mask_decoder\.(output_upscaling|output_hypernetworks_mlps\.\d+|iou_prediction_head)",
    )
    usual_task: ClassVar[str] = "Prompt"
    keeps_img_size: ClassVar[bool] = True

    def __init__(
        self,
        *,
        img_size: Size = 1024,
        patch_size: Size = 16,
        in_chans: Positive = 3,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        mlp_ratio: Factor = 4.0,
        qkv_bias: bool = True,
        use_abs_pos: bool = True,
        use_rel_pos: bool = True,
        window_size: Annotated[int | tuple[int, int], Range(at_least=0)] = 14,
        global_attn_indexes: Annotated[tuple[int, ...], Range(at_least=0)] = (2, 5, 8, 11),
        prompt_dim: Positive = 256,
        mask_in_chans: Positive = 16,
        decoder_depth: Depth = 2,
        decoder_num_heads: Positive = 8,
        decoder_mlp_dim: Positive = 2048,
        attention_downsample_rate: Positive = 2,
        num_multimask_outputs: Annotated[int, Range(at_least=1, below=101)] = 3,
        iou_head_depth: Annotated[int, Range(at_least=1, below=101)] = 3,
        iou_head_hidden_dim: Positive = 256,
        decoder_norm_eps: Eps = 1e-5,
        learn_frequencies: bool = False,
        drop_path_rate: Rate = 0.0,
        act_layer: str = "gelu",
        grad_checkpointing: bool = False,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        for name, number, factor in (("prompt_dim", prompt_dim, 8), ("mask_in_chans", mask_in_chans, 4)):
            if number % factor:
                raise ValueError(f"{name} is {number}; expected a multiple of {factor}")
        if prompt_dim % attention_downsample_rate:
            rate = f"attention_downsample_rate is {attention_downsample_rate}"
            raise ValueError(f"{rate}; expected a divisor of prompt_dim {prompt_dim}")
        self.image_encoder = SamViT(
            img_size=img_size,
            patch_size=patch_size,
            in_chans=in_chans,
            num_classes=0,
            embed_dim=embed_dim,
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            use_abs_pos=use_abs_pos,
            use_rel_pos=use_rel_pos,
            window_size=window_size,
            global_attn_indexes=global_attn_indexes,
            neck_chans=prompt_dim,
            drop_path_rate=drop_path_rate,
            act_layer=act_layer,
            grad_checkpointing=grad_checkpointing,
        )
        self.img_size, self.grid_size = self.image_encoder.img_size, self.image_encoder.grid_size
        self.mask_size = 4 * self.grid_size[0], 4 * self.grid_size[1]
        self.prompt_encoder = PromptEncoder(
            prompt_dim,
            self.grid_size,
            self.img_size,
            mask_in_chans=mask_in_chans,
            learn_frequencies=learn_frequencies,
            act_layer=act_layer,
        )
        self.mask_decoder = MaskDecoder(
            prompt_dim,
            self.grid_size,
            depth=decoder_depth,
            num_heads=decoder_num_heads,
            mlp_dim=decoder_mlp_dim,
            attention_downsample_rate=attention_downsample_rate,
            num_multimask_outputs=num_multimask_outputs,
            iou_head_depth=iou_head_depth,
            iou_head_hidden_dim=iou_head_hidden_dim,
            act_layer=act_layer,
            norm_eps=decoder_norm_eps,
        )
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        """Images with a click each, on the first pixel."""
        points, labels = new((batch, 1, 1, 2), self.dtype), new((batch, 1, 1), np.intp)
        return *super().example(batch, length, new), np.zeros_like(points), np.ones_like(labels)

    def forward(
        self,
        images: Float[ndarray, "B Y X C"],
        points: ndarray | None = None,
        labels: ndarray | None = None,
        boxes: ndarray | None = None,
        masks: ndarray | None = None,
        *,
        multimask_output: bool | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[MaskOutputs, SAMCache]:
        """Masks of what P prompts for each image mean, as logits, and what IoU each of them is said to have.

        An array with no prompt or no point in it stands for none. Without any prompt, the masks are those of the image
        alone, as in the official code. A point without a box is followed by one of label -1, as there.

        Parameters
        ----------
        images : (B, Y, X, C)
        points : (B, P, N, 2), optional
            x and y in pixels, (0, 0) in the middle of the first one: N points in each of P prompts.
        labels : integers (B, P, N)
            1 for a point on the object, 0 for one beside it, -1 for none (which fills up a prompt with fewer points), 2
            and 3 for the corners of a box, top left and bottom right. -10, with which transformers fill up, stands for
            a token of zeros; the official code does not know it. 1 everywhere if not given.
        boxes : (B, P, 4), optional
            x0, y0, x1, y1 in pixels.
        masks : (B, P, 4 * rows, 4 * columns), or one for all prompts of an image (B, 1, ...), optional
            Masks that are not right yet, as logits, four times as large as the encoder's map on each side.
        multimask_output : bool, optional
            True: the three masks for a prompt that may mean several things. False: the one for several prompts. All
            four, that one first, if not given.

        Returns
        -------
        outputs : MaskOutputs
            ``masks`` (B, P, M, 4 * rows, 4 * columns) and ``iou_scores`` (B, P, M).
        cache : SAMCache

        Raises
        ------
        ValueError, TypeError
            If images or prompts are of another size, number or dtype, a label is none of these, a point or a box lies
            outside the image, or a box has no area.
        """
        B, D = len(images), self.image_encoder.num_features
        sizes = {"img_size": self.img_size, "mask_size": self.mask_size}
        prompts = joined_prompts(B, points, labels, boxes, masks, **sizes, dtype=self.dtype)
        _, P, N, _ = prompts.points.shape

        image, c_image_encoder = self.image_encoder.features(images, rng=rng)
        image = image.reshape(B, 1, image.shape[1] * image.shape[2], D)  # (B, 1, S, D)
        points, labels = prompts.points.reshape(B * P, N, 2), prompts.labels.reshape(B * P, N)
        given = prompts.masks  # (B, P or 1, ...)
        masks = None if given is None else given.reshape(-1, *self.mask_size)
        (tokens, dense, positions), c_prompt_encoder = self.prompt_encoder.forward(points, labels, masks)
        if given is not None:
            dense = dense.reshape(*given.shape[:2], *dense.shape[1:])  # (B, P or 1, S, D)
        places = np.broadcast_to(image + dense, (B, P, *image.shape[2:])).reshape(B * P, *image.shape[2:])
        positions = np.broadcast_to(positions, places.shape)
        (found, scores), c_mask_decoder = self.mask_decoder.forward(tokens, places, positions)
        chosen = slice(None) if multimask_output is None else slice(1, None) if multimask_output else slice(1)
        outputs = MaskOutputs(
            found.reshape(B, P, *found.shape[1:])[:, :, chosen], scores.reshape(B, P, scores.shape[-1])[:, :, chosen]
        )
        return outputs, SAMCache(
            image_encoder=c_image_encoder,
            prompt_encoder=c_prompt_encoder,
            mask_decoder=c_mask_decoder,
            given=Given(P, 0 if boxes is None or 0 in boxes.shape[1:] else 2, dense.shape, chosen, outputs.masks.shape),
        )

    def backward(self, doutputs: MaskOutputs, cache: SAMCache) -> tuple[Any, ...]:
        """Add to the gradient of every parameter; return those of the images, the points (their labels have none), the
        boxes and the masks, and None for what there was not.
        """
        P, corners, dense_shape, chosen, masks_shape = cache.given
        check_shape("SAM.backward: the gradient of the masks", doutputs.masks, masks_shape)
        check_shape("SAM.backward: the gradient of the scores", doutputs.iou_scores, masks_shape[:3])
        dall = MaskOutputs(*(self._of_all(part, chosen) for part in doutputs))
        dtokens, dplaces, dpositions = self.mask_decoder.backward(dall, cache.mask_decoder)
        B = len(doutputs.masks)
        dplaces = dplaces.reshape(B, P, *dplaces.shape[1:])  # (B, P, S, D)
        ddense = sum_to(dplaces, dense_shape)  # forward: np.broadcast_to(image + dense, (B, P, *image.shape[2:]))
        dimage = sum_to(dplaces, (B, 1, *dplaces.shape[2:]))
        if cache.prompt_encoder.mask_downscaling is not None:
            ddense = ddense.reshape(B * dense_shape[1], *ddense.shape[2:])  # (M, S, D)
        dprompt = Prompt(dtokens, ddense, sum_to(dpositions, dpositions.shape[1:]))
        dpoints, _, dmasks = self.prompt_encoder.backward(dprompt, cache.prompt_encoder)
        dpoints = dpoints.reshape(B, P, *dpoints.shape[1:])  # (B, P, N, 2): points, then corners or one that is none
        N = dpoints.shape[2] - (corners or 1)
        dimages = self.image_encoder.features_backward(
            dimage.reshape(B, *self.grid_size, dimage.shape[-1]), cache.image_encoder
        )
        return (
            dimages,
            dpoints[:, :, :N] if N > 0 else None,
            None,
            dpoints[:, :, N:].reshape(B, P, 4) if corners else None,
            None if dmasks is None else dmasks.reshape(*dense_shape[:2], *self.mask_size),
        )

    def _of_all(self, dy: ndarray, chosen: slice) -> ndarray:
        """The gradient of the masks, or scores, that were chosen, (B, P, M, ...), as that of all: (B * P, all, ...)."""
        dall = np.zeros_like(dy, shape=(*dy.shape[:2], self.mask_decoder.num_masks, *dy.shape[3:]))
        dall[:, :, chosen] = dy
        return dall.reshape(-1, *dall.shape[2:])


SAM.add_presets(
    {
        "sam_tiny_patch4_64": {  # scenes: a map of 16 x 16, windows of 8 x 8, masks as large as the image
            "img_size": 64,
            "patch_size": 4,
            "embed_dim": 96,
            "depth": 4,
            "num_heads": 4,
            "mlp_ratio": 2.0,
            "window_size": 8,
            "global_attn_indexes": (1, 3),
            "prompt_dim": 64,
            "mask_in_chans": 8,
            "decoder_num_heads": 4,
            "decoder_mlp_dim": 128,
            "iou_head_hidden_dim": 64,
        },
        "sam_vit_b": BASE,
        "sam_vit_l": LARGE,
        "sam_vit_h": HUGE,
    }
)
