"""CLIP: an image and a text become two vectors, and those that belong together point the same way.

CLIP is not CLIP-Italian (Bianchi et al. 2021, "Contrastive Language-Image Pre-training for the Italian Language"),
which some slides cite in its place: that is the same training, of other towers on Italian captions, later and by
others.

Source: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision".
"""

from collections.abc import Callable
from math import log
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.layers.basic import Linear, check_act_layer
from minivit.layers.initial import full, normal
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import Identity, IdentityCache
from minivit.layers.text_tower import TextTower, TextTowerCache
from minivit.models.model import Model
from minivit.models.modified_resnet import ModifiedResNet
from minivit.models.resnet import ResNetCache
from minivit.models.vit import ViT, ViTCache
from minivit.ops.linear import LinearCache
from minivit.ops.unit_vectors import UnitVectorsCache, unit_vectors_backward, unit_vectors_forward
from minivit.types import Count, Depth, Depths, Eps, Factor, Float, Int, Positive, Size, ndarray

LARGEST_SCALE = log(100)
"""Of the logarithm: no similarity counts for more than 100 times itself."""


class CLIPOutputs(NamedTuple):
    """Vectors of length 1, for each image and for each text, and the scale on which they are compared."""

    image: Float[ndarray, "B D"]
    text: Float[ndarray, "B D"]
    logit_scale: Float[ndarray, "B"]
    """The model's one number, for each image: see :func:`minivit.ops.scaled_similarities_forward`."""


class CLIPCache(NamedTuple):
    """Caches of the steps of :class:`CLIP`, in order: of the image, then of the text."""

    visual: ViTCache | ResNetCache
    visual_proj: LinearCache | IdentityCache
    image: UnitVectorsCache
    text: TextTowerCache
    text_proj: LinearCache
    caption: UnitVectorsCache


