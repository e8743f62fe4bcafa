# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.

import numpy as np


def num_tokens(img_size, patch_size=1, *, class_token=False):
    counts = [divmod(n, p) for n, p in zip(pair(img_size), pair(patch_size), strict=True)]
    if any(rest for _, rest in counts):
        raise ValueError("the patches do not divide the image")
    return counts[0][0] * counts[1][0] + int(class_token)


def attention_entries(img_size, patch_size=1, *, class_token=False):
    tokens = num_tokens(img_size, patch_size, class_token=class_token)
    return tokens * tokens


def window_attention_entries(grid_size, window_size):
    """M^2 H W, without a look at the windows one by one."""
    (H, W), (M, L) = pair(grid_size), pair(window_size)
    if H % M != 0 or W % L != 0:
        raise ValueError("the windows do not divide the grid")
    return H * W * M * L


def attention_bytes(entries, *, depth=1, num_heads=1, batch=1, itemsize=4):
    return int(np.prod([entries, depth, num_heads, batch, itemsize]))


def msa_macs(grid_size, channels):
    H, W = pair(grid_size)
    return 2 * H * W * channels * (2 * channels + H * W)


def window_msa_macs(grid_size, channels, window_size):
    M, L = pair(window_size)
    windows = num_tokens(grid_size, window_size)
    return windows * msa_macs((M, L), channels)


def conv_params(kernel_size, in_chans, out_chans, *, groups=1, bias=True):
    P, Q = pair(kernel_size)
    if in_chans % groups or out_chans % groups:
        raise ValueError("the groups do not divide the channels")
    return groups * (in_chans // groups * P * Q + bias) * (out_chans // groups)


def conv_macs(out_size, kernel_size, in_chans, out_chans, *, groups=1):
    (Y, X), (P, Q) = pair(out_size), pair(kernel_size)
    return Y * X * P * Q * in_chans * out_chans // groups


def block_params(embed_dim, mlp_dim, *, qkv_bias=True):
    norms = 2 * 2 * embed_dim
    qkv, proj = embed_dim * 3 * embed_dim + 3 * embed_dim * qkv_bias, embed_dim**2 + embed_dim
    return norms + qkv + proj + (embed_dim + 1) * mlp_dim + (mlp_dim + 1) * embed_dim


def encoder_macs(tokens, embed_dim, mlp_dim, depth=1):
    attention = 4 * tokens * embed_dim**2 + 2 * tokens**2 * embed_dim
    return sum(attention + 2 * tokens * embed_dim * mlp_dim for _ in range(depth))
