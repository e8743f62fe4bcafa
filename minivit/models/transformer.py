"""The Transformer: an encoder that reads a sequence, and a decoder that writes another.

Source: Vaswani et al. 2017, "Attention Is All You Need".
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_shape, checked
from minivit.layers.basic import LayerNorm, Linear, check_act_layer
from minivit.layers.block import Block, BlockCache, PostNormBlock
from minivit.layers.decoder_block import DecoderBlock, DecoderBlockCache, PostNormDecoderBlock
from minivit.layers.embedding import Embedding, TokenEmbed, TokenEmbedCache, Unembedding
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.positions import LearnedPositions, SinusoidalPositions
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.embedding import PAD
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.types import Bool, Count, Depth, Eps, Factor, Float, Positive, Rate, ndarray


class TransformerCache(NamedTuple):
    """Caches of the steps of :class:`Transformer`, in order.

    ``memory`` is what the encoder made of the source, and all that the decoder knows of it;
    ``decoder[i].cross_attn.attention.weights`` (B, H, T, S) says where each place of the target looks in it.
    """

    src_embed: TokenEmbedCache | IdentityCache
    encoder: list[BlockCache]
    encoder_norm: LayerNormCache | IdentityCache
    memory: Float[ndarray, "B S D"]
    tgt_embed: TokenEmbedCache | IdentityCache
    decoder: list[DecoderBlockCache]
    decoder_norm: LayerNormCache | IdentityCache
    head: LinearCache | IdentityCache


class Transformer(Model):
    """The encoder reads the source; the decoder says for each place of the target what comes next.

    The defaults are the paper's base model.

    Parameters
    ----------
    vocab_size : int
        How many tokens there are, in source and target alike; token 0 is padding, at the ends of rows. 0: neither
        embedding nor head, source and target are arrays of width ``embed_dim``, as ``torch.nn.Transformer`` takes them.
    embed_dim, encoder_depth, decoder_depth, num_heads
        Width of a token, number of blocks, heads per block. (PyTorch: d_model, num_encoder_layers, num_decoder_layers,
        nhead.)
    mlp_ratio : float
        Width of the MLPs as a multiple of ``embed_dim``. (PyTorch has the width itself, dim_feedforward.)
    positions : "sincos" or "learned"
        Sines and cosines, or a table for each of source and target, with ``max_length`` places.
    max_length : int
        The longest sequence, if positions are learned.
    tie_embeddings : bool
        One table for source, target and head, as in the paper; or one for each, and a bias of the head.
    norm_first : bool
        Normalise in front of attention and MLP, not after the sum, as the paper does.
    final_norm : bool, optional
        Normalise behind the last block of encoder and decoder. If not given, with ``norm_first`` only: behind a
        post-norm block there has just been one. PyTorch's has it always.
    drop_rate : float
        Dropout of the embeddings, of what attention and MLP add, and inside MLPs. Of attention weights, where PyTorch
        drops too, the paper says nothing. Only active when ``forward`` gets ``rng``.
    act_layer : "relu", "gelu", "gelu_tanh" or "quick_gelu"
    norm_eps : float
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError
        If the heads do not divide the width, the width is odd and positions are waves, or an option is out of range.
    TypeError
        If an option is of another type.
    """

    head_names: ClassVar = ()

    def __init__(
        self,
        *,
        vocab_size: Count = 37_000,
        embed_dim: Positive = 512,
        encoder_depth: Depth = 6,
        decoder_depth: Depth = 6,
        num_heads: Positive = 8,
        mlp_ratio: Factor = 4.0,
        positions: str = "sincos",
        max_length: Positive = 512,
        tie_embeddings: bool = True,
        norm_first: bool = False,
        final_norm: bool | None = None,
        drop_rate: Rate = 0.1,
        act_layer: str = "relu",
        norm_eps: Eps = 1e-5,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        if positions not in ("sincos", "learned"):
            raise ValueError(f'positions is {positions!r}; expected "sincos" or "learned"')
        if vocab_size and positions == "sincos" and embed_dim % 2:
            raise ValueError(f'embed_dim is {embed_dim}; positions="sincos" needs an even one: a sine for every cosine')
        check_act_layer(act_layer)
        self.vocab_size, self.embed_dim = vocab_size, embed_dim
        self.has_final_norm = norm_first if final_norm is None else final_norm

        def place() -> Layer:
            return LearnedPositions(max_length, embed_dim) if positions == "learned" else SinusoidalPositions()

        def table() -> Embedding:
            return Embedding(vocab_size, embed_dim, initial=normal(embed_dim**-0.5))

        def norm() -> Layer:
            return LayerNorm(embed_dim, eps=norm_eps) if self.has_final_norm else Identity()

        options: dict[str, Any] = {"mlp_ratio": mlp_ratio, "proj_drop": drop_rate}
        options |= {"act_layer": act_layer, "norm_eps": norm_eps}
        encoder_block, decoder_block = (Block, DecoderBlock) if norm_first else (PostNormBlock, PostNormDecoderBlock)

        src_embed, tgt_embed, head = Identity(), Identity(), Identity()
        if vocab_size:
            source = table()
            target = source if tie_embeddings else table()
            src_embed = TokenEmbed(source, place(), drop=drop_rate)
            tgt_embed = TokenEmbed(target, place(), drop=drop_rate)
            head = Unembedding(target) if tie_embeddings else Linear(embed_dim, vocab_size)
        self.src_embed: Layer = src_embed
        self.encoder = [encoder_block(embed_dim, num_heads, **options) for _ in range(encoder_depth)]
        self.encoder_norm = norm()
        self.tgt_embed: Layer = tgt_embed
        self.decoder = [decoder_block(embed_dim, num_heads, **options) for _ in range(decoder_depth)]
        self.decoder_norm = norm()
        self.head: Layer = head
        self.init(seed, dtype)

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        if not self.vocab_size:
            return tuple(new((batch, length, self.embed_dim), self.dtype) for _ in range(2))
        return tuple(new((batch, length), np.intp) for _ in range(2))

    @checked
    def forward(
        self,
        src: ndarray,
        tgt: ndarray,
        *,
        src_mask: Bool[ndarray, "B S"] | None = None,
        rng: np.random.Generator | None = None,
    ) -> tuple[Float[ndarray, "B T V"], TransformerCache]:
        """Logits of the token that follows each place of the target, and the cache for :meth:`backward`.

        Parameters
        ----------
        src, tgt : tokens (B, S) and (B, T); or arrays (B, S, D) and (B, T, D), of a model without a vocabulary
            The output at a place depends on the source, and on the target up to this place.
        src_mask : bool (B, S), optional
            True where the source is to be read; where it is not padding, if not given. (PyTorch's
            ``src_key_padding_mask`` and ``memory_key_padding_mask`` are the opposite. A target, whose places look back
            only, needs none.)

        Raises
        ------
        ValueError, TypeError
            If they have another number of axes, another width or another dtype than the model, or are not as many.
        """
        self._check(src, tgt, src_mask)
        if src_mask is None and self.vocab_size:
            src_mask = src != PAD
        readable = None if src_mask is None else src_mask[:, None, None]  # (B, 1, 1, S), for all heads and queries

        x, c_src_embed = self.src_embed.forward(src, rng=rng)  # (B, S, D)
        x, c_encoder = run(self.encoder, x, mask=readable, rng=rng)
        memory, c_encoder_norm = self.encoder_norm.forward(x)

        y, c_tgt_embed = self.tgt_embed.forward(tgt, rng=rng)  # (B, T, D)
        c_decoder = []
        for block in self.decoder:
            y, c_block = block.forward(y, memory, memory_mask=readable, rng=rng)
            c_decoder.append(c_block)
        y, c_decoder_norm = self.decoder_norm.forward(y)
        logits, c_head = self.head.forward(y)  # (B, T, V)
        return logits, TransformerCache(
            src_embed=c_src_embed,
            encoder=c_encoder,
            encoder_norm=c_encoder_norm,
            memory=memory,
            tgt_embed=c_tgt_embed,
            decoder=c_decoder,
            decoder_norm=c_decoder_norm,
            head=c_head,
        )

    def backward(self, dlogits: Float[ndarray, "B T V"], cache: TransformerCache) -> tuple[Any, Any]:
        """Add to the gradient of every parameter; return those of source and target, None of tokens."""
        dy = self.head.backward(dlogits, cache.head)
        dy = self.decoder_norm.backward(dy, cache.decoder_norm)
        dmemory = np.zeros_like(cache.memory)
        for block, c_block in zip(reversed(self.decoder), reversed(cache.decoder), strict=True):
            dy, dmore = block.backward(dy, c_block)
            dmemory += dmore  # every block has read the same memory
        dtgt = self.tgt_embed.backward(dy, cache.tgt_embed)

        dx = self.encoder_norm.backward(dmemory, cache.encoder_norm)
        dx = run_backward(self.encoder, dx, cache.encoder)
        dsrc = self.src_embed.backward(dx, cache.src_embed)
        return dsrc, dtgt

    def _check(self, src: ndarray, tgt: ndarray, src_mask: ndarray | None) -> None:
        """See that source and target are what the model takes, in equal number."""
        for name, sequence in (("src", src), ("tgt", tgt)):
            if self.vocab_size:
                if sequence.ndim != 2:
                    raise ValueError(f"{name} has shape {sequence.shape}; the model expects tokens (batch, length)")
                check_numbers(f"{name}: token", sequence, self.vocab_size, "rows")
            elif sequence.ndim != 3 or sequence.shape[2] != self.embed_dim:
                raise ValueError(f"{name} has shape {sequence.shape}; expected (batch, length, {self.embed_dim})")
            elif sequence.dtype != self.dtype and not np.iscomplexobj(sequence):
                raise TypeError(f"{name} has dtype {sequence.dtype}; the model computes in {self.dtype}")
        if len(src) != len(tgt):
            raise ValueError(f"there are {len(src)} sources and {len(tgt)} targets; expected as many")
        if src_mask is not None:
            check_shape("src_mask", src_mask, src.shape[:2])


_SMALL = {"vocab_size": 13, "mlp_ratio": 2.0, "norm_first": True, "drop_rate": 0.0}

Transformer.add_presets(
    {
        "transformer_micro": {"embed_dim": 64, "encoder_depth": 2, "decoder_depth": 2, "num_heads": 4, **_SMALL},
        "transformer_base": {},  # the paper's table 3
        "transformer_big": {"embed_dim": 1024, "num_heads": 16, "drop_rate": 0.3},
    }
)
