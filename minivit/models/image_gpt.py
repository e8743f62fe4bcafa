"""iGPT: a Transformer reads an image pixel by pixel, and says at each place which colour comes next.

Source: Chen et al. 2020, "Generative Pretraining from Pixels".
"""

from collections.abc import Callable
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_range, checked
from minivit.layers.basic import Linear, RMSNorm, check_act_layer
from minivit.layers.embedding import Embedding
from minivit.layers.gpt_block import GPTBlock, GPTBlockCache
from minivit.layers.initial import normal
from minivit.layers.palette import Palette
from minivit.layers.sequence import run_backward
from minivit.models.model import Model
from minivit.ops.embedding import EmbeddingCache
from minivit.ops.linear import LinearCache
from minivit.ops.positions import AddPositionsCache, add_positions_backward, add_positions_forward
from minivit.ops.rms_norm import RmsNormCache
from minivit.ops.softmax import softmax_forward
from minivit.types import Count, Depth, Eps, Factor, Float, Int, Positive, Size, Temperature, ndarray


class ImageGPTCache(NamedTuple):
    """Caches of the steps of :class:`ImageGPT`, in order.

    ``h[i].attn.attention.weights`` (B, H, N, N) says where each place looks, if attention is not in chunks; ``.k`` and
    ``.v`` beside it are the keys and values that :meth:`ImageGPT.forward` goes on from.
    """

    wte: EmbeddingCache
    wpe: EmbeddingCache
    positions: AddPositionsCache
    h: list[GPTBlockCache]
    ln_f: RmsNormCache
    lm_head: LinearCache


