"""Bugs of a Transformer over pixels, as they are wired."""

import numpy as np

from minivit.layers import CausalAttention, GPTBlock
from minivit.layers.attention import join_heads
from minivit.layers.sequence import run_backward
from minivit.models import ImageGPT
from minivit.ops import add_positions_backward, multi_head_attention_backward, split_heads_backward
from tests.check.wrong_layers import WrongLayer

TOKENS = np.array([[5, 0, 1, 2, 3], [5, 4, 4, 3, 1]])


def image_gpt():
    return ImageGPT(img_size=(2, 3), vocab_size=6, embed_dim=6, depth=1, num_heads=2)


def weights_of_later_pixels(layer, dy, cache):
    """As if the mask had been put on in backward alone, the other way round: each pixel learns from those behind."""
    seen = cache.attention._replace(weights=np.swapaxes(cache.attention.weights, -1, -2))
    dh = layer.c_proj.backward(dy, cache.c_proj)
    dq, dk, dv, _ = multi_head_attention_backward(dh, seen)
    (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)
    return layer.c_attn.backward(dh, cache.c_attn)


def queries_and_keys_exchanged(layer, dy, cache):
    dh = layer.c_proj.backward(dy, cache.c_proj)
    dq, dk, dv, _ = multi_head_attention_backward(dh, cache.attention)
    (dh,) = split_heads_backward(join_heads(dk, dq, dv), cache.split)
    return layer.c_attn.backward(dh, cache.c_attn)


def residual_of_attention_lost(block, dy, cache):
    dx = dy + block.ln_2.backward(block.mlp.backward(dy, cache.mlp), cache.ln_2)
    return block.ln_1.backward(block.attn.backward(dx, cache.attn), cache.ln_1)


def scale_of_the_norm_forgotten(block, dy, cache):
    frozen = block.ln_2.weight.grad.copy()
    dx = dy + block.ln_2.backward(block.mlp.backward(dy, cache.mlp), cache.ln_2)
    block.ln_2.weight.grad = frozen
    return dx + block.ln_1.backward(block.attn.backward(dx, cache.attn), cache.ln_1)


def below(model, dlogits, cache):
    dx = model.ln_f.backward(model.lm_head.backward(dlogits, cache.lm_head), cache.ln_f)
    return run_backward(model.h, dx, cache.h)


def start_token_lost(model, dlogits, cache):
    """What stands in front of every image is taken for something given, as padding is."""
    dx, dplaces = add_positions_backward(below(model, dlogits, cache), cache.positions)
    model.wpe.backward(dplaces, cache.wpe)
    dx[:, 0] = 0
    model.wte.backward(dx, cache.wte)


def places_of_the_first_image(model, dlogits, cache):
    dx = below(model, dlogits, cache)
    model.wpe.backward(dx[0].copy(), cache.wpe)
    model.wte.backward(dx, cache.wte)


def shifted_once_more(model, dlogits, cache):
    """The gradient of the pixel that is said goes to the one before."""
    return right(model, np.roll(dlogits, -1, axis=1), cache)


right = ImageGPT.backward

WRONG_PIXEL_LAYERS = [
    WrongLayer("a pixel learns from those behind it", lambda: CausalAttention(6, 2), weights_of_later_pixels,
        ("gradient of",)),
    WrongLayer("queries and keys of causal attention exchanged", lambda: CausalAttention(6, 2),
        queries_and_keys_exchanged, ("gradient of",)),
    WrongLayer("no residual around causal attention", lambda: GPTBlock(6, 2), residual_of_attention_lost,
        ("what goes into attn.backward is missing: a residual lost",)),
    WrongLayer("scale of the second norm is not learned", lambda: GPTBlock(6, 2), scale_of_the_norm_forgotten,
        ("ln_2.weight",)),
    WrongLayer("start token learns nothing", image_gpt, start_token_lost, ("wte.weight",), (TOKENS,)),
    WrongLayer("places learn from the first image", image_gpt, places_of_the_first_image, ("wpe.weight",), (TOKENS,)),
    WrongLayer("gradient of the pixel before", image_gpt, shifted_once_more, ("gradient of",), (TOKENS,)),
]  # fmt: skip