class CLIP(Model):
    """Two towers, one for images and one for texts, each behind it a linear map to a space that they share.

    Parameters
    ----------
    img_size : int or (rows, columns)
    patch_size : int or (rows, columns)
        Of a ViT.
    in_chans : int
    embed_dim, depth, num_heads : int
        Of the image tower, a :class:`ViT` with a norm in front of its blocks: width of a token, blocks, heads. Of a
        ResNet, channels of its stem and heads of its attention pooling. (OpenAI: vision_width, vision_layers.)
    layers : tuple of int, optional
        Blocks of each stage: the image tower is then a :class:`ModifiedResNet`, and ``patch_size``, ``depth`` and
        ``mlp_ratio``, those of a ViT, have no say.
    joint_dim : int
        Width of the space that both share. (OpenAI: embed_dim; transformers: projection_dim.)
    vocab_size, max_length : int
        How many tokens there are, and the longest text. (OpenAI: context_length.)
    text_dim, text_depth, text_heads : int
        Of the text tower. (OpenAI: transformer_width, transformer_layers, transformer_heads.)
    eos_token_id : int, optional
        The token that ends a text: the features of a text are those where it stands first. Without it, those where the
        highest token stands first, as OpenAI's code has it, in whose vocabulary the end is the last. (transformers look
        for their ``eos_token_id``, but take the highest token if that is 2, which older files say in error.)
    mlp_ratio, text_mlp_ratio : float
        Width of the MLPs as a multiple of that of the tokens.
    act_layer : "quick_gelu", "gelu", "gelu_tanh" or "relu"
        Of the text tower and of a ViT. OpenAI's models have "quick_gelu", many trained by others "gelu".
    norm_eps : float
        Of the text tower and of a ViT.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If heads do not divide a width, the patch does not divide the image, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    ``logit_scale`` is the logarithm of the inverse temperature, at first log(1 / 0.07). It is used as it is; an
    optimizer leaves it between 0 and log(100) behind each step, "clipped to prevent scaling the logits by more than
    100" (section 2.5 of the paper). OpenAI has published no training; open_clip, which trains CLIPs anew, clamps there,
    and neither library clamps in forward: a number that forward would clamp had no gradient any more, and stayed.
    """

    head_names: ClassVar[tuple[str, ...]] = ()
    beside: ClassVar = (r"visual|text",)
    usual_task: ClassVar[str] = "Match"
    keeps_img_size: ClassVar[bool] = True

    def __init__(
        self,
        *,
        img_size: Size = 224,
        patch_size: Size = 32,
        in_chans: Positive = 3,
        embed_dim: Positive = 768,
        depth: Depth = 12,
        num_heads: Positive = 12,
        layers: Depths | None = None,
        joint_dim: Positive = 512,
        vocab_size: Positive = 49_408,
        max_length: Positive = 77,
        text_dim: Positive = 512,
        text_depth: Depth = 12,
        text_heads: Positive = 8,
        eos_token_id: Count | None = None,
        mlp_ratio: Factor = 4.0,
        text_mlp_ratio: Factor = 4.0,
        act_layer: str = "quick_gelu",
        norm_eps: Eps = 1e-5,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_act_layer(act_layer)
        if eos_token_id is not None and eos_token_id >= vocab_size:
            raise ValueError(f"eos_token_id is {eos_token_id}; expected a token below vocab_size {vocab_size}")
        self.vocab_size, self.max_length = vocab_size, max_length
        image = {"img_size": img_size, "in_chans": in_chans, "num_heads": num_heads}
        self.visual: Any  # a ViT, or a ModifiedResNet
        if layers is None:
            shape = {"patch_size": patch_size, "embed_dim": embed_dim, "depth": depth, "mlp_ratio": mlp_ratio}
            kind: dict[str, Any] = {"act_layer": act_layer, "norm_eps": norm_eps}
            self.visual = ViT(**image, **shape, **kind, num_classes=0, pre_norm=True)
            self.visual_proj: Layer = Linear(embed_dim, joint_dim, bias=False, initial=normal(embed_dim**-0.5))
        else:
            self.visual = ModifiedResNet(**image, layers=layers, stem_chans=embed_dim, num_classes=joint_dim)
            self.visual_proj = Identity()  # attention pooling ends in a map of its own
        self.text = TextTower(
            vocab_size,
            max_length,
            text_dim,
            text_depth,
            text_heads,
            end=eos_token_id,
            mlp_ratio=text_mlp_ratio,
            act_layer=act_layer,
            norm_eps=norm_eps,
        )
        self.text_proj = Linear(text_dim, joint_dim, bias=False, initial=normal(text_dim**-0.5))
        self.logit_scale = Param((), "", full(log(1 / 0.07)), within=(0, LARGEST_SCALE))
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return *super().example(batch, length, new), new((batch, min(length, self.max_length)), np.intp)

    @checked
    def forward(
        self, images: Float[ndarray, "B Y X C"], tokens: Int[ndarray, "B N"], *, rng: np.random.Generator | None = None
    ) -> tuple[CLIPOutputs, CLIPCache]:
        """Vectors of images (B, Y, X, C) and of texts (B, N), as many, and the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If images are of another size, number of channels or dtype than the model, a text is too long, or a token
            is none of the vocabulary.
        """
        image, (c_visual, c_visual_proj, c_image) = self.encode_images(images, rng=rng)
        text, (c_text, c_text_proj, c_caption) = self.encode_texts(tokens, rng=rng)
        scale = np.broadcast_to(self.logit_scale.value, (len(images),))
        return CLIPOutputs(image, text, scale.copy()), CLIPCache(
            visual=c_visual,
            visual_proj=c_visual_proj,
            image=c_image,
            text=c_text,
            text_proj=c_text_proj,
            caption=c_caption,
        )

    def backward(self, doutputs: Any, cache: CLIPCache) -> tuple[Float[ndarray, "B Y X C"], None]:
        """Add to the gradient of every parameter; return that of the images, and None of tokens, which have none.

        ``doutputs`` has the fields of :class:`CLIPOutputs`.
        """
        dscale = doutputs.logit_scale.sum(keepdims=True).reshape(())  # forward: np.broadcast_to(
        self.logit_scale.add_grad(dscale)
        (dx,) = unit_vectors_backward(doutputs.text, cache.caption)
        dx = self.text_proj.backward(dx, cache.text_proj)
        self.text.backward(dx, cache.text)
        (dx,) = unit_vectors_backward(doutputs.image, cache.image)
        dx = self.visual_proj.backward(dx, cache.visual_proj)
        return self.visual.backward(dx, cache.visual), None

    def encode_images(self, images: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, tuple]:
        """Vectors (B, joint_dim) of length 1. (OpenAI's ``encode_image`` gives them before they are made so.)"""
        x, c_visual = self.visual.forward(images, rng=rng)
        x, c_visual_proj = self.visual_proj.forward(x)
        x, c_image = unit_vectors_forward(x)
        return x, (c_visual, c_visual_proj, c_image)

    @checked
    def encode_texts(
        self, tokens: Int[ndarray, "B N"], *, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, tuple]:
        """Vectors (B, joint_dim) of length 1."""
        if not 1 <= tokens.shape[1] <= self.max_length:
            raise ValueError(f"texts have {tokens.shape[1]} tokens; this model reads 1 to {self.max_length}")
        check_numbers("tokens: token", tokens, self.vocab_size, "tokens")
        x, c_text = self.text.forward(tokens, rng=rng)
        x, c_text_proj = self.text_proj.forward(x)
        x, c_caption = unit_vectors_forward(x)
        return x, (c_text, c_text_proj, c_caption)


_LARGE = {"embed_dim": 1024, "depth": 24, "num_heads": 16, "joint_dim": 768, "text_dim": 768, "text_heads": 12}
_TINY = {"vocab_size": 30, "max_length": 17, "text_dim": 128, "text_depth": 2, "text_heads": 4, "text_mlp_ratio": 2.0}
_TINY |= {"img_size": 64, "joint_dim": 128, "eos_token_id": 2}

CLIP.add_presets(
    {
        "clip_resnet_tiny_64": {"embed_dim": 24, "num_heads": 8, "layers": (1, 1, 1), **_TINY},  # scenes, quickly
        "clip_vit_tiny_patch8_64": {
            "patch_size": 8,
            "embed_dim": 128,
            "depth": 4,
            "num_heads": 4,
            "mlp_ratio": 2.0,
            **_TINY,
        },
        "clip_vit_base_patch32": {},  # ViT-B/32 of the paper's table 20
        "clip_vit_base_patch16": {"patch_size": 16},
        "clip_vit_large_patch14": {"patch_size": 14, **_LARGE},
        "clip_resnet50": {"embed_dim": 64, "num_heads": 32, "layers": (3, 4, 6, 3), "joint_dim": 1024},  # RN50
    }
)