class ImageGPT(Palette, Model):
    r"""The decoder of GPT-2 over the pixels of an image, row by row, each of which is a token: the code of its colour.

    .. math:: p(x) = \prod_{i=1}^{N} p(x_i \mid x_1, \dots, x_{i-1})

    The tokens of an image are the start token, which has the last number, and then the codes of all pixels but the
    last; see :meth:`inputs_of`. At each place the model gives a logit for each colour of the pixel there, which it has
    not seen. What it has learned is read off inside: see :meth:`features`.

    The palette, ``clusters``, is kept and saved with the weights, and is not learned with them: see
    :class:`minivit.layers.Palette`.

    Parameters
    ----------
    img_size : int or (rows, columns)
        Of what one pixel is one token; transformers' ``n_positions`` is their number.
    in_chans : int
        Channels of a colour.
    vocab_size : int
        Colours and the start token: 513 in the paper's models.
    embed_dim, depth, num_heads
        Width of a token, number of blocks, heads per block (transformers' ``n_embd``, ``n_layer``, ``n_head``).
    mlp_ratio : float
        Width of the MLPs as a multiple of ``embed_dim``.
    act_layer : "quick_gelu", "gelu", "gelu_tanh" or "relu"
    norm_eps : float
    chunk_size : int, optional
        Let so many keys pass by at a time, and make no N x N matrices: as exact, in memory that is linear in the
        number of pixels. There are no attention maps in the cache then.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the heads do not divide the width, there is no colour beside the start token, or an option is out of range.
    TypeError
        If an option is of another type.

    Notes
    -----
    Parameters are called as in transformers' ``ImageGPTModel``, whose defaults these are, but for dropout (0.1 there):
    there is none here, and none in the paper (section 4.4).
    """

    head_names: ClassVar = ("lm_head",)
    usual_task: ClassVar[str] = "NextPixel"
    keeps_img_size: ClassVar[bool] = True  # every pixel is a token

    def __init__(
        self,
        *,
        img_size: Size = 32,
        in_chans: Positive = 3,
        vocab_size: Positive = 513,
        embed_dim: Positive = 512,
        depth: Depth = 24,
        num_heads: Positive = 8,
        mlp_ratio: Factor = 4.0,
        act_layer: str = "quick_gelu",
        norm_eps: Eps = 1e-5,
        chunk_size: Positive | None = None,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_range("vocab_size", vocab_size, at_least=2)
        check_act_layer(act_layer)
        self.start = vocab_size - 1
        self.make_palette(img_size, in_chans, colors=vocab_size - 1)
        self.wte = Embedding(vocab_size, embed_dim, initial=normal(0.02))
        self.wpe = Embedding(prod(self.img_size), embed_dim, initial=normal(0.02))
        self.h = [
            GPTBlock(
                embed_dim,
                num_heads,
                depth=depth,
                mlp_ratio=mlp_ratio,
                act_layer=act_layer,
                norm_eps=norm_eps,
                chunk_size=chunk_size,
            )
            for _ in range(depth)
        ]
        self.ln_f = RMSNorm(embed_dim, eps=norm_eps)
        self.lm_head = Linear(embed_dim, vocab_size - 1, bias=False, initial=normal(0.02))
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return (new((batch, prod(self.img_size)), np.intp),)

    @checked
    def forward(
        self,
        tokens: Int[ndarray, "B N"],
        *,
        past: ImageGPTCache | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Float[ndarray, "B N colors"], ImageGPTCache]:
        """Logits of the colour of each place, and the cache for :meth:`backward`.

        Parameters
        ----------
        tokens : integers (B, N)
            For each of the first N places what comes before it: the start token, then codes of colours.
        past : ImageGPTCache, optional
            Of the forward of tokens before these. Their keys and values are in it, so that a place that is added costs
            one token. There is no backward through it.

        Raises
        ------
        ValueError, TypeError
            If there are more tokens than pixels, one is none of the vocabulary, or the past is of other images,
            or of a model of another depth.
        """
        first = 0 if past is None else int(past.wpe.tokens[-1]) + 1
        B, N = tokens.shape
        if past is not None and len(past.wte.tokens) != B:
            images = len(past.wte.tokens)
            raise ValueError(f"the past is of {images} images, the tokens of {B}; expected tokens of the same images")
        if past is not None and len(past.h) != len(self.h):
            raise ValueError(f"the past is of {len(past.h)} blocks; expected {len(self.h)}, those of this model")
        if not 1 <= N <= prod(self.img_size) - first:
            before = f" behind {first} others" if first else ""
            Y, X = self.img_size
            raise ValueError(
                f"there are {N} tokens{before}; expected 1 to {Y * X} in all, for images of {Y} x {X} pixels"
            )
        check_numbers("token", tokens, self.start + 1, f"tokens, the last of which is the start token {self.start}")
        x, c_wte = self.wte.forward(tokens)  # (B, N, D)
        places, c_wpe = self.wpe.forward(np.arange(first, first + N, like=tokens))  # (N, D)
        x, c_positions = add_positions_forward(x, places)
        c_h = []
        for i, block in enumerate(self.h):
            x, c_block = block.forward(x, past=None if past is None else past.h[i])
            c_h.append(c_block)
        x, c_ln_f = self.ln_f.forward(x)
        logits, c_lm_head = self.lm_head.forward(x)  # (B, N, vocab_size - 1)
        return logits, ImageGPTCache(wte=c_wte, wpe=c_wpe, positions=c_positions, h=c_h, ln_f=c_ln_f, lm_head=c_lm_head)

    def backward(self, dlogits: Float[ndarray, "B N colors"], cache: ImageGPTCache) -> None:
        """Add to the gradient of every parameter; tokens, which are integers, have none."""
        dx = self.lm_head.backward(dlogits, cache.lm_head)
        dx = self.ln_f.backward(dx, cache.ln_f)
        dx = run_backward(self.h, dx, cache.h)
        dx, dplaces = add_positions_backward(dx, cache.positions)
        self.wpe.backward(dplaces, cache.wpe)
        self.wte.backward(dx, cache.wte)

    def inputs_of(self, codes: Int[ndarray, "B N"]) -> Int[ndarray, "B N"]:
        """What the model is shown where these codes are to be said: the start token, and all of them but the last."""
        start = np.full_like(codes, self.start, shape=(len(codes), 1))
        return np.concatenate((start, codes[:, :-1]), axis=1)

    def features(self, codes: Int[ndarray, "B N"]) -> Float[ndarray, "L B D"]:
        """Means over all places of what enters each block, behind its first norm, and of what leaves the last norm.

        They are for a linear probe. In the paper those of a block in the middle are best; of a small model that has
        seen few images it need not be so.

        Source: Chen et al. 2020, section 3.4, and figure 2.
        """
        _, cache = self.forward(self.inputs_of(codes))
        norms = [(block.ln_1, c_block.ln_1) for block, c_block in zip(self.h, cache.h, strict=True)]
        norms.append((self.ln_f, cache.ln_f))
        return np.stack([c_norm.xhat.mean(1) * norm.weight.value for norm, c_norm in norms])

    @checked
    def sample(
        self, count: Positive = 1, *, given: ndarray | None = None, temperature: Temperature = 1.0, seed: Count = 0
    ) -> Int[ndarray, "B N"]:
        """Draw images pixel by pixel, each colour with the probability that the model gives it; their codes.

        Every place runs through the model once: keys and values of those before it are kept.

        Parameters
        ----------
        count : int
            How many.
        given : codes (count, n), optional
            The first pixels of each image, which it is to complete.
        temperature : float
            What the logits are divided by: below 1 likely colours become likelier. 1 in the paper.
        seed : int

        Raises
        ------
        ValueError, TypeError
            If an option is out of range, or what is given are no codes of so many images.
        """
        codes = np.empty((count, 0), np.intp) if given is None else given
        N = prod(self.img_size)
        if codes.ndim != 2 or len(codes) != count or codes.shape[1] > N:
            raise ValueError(f"given has shape {codes.shape}; expected codes ({count}, n) of at most {N} pixels")
        check_numbers("given: code", codes, self.start, "colours")
        codes = codes.astype(np.intp)  # a copy: nothing may be left to draw
        rng, past = np.random.default_rng(seed), None
        tokens = np.concatenate((np.full((count, 1), self.start), codes), axis=1)
        for _ in range(codes.shape[1], N):
            logits, past = self.forward(tokens, past=past)
            shares, _ = softmax_forward(logits[:, -1].astype(np.float64) / temperature)
            below = shares.cumsum(1) <= rng.random((count, 1))  # the colours that are passed over
            tokens = np.minimum(below.sum(1, keepdims=True), self.start - 1)
            codes = np.concatenate((codes, tokens), axis=1)
        return codes


ImageGPT.add_presets(
    {
        "imagegpt_small": {},  # iGPT-S of the paper's section 4.3, 32 x 32 pixels
        "imagegpt_medium": {"embed_dim": 1024, "depth": 36},
        "imagegpt_large": {"embed_dim": 1536, "depth": 48, "num_heads": 16},
        "imagegpt_tiny_16": {"img_size": 16, "vocab_size": 65, "embed_dim": 96, "depth": 4, "num_heads": 4},
    }
)
